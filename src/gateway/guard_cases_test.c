/* Tests beside the rules: what they promise is what the gateway does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/guard_cases.h"

static struct guard *rules(void)
{
    static const char yaml[] =
        "relay:\n  listen: ['127.0.0.1:25']\n  rules:\n"
        "    - {name: day, networks: [192.0.2.0/24], domains: [example.org], rate: [2/1m per sender],\n"
        "       hours: ['Mon-Fri 07:00-19:00'], time_zone: Europe/Berlin, accept: {}}\n"
        "    - {name: night, networks: [192.0.2.0/24], redirect: night@example.org}\n";
    struct config_errors errors;
    struct config_source source = {"/etc/vedette/relay.yaml", sv_of(yaml)};
    config_errors_init(&errors);
    struct config *config = config_parse(&source, 1, "gw.example.org", &errors);
    assert_non_null(config);
    struct guard *guard = guard_new(config, &errors);
    assert_non_null(guard);
    config_free(config);
    config_errors_free(&errors);
    return guard;
}

static char last[1024];

static void keep_last(void *arg, const struct guard_case *one)
{
    (void)arg;
    snprintf(last, sizeof last, "%d:%d %.*s: %s", one->line, one->column, SV_ARG(one->name), one->message);
}

static struct guard_case_counts run(const char *text)
{
    struct guard_case_counts counts;
    struct guard *guard = rules();
    guard_cases_run(guard, sv_of(text), keep_last, NULL, &counts);
    guard_free(guard);
    return counts;
}

#define DAY "from: 192.0.2.9, rcpt: soc@example.org, at: '2026-06-01T08:00:00Z'"

static void what_the_rules_answer_passes_and_anything_else_fails(void **state)
{
    (void)state;
    struct guard_case_counts counts = run(
        "- {name: by day, " DAY ", verdict: accept, rule: day}\n"
        "- {name: by night, from: 192.0.2.9, rcpt: soc@example.org, at: '2026-06-01T22:00:00Z', verdict: "
        "redirect, to: night@example.org}\n"
        "- {name: too much, " DAY ", repeat: 3, verdict: defer, text: 'try again'}\n"
        "- {name: a stranger, from: 203.0.113.1, rcpt: soc@example.org, verdict: reject, rule: default}\n");
    assert_int_equal(counts.passed, 4);
    assert_int_equal(counts.failed + counts.broken, 0);
    counts = run("- {name: wrong verdict, " DAY ", verdict: reject}\n");
    assert_int_equal(counts.failed, 1);
    assert_non_null(strstr(last, "1:3 wrong verdict: expected is reject, it is accept by rule day"));
    assert_int_equal(run("- {" DAY ", verdict: accept, rule: night}\n").failed, 1);
    assert_int_equal(run("- {" DAY ", verdict: accept, to: a@example.org}\n").failed, 1);
    assert_int_equal(run("- {" DAY ", repeat: 3, verdict: defer, text: never}\n").failed, 1);
}

static void a_test_that_cannot_be_read_is_told_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *told;
    } cases[] = {
        {"", "1:1 : there are no tests"},
        {"from: x\n", "expected is a list"},
        {"- nonsense\n", "a test is a map"},
        {"- {from: 192.0.2.9, verdict: accept}\n", "a test needs from, rcpt"},
        {"- {" DAY ", verdict: maybe}\n", "a test needs from, rcpt"},
        {"- {" DAY ", verdict: accept, colour: red}\n", "colour is no key"},
        {"- {" DAY ", verdict: accept, tls: 9}\n", "tls is no key of a test, or its value"},
        {"- {" DAY ", verdict: accept, repeat: 0}\n", "repeat is no key"},
        {"- {" DAY ", verdict: accept, headers: x}\n", "headers is no key"},
        {"- [a\n", "2:1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        last[0] = '\0';
        struct guard_case_counts counts = run(cases[i].text);
        if (counts.broken != 1 || !strstr(last, cases[i].told))
            fail_msg("%s: %s", cases[i].text, last);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_rules_answer_passes_and_anything_else_fails),
        cmocka_unit_test(a_test_that_cannot_be_read_is_told_with_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
