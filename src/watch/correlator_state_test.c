#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs its types first. */
#include <cmocka.h>

#include <stdio.h>

#include "watch/correlator_fixture.h"

#define ALL                                                                                                  \
    "title: count\ncorrelation: {type: event_count, rules: [a], group-by: [u], timespan: 1h, condition: "    \
    "{gte: 4}}\n---\n"                                                                                       \
    "title: few\ncorrelation: {type: event_count, rules: [a], group-by: [u], timespan: 1h, condition: {lt: " \
    "4}}\n---\n"                                                                                             \
    "title: values\ncorrelation: {type: value_count, rules: [a], group-by: [u], timespan: 1h, condition: "   \
    "{gte: 3, field: "                                                                                       \
    "v}}\n---\n"                                                                                             \
    "title: sum\ncorrelation: {type: value_sum, rules: [a], group-by: [u], timespan: 1h, condition: {gte: "  \
    "9, field: "                                                                                             \
    "n}}\n---\n"                                                                                             \
    "title: order\ncorrelation: {type: temporal_ordered, rules: [a, b], group-by: [u], timespan: 1h}\n---\n" \
    "title: new\ncorrelation: {type: new_value, rules: [a], group-by: [u], field: v, learn: 1m, minimum: "   \
    "2}\n---\n"                                                                                              \
    "title: hours\ncorrelation: {type: rare_hours, rules: [a], group-by: [u], minimum: 2, learn: 1m}\n---\n" \
    "title: days\ncorrelation: {type: rare_days, rules: [a], group-by: [u], minimum: 0, learn: 1m}\n---\n"   \
    "title: dormant\ncorrelation: {type: dormant, rules: [a], group-by: [u], timespan: 3d}\n---\n"           \
    "title: spike\ncorrelation: {type: spike, rules: [a], group-by: [u], timespan: 1h, learn: 1m, minimum: " \
    "5}\n---\n"                                                                                              \
    "title: absence\ncorrelation: {type: absence, rules: [a], group-by: [u], timespan: 2h}\n---\n"           \
    "title: missing\ncorrelation: {type: missing_before, rules: [b, a], group-by: [u], timespan: 1h}\n"

/* A stretch of events that makes every type find something. */
static void event(struct bench *bench, int i)
{
    static const int gaps[] = {1, 2, 3, 50, 61, 70, 200, 1, 1, 300, 5000, 1, 1, 1, 1, 1, 1, 1};
    nanos time = MONDAY;
    char pairs[100];
    for (int j = 0; j <= i; j++)
        time += gaps[j % (int)(sizeof gaps / sizeof *gaps)] * MINUTE;
    snprintf(pairs, sizeof pairs, "u=u%d v=v%d n=%d", i % 2, i * i % 5, i % 7);
    feed(bench, i % 5 == 4 ? "b" : "a", time, pairs);
}

enum { EVENTS = 150 };

static void a_restart_at_any_moment_changes_nothing(void **state)
{
    (void)state;
    struct bench *whole = bench_of(ALL, &usual_limits);
    for (int i = 0; i < EVENTS; i++)
        event(whole, i);
    assert_true(whole->found.count > 20);
    for (int step = 1; step < 40; step += 6) {
        struct bench *broken = bench_of(ALL, &usual_limits);
        for (int i = 0; i < EVENTS; i++) {
            event(broken, i);
            if (i % step == 0)
                bench_restart(broken, broken->arrival);
        }
        assert_string_equal(broken->found.text, whole->found.text);
        bench_end(broken);
    }
    bench_end(whole);
}

/* --- A store of one's own: what the changes say. --- */

enum { ROWS_MAX = 64 };

struct row {
    char key[600], value[4000];
    size_t key_n, value_n;
    bool used;
};

struct rows {
    struct row rows[ROWS_MAX];
    size_t changes;
};

static bool keep(void *arg, sv key, sv value)
{
    struct rows *rows = arg;
    struct row *free_row = NULL;
    rows->changes++;
    for (size_t i = 0; i < ROWS_MAX; i++) {
        struct row *row = &rows->rows[i];
        if (row->used && sv_eq(sv_make(row->key, row->key_n), key)) {
            free_row = row;
            break;
        }
        free_row = !row->used && !free_row ? row : free_row;
    }
    assert_non_null(free_row);
    assert_true(value.n <= sizeof free_row->value);
    *free_row = (struct row){.key_n = key.n, .value_n = value.n, .used = value.p != NULL};
    memcpy(free_row->key, key.p, key.n);
    if (value.n)
        memcpy(free_row->value, value.p, value.n);
    return true;
}

static void changes_alone_bring_everything_back(void **state)
{
    static struct rows rows;
    (void)state;
    rows = (struct rows){0};
    struct bench *whole = bench_of(ALL, &usual_limits), *other = bench_of(ALL, &usual_limits);
    for (int i = 0; i < EVENTS; i++) {
        event(whole, i);
        event(other, i);
        correlator_changes(other->correlator, keep, &rows);
        if (i % 17)
            continue;
        struct bench *next = bench_of(ALL, &usual_limits);
        next->found = other->found;
        next->ordinal = other->ordinal;
        next->arrival = other->arrival;
        for (size_t j = 0; j < ROWS_MAX; j++)
            if (rows.rows[j].used)
                assert_true(
                    correlator_restore(next->correlator, sv_make(rows.rows[j].key, rows.rows[j].key_n),
                                       sv_make(rows.rows[j].value, rows.rows[j].value_n), next->arrival));
        bench_end(other);
        other = next;
    }
    assert_string_equal(other->found.text, whole->found.text);
    bench_end(whole);
    bench_end(other);
}

static void what_did_not_change_is_not_told(void **state)
{
    static struct rows rows;
    (void)state;
    rows = (struct rows){0};
    struct bench *bench = bench_of(ALL, &usual_limits);
    event(bench, 0);
    correlator_changes(bench->correlator, keep, &rows);
    size_t before = rows.changes;
    assert_true(before > 5);
    correlator_changes(bench->correlator, keep, &rows);
    assert_int_equal(rows.changes, before);
    bench_end(bench);
}

static void state_of_other_correlations_is_let_go(void **state)
{
    static struct rows rows;
    (void)state;
    rows = (struct rows){0};
    struct bench *bench = bench_of(ALL, &usual_limits);
    event(bench, 0);
    correlator_changes(bench->correlator, keep, &rows);
    /* The same title, but it groups by something else. */
    struct bench *other =
        bench_of("title: count\ncorrelation: {type: event_count, rules: [a], group-by: [v], timespan: 1h, "
                 "condition: {gte: 4}}\n",
                 &usual_limits);
    size_t n = 0;
    for (size_t j = 0; j < ROWS_MAX; j++)
        if (rows.rows[j].used) {
            assert_false(correlator_restore(other->correlator, sv_make(rows.rows[j].key, rows.rows[j].key_n),
                                            sv_make(rows.rows[j].value, rows.rows[j].value_n), MONDAY));
            n++;
        }
    rows.changes = 0;
    correlator_changes(other->correlator, keep, &rows);
    assert_int_equal(rows.changes, n);
    for (size_t j = 0; j < ROWS_MAX; j++)
        assert_false(rows.rows[j].used);
    bench_end(bench);
    bench_end(other);
}

/* Version and due come first, then the time of the first event and of the last. */
static void state_with_times_that_cannot_be_is_let_go(void **state)
{
    (void)state;
    enum { LAST_AT = 4 + 8 + 8 };
    static const nanos times[] = {MONDAY, INT64_MIN, -1, INT64_MAX};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        static struct rows rows;
        rows = (struct rows){0};
        const char *document = "title: x\ncorrelation: {type: dormant, rules: [a], timespan: 1d}\n";
        struct bench *before = bench_of(document, &usual_limits), *after = bench_of(document, &usual_limits);
        feed(before, "a", MONDAY, "u=bob");
        correlator_changes(before->correlator, keep, &rows);
        struct row *row = &rows.rows[0];
        assert_true(row->used && row->value_n > LAST_AT + sizeof times[i]);
        memcpy(row->value + LAST_AT, &times[i], sizeof times[i]);
        assert_true(correlator_restore(after->correlator, sv_make(row->key, row->key_n),
                                       sv_make(row->value, row->value_n), MONDAY) == (i == 0));
        bench_end(before);
        bench_end(after);
    }
}

#define ONE(terms) "title: x\ncorrelation: {rules: [a], group-by: [u], " terms "}\n"

static void state_that_was_kept_under_terms_of_another_meaning_is_let_go(void **state)
{
    (void)state;
    static const struct {
        const char *before, *after;
        bool kept;
    } cases[] = {
        {ONE("type: spike, timespan: 1h"), ONE("type: spike, timespan: 1d"), false},
        {ONE("type: spike, timespan: 1h"), ONE("type: spike, timespan: 1h, zone: Europe/Berlin"), false},
        {ONE("type: rare_days"), ONE("type: rare_days, zone: Europe/Berlin"), false},
        {ONE("type: new_value, field: u"), ONE("type: new_value, field: u, prefix-v4: 24"), false},
        {ONE("type: spike, timespan: 1h"), ONE("type: spike, timespan: 1h, factor: 5, learn: 1d"), true},
        {ONE("type: rare_days"), ONE("type: rare_days, threshold: 0.5, half-life: 1d"), true},
        {ONE("type: new_value, field: u"), ONE("type: new_value, field: u, timespan: 1d"), true},
        {ONE("type: dormant, timespan: 1d"), ONE("type: dormant, timespan: 2d"), true},
        {ONE("type: event_count, timespan: 1h, condition: {gte: 3}"),
         ONE("type: event_count, timespan: 2h, condition: {gte: 5}"), true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        static struct rows rows;
        rows = (struct rows){0};
        struct bench *before = bench_of(cases[i].before, &usual_limits),
                     *after = bench_of(cases[i].after, &usual_limits);
        feed(before, "a", MONDAY, "u=bob");
        correlator_changes(before->correlator, keep, &rows);
        const struct row *row = &rows.rows[0];
        assert_true(row->used);
        if (correlator_restore(after->correlator, sv_make(row->key, row->key_n),
                               sv_make(row->value, row->value_n), MONDAY) != cases[i].kept)
            fail_msg("%s%s", cases[i].after, cases[i].kept ? "is new" : "goes on");
        bench_end(before);
        bench_end(after);
    }
}

static void what_fell_due_while_nobody_listened_waits_for_what_is_still_to_be_read(void **state)
{
    (void)state;
    struct bench *bench = bench_of(
        "title: x\ncorrelation: {type: absence, rules: [a], group-by: [u], timespan: 2h}\n---\n"
        "title: y\ncorrelation: {type: missing_before, rules: [b, a], group-by: [u], timespan: 1h}\n",
        &usual_limits);
    feed(bench, "a", MONDAY, "u=bob");
    bench_restart(bench, MONDAY + DAY);
    correlator_advance(bench->correlator, MONDAY + DAY + 59 * SECOND);
    expect(bench, "");
    feed_at(bench, "b", MONDAY - MINUTE, MONDAY + DAY + 59 * SECOND, "u=bob");
    correlator_advance(bench->correlator, MONDAY + DAY + HOUR);
    expect(bench, "");
    correlator_advance(bench->correlator, MONDAY + DAY + 2 * HOUR);
    expect(bench, "x@1 ");
    bench_end(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_restart_at_any_moment_changes_nothing),
        cmocka_unit_test(changes_alone_bring_everything_back),
        cmocka_unit_test(what_did_not_change_is_not_told),
        cmocka_unit_test(state_of_other_correlations_is_let_go),
        cmocka_unit_test(state_with_times_that_cannot_be_is_let_go),
        cmocka_unit_test(state_that_was_kept_under_terms_of_another_meaning_is_let_go),
        cmocka_unit_test(what_fell_due_while_nobody_listened_waits_for_what_is_still_to_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
