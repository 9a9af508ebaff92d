/* The guard rails and the many ways to write an address. */
#include "gateway/guard_fixture.h"

static void every_way_to_write_a_domain_meets_the_same_rules(void **state)
{
    (void)state;
    static const struct decision decisions[] = {
        {"as the rule has it", {.recipient = "a@bücher.example"}, GUARD_REJECT, "idn", 550, NULL},
        {"with A-labels", {.recipient = "a@xn--bcher-kva.example"}, GUARD_REJECT, "idn", 550, NULL},
        {"in other letters", {.recipient = "a@BÜCHER。example"}, GUARD_REJECT, "idn", 550, NULL},
        {"ASCII in wide letters", {.recipient = "a@ｅxample.org"}, GUARD_REJECT, "wide", 550, NULL},
        {"below it", {.recipient = "a@x.bücher.example"}, GUARD_REJECT, "below", 550, NULL},
        {"a sender", {.sender = "a@xn--4ca.example"}, GUARD_REJECT, "sender", 550, NULL},
        {"the same sender", {.sender = "a@ä.example"}, GUARD_REJECT, "sender", 550, NULL},
        {"an account's sender",
         {.account = "ann", .sender = "a@xn--tda.example"},
         GUARD_ACCEPT,
         "rest",
         0,
         NULL},
        {"the account's own again",
         {.account = "ann", .sender = "a@ü.example"},
         GUARD_ACCEPT,
         "rest",
         0,
         NULL},
        {"and another", {.account = "ann", .sender = "b@ü.example"}, GUARD_REJECT, "account", 553, NULL},
        {"this machine",
         {.client = "127.0.0.1", .recipient = "a@xn--4ca0bs.example"},
         GUARD_ACCEPT,
         "local",
         0,
         NULL},
    };
    CHECK(LISTEN
          "  domains: [äöü.example]\n  maildir: /m\n"
          "  accounts: [{name: ann, senders: [a@ü.example]}]\n"
          "  rules:\n"
          "    - {name: idn, networks: [192.0.2.0/24], domains: [bücher.example], reject: no}\n"
          "    - {name: wide, networks: [192.0.2.0/24], domains: [example.org], reject: no}\n"
          "    - {name: below, networks: [192.0.2.0/24], recipients: ['@.bücher.example'], reject: no}\n"
          "    - {name: sender, networks: [192.0.2.0/24], senders: [a@ä.example], reject: no}\n"
          "    - {name: rest, networks: [192.0.2.0/24], accept: {}}\n",
          decisions);
}

static void a_rewriting_knows_each_way_to_write_a_domain(void **state)
{
    (void)state;
    struct guard *guard =
        guard_of(LISTEN "  rules:\n"
                        "    - {name: r, networks: [192.0.2.0/24], accept: {}, rewrite: ['@bücher.example -> "
                        "*@ü.example', 'a@ä.example -> b@ö.example']}\n");
    struct guard_verdict got = verdict_of(guard, NULL, &(struct ask){.recipient = "ä@xn--bcher-kva.example"});
    assert_string_equal(got.recipient, "ä@xn--tda.example");
    got = verdict_of(guard, NULL, &(struct ask){.recipient = "a@ä.example"});
    assert_string_equal(got.recipient, "b@xn--nda.example");
    guard_free(guard);
}

static void the_postmaster_alone_is_somebody(void **state)
{
    (void)state;
    static const struct {
        const char *more, *recipient;
    } cases[] = {
        {"  postmaster: Boss <boss@example.org>\n  domains: [a.example]\n  maildir: /m\n",
         "boss@example.org"},
        {"  domains: [a.example, b.example]\n  maildir: /m\n", "postmaster@a.example"},
        {"", "postmaster@gw.example.org"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char yaml[400];
        snprintf(yaml, sizeof yaml,
                 LISTEN "%s  rules:\n"
                        "    - {name: moved, networks: [192.0.2.9], accept: {}, rewrite: ['postmaster -> "
                        "x@example.org']}\n"
                        "    - {name: all, networks: [192.0.2.0/24], accept: {}}\n",
                 cases[i].more);
        struct guard *guard = guard_of(yaml);
        assert_string_equal(verdict_of(guard, NULL, &(struct ask){.recipient = "PostMaster"}).recipient,
                            cases[i].recipient);
        assert_string_equal(
            verdict_of(guard, NULL, &(struct ask){.client = "192.0.2.9", .recipient = "postmaster"})
                .recipient,
            "x@example.org");
        assert_string_equal(verdict_of(guard, NULL, &(struct ask){.recipient = "b@c.example"}).recipient, "");
        assert_string_equal(
            verdict_of(guard, NULL, &(struct ask){.client = "203.0.113.1", .recipient = "postmaster"})
                .recipient,
            "");
        guard_free(guard);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_to_write_a_domain_meets_the_same_rules),
        cmocka_unit_test(a_rewriting_knows_each_way_to_write_a_domain),
        cmocka_unit_test(the_postmaster_alone_is_somebody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
