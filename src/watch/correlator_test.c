#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs its types first. */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "watch/correlator_fixture.h"

#define COUNT(condition)                                                                              \
    "title: x\ncorrelation: {type: event_count, rules: [a], group-by: [u], timespan: 1m, condition: " \
    "{" condition "}}\n"

/* --- event_count --- */

static void events_are_counted_within_the_timespan_and_no_further(void **state)
{
    (void)state;
    struct bench *bench = bench_of(COUNT("gte: 3"), &usual_limits);
    feed(bench, "a", MONDAY, "u=bob");
    feed(bench, "a", MONDAY + 30 * SECOND, "u=bob");
    feed(bench, "a", MONDAY + 60 * SECOND + 1, "u=bob"); /* a hair too late for the first */
    expect(bench, "");
    feed(bench, "a", MONDAY + 90 * SECOND, "u=bob"); /* exactly a minute after the second */
    expect(bench, "x@4 ");
    expect_seen(bench, "3 events within 60.0 s");
    bench_end(bench);
}

static void groups_do_not_leak_into_each_other(void **state)
{
    (void)state;
    struct bench *bench =
        bench_of("title: x\ncorrelation: {type: event_count, rules: [a], group-by: [u, h], timespan: 1m, "
                 "condition: {gte: 2}}\n",
                 &usual_limits);
    feed(bench, "a", MONDAY, "u=ab h=c");
    feed(bench, "a", MONDAY, "u=a h=bc"); /* the same letters, another group */
    feed(bench, "a", MONDAY, "u=ab");     /* in no group: it has no h */
    feed(bench, "a", MONDAY, "u=ab");
    feed(bench, "a", MONDAY, "u=ab h=");
    feed(bench, "a", MONDAY, "u=ab h=");
    feed(bench, "a", MONDAY, "u=AB h=c");
    expect(bench, "");
    assert_int_equal(correlator_counts(bench->correlator)->ungrouped, 4);
    feed(bench, "a", MONDAY, "u=ab h=c");
    expect(bench, "x@8 ");
    assert_string_equal(bench->found.group, "u=ab, h=c");
    bench_end(bench);
}

static void a_window_is_told_of_once(void **state)
{
    (void)state;
    struct bench *bench = bench_of(COUNT("gte: 3"), &usual_limits);
    for (int i = 0; i < 20; i++)
        feed(bench, "a", MONDAY + i * SECOND, "u=bob");
    expect(bench, "x@3 ");
    for (int i = 0; i < 5; i++)
        feed(bench, "a", MONDAY + HOUR + i * SECOND, "u=bob");
    expect(bench, "x@3 x@23 ");
    bench_end(bench);
}

static void the_order_of_arrival_does_not_matter(void **state)
{
    (void)state;
    struct bench *bench = bench_of(COUNT("gte: 3"), &usual_limits);
    feed(bench, "a", MONDAY + 100 * SECOND, "u=bob");
    feed(bench, "a", MONDAY + 50 * SECOND, "u=bob");
    feed(bench, "a", MONDAY + 20 * SECOND, "u=bob"); /* with 50 and …: not within a minute of 100 */
    expect(bench, "");
    feed(bench, "a", MONDAY + 30 * SECOND, "u=bob"); /* 20, 30, 50 */
    expect(bench, "x@4 ");
    bench_end(bench);
}

static void shuffled_events_are_found_as_ordered_ones_are(void **state)
{
    (void)state;
    enum { EVENTS = 40, ROUNDS = 300 };
    unsigned dice = 7;
    for (int round = 0; round < ROUNDS; round++) {
        nanos times[EVENTS];
        bool reference = false;
        struct bench *bench = bench_of(COUNT("gte: 5"), &usual_limits);
        for (int i = 0; i < EVENTS; i++) {
            dice = dice * 1103515245 + 12345;
            times[i] = MONDAY + (nanos)(dice >> 8) % 600 * SECOND;
        }
        for (int i = 0; i < EVENTS && !reference; i++) {
            int n = 0;
            for (int j = 0; j < EVENTS; j++)
                n += times[j] <= times[i] && times[j] >= times[i] - MINUTE;
            reference = n >= 5;
        }
        for (int i = 0; i < EVENTS; i++)
            feed(bench, "a", times[i], "u=bob");
        if ((bench->found.count > 0) != reference)
            fail_msg("round %d: found %d, expected %d", round, (int)bench->found.count, reference);
        bench_end(bench);
    }
}

static void what_comes_too_late_is_counted_and_left_out(void **state)
{
    (void)state;
    struct bench *bench = bench_of(COUNT("gte: 2"), &usual_limits);
    feed(bench, "a", MONDAY + DAY, "u=bob");
    feed(bench, "a", MONDAY, "u=bob");
    feed(bench, "a", MONDAY, "u=bob");
    expect(bench, "");
    assert_int_equal(correlator_counts(bench->correlator)->late, 2);
    feed(bench, "a", MONDAY, "u=eve"); /* another group has another clock */
    feed(bench, "a", MONDAY, "u=eve");
    expect(bench, "x@5 ");
    bench_end(bench);
}

static void an_event_from_the_future_counts_as_of_its_arrival(void **state)
{
    (void)state;
    struct bench *bench = bench_of(COUNT("gte: 2"), &usual_limits);
    feed_at(bench, "a", MONDAY + 30 * DAY, MONDAY, "u=bob");
    feed_at(bench, "a", MONDAY + SECOND, MONDAY + SECOND, "u=bob");
    expect(bench, "x@2 ");
    assert_int_equal(correlator_counts(bench->correlator)->future, 1);
    bench_end(bench);
}

/* A clock that was never set, or a date that is none: what comes next would seem to come after centuries. */
static void an_event_from_before_1970_counts_as_of_its_arrival(void **state)
{
    (void)state;
    static const char *const types[] = {"dormant, timespan: 30d", "spike, timespan: 1d, learn: 14d",
                                        "new_value, field: v, learn: 14d", "absence, timespan: 60d",
                                        "event_count, timespan: 1h, condition: {gte: 3}"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        char document[200];
        snprintf(document, sizeof document, "title: x\ncorrelation: {type: %s, rules: [a], group-by: [u]}\n",
                 types[i]);
        struct bench *bench = bench_of(document, &usual_limits);
        feed_at(bench, "a", MONDAY, MONDAY, "u=bob v=1");
        feed_at(bench, "a", INT64_MIN + DAY, MONDAY + DAY, "u=bob v=2");
        feed_at(bench, "a", MONDAY + 2 * DAY, MONDAY + 2 * DAY, "u=bob v=3");
        expect(bench, "");
        bench_end(bench);
    }
}

static void conditions_hold_as_they_say(void **state)
{
    static const struct {
        const char *condition;
        int events;
        const char *expected;
    } cases[] = {
        {COUNT("gt: 2"), 3, "x@3 "},
        {COUNT("gt: 2"), 2, ""},
        {COUNT("gte: 1"), 1, "x@1 "},
        {COUNT("eq: 2"), 2, "x@2 "},
        {COUNT("gt: 1, lte: 3"), 2, "x@2 "},
        {COUNT("lt: 3"), 2, "x@2 "},
        {COUNT("lt: 3"), 3, ""},
        {COUNT("lte: 3"), 3, "x@3 "},
        {COUNT("neq: 3"), 3, ""},
        {COUNT("neq: 3"), 4, "x@4 "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bench *bench = bench_of(cases[i].condition, &usual_limits);
        for (int n = 0; n < cases[i].events; n++)
            feed(bench, "a", MONDAY + n * SECOND, "u=bob");
        correlator_flush(bench->correlator);
        expect(bench, cases[i].expected);
        bench_end(bench);
    }
}

static void a_condition_without_a_lower_bound_waits_for_the_end_of_its_window(void **state)
{
    (void)state;
    struct bench *bench = bench_of(COUNT("lt: 3"), &usual_limits);
    feed(bench, "a", MONDAY, "u=bob");
    correlator_advance(bench->correlator, MONDAY + 10 * MINUTE);
    expect(bench, "");
    assert_int_equal(correlator_due(bench->correlator), MONDAY + 11 * MINUTE);
    correlator_advance(bench->correlator, MONDAY + 11 * MINUTE);
    expect(bench, "x@1 ");
    bench_end(bench);
}

/* --- values --- */

#define VALUE(type, condition)            \
    "title: x\ncorrelation: {type: " type \
    ", rules: [a], group-by: [u], timespan: 1m, condition: {field: v, " condition "}}\n"

static void feed_values(struct bench *bench, const char *const *values)
{
    for (int i = 0; values[i]; i++) {
        char pairs[100];
        snprintf(pairs, sizeof pairs, "u=bob v=%s", values[i]);
        feed(bench, "a", MONDAY + i * SECOND, pairs);
    }
}

static void values_are_counted_summed_averaged_and_ranked(void **state)
{
    static const struct {
        const char *rule;
        const char *values[8];
        const char *expected;
    } cases[] = {
        {VALUE("value_count", "gte: 3"), {"x", "y", "x", "y", "z"}, "x@5 "},
        {VALUE("value_count", "gte: 3"), {"x", "y", "x", "y", "", "x"}, ""},
        {VALUE("value_sum", "gt: 10"), {"5", "4.5", "0.5", "1"}, "x@4 "},
        {VALUE("value_sum", "gt: 10"), {"5", "many", "", "5"}, ""},
        {VALUE("value_sum", "lte: -3"), {"-1", "-2", "0"}, "x@3 "},
        {VALUE("value_avg", "gte: 10"), {"1", "19"}, "x@2 "},
        {VALUE("value_percentile", "gte: 9, percentile: 90"), {"1", "1", "1", "9"}, "x@4 "},
        {VALUE("value_percentile", "gte: 9, percentile: 50"), {"1", "1", "1", "9"}, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bench *bench = bench_of(cases[i].rule, &usual_limits);
        feed_values(bench, cases[i].values);
        correlator_flush(bench->correlator);
        expect(bench, cases[i].expected);
        bench_end(bench);
    }
}

/* --- temporal --- */

#define TEMPORAL(type, more) \
    "title: x\ncorrelation: {type: " type ", rules: [a, b, c], group-by: [u], timespan: 1m" more "}\n"

static void feed_row(struct bench *bench, const char *row, nanos step)
{
    for (int i = 0; row[i]; i++) {
        const char rule[] = {row[i], '\0'};
        if (row[i] != '-')
            feed(bench, rule, MONDAY + i * step, "u=bob");
    }
}

static void rules_come_together_or_in_their_order(void **state)
{
    static const struct {
        const char *rule, *row, *expected;
        nanos step;
    } cases[] = {
        {TEMPORAL("temporal", ""), "cab", "x@3 ", SECOND},
        {TEMPORAL("temporal", ""), "aab", "", SECOND},
        {TEMPORAL("temporal", ""), "abc", "", 31 * SECOND},
        {TEMPORAL("temporal", ""), "abc", "x@3 ", 30 * SECOND},
        {TEMPORAL("temporal", ", condition: {gte: 2}"), "aab", "x@3 ", SECOND},
        {TEMPORAL("temporal_ordered", ""), "abc", "x@3 ", SECOND},
        {TEMPORAL("temporal_ordered", ""), "acb", "", SECOND},
        {TEMPORAL("temporal_ordered", ""), "acbc", "x@4 ", SECOND},
        {TEMPORAL("temporal_ordered", ""), "cba", "", SECOND},
        {TEMPORAL("temporal_ordered", ""), "bcabc", "x@5 ", SECOND},
        {TEMPORAL("temporal_ordered", ""), "abbaac", "x@6 ", SECOND},
        {TEMPORAL("temporal_ordered", ""), "abc", "", 31 * SECOND},
        /* only the first a is too old for the c, the second one is not before b */
        {TEMPORAL("temporal_ordered", ""), "ab-a-c", "", 15 * SECOND},
        {TEMPORAL("temporal", ", condition: a and (b or c)"), "bc", "", SECOND},
        {TEMPORAL("temporal", ", condition: a and (b or c)"), "ca", "x@2 ", SECOND},
        {TEMPORAL("temporal", ", condition: a and not b"), "ac", "x@2 ", SECOND},
        {TEMPORAL("temporal", ", condition: a and not b"), "acb", "", SECOND},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bench *bench = bench_of(cases[i].rule, &usual_limits);
        feed_row(bench, cases[i].row, cases[i].step);
        correlator_flush(bench->correlator);
        if (strcmp(bench->found.text, cases[i].expected) != 0)
            fail_msg("%s of %s: found \"%s\", expected \"%s\"", cases[i].row, cases[i].rule,
                     bench->found.text, cases[i].expected);
        bench_end(bench);
    }
}

static void order_is_that_of_events_and_not_of_arrival(void **state)
{
    (void)state;
    struct bench *bench = bench_of(TEMPORAL("temporal_ordered", ""), &usual_limits);
    feed(bench, "c", MONDAY + 3 * SECOND, "u=bob");
    feed(bench, "b", MONDAY + 2 * SECOND, "u=bob");
    expect(bench, "");
    feed(bench, "a", MONDAY + SECOND, "u=bob");
    expect(bench, "x@3 ");
    feed(bench, "a", MONDAY + 3 * SECOND, "u=eve");
    feed(bench, "b", MONDAY + 2 * SECOND, "u=eve");
    feed(bench, "c", MONDAY + SECOND, "u=eve");
    expect(bench, "x@3 ");
    bench_end(bench);
}

static void aliases_join_fields_of_other_names(void **state)
{
    (void)state;
    struct bench *bench =
        bench_of("title: x\ncorrelation: {type: temporal, rules: [a, b], group-by: [in, out], timespan: 10s, "
                 "aliases: {in: {a: dst, b: src}, out: {a: src, b: dst}}}\n",
                 &usual_limits);
    feed(bench, "a", MONDAY, "src=1 dst=2");
    feed(bench, "b", MONDAY, "src=1 dst=2");
    expect(bench, "");
    feed(bench, "b", MONDAY, "src=2 dst=1");
    expect(bench, "x@3 ");
    assert_string_equal(bench->found.group, "in=2, out=1");
    bench_end(bench);
}

static void correlations_build_on_correlations(void **state)
{
    (void)state;
    /* Many failures on any host, then a success of the same user. */
    struct bench *bench = bench_of(
        "title: many\nname: many\ncorrelation: {type: event_count, rules: [a], group-by: [u, h], timespan: "
        "1m, condition: "
        "{gte: 3}}\n---\n"
        "title: x\ncorrelation: {type: temporal_ordered, rules: [many, b], group-by: [u], timespan: 5m}\n",
        &usual_limits);
    feed(bench, "a", MONDAY, "u=bob h=1");
    feed(bench, "a", MONDAY + SECOND, "u=bob h=2");
    feed(bench, "a", MONDAY + 2 * SECOND, "u=bob h=1");
    feed(bench, "b", MONDAY + 3 * SECOND, "u=bob h=3");
    expect(bench, "");
    for (int i = 0; i < 400; i++) /* it goes on for so long that the first success would be too late */
        feed(bench, "a", MONDAY + (4 + i) * SECOND, "u=bob h=1");
    feed(bench, "b", MONDAY + 410 * SECOND, "u=eve h=3");
    expect(bench, "");
    feed(bench, "b", MONDAY + 410 * SECOND, "u=bob h=3");
    expect(bench, "x@406 ");
    bench_end(bench);
}

static void an_event_from_the_future_counts_as_of_its_arrival_for_all_that_build_on_it(void **state)
{
    (void)state;
    struct bench *bench = bench_of("title: each\nname: each\ncorrelation: {type: event_count, rules: [a], "
                                   "group-by: [u], timespan: 1m, condition: {gte: 1}}\n---\n"
                                   "title: x\ncorrelation: {type: event_count, rules: [each], group-by: [u], "
                                   "timespan: 5m, condition: {gte: 3}}\n",
                                   &usual_limits);
    feed_at(bench, "a", MONDAY + 30 * DAY, MONDAY, "u=bob");
    for (int i = 1; i < 4; i++)
        feed_at(bench, "a", MONDAY + i * SECOND, MONDAY + i * SECOND, "u=bob");
    expect(bench, "x@3 ");
    assert_int_equal(correlator_counts(bench->correlator)->late, 0);
    bench_end(bench);
}

static void at_the_end_what_waits_is_decided_before_what_builds_on_it(void **state)
{
    (void)state;
    struct bench *bench = bench_of("title: x\ncorrelation: {type: event_count, rules: [few], group-by: [u], "
                                   "timespan: 1h, condition: {lt: 5}}\n---\n"
                                   "title: few\nname: few\ncorrelation: {type: event_count, rules: [a], "
                                   "group-by: [u], timespan: 1m, condition: {lt: 5}}\n",
                                   &usual_limits);
    feed(bench, "a", MONDAY, "u=bob");
    correlator_flush(bench->correlator);
    expect(bench, "x@1 ");
    assert_int_equal(correlator_due(bench->correlator), 0);
    bench_end(bench);
}

static void what_is_decided_while_another_is_told_of_does_not_take_its_place(void **state)
{
    (void)state;
    enum { MORE_THAN_WAIT = 9 }; /* so that the last one makes the first be decided at once */
    struct bench *bench = bench_of("title: few\nname: few\ncorrelation: {type: event_count, rules: [a], "
                                   "group-by: [u, h], timespan: 1m, condition: {lt: 5}}\n---\n"
                                   "title: lone\nname: lone\ncorrelation: {type: missing_before, rules: "
                                   "[b, few], group-by: [h], timespan: 1h, wait: 1d}\n---\n"
                                   "title: x\ncorrelation: {type: event_count, rules: [lone], group-by: [u], "
                                   "timespan: 1m, condition: {gte: 1}}\n",
                                   &usual_limits);
    char pairs[40];
    for (int i = 1; i <= MORE_THAN_WAIT; i++) {
        snprintf(pairs, sizeof pairs, "u=bob%d h=1", i);
        feed(bench, "a", MONDAY + i * SECOND, pairs);
    }
    correlator_advance(bench->correlator, MONDAY + HOUR);
    expect(bench, "x@1 ");
    assert_string_equal(bench->found.group, "u=bob1");
    correlator_advance(bench->correlator, MONDAY + 3 * DAY);
    expect(bench, "x@1 x@2 x@3 x@4 x@5 x@6 x@7 x@8 x@9 ");
    assert_string_equal(bench->found.group, "u=bob9");
    bench_end(bench);
}

static void a_correlation_that_others_build_on_alerts_by_itself_when_they_say_generate(void **state)
{
    (void)state;
    struct bench *bench = bench_of("title: many\nname: many\ncorrelation: {type: event_count, rules: [a], "
                                   "group-by: [u], timespan: 1m, condition: "
                                   "{gte: 2}}\n---\n"
                                   "title: x\ncorrelation: {type: temporal_ordered, rules: [many, b], "
                                   "group-by: [u], timespan: 5m, generate: true}\n",
                                   &usual_limits);
    feed(bench, "a", MONDAY, "u=bob");
    feed(bench, "a", MONDAY, "u=bob");
    feed(bench, "b", MONDAY + SECOND, "u=bob");
    expect(bench, "many@2 x@3 ");
    bench_end(bench);
}

/* --- bounds --- */

static bool no_change(void *arg, sv key, sv value)
{
    size_t *gone = arg;
    (void)key;
    *gone += value.p == NULL;
    return true;
}

static void a_million_groups_stay_within_their_memory(void **state)
{
    const struct correlator_limits small = {32 << 20, 10 * MINUTE, 5 * MINUTE};
    size_t gone = 0;
    (void)state;
    struct bench *bench = bench_of(COUNT("gte: 2"), &small);
    for (int i = 0; i < 1000000; i++) {
        char pairs[32];
        snprintf(pairs, sizeof pairs, "u=user%d", i);
        feed(bench, "a", MONDAY + i * 1000, pairs);
        if (i % 1000 == 0)
            correlator_changes(bench->correlator, no_change, &gone);
    }
    const struct correlator_counts *counts = correlator_counts(bench->correlator);
    assert_true(counts->bytes <= small.bytes_max);
    assert_true(counts->evicted > 500000);
    assert_int_equal(counts->groups + counts->evicted, 1000000);
    correlator_changes(bench->correlator, no_change, &gone);
    assert_int_equal(gone, counts->evicted);
    feed(bench, "a", MONDAY + SECOND, "u=user999999"); /* the newest are still known */
    expect(bench, "x@1000001 ");
    bench_end(bench);
}

static void a_flood_of_groups_of_one_correlation_leaves_the_others_alone(void **state)
{
    const struct correlator_limits small = {2 << 20, 10 * MINUTE, 5 * MINUTE};
    (void)state;
    struct bench *bench = bench_of(COUNT("gte: 2") "---\ntitle: y\ncorrelation: {type: dormant, rules: [b], "
                                                   "group-by: [u], timespan: 30d}\n",
                                   &small);
    feed(bench, "b", MONDAY, "u=bob");
    for (int i = 0; i < 50000; i++) {
        char pairs[32];
        snprintf(pairs, sizeof pairs, "u=user%d", i);
        feed(bench, "a", MONDAY + i, pairs);
    }
    assert_true(correlator_counts(bench->correlator)->evicted > 0);
    feed(bench, "b", MONDAY + 31 * DAY, "u=bob");
    expect(bench, "y@50002 ");
    bench_end(bench);
}

static void groups_whose_window_is_over_are_forgotten(void **state)
{
    (void)state;
    struct bench *bench = bench_of(COUNT("gte: 2"), &usual_limits);
    feed(bench, "a", MONDAY, "u=bob");
    assert_int_equal(correlator_counts(bench->correlator)->groups, 1);
    correlator_advance(bench->correlator, MONDAY + 11 * MINUTE + SECOND);
    size_t gone = 0;
    correlator_changes(bench->correlator, no_change, &gone);
    assert_int_equal(gone, 1);
    bench_end(bench);
}

static void a_window_holds_so_many_events_and_no_more(void **state)
{
    (void)state;
    struct bench *bench = bench_of(VALUE("value_sum", "gt: 1000000"), &usual_limits);
    for (int i = 0; i < 12000; i++)
        feed(bench, "a", MONDAY + i * 1000, "u=bob v=1");
    assert_true(correlator_counts(bench->correlator)->cut > 0);
    assert_true(correlator_counts(bench->correlator)->bytes < 1 << 20);
    bench_end(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_counted_within_the_timespan_and_no_further),
        cmocka_unit_test(groups_do_not_leak_into_each_other),
        cmocka_unit_test(a_window_is_told_of_once),
        cmocka_unit_test(the_order_of_arrival_does_not_matter),
        cmocka_unit_test(shuffled_events_are_found_as_ordered_ones_are),
        cmocka_unit_test(what_comes_too_late_is_counted_and_left_out),
        cmocka_unit_test(an_event_from_the_future_counts_as_of_its_arrival),
        cmocka_unit_test(an_event_from_before_1970_counts_as_of_its_arrival),
        cmocka_unit_test(conditions_hold_as_they_say),
        cmocka_unit_test(a_condition_without_a_lower_bound_waits_for_the_end_of_its_window),
        cmocka_unit_test(values_are_counted_summed_averaged_and_ranked),
        cmocka_unit_test(rules_come_together_or_in_their_order),
        cmocka_unit_test(order_is_that_of_events_and_not_of_arrival),
        cmocka_unit_test(aliases_join_fields_of_other_names),
        cmocka_unit_test(correlations_build_on_correlations),
        cmocka_unit_test(an_event_from_the_future_counts_as_of_its_arrival_for_all_that_build_on_it),
        cmocka_unit_test(at_the_end_what_waits_is_decided_before_what_builds_on_it),
        cmocka_unit_test(what_is_decided_while_another_is_told_of_does_not_take_its_place),
        cmocka_unit_test(a_correlation_that_others_build_on_alerts_by_itself_when_they_say_generate),
        cmocka_unit_test(a_million_groups_stay_within_their_memory),
        cmocka_unit_test(a_flood_of_groups_of_one_correlation_leaves_the_others_alone),
        cmocka_unit_test(groups_whose_window_is_over_are_forgotten),
        cmocka_unit_test(a_window_holds_so_many_events_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
