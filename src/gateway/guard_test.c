/* The guard rails: who may send what, when, to whom; what is refused, and in which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/guard.h"
#include "gateway/limits.h"

#define LISTEN "relay:\n  listen: ['127.0.0.1:25', '[::1]:587']\n"

/* Monday 2026-06-01 10:00 in Berlin, where it is summer. */
static const char monday_morning[] = "2026-06-01T08:00:00Z";

struct ask {
    const char *client, *account, *sender, *recipient, *time, *header, *fingerprint, *subject, *listener;
    unsigned tls;
    uint64_t size;
    bool at_content; /* RCPT otherwise */
    bool at_mail;
};

static nanos moment(const char *text)
{
    nanos now = 0;
    assert_true(time_parse_rfc3339(sv_of(text), &now) > 0);
    return now;
}

static struct guard *guard_of(const char *yaml)
{
    struct config_errors errors;
    struct config_source source = {"/etc/vedette/relay.yaml", sv_of(yaml)};
    config_errors_init(&errors);
    struct config *config = config_parse(&source, 1, "gw.example.org", &errors);
    struct guard *guard = config ? guard_new(&config->relay, &errors) : NULL;
    for (size_t i = 0; i < errors.count; i++)
        print_error("%d:%d: %s\n", errors.items[i].line, errors.items[i].column, errors.items[i].message);
    assert_non_null(guard);
    config_free(config);
    config_errors_free(&errors);
    return guard;
}

static struct guard_question question_of(const struct ask *ask)
{
    return (struct guard_question){
        .stage = ask->at_mail      ? GUARD_MAIL
                 : ask->at_content ? GUARD_CONTENT
                                   : GUARD_RCPT,
        .now = moment(ask->time ? ask->time : monday_morning),
        .client_ip = sv_of(ask->client ? ask->client : "192.0.2.10"),
        .listener = sv_of(ask->listener),
        .helo = SV("client.example.org"),
        .account = sv_of(ask->account),
        .certificate_subject = sv_of(ask->subject),
        .certificate_fingerprint = sv_of(ask->fingerprint),
        .tls = ask->tls,
        .sender = sv_of(ask->sender ? ask->sender : "vault@example.org"),
        .size = ask->size,
        .recipient = sv_of(ask->recipient ? ask->recipient : "soc@example.net"),
        .header = sv_of(ask->header),
    };
}

static struct guard_verdict verdict_of(const struct guard *guard, struct limits *limits,
                                       const struct ask *ask)
{
    struct guard_question question = question_of(ask);
    struct guard_verdict verdict;
    guard_ask(guard, limits, &question, &verdict);
    return verdict;
}

struct decision {
    const char *promise;
    struct ask ask;
    enum guard_action action;
    const char *rule;
    int code;
    const char *text; /* that the reply has in it */
};

static void check(const char *yaml, const struct decision *decisions, size_t count)
{
    struct guard *guard = guard_of(yaml);
    for (size_t i = 0; i < count; i++) {
        const struct decision *want = &decisions[i];
        struct guard_verdict got = verdict_of(guard, NULL, &want->ask);
        bool ok = got.action == want->action && strcmp(got.rule, want->rule) == 0 && got.code == want->code &&
                  (!want->text || strstr(got.text, want->text));
        if (!ok)
            fail_msg("%s: action %d rule %s code %d %s \"%s\" (%s)", want->promise, got.action, got.rule,
                     got.code, got.enhanced, got.text, got.why);
    }
    guard_free(guard);
}
#define CHECK(yaml, decisions) check(yaml, decisions, sizeof(decisions) / sizeof *(decisions))

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

static struct limits *no_use_yet(void)
{
    static const uint8_t secret[LIMITS_KEY_BYTES] = {1, 2, 3};
    return limits_new(secret);
}

static void one_sender_past_its_rate_does_not_hold_up_another(void **state)
{
    (void)state;
    struct guard *guard = guard_of(LISTEN "  rules: [{name: net, networks: [192.0.2.0/24], "
                                          "rate: [60/1m per sender], burst: 3, accept: {}}]\n");
    struct limits *limits = no_use_yet();
    struct ask loud = {.sender = "loud@example.org"}, quiet = {.sender = "quiet@example.org"};
    for (int i = 0; i < 3; i++)
        assert_int_equal(verdict_of(guard, limits, &loud).action, GUARD_ACCEPT);
    struct guard_verdict got = verdict_of(guard, limits, &loud);
    assert_int_equal(got.action, GUARD_DEFER);
    assert_int_equal(got.code, 451);
    assert_string_equal(got.rule, "net");
    assert_non_null(strstr(got.text, "try again in 1"));
    assert_int_equal(verdict_of(guard, limits, &quiet).action, GUARD_ACCEPT);
    loud.time = "2026-06-01T08:00:01Z";
    assert_int_equal(verdict_of(guard, limits, &loud).action, GUARD_ACCEPT);
    assert_int_equal(verdict_of(guard, limits, &loud).action, GUARD_DEFER);
    limits_free(limits);
    guard_free(guard);
}

static void a_quota_begins_anew_at_midnight_where_the_rule_lives(void **state)
{
    (void)state;
    struct guard *guard =
        guard_of(LISTEN "  rules: [{name: net, networks: [192.0.2.0/24], "
                        "quota: [2/day per client], time_zone: Europe/Berlin, accept: {}}]\n");
    struct limits *limits = no_use_yet();
    struct ask ask = {.time = "2026-06-01T21:00:00Z"};
    assert_int_equal(verdict_of(guard, limits, &ask).action, GUARD_ACCEPT);
    assert_int_equal(verdict_of(guard, limits, &ask).action, GUARD_ACCEPT);
    ask.time = "2026-06-01T21:59:59Z";
    struct guard_verdict got = verdict_of(guard, limits, &ask);
    assert_int_equal(got.action, GUARD_DEFER);
    assert_non_null(strstr(got.text, "midnight in Europe/Berlin"));
    ask.time = "2026-06-01T22:00:00Z";
    assert_int_equal(verdict_of(guard, limits, &ask).action, GUARD_ACCEPT);
    limits_free(limits);
    guard_free(guard);
}

static void over_says_what_becomes_of_the_rest(void **state)
{
    (void)state;
    struct guard *guard = guard_of(
        LISTEN "  rules:\n"
               "    - {name: some, networks: [192.0.2.10], quota: [1/day], over: next, accept: {}}\n"
               "    - {name: rest, networks: [192.0.2.10], quarantine: {}}\n"
               "    - {name: hard, networks: [192.0.2.11], quota: [1/day], over: reject, accept: {}}\n");
    struct limits *limits = no_use_yet();
    struct ask some = {.client = "192.0.2.10"}, hard = {.client = "192.0.2.11"};
    assert_string_equal(verdict_of(guard, limits, &some).rule, "some");
    struct guard_verdict got = verdict_of(guard, limits, &some);
    assert_string_equal(got.rule, "rest");
    assert_int_equal(got.action, GUARD_QUARANTINE);
    assert_int_equal(verdict_of(guard, limits, &hard).action, GUARD_ACCEPT);
    assert_int_equal(verdict_of(guard, limits, &hard).code, 550);
    limits_free(limits);
    guard_free(guard);
}

static void an_account_has_a_quota_of_its_own(void **state)
{
    (void)state;
    struct guard *guard = guard_of(LISTEN "  accounts: [{name: ann, quota: 1}, {name: bob}]\n"
                                          "  rules: [{name: all, accounts: ['*'], accept: {}}]\n");
    struct limits *limits = no_use_yet();
    struct ask ann = {.account = "ann"}, bob = {.account = "bob"};
    assert_int_equal(verdict_of(guard, limits, &ann).action, GUARD_ACCEPT);
    struct guard_verdict got = verdict_of(guard, limits, &ann);
    assert_int_equal(got.action, GUARD_DEFER);
    assert_string_equal(got.rule, "account");
    assert_int_equal(verdict_of(guard, limits, &bob).action, GUARD_ACCEPT);
    limits_free(limits);
    guard_free(guard);
}

static void who_asks_without_sending_uses_nothing_up(void **state)
{
    (void)state;
    struct guard *guard = guard_of(LISTEN "  rules: [{name: net, networks: [192.0.2.0/24], "
                                          "quota: [1/day], accept: {}}]\n");
    struct limits *limits = no_use_yet();
    struct guard_question question = question_of(&(struct ask){0});
    struct guard_verdict got;
    for (int i = 0; i < 3; i++) {
        guard_explain(guard, limits, &question, NULL, NULL, &got);
        assert_int_equal(got.action, GUARD_ACCEPT);
    }
    question.stage = GUARD_MAIL;
    for (int i = 0; i < 3; i++)
        guard_ask(guard, limits, &question, &got);
    question.stage = GUARD_RCPT;
    guard_ask(guard, limits, &question, &got);
    assert_int_equal(got.action, GUARD_ACCEPT);
    guard_explain(guard, limits, &question, NULL, NULL, &got);
    assert_int_equal(got.action, GUARD_DEFER);
    limits_free(limits);
    guard_free(guard);
}

static void an_account_is_let_in_only_within_its_bounds(void **state)
{
    (void)state;
    struct guard *guard = guard_of(LISTEN "  accounts: [{name: ann, networks: [192.0.2.0/24]}]\n");
    struct guard_verdict got;
    nanos now = moment(monday_morning);
    assert_true(guard_admits(guard, SV("ann"), SV("192.0.2.1"), now, &got));
    assert_false(guard_admits(guard, SV("ann"), SV("203.0.113.1"), now, &got));
    assert_non_null(strstr(got.why, "may not be used from 203.0.113.1"));
    assert_false(guard_admits(guard, SV("eve"), SV("192.0.2.1"), now, &got));
    assert_int_equal(got.code, 535);
    guard_free(guard);
}

static void a_zone_that_does_not_exist_is_told_with_its_place(void **state)
{
    (void)state;
    struct config_errors errors;
    struct config_source source = {
        "/etc/r.yaml", SV_INIT(LISTEN "  rules:\n    - {name: a, networks: [::1], hours: "
                                      "['07:00-08:00'], time_zone: Europe/Berlim, accept: {}}\n")};
    config_errors_init(&errors);
    struct config *config = config_parse(&source, 1, "gw.example.org", &errors);
    assert_non_null(config);
    assert_null(guard_new(&config->relay, &errors));
    assert_int_equal(errors.count, 1);
    assert_int_equal(errors.items[0].line, 4);
    assert_non_null(strstr(errors.items[0].message, "there is no zone \"Europe/Berlim\""));
    config_free(config);
    config_errors_free(&errors);
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
        cmocka_unit_test(a_rule_switches_on_what_it_names),
        cmocka_unit_test(one_sender_past_its_rate_does_not_hold_up_another),
        cmocka_unit_test(a_quota_begins_anew_at_midnight_where_the_rule_lives),
        cmocka_unit_test(over_says_what_becomes_of_the_rest),
        cmocka_unit_test(an_account_has_a_quota_of_its_own),
        cmocka_unit_test(who_asks_without_sending_uses_nothing_up),
        cmocka_unit_test(an_account_is_let_in_only_within_its_bounds),
        cmocka_unit_test(a_zone_that_does_not_exist_is_told_with_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
