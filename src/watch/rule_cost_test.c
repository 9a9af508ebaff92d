#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs its types first. */
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "watch/rule_advice.h"
#include "watch/rule_cost.h"
#include "watch/ruleset_priv.h"

static struct ruleset *ruleset_of(const char *text)
{
    struct ruleset *ruleset = ruleset_new();
    assert_true(ruleset_load_text(ruleset, "rules.yml", sv_of(text), NULL, NULL) > 0);
    ruleset_seal(ruleset, NULL, NULL);
    return ruleset;
}

#define RULE(id, detection)                                                                                \
    "title: " id "\nid: " id "\nlogsource: {product: x}\ndetection:\n    condition: s\n    s: {" detection \
    "}\n---\n"

/* Two rules, of which an event with a: root matches the first. */
static const char two[] = RULE("one", "a: root") RULE("two", "b: root");

static void match(struct ruleset_matcher *matcher, const char *name, size_t times)
{
    struct event_field field = {sv_of(name), SV("root"), 0};
    struct event event = {.raw = SV("root"), .fields = &field, .field_count = 1};
    size_t count;
    for (size_t i = 0; i < times; i++)
        ruleset_match(matcher, &event, &count);
}

/* --- Accounts --- */

static void tries_and_matches_of_each_rule_are_counted(void **state)
{
    (void)state;
    struct ruleset *ruleset = ruleset_of(two);
    struct ruleset_matcher *matcher = ruleset_matcher_new(ruleset);
    match(matcher, "a", 3);
    match(matcher, "b", 2);
    const struct rule_costs *costs = ruleset_costs(matcher);
    assert_int_equal(costs->of[0].matched, 3);
    assert_int_equal(costs->of[1].matched, 2);
    assert_in_range(costs->of[0].tried, 3, 5);
    struct rule_cost sum = rule_costs_sum(costs);
    assert_int_equal(sum.matched, 5);
    assert_int_equal(sum.tried, costs->of[0].tried + costs->of[1].tried);
    ruleset_matcher_free(matcher);
    ruleset_free(ruleset);
}

static void a_measured_try_stands_for_those_that_are_not_measured(void **state)
{
    (void)state;
    struct rule_cost cost = {0};
    uint64_t stands_for = 0, measured = 0;
    for (unsigned i = 0; i < 10 * RULE_COST_SAMPLE; i++) {
        nanos start;
        uint64_t weight = rule_cost_begin(&cost, &start);
        assert_int_equal(start == 0, weight == 0);
        stands_for += weight;
        measured += weight > 0;
    }
    assert_int_equal(cost.tried, 10 * RULE_COST_SAMPLE);
    assert_int_equal(stands_for, cost.tried);
    assert_int_equal(measured, RULE_COST_FIRST + 10);
}

static void rules_that_take_long_are_measured_more_often(void **state)
{
    (void)state;
    struct rule_cost cost = {.tried = RULE_COST_FIRST, .counted = RULE_COST_FIRST};
    cost.time = RULE_COST_FIRST * RULE_COST_LONG_NANOS + 1;
    uint64_t stands_for = 0;
    for (unsigned i = 0; i < RULE_COST_SAMPLE; i++) {
        nanos start;
        uint64_t weight = rule_cost_begin(&cost, &start);
        assert_true(weight <= RULE_COST_SAMPLE_LONG);
        stands_for += weight;
        cost.time += (nanos)weight * (RULE_COST_LONG_NANOS + 1);
    }
    assert_int_equal(stands_for, RULE_COST_SAMPLE - RULE_COST_FIRST);
}

static void time_goes_to_the_rule_that_takes_it(void **state)
{
    (void)state;
    struct ruleset *ruleset = ruleset_of(RULE("slow", "a|re: '(.*,){4}!'") RULE("quick", "a|contains: zzz"));
    struct ruleset_matcher *matcher = ruleset_matcher_new(ruleset);
    char text[200];
    memset(text, ',', sizeof text);
    struct event_field field = {SV("a"), sv_make(text, sizeof text), 0};
    struct event event = {.fields = &field, .field_count = 1};
    size_t count;
    memcpy(text, ",!zzy", 5); /* what both need, so that they are tried in earnest */
    ruleset_matcher_try_all(matcher);
    for (size_t i = 0; i < 100; i++)
        ruleset_match(matcher, &event, &count);
    const struct rule_costs *costs = ruleset_costs(matcher);
    assert_true(costs->of[0].time > 0);
    assert_true(costs->of[0].time > 10 * costs->of[1].time);
    ruleset_matcher_free(matcher);
    ruleset_free(ruleset);
}

static void accounts_go_on_over_a_change_of_rules(void **state)
{
    (void)state;
    struct ruleset *before = ruleset_of(two),
                   *after = ruleset_of(RULE("new", "c: root") RULE("TWO", "b: root"));
    struct ruleset_matcher *old = ruleset_matcher_new(before), *new = ruleset_matcher_new(after);
    match(old, "a", 3);
    match(old, "b", 2);
    struct rule_cost past = rule_costs_sum(ruleset_costs(old));
    rule_costs_inherit(ruleset_costs(new), ruleset_costs(old));
    const struct rule_costs *costs = ruleset_costs(new);
    assert_int_equal(costs->of[0].matched, 0);
    assert_int_equal(costs->of[1].matched, 2);
    assert_int_equal(costs->gone.matched, 3);
    struct rule_cost sum = rule_costs_sum(costs);
    assert_memory_equal(&sum, &past, sizeof sum);
    ruleset_matcher_free(old);
    ruleset_matcher_free(new);
    ruleset_free(before);
    ruleset_free(after);
}

/* --- Expensive while they run --- */

struct told {
    char text[4096];
};

static void tell_cost(void *arg, size_t rule, const struct rule_cost *cost, unsigned percent)
{
    struct told *told = arg;
    size_t n = strlen(told->text);
    (void)cost;
    snprintf(told->text + n, sizeof told->text - n, "%zu:%u ", rule, percent);
}

static void a_rule_that_takes_a_tenth_of_a_processor_is_told_once(void **state)
{
    (void)state;
    struct ruleset *ruleset = ruleset_of(two);
    struct rule_costs *costs = rule_costs_new(ruleset);
    struct told told = {{0}};
    costs->of[1].time = 90 * NANOS_PER_SECOND; /* before anybody looked */
    struct rule_cost_guard *guard = rule_cost_guard_new(costs);
    costs->of[0].time = 5 * NANOS_PER_SECOND;
    rule_cost_guard_look(guard, costs, 60 * NANOS_PER_SECOND, tell_cost, &told);
    assert_string_equal(told.text, "");
    costs->of[0].time += 6 * NANOS_PER_SECOND;
    rule_cost_guard_look(guard, costs, 60 * NANOS_PER_SECOND, tell_cost, &told);
    assert_string_equal(told.text, "0:10 ");
    costs->of[0].time += 30 * NANOS_PER_SECOND;
    costs->of[1].time += 60 * NANOS_PER_SECOND;
    rule_cost_guard_look(guard, costs, 60 * NANOS_PER_SECOND, tell_cost, &told);
    assert_string_equal(told.text, "0:10 1:100 ");
    rule_cost_guard_free(guard);
    rule_costs_free(costs);
    ruleset_free(ruleset);
}

static void a_rule_whose_expression_is_given_up_is_told_once(void **state)
{
    (void)state;
    struct ruleset *ruleset = ruleset_of(two);
    struct rule_costs *costs = rule_costs_new(ruleset);
    struct told told = {{0}};
    costs->of[0].given_up = 7;
    struct rule_cost_guard *guard = rule_cost_guard_new(costs);
    costs->of[1].given_up = 1;
    for (int i = 0; i < 2; i++)
        rule_cost_guard_look(guard, costs, NANOS_PER_SECOND, tell_cost, &told);
    assert_string_equal(told.text, "1:0 ");
    rule_cost_guard_free(guard);
    rule_costs_free(costs);
    ruleset_free(ruleset);
}

/* --- Expensive by what they say --- */

static void tell_advice(void *arg, const struct rule *rule, const char *why)
{
    struct told *told = arg;
    size_t n = strlen(told->text);
    snprintf(told->text + n, sizeof told->text - n, "%.*s: %s\n", SV_ARG(rule->id), why);
}

static void rules_that_every_event_is_decoded_for_are_told(void **state)
{
    (void)state;
    struct told told = {{0}};
    struct ruleset *ruleset = ruleset_of(RULE("good", "a: root") RULE("bad", "a|neq: root"));
    assert_int_equal(rule_advice(ruleset, tell_advice, &told), 1);
    assert_non_null(strstr(told.text, "bad: every event of its log source is decoded for it"));
    ruleset_free(ruleset);
}

static void expressions_that_run_away_on_a_short_value_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *expression, *told; /* NULL: fine */
    } cases[] = {
        {"^root(a+)+$", "mostly \"a\""},
        {"^root(\\s*\\S*)*=$", "mostly"},
        {"root([a-z]+ ?)+!", "mostly \"a\""},
        {"root(.*,)*x", "mostly \",\""},
        {"(;+;)+root", "mostly \";\""},
        {"^/usr/bin/[a-z]+ root$", NULL},
        {"(cat|less|more) +/etc/(shadow|root)", NULL},
        {"root.*[0-9]{1,3}(\\.[0-9]{1,3}){3}", NULL},
        {"root .* --user=.*", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct told told = {{0}};
        char rule[600];
        snprintf(rule, sizeof rule, RULE("one", "a|re: '%s', b: root"), cases[i].expression);
        struct ruleset *ruleset = ruleset_of(rule);
        size_t count = rule_advice(ruleset, tell_advice, &told);
        if (count != (cases[i].told != NULL) || (cases[i].told && !strstr(told.text, cases[i].told)))
            fail_msg("%s: %zu, %s", cases[i].expression, count, told.text);
        ruleset_free(ruleset);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tries_and_matches_of_each_rule_are_counted),
        cmocka_unit_test(a_measured_try_stands_for_those_that_are_not_measured),
        cmocka_unit_test(rules_that_take_long_are_measured_more_often),
        cmocka_unit_test(time_goes_to_the_rule_that_takes_it),
        cmocka_unit_test(accounts_go_on_over_a_change_of_rules),
        cmocka_unit_test(a_rule_that_takes_a_tenth_of_a_processor_is_told_once),
        cmocka_unit_test(a_rule_whose_expression_is_given_up_is_told_once),
        cmocka_unit_test(rules_that_every_event_is_decoded_for_are_told),
        cmocka_unit_test(expressions_that_run_away_on_a_short_value_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
