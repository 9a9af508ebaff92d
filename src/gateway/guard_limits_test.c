/* Guard rails that count: rates, quotas, and accounts with bounds of their own. */
#include "gateway/guard_fixture.h"

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

static void another_way_to_write_a_domain_buys_no_more(void **state)
{
    (void)state;
    static const char *const senders[] = {"a@bücher.example", "a@xn--bcher-kva.example", "a@BÜCHER.example"};
    struct guard *guard = guard_of(LISTEN "  rules: [{name: net, networks: [192.0.2.0/24], "
                                          "rate: [1/1h per sender], accept: {}}]\n");
    struct limits *limits = no_use_yet();
    for (size_t i = 0; i < sizeof senders / sizeof *senders; i++)
        assert_int_equal(verdict_of(guard, limits, &(struct ask){.sender = senders[i]}).action,
                         i ? GUARD_DEFER : GUARD_ACCEPT);
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
    assert_null(guard_new(config, &errors));
    assert_int_equal(errors.count, 1);
    assert_int_equal(errors.items[0].line, 4);
    assert_non_null(strstr(errors.items[0].message, "there is no zone \"Europe/Berlim\""));
    config_free(config);
    config_errors_free(&errors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_sender_past_its_rate_does_not_hold_up_another),
        cmocka_unit_test(another_way_to_write_a_domain_buys_no_more),
        cmocka_unit_test(a_quota_begins_anew_at_midnight_where_the_rule_lives),
        cmocka_unit_test(over_says_what_becomes_of_the_rest),
        cmocka_unit_test(an_account_has_a_quota_of_its_own),
        cmocka_unit_test(who_asks_without_sending_uses_nothing_up),
        cmocka_unit_test(an_account_is_let_in_only_within_its_bounds),
        cmocka_unit_test(a_zone_that_does_not_exist_is_told_with_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
