#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs its types first. */
#include <cmocka.h>

#include <stdio.h>

#include "watch/correlator_fixture.h"

/* --- new_value --- */

#define NEW_VALUE(more) \
    "title: x\ncorrelation: {type: new_value, rules: [a], group-by: [u], field: safe" more "}\n"

static void a_first_access_is_told_with_what_was_usual(void **state)
{
    (void)state;
    struct bench *bench = bench_of(NEW_VALUE(", learn: 7d, minimum: 5"), &usual_limits);
    for (int i = 0; i < 10; i++)
        feed(bench, "a", MONDAY + i * DAY, i % 3 ? "u=bob safe=linux" : "u=bob safe=oracle");
    feed(bench, "a", MONDAY + 10 * DAY, "u=eve safe=root"); /* she is new herself */
    expect(bench, "");
    feed(bench, "a", MONDAY + 10 * DAY, "u=bob safe=root");
    expect(bench, "x@12 ");
    expect_seen(
        bench, "Seen: safe 'root' for the first time. Usual: linux (6 times), oracle (4 times), in 10 events "
               "since 2026-01-05 00:00 UTC.");
    feed(bench, "a", MONDAY + 10 * DAY, "u=bob safe=root"); /* and now it is known */
    expect(bench, "x@12 ");
    bench_end(bench);
}

static void what_was_not_seen_for_the_timespan_is_new_again(void **state)
{
    (void)state;
    struct bench *bench = bench_of(NEW_VALUE(", learn: 0d, minimum: 1, timespan: 30d"), &usual_limits);
    feed(bench, "a", MONDAY, "u=bob safe=linux");
    feed(bench, "a", MONDAY + 30 * DAY, "u=bob safe=linux");
    expect(bench, "");
    feed(bench, "a", MONDAY + 61 * DAY, "u=bob safe=linux");
    expect(bench, "x@3 ");
    expect_seen(bench, "for the first time since 2026-02-04");
    bench_end(bench);
}

static void addresses_count_by_their_network(void **state)
{
    (void)state;
    struct bench *bench =
        bench_of(NEW_VALUE(", learn: 0d, minimum: 1, prefix-v4: 24, prefix-v6: 64"), &usual_limits);
    feed(bench, "a", MONDAY, "u=bob safe=192.0.2.7");
    feed(bench, "a", MONDAY, "u=bob safe=192.0.2.200");
    expect(bench, "");
    feed(bench, "a", MONDAY, "u=bob safe=192.0.3.7");
    feed(bench, "a", MONDAY, "u=bob safe=2001:db8::1");
    feed(bench, "a", MONDAY, "u=bob safe=2001:db8::ffff:2");
    feed(bench, "a", MONDAY, "u=bob safe=host7");
    expect(bench, "x@3 x@4 x@6 ");
    bench_end(bench);
}

static void a_group_knows_so_many_values_and_no_more(void **state)
{
    (void)state;
    struct bench *bench = bench_of(NEW_VALUE(""), &usual_limits);
    for (int i = 0; i < 5000; i++) {
        char pairs[40];
        snprintf(pairs, sizeof pairs, "u=bob safe=s%d", i);
        feed(bench, "a", MONDAY + i, pairs);
    }
    assert_int_equal(correlator_counts(bench->correlator)->cut, 5000 - 512);
    assert_true(correlator_counts(bench->correlator)->bytes < 100000);
    bench_end(bench);
}

/* --- rare_hours, rare_days --- */

#define RARE(type, more) "title: x\ncorrelation: {type: " type ", rules: [a], group-by: [u]" more "}\n"

/* Works from 8 to 17 local time, offset seconds east of UTC, for so many working days. */
static void work(struct bench *bench, nanos from, int days, int offset)
{
    for (int day = 0; day < days; day++)
        for (int hour = 8; hour < 18 && day % 7 < 5; hour++)
            feed(bench, "a", from + day * DAY + hour * HOUR + 30 * MINUTE - offset * SECOND, "u=bob");
}

static void an_hour_at_which_nobody_works_is_told_once_a_day(void **state)
{
    (void)state;
    struct bench *bench = bench_of(RARE("rare_hours", ""), &usual_limits);
    work(bench, MONDAY, 28, 0);
    expect(bench, "");
    feed(bench, "a", MONDAY + 28 * DAY + 7 * HOUR + 30 * MINUTE, "u=bob"); /* beside a usual hour */
    expect(bench, "");
    feed(bench, "a", MONDAY + 29 * DAY + 3 * HOUR, "u=bob");
    feed(bench, "a", MONDAY + 29 * DAY + 3 * HOUR + MINUTE, "u=bob");
    assert_int_equal(bench->found.count, 1);
    expect_seen(bench,
                "Seen: activity between 03:00 and 03:59 (UTC), which is so on 0.0 % of the active days. "
                "Usual: 07:00-17:59, since 2026-01-05 08:30 UTC.");
    bench_end(bench);
}

static void a_busy_night_does_not_make_nights_usual(void **state)
{
    (void)state;
    struct bench *bench = bench_of(RARE("rare_hours", ""), &usual_limits);
    work(bench, MONDAY, 56, 0);
    for (int i = 0; i < 1000; i++)
        feed(bench, "a", MONDAY + 57 * DAY + 3 * HOUR + i * SECOND, "u=bob");
    assert_int_equal(bench->found.count, 1);
    work(bench, MONDAY + 63 * DAY, 14, 0);
    feed(bench, "a", MONDAY + 78 * DAY + 3 * HOUR, "u=bob");
    assert_int_equal(bench->found.count, 2);
    bench_end(bench);
}

static void hours_follow_summer_time_in_their_zone(void **state)
{
    (void)state;
    /* 2026-03-02 is a Monday; the clocks of Berlin go forward on 2026-03-29, from UTC+1 to UTC+2. */
    const nanos march = MONDAY + 56 * DAY;
    struct bench *bench = bench_of(RARE("rare_hours", ", zone: Europe/Berlin"), &usual_limits);
    work(bench, march, 27, 3600);
    feed(bench, "a", march + 28 * DAY + 8 * HOUR + 30 * MINUTE - 7200 * SECOND,
         "u=bob"); /* 08:30 in summer */
    expect(bench, "");
    /* 06:00 there in summer, which would be 05:00 without it; two hours before the work begins. */
    feed(bench, "a", march + 28 * DAY + 4 * HOUR, "u=bob");
    assert_int_equal(bench->found.count, 1);
    expect_seen(bench, "between 06:00 and 06:59 (Europe/Berlin)");
    bench_end(bench);
    /* In UTC the same 08:30 is two hours early. */
    bench = bench_of(RARE("rare_hours", ""), &usual_limits);
    work(bench, march, 27, 3600);
    feed(bench, "a", march + 28 * DAY + 5 * HOUR, "u=bob");
    assert_int_equal(bench->found.count, 1);
    bench_end(bench);
}

static void the_hour_that_comes_twice_is_one_hour(void **state)
{
    (void)state;
    /* 2026-10-25: from 03:00 back to 02:00 in Berlin. Somebody who always works at 02:30 local time. */
    const nanos october = MONDAY + 273 * DAY; /* 2026-10-05 */
    struct bench *bench = bench_of(RARE("rare_hours", ", zone: Europe/Berlin"), &usual_limits);
    for (int day = 0; day < 20; day++)
        feed(bench, "a", october + day * DAY + 30 * MINUTE, "u=bob"); /* 02:30 in summer time */
    feed(bench, "a", october + 20 * DAY + 30 * MINUTE, "u=bob");      /* 02:30, summer */
    feed(bench, "a", october + 20 * DAY + 90 * MINUTE, "u=bob");      /* 02:30, again */
    feed(bench, "a", october + 21 * DAY + 90 * MINUTE, "u=bob");      /* 02:30, winter */
    expect(bench, "");
    bench_end(bench);
}

static void a_weekend_is_rare_for_somebody_who_works_on_weekdays(void **state)
{
    (void)state;
    struct bench *bench = bench_of(RARE("rare_days", ""), &usual_limits);
    work(bench, MONDAY, 42, 0);
    feed(bench, "a", MONDAY + 42 * DAY + 9 * HOUR, "u=bob");
    expect(bench, "");
    feed(bench, "a", MONDAY + 48 * DAY + 9 * HOUR, "u=bob");
    assert_int_equal(bench->found.count, 1);
    expect_seen(bench,
                "activity on a Sunday (UTC), which is so in 0.0 % of the active weeks. Usual: Monday-Friday");
    bench_end(bench);
}

static void nobody_is_judged_before_he_is_known(void **state)
{
    (void)state;
    struct bench *bench = bench_of(RARE("rare_hours", ", learn: 14d, minimum: 10"), &usual_limits);
    work(bench, MONDAY, 12, 0);
    feed(bench, "a", MONDAY + 12 * DAY + 3 * HOUR, "u=bob"); /* 12 days: not yet 14 */
    expect(bench, "");
    feed(bench, "a", MONDAY, "u=eve");
    feed(bench, "a", MONDAY + 40 * DAY + 3 * HOUR, "u=eve"); /* 40 days, of which she was active on one */
    expect(bench, "");
    bench_end(bench);
}

/* --- dormant, spike --- */

static void activity_after_a_long_quiet_is_told(void **state)
{
    (void)state;
    struct bench *bench = bench_of(
        "title: x\ncorrelation: {type: dormant, rules: [a], group-by: [u], timespan: 30d}\n", &usual_limits);
    feed(bench, "a", MONDAY, "u=bob");
    feed(bench, "a", MONDAY + 29 * DAY, "u=bob");
    expect(bench, "");
    feed(bench, "a", MONDAY + 59 * DAY, "u=bob");
    expect(bench, "x@3 ");
    expect_seen(bench,
                "the first activity for 30 d. Before: 2 events, from 2026-01-05 00:00 UTC to 2026-02-03");
    feed(bench, "a", MONDAY + 59 * DAY + HOUR, "u=bob");
    expect(bench, "x@3 ");
    bench_end(bench);
}

static void more_than_is_usual_for_oneself_is_a_spike(void **state)
{
    (void)state;
    struct bench *bench =
        bench_of("title: x\ncorrelation: {type: spike, rules: [a], group-by: [u], timespan: 1d, minimum: "
                 "10, learn: 14d}\n",
                 &usual_limits);
    for (int day = 0; day < 20; day++)
        for (int i = 0; i < (day % 7 < 5 ? 6 + day % 3 : 0); i++) {
            feed(bench, "a", MONDAY + day * DAY + 9 * HOUR + i * MINUTE, "u=bob");
            for (int j = 0; j < 10; j++) /* who always does much is not told of for it */
                feed(bench, "a", MONDAY + day * DAY + 9 * HOUR + i * MINUTE, "u=script");
        }
    for (int i = 0; i < 60; i++)
        feed(bench, "a", MONDAY + 21 * DAY + 9 * HOUR + i * MINUTE, "u=script");
    expect(bench, "");
    for (int i = 0; i < 60; i++)
        feed(bench, "a", MONDAY + 21 * DAY + 9 * HOUR + i * MINUTE, "u=bob");
    assert_int_equal(bench->found.count, 1);
    expect_seen(
        bench,
        "Seen: 21 events within one period of 24 h. Usual: 7, at most 8, in the last 15 active periods");
    bench_end(bench);
}

/* --- absence, missing_before --- */

static void a_sensor_that_falls_silent_is_told_once_until_it_is_heard_again(void **state)
{
    (void)state;
    struct bench *bench =
        bench_of("title: x\ncorrelation: {type: absence, rules: [a], group-by: [host], timespan: 1h}\n",
                 &usual_limits);
    for (int i = 0; i < 10; i++)
        feed(bench, "a", MONDAY + i * 10 * MINUTE, "host=h1");
    correlator_advance(bench->correlator, MONDAY + 90 * MINUTE + HOUR - 1);
    expect(bench, "");
    correlator_advance(bench->correlator, MONDAY + 90 * MINUTE + HOUR);
    expect(bench, "x@10 ");
    assert_string_equal(bench->found.group, "host=h1");
    expect_seen(bench,
                "nothing for 60 min; the last event was at 2026-01-05 01:30 UTC. Usual: one in 10 min (10 "
                "events since 2026-01-05 00:00 UTC)");
    correlator_advance(bench->correlator, MONDAY + 10 * DAY);
    expect(bench, "x@10 ");
    feed(bench, "a", MONDAY + 10 * DAY, "host=h1");
    correlator_advance(bench->correlator, MONDAY + 11 * DAY);
    expect(bench, "x@10 x@11 ");
    feed(bench, "a", MONDAY + 11 * DAY, "host=h2");
    correlator_advance(bench->correlator, MONDAY + 12 * DAY);
    expect(bench, "x@10 x@11 x@12 ");
    assert_string_equal(bench->found.seen,
                        "Seen: nothing for 60 min; the last event was at 2026-01-16 00:00 UTC.");
    bench_end(bench);
}

static void what_never_came_is_absent_too(void **state)
{
    (void)state;
    struct bench *bench =
        bench_of("title: x\ncorrelation: {type: absence, rules: [a], timespan: 1h}\n", &usual_limits);
    correlator_start(bench->correlator, MONDAY);
    correlator_advance(bench->correlator, MONDAY + HOUR);
    expect(bench, "x@0 ");
    bench_end(bench);
}

#define MISSING                                                                                           \
    "title: x\ncorrelation: {type: missing_before, rules: [a, b], group-by: [acct], timespan: 8h, wait: " \
    "1m}\n"

static void a_logon_without_a_retrieval_before_it_is_told(void **state)
{
    (void)state;
    struct bench *bench = bench_of(MISSING, &usual_limits);
    feed(bench, "a", MONDAY, "acct=root");
    feed(bench, "b", MONDAY + 8 * HOUR, "acct=root");
    feed(bench, "b", MONDAY + 8 * HOUR, "acct=oracle"); /* nobody retrieved this one */
    correlator_advance(bench->correlator, MONDAY + 8 * HOUR + MINUTE);
    expect(bench, "x@3 ");
    expect_seen(bench, "none of what should come before, within 8 h, and none is remembered.");
    feed(bench, "b", MONDAY + 9 * HOUR, "acct=root"); /* nine hours ago is too long */
    correlator_flush(bench->correlator);
    expect(bench, "x@3 x@4 ");
    expect_seen(bench, "the last was at 2026-01-05 00:00 UTC");
    bench_end(bench);
}

static void a_retrieval_that_is_told_of_late_still_counts(void **state)
{
    (void)state;
    struct bench *bench = bench_of(MISSING, &usual_limits);
    feed(bench, "b", MONDAY + HOUR, "acct=root");
    feed_at(bench, "a", MONDAY + 30 * MINUTE, MONDAY + HOUR + 50 * SECOND, "acct=root");
    correlator_advance(bench->correlator, MONDAY + 2 * HOUR);
    expect(bench, "");
    feed(bench, "b", MONDAY + 20 * HOUR, "acct=root");
    feed(bench, "a", MONDAY + 20 * HOUR + 61 * SECOND, "acct=root"); /* afterwards is not before */
    correlator_flush(bench->correlator);
    expect(bench, "x@3 ");
    bench_end(bench);
}

static void learning_finds_nothing_and_remembers_all(void **state)
{
    (void)state;
    struct bench *bench = bench_of(NEW_VALUE(", learn: 7d, minimum: 1"), &usual_limits);
    correlator_learn(bench->correlator, true);
    for (int i = 0; i < 30; i++)
        feed(bench, "a", MONDAY + i * DAY, i == 20 ? "u=bob safe=odd" : "u=bob safe=linux");
    expect(bench, "");
    correlator_learn(bench->correlator, false);
    feed(bench, "a", MONDAY + 31 * DAY, "u=bob safe=odd");
    expect(bench, "");
    feed(bench, "a", MONDAY + 31 * DAY, "u=bob safe=root");
    expect(bench, "x@32 ");
    bench_end(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_first_access_is_told_with_what_was_usual),
        cmocka_unit_test(what_was_not_seen_for_the_timespan_is_new_again),
        cmocka_unit_test(addresses_count_by_their_network),
        cmocka_unit_test(a_group_knows_so_many_values_and_no_more),
        cmocka_unit_test(an_hour_at_which_nobody_works_is_told_once_a_day),
        cmocka_unit_test(a_busy_night_does_not_make_nights_usual),
        cmocka_unit_test(hours_follow_summer_time_in_their_zone),
        cmocka_unit_test(the_hour_that_comes_twice_is_one_hour),
        cmocka_unit_test(a_weekend_is_rare_for_somebody_who_works_on_weekdays),
        cmocka_unit_test(nobody_is_judged_before_he_is_known),
        cmocka_unit_test(activity_after_a_long_quiet_is_told),
        cmocka_unit_test(more_than_is_usual_for_oneself_is_a_spike),
        cmocka_unit_test(a_sensor_that_falls_silent_is_told_once_until_it_is_heard_again),
        cmocka_unit_test(what_never_came_is_absent_too),
        cmocka_unit_test(a_logon_without_a_retrieval_before_it_is_told),
        cmocka_unit_test(a_retrieval_that_is_told_of_late_still_counts),
        cmocka_unit_test(learning_finds_nothing_and_remembers_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
