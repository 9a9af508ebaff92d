/* The guard rails: who may send what, when, to whom; what is refused, and in which words. */
#include "gateway/guard_fixture.h"

static void without_a_rule_nothing_is_relayed(void **state)
{
    (void)state;
    static const struct decision decisions[] = {
        {"a stranger", {.client = "203.0.113.9"}, GUARD_REJECT, "default", 550, "Relay access denied"},
        {"this machine", {.client = "127.0.0.1"}, GUARD_REJECT, "default", 550, "Relay access denied"},
        {"an authenticated client", {.account = "a"}, GUARD_REJECT, "default", 550, NULL},
        {"already at MAIL", {.at_mail = true}, GUARD_REJECT, "default", 550, NULL},
    };
    CHECK(LISTEN "  accounts: [{name: a}]\n", decisions);
}

static void mail_for_our_own_domains_from_this_machine_needs_no_rule(void **state)
{
    (void)state;
    static const struct decision decisions[] = {
        {"v4", {.client = "127.0.0.1", .recipient = "soc@Local.example"}, GUARD_ACCEPT, "local", 0, NULL},
        {"v6", {.client = "::1", .recipient = "soc@local.example"}, GUARD_ACCEPT, "local", 0, NULL},
        {"mapped",
         {.client = "::ffff:127.0.0.1", .recipient = "a@local.example"},
         GUARD_ACCEPT,
         "local",
         0,
         NULL},
        {"postmaster", {.client = "127.0.0.1", .recipient = "postmaster"}, GUARD_ACCEPT, "local", 0, NULL},
        {"at MAIL", {.client = "127.0.0.1", .at_mail = true}, GUARD_LATER, "default", 0, NULL},
        {"elsewhere",
         {.client = "127.0.0.1", .recipient = "a@example.net"},
         GUARD_REJECT,
         "default",
         550,
         NULL},
        {"a stranger",
         {.client = "203.0.113.9", .recipient = "a@local.example"},
         GUARD_REJECT,
         "default",
         550,
         NULL},
    };
    CHECK(LISTEN "  domains: [local.example]\n  maildir: /m\n", decisions);
}

static void the_first_rule_that_holds_decides(void **state)
{
    (void)state;
    static const struct decision decisions[] = {
        {"first", {.client = "192.0.2.10"}, GUARD_REJECT, "one", 550, "not this one (rule one)"},
        {"second", {.client = "192.0.2.11"}, GUARD_ACCEPT, "net", 0, NULL},
        {"third", {.client = "198.51.100.1"}, GUARD_DEFER, "later", 451, "later (rule later)"},
        {"none", {.client = "203.0.113.1"}, GUARD_REJECT, "default", 550, "no rule lets 203.0.113.1"},
    };
    CHECK(LISTEN "  rules:\n"
                 "    - {name: one, networks: [192.0.2.10], reject: not this one}\n"
                 "    - {name: net, networks: [192.0.2.0/24], accept: {}}\n"
                 "    - {name: later, networks: [198.51.100.0/24], defer: later}\n",
          decisions);
}

static void a_mapped_address_is_the_address_that_it_maps(void **state)
{
    (void)state;
    static const struct decision decisions[] = {
        {"mapped client, v4 rule", {.client = "::ffff:192.0.2.10"}, GUARD_ACCEPT, "v4", 0, NULL},
        {"v6", {.client = "2001:db8:1::7"}, GUARD_ACCEPT, "v6", 0, NULL},
        {"its neighbour", {.client = "2001:db8:2::7"}, GUARD_REJECT, "default", 550, NULL},
        {"compatible is not mapped", {.client = "::192.0.2.10"}, GUARD_REJECT, "default", 550, NULL},
        {"no address at all", {.client = "unknown"}, GUARD_REJECT, "default", 550, NULL},
    };
    CHECK(LISTEN "  rules:\n"
                 "    - {name: v4, networks: [192.0.2.0/24], accept: {}}\n"
                 "    - {name: v6, networks: ['2001:db8:1::/48'], accept: {}}\n",
          decisions);
}

static void no_form_of_a_route_gets_past_the_rules(void **state)
{
    (void)state;
    static const struct decision decisions[] = {
        {"percent",
         {.recipient = "u%victim.example@example.net"},
         GUARD_REJECT,
         "address",
         554,
         "route is hidden"},
        {"bang",
         {.recipient = "victim.example!u@example.net"},
         GUARD_REJECT,
         "address",
         554,
         "route is hidden"},
        {"bang alone", {.recipient = "victim.example!u"}, GUARD_REJECT, "address", 554, "route is hidden"},
        {"quoted", {.recipient = "\"u@victim.example\"@example.net"}, GUARD_REJECT, "address", 554, "route"},
        {"source route",
         {.recipient = "@example.net:u@victim.example"},
         GUARD_REJECT,
         "address",
         554,
         "route"},
        {"two at signs",
         {.recipient = "u@victim.example@example.net"},
         GUARD_REJECT,
         "address",
         554,
         "route"},
        {"literal", {.recipient = "u@[203.0.113.5]"}, GUARD_REJECT, "address", 554, "IP address"},
        {"v6 literal", {.recipient = "u@[IPv6:2001:db8::5]"}, GUARD_REJECT, "address", 554, "IP address"},
        {"an honest one", {.recipient = "u@example.net"}, GUARD_ACCEPT, "net", 0, NULL},
    };
    CHECK(LISTEN
          "  rules: [{name: net, networks: [192.0.2.0/24], domains: [example.net, '*'], accept: {}}]\n",
          decisions);
}

static void hours_follow_the_clock_on_the_wall_through_summer_and_winter(void **state)
{
    (void)state;
    static const struct decision decisions[] = {
        /* 2026: summer time begins on March 29 at 01:00 UTC and ends on October 25 at 01:00 UTC. */
        {"Monday 07:00 in summer", {.time = "2026-06-01T05:00:00Z"}, GUARD_ACCEPT, "day", 0, NULL},
        {"a second before", {.time = "2026-06-01T04:59:59Z"}, GUARD_REJECT, "default", 550, "07:00-19:00"},
        {"Monday 07:00 in winter", {.time = "2026-01-05T06:00:00Z"}, GUARD_ACCEPT, "day", 0, NULL},
        {"the same hour in UTC", {.time = "2026-01-05T05:00:00Z"}, GUARD_REJECT, "default", 550, NULL},
        {"the last second", {.time = "2026-06-01T16:59:59Z"}, GUARD_ACCEPT, "day", 0, NULL},
        {"19:00 is over", {.time = "2026-06-01T17:00:00Z"}, GUARD_REJECT, "default", 550, NULL},
        {"Saturday night", {.time = "2026-06-06T21:00:00Z"}, GUARD_ACCEPT, "night", 0, NULL},
        {"goes on into Sunday", {.time = "2026-06-07T03:59:00Z"}, GUARD_ACCEPT, "night", 0, NULL},
        {"until 06:00", {.time = "2026-06-07T04:00:00Z"}, GUARD_REJECT, "default", 550, NULL},
        {"Sunday night is none", {.time = "2026-06-07T21:00:00Z"}, GUARD_REJECT, "default", 550, NULL},
        {"01:59 before the jump", {.time = "2026-03-29T00:59:00Z"}, GUARD_ACCEPT, "night", 0, NULL},
        {"03:00 after the jump", {.time = "2026-03-29T01:00:00Z"}, GUARD_ACCEPT, "night", 0, NULL},
        {"05:59 after the jump", {.time = "2026-03-29T03:59:00Z"}, GUARD_ACCEPT, "night", 0, NULL},
        {"06:00 after the jump", {.time = "2026-03-29T04:00:00Z"}, GUARD_REJECT, "default", 550, NULL},
        {"02:30 the first time", {.time = "2026-10-25T00:30:00Z"}, GUARD_ACCEPT, "night", 0, NULL},
        {"02:30 the second time", {.time = "2026-10-25T01:30:00Z"}, GUARD_ACCEPT, "night", 0, NULL},
        {"beyond the tables", {.time = "2055-06-07T05:00:00Z"}, GUARD_ACCEPT, "day", 0, NULL},
        {"a Monday in New York",
         {.client = "198.51.100.1", .time = "2026-03-09T11:30:00Z"},
         GUARD_ACCEPT,
         "ny",
         0,
         NULL},
        {"the Monday before",
         {.client = "198.51.100.1", .time = "2026-03-02T11:30:00Z"},
         GUARD_REJECT,
         "default",
         550,
         NULL},
    };
    CHECK(LISTEN "  rules:\n"
                 "    - {name: day, networks: [192.0.2.0/24], hours: ['Mon-Fri 07:00-19:00'], "
                 "time_zone: Europe/Berlin, accept: {}}\n"
                 "    - {name: night, networks: [192.0.2.0/24], hours: ['Sat 22:00-06:00'], "
                 "time_zone: Europe/Berlin, accept: {}}\n"
                 "    - {name: ny, networks: [198.51.100.0/24], hours: ['Mon 07:00-19:00'], "
                 "time_zone: America/New_York, accept: {}}\n",
          decisions);
}

static void a_refusal_names_the_rule_and_the_remedy(void **state)
{
    (void)state;
    static const struct decision decisions[] = {
        {"no account",
         {.recipient = "a@one.example"},
         GUARD_REJECT,
         "default",
         530,
         "Authentication required (rule staff)"},
        {"in the clear",
         {.account = "ann", .recipient = "a@one.example"},
         GUARD_REJECT,
         "default",
         530,
         "STARTTLS"},
        {"too old",
         {.account = "ann", .recipient = "a@one.example", .tls = 0x0302},
         GUARD_REJECT,
         "default",
         530,
         "TLS 1.2"},
        {"all right",
         {.account = "ann", .recipient = "a@one.example", .tls = 0x0304},
         GUARD_ACCEPT,
         "staff",
         0,
         NULL},
        {"wrong sender",
         {.account = "ann", .recipient = "a@one.example", .tls = 0x0304, .sender = "x@y.example"},
         GUARD_REJECT,
         "default",
         553,
         "staff"},
        {"wrong recipient",
         {.account = "ann", .tls = 0x0304},
         GUARD_REJECT,
         "default",
         550,
         "for this recipient"},
        {"strangers learn nothing",
         {.client = "203.0.113.7", .account = "ann"},
         GUARD_REJECT,
         "default",
         550,
         "no rule lets 203.0.113.7"},
    };
    CHECK(LISTEN "  accounts: [{name: ann}]\n"
                 "  rules:\n"
                 "    - {name: staff, networks: [192.0.2.0/24], accounts: [ann], tls: 1.2, "
                 "senders: ['@example.org'], domains: [one.example], accept: {}}\n",
          decisions);
}

static void account_or_certificate_is_enough(void **state)
{
    (void)state;
#define PIN "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
    static const struct decision decisions[] = {
        {"account", {.account = "ann"}, GUARD_ACCEPT, "known", 0, NULL},
        {"another account", {.account = "bob"}, GUARD_REJECT, "default", 530, NULL},
        {"pinned", {.fingerprint = PIN, .subject = "CN=x"}, GUARD_ACCEPT, "known", 0, NULL},
        {"subject",
         {.fingerprint = "sha256:ff", .subject = "CN=printer-7,O=Example"},
         GUARD_ACCEPT,
         "known",
         0,
         NULL},
        {"another subject",
         {.fingerprint = "sha256:ff", .subject = "CN=scanner"},
         GUARD_REJECT,
         "default",
         530,
         NULL},
        {"a subject without a certificate",
         {.subject = "CN=printer-7,O=Example"},
         GUARD_REJECT,
         "default",
         530,
         NULL},
        {"nothing", {0}, GUARD_REJECT, "default", 530, NULL},
    };
    CHECK(LISTEN "  accounts: [{name: ann}, {name: bob}]\n"
                 "  rules: [{name: known, accounts: [ann], certificates: ['" PIN
                 "', 'CN=printer-*,O=Example'], accept: {}}]\n",
          decisions);
}

static void an_account_keeps_to_its_own_bounds(void **state)
{
    (void)state;
    static const struct decision decisions[] = {
        {"within", {.account = "ann"}, GUARD_ACCEPT, "all", 0, NULL},
        {"from elsewhere",
         {.account = "ann", .client = "198.51.100.7"},
         GUARD_REJECT,
         "account",
         550,
         "from your address"},
        {"as somebody else",
         {.account = "ann", .sender = "boss@example.org"},
         GUARD_REJECT,
         "account",
         553,
         "not owned"},
        {"as nobody", {.account = "ann", .sender = ""}, GUARD_REJECT, "account", 553, "not owned"},
        {"at night",
         {.account = "ann", .time = "2026-06-01T22:00:00Z"},
         GUARD_REJECT,
         "account",
         550,
         "07:00-19:00"},
        {"another is free", {.account = "bob", .sender = "boss@example.org"}, GUARD_ACCEPT, "all", 0, NULL},
    };
    CHECK(LISTEN "  accounts:\n"
                 "    - {name: bob}\n"
                 "    - {name: ann, networks: [192.0.2.0/24], senders: [vault@example.org], "
                 "hours: ['07:00-19:00'], time_zone: Europe/Berlin}\n"
                 "  rules: [{name: all, accounts: ['*'], accept: {}}]\n",
          decisions);
}

static void addresses_match_as_people_write_them(void **state)
{
    (void)state;
    static const struct decision decisions[] = {
        {"exact, any case", {.sender = "Vault@Example.ORG"}, GUARD_ACCEPT, "exact", 0, NULL},
        {"a domain", {.sender = "x@dom.example"}, GUARD_ACCEPT, "domain", 0, NULL},
        {"not below it", {.sender = "x@sub.dom.example"}, GUARD_REJECT, "default", 553, NULL},
        {"not its namesake", {.sender = "x@evildom.example"}, GUARD_REJECT, "default", 553, NULL},
        {"below", {.sender = "x@a.b.below.example"}, GUARD_ACCEPT, "below", 0, NULL},
        {"not the domain itself", {.sender = "x@below.example"}, GUARD_REJECT, "default", 553, NULL},
        {"pattern", {.sender = "alert-7@p.example"}, GUARD_ACCEPT, "pattern", 0, NULL},
        {"null sender", {.sender = ""}, GUARD_ACCEPT, "null", 0, NULL},
        {"recipient", {.sender = "q@q.example", .recipient = "SOC@r.example"}, GUARD_ACCEPT, "rcpt", 0, NULL},
    };
    CHECK(LISTEN
          "  rules:\n"
          "    - {name: exact, networks: [192.0.2.0/24], senders: [vault@example.org], accept: {}}\n"
          "    - {name: domain, networks: [192.0.2.0/24], senders: ['@dom.example'], accept: {}}\n"
          "    - {name: below, networks: [192.0.2.0/24], senders: ['@.below.example'], accept: {}}\n"
          "    - {name: pattern, networks: [192.0.2.0/24], senders: ['alert-*@p.example'], accept: {}}\n"
          "    - {name: 'null', networks: [192.0.2.0/24], senders: ['<>'], accept: {}}\n"
          "    - {name: rcpt, networks: [192.0.2.0/24], senders: ['@q.example'], recipients: "
          "[soc@r.example], accept: {}}\n",
          decisions);
}

static void what_depends_on_size_or_header_is_decided_when_they_are_there(void **state)
{
    (void)state;
    static const struct decision decisions[] = {
        {"at RCPT", {0}, GUARD_LATER, "default", 0, NULL},
        {"too large for one, but another may still hold it", {.size = 9000}, GUARD_LATER, "default", 0, NULL},
        {"small",
         {.at_content = true, .size = 100, .header = "Subject: hello\r\n"},
         GUARD_ACCEPT,
         "small",
         0,
         NULL},
        {"grown",
         {.at_content = true, .size = 5000, .header = "Subject: hello\r\n"},
         GUARD_REJECT,
         "default",
         552,
         NULL},
        {"held",
         {.at_content = true, .size = 100, .header = "SUBJECT: your\r\n Password expired\r\n"},
         GUARD_QUARANTINE,
         "phish",
         0,
         NULL},
        {"in the clear",
         {.at_content = true, .size = 100, .header = "X-Loop: 1\r\nSubject: x\r\n"},
         GUARD_REJECT,
         "loop",
         550,
         NULL},
        {"without a subject",
         {.at_content = true, .size = 100, .header = "From: a@b\r\n"},
         GUARD_DEFER,
         "empty",
         451,
         NULL},
    };
    CHECK(LISTEN "  rules:\n"
                 "    - {name: loop, headers: [X-Loop], reject: you loop}\n"
                 "    - {name: phish, headers: ['Subject: *password*'], quarantine: {}}\n"
                 "    - {name: empty, headers: ['!Subject'], defer: no subject}\n"
                 "    - {name: small, networks: [192.0.2.0/24], size: 4K, accept: {}}\n",
          decisions);
}

static void an_encoded_subject_hides_nothing(void **state)
{
    (void)state;
    static const struct decision decisions[] = {
        {"base64",
         {.at_content = true, .header = "Subject: =?utf-8?B?WW91ciBwYXNzd29yZCBoYXMgZXhwaXJlZA==?=\r\n"},
         GUARD_REJECT,
         "phish",
         550,
         NULL},
        {"quoted, cut and folded",
         {.at_content = true,
          .header = "Subject: =?iso-8859-1?Q?your_pass?=\r\n =?iso-8859-1?Q?w=6Frd?=\r\n"},
         GUARD_REJECT,
         "phish",
         550,
         NULL},
        {"broken",
         {.at_content = true, .header = "Subject: =?utf-8?B?!!!?= =?x\r\n"},
         GUARD_ACCEPT,
         "net",
         0,
         NULL},
        {"honest",
         {.at_content = true, .header = "Subject: =?utf-8?Q?caf=C3=A9?=\r\n"},
         GUARD_ACCEPT,
         "net",
         0,
         NULL},
    };
    CHECK(LISTEN "  rules:\n"
                 "    - {name: phish, headers: ['Subject: *password*'], reject: no}\n"
                 "    - {name: net, networks: [192.0.2.0/24], accept: {}}\n",
          decisions);
}

static void an_announced_size_that_no_rule_takes_is_refused_before_the_content(void **state)
{
    (void)state;
    static const struct decision decisions[] = {
        {"too large", {.size = 5000}, GUARD_REJECT, "default", 552, "at most 4096 bytes"},
        {"too large at MAIL", {.size = 5000, .at_mail = true}, GUARD_REJECT, "default", 552, NULL},
        {"just right", {.size = 4096}, GUARD_LATER, "default", 0, NULL},
        {"and in the end", {.size = 4096, .at_content = true}, GUARD_ACCEPT, "small", 0, NULL},
    };
    CHECK(LISTEN "  rules: [{name: small, networks: [192.0.2.0/24], size: 4K, accept: {}}]\n", decisions);
}

static void a_stranger_is_refused_at_once_whatever_the_header_would_say(void **state)
{
    (void)state;
    static const struct decision decisions[] = {
        {"only refusals may follow", {.client = "203.0.113.9"}, GUARD_REJECT, "default", 550, NULL},
        {"at MAIL", {.client = "203.0.113.9", .at_mail = true}, GUARD_REJECT, "default", 550, NULL},
        {"a client of ours waits", {0}, GUARD_LATER, "default", 0, NULL},
    };
    CHECK(LISTEN "  rules:\n"
                 "    - {name: loop, headers: [X-Loop], reject: you loop}\n"
                 "    - {name: net, networks: [192.0.2.0/24], accept: {}}\n",
          decisions);
}

static void what_an_address_asks_of_everybody_comes_before_any_rule(void **state)
{
    (void)state;
    static const struct decision decisions[] = {
        {"elsewhere the rule decides", {.listener = "[::]:25"}, GUARD_ACCEPT, "all", 0, NULL},
        {"no TLS", {.listener = "[::]:587"}, GUARD_REJECT, "listener", 530, "STARTTLS"},
        {"no TLS, at MAIL", {.listener = "[::]:587", .at_mail = true}, GUARD_REJECT, "listener", 530, NULL},
        {"nobody",
         {.listener = "[::]:587", .tls = 0x0303},
         GUARD_REJECT,
         "listener",
         530,
         "Authentication required"},
        {"an account", {.listener = "[::]:587", .tls = 0x0303, .account = "a"}, GUARD_ACCEPT, "all", 0, NULL},
        {"a certificate",
         {.listener = "[::]:587", .tls = 0x0303, .fingerprint = "sha256:00"},
         GUARD_ACCEPT,
         "all",
         0,
         NULL},
        {"a sender's domain cut short",
         {.listener = "[::]:587", .tls = 0x0303, .account = "a", .sender = "a@sales"},
         GUARD_REJECT,
         "listener",
         554,
         "sender"},
        {"a recipient's",
         {.listener = "[::]:587", .tls = 0x0303, .account = "a", .recipient = "b@sales"},
         GUARD_REJECT,
         "listener",
         554,
         "recipient"},
        {"a login, and no more", {.listener = "[::]:465"}, GUARD_REJECT, "listener", 530, "Authentication"},
        {"a cut domain there",
         {.listener = "[::]:465", .account = "a", .sender = "a@sales"},
         GUARD_ACCEPT,
         "all",
         0,
         NULL},
    };
    CHECK("relay:\n  listen: ['[::]:25', {address: '[::]:587', submission: true},"
          " {address: '[::]:465', auth: true}]\n  certificate: c\n  key: k\n"
          "  accounts: [{name: a, password: 'secret:file/a'}]\n"
          "  rules: [{name: all, networks: [192.0.2.0/24], accept: {}}]\n",
          decisions);
}

static void a_rule_switches_on_what_it_names(void **state)
{
    (void)state;
    struct guard *guard = guard_of(
        LISTEN "  rules:\n"
               "    - {name: old, networks: [192.0.2.0/24], bare_lf: true, clean_header: true, "
               "send_as: Printers <printers@example.org>, rewrite: ['root@* -> soc@example.org', "
               "'@old.example -> *@new.example'], route: inside, tag: 'X-From: an old device'}\n"
               "    - {name: away, networks: [198.51.100.0/24], redirect: Night Shift <night@example.org>}\n"
               "  routes: [{name: inside, maildir: /inside}]\n");
    struct guard_verdict got = verdict_of(guard, NULL, &(struct ask){.recipient = "root@localhost"});
    assert_int_equal(got.action, GUARD_ACCEPT);
    assert_true(got.options.bare_lf && got.options.clean_header);
    assert_string_equal(got.options.sender, "printers@example.org");
    assert_string_equal(got.options.route, "inside");
    assert_string_equal(got.options.tag, "X-From: an old device");
    assert_string_equal(got.recipient, "soc@example.org");
    assert_string_equal(got.file, "/etc/vedette/relay.yaml");
    assert_int_equal(got.line, 4);
    got = verdict_of(guard, NULL, &(struct ask){.recipient = "a.b@OLD.example"});
    assert_string_equal(got.recipient, "a.b@new.example");
    got = verdict_of(guard, NULL, &(struct ask){.recipient = "a@example.org"});
    assert_string_equal(got.recipient, "");
    got = verdict_of(guard, NULL, &(struct ask){.at_mail = true});
    assert_true(got.options.bare_lf);
    got = verdict_of(guard, NULL, &(struct ask){.client = "198.51.100.7"});
    assert_int_equal(got.action, GUARD_REDIRECT);
    assert_string_equal(got.recipient, "night@example.org");
    assert_false(got.options.bare_lf);
    guard_free(guard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_rule_nothing_is_relayed),
        cmocka_unit_test(mail_for_our_own_domains_from_this_machine_needs_no_rule),
        cmocka_unit_test(the_first_rule_that_holds_decides),
        cmocka_unit_test(a_mapped_address_is_the_address_that_it_maps),
        cmocka_unit_test(no_form_of_a_route_gets_past_the_rules),
        cmocka_unit_test(hours_follow_the_clock_on_the_wall_through_summer_and_winter),
        cmocka_unit_test(a_refusal_names_the_rule_and_the_remedy),
        cmocka_unit_test(account_or_certificate_is_enough),
        cmocka_unit_test(an_account_keeps_to_its_own_bounds),
        cmocka_unit_test(addresses_match_as_people_write_them),
        cmocka_unit_test(what_depends_on_size_or_header_is_decided_when_they_are_there),
        cmocka_unit_test(an_encoded_subject_hides_nothing),
        cmocka_unit_test(an_announced_size_that_no_rule_takes_is_refused_before_the_content),
        cmocka_unit_test(a_stranger_is_refused_at_once_whatever_the_header_would_say),
        cmocka_unit_test(what_an_address_asks_of_everybody_comes_before_any_rule),
        cmocka_unit_test(a_rule_switches_on_what_it_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
