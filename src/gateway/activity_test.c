/* Who sends what: counted, recent first, and bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/activity.h"

static const nanos start = 1780300800 * NANOS_PER_SECOND;

static void decide(struct activity *activity, const char *sender, enum guard_action action, nanos now)
{
    const struct guard_question question = {
        .client_ip = SV("192.0.2.1"), .sender = sv_of(sender), .now = now};
    const struct guard_verdict verdict = {.action = action, .rule = "net"};
    activity_decided(activity, &question, &verdict);
}

struct seen {
    size_t count;
    struct activity_row rows[3];
};

static void see(void *arg, const struct activity_row *row)
{
    struct seen *seen = arg;
    if (seen->count < 3)
        seen->rows[seen->count] = *row;
    seen->count++;
}

static void who_sent_last_comes_first_with_its_counts(void **state)
{
    (void)state;
    struct activity *activity = activity_new();
    struct seen seen = {0};
    decide(activity, "a@example.org", GUARD_ACCEPT, start);
    decide(activity, "b@example.org", GUARD_REJECT, start + 1);
    decide(activity, "a@example.org", GUARD_DEFER, start + 2);
    decide(activity, "a@example.org", GUARD_QUARANTINE, start + 3);
    activity_took(activity, SV("192.0.2.1"), SV_NONE, SV("a@example.org"), 700, start + 4);
    activity_each(activity, start + 5, 10, see, &seen);
    assert_int_equal(seen.count, 2);
    assert_string_equal(seen.rows[0].sender, "a@example.org");
    assert_string_equal(seen.rows[0].rule, "net");
    assert_true(seen.rows[0].taken == 1 && seen.rows[0].deferred == 1 && seen.rows[0].held == 1);
    assert_true(seen.rows[0].bytes == 700 && seen.rows[0].last_minute == 3 && seen.rows[0].first_at == start);
    assert_true(seen.rows[1].refused == 1);
    seen = (struct seen){0};
    activity_each(activity, start + 130 * NANOS_PER_SECOND, 1, see, &seen);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.rows[0].last_minute, 0);
    activity_free(activity);
}

static void many_senders_take_the_place_of_the_quietest(void **state)
{
    (void)state;
    struct activity *activity = activity_new();
    struct seen seen = {0};
    char sender[64];
    for (int i = 0; i < 100000; i++) {
        snprintf(sender, sizeof sender, "s%d@example.org", i);
        decide(activity, sender, GUARD_ACCEPT, start + i);
    }
    activity_each(activity, start + 100000, 100000, see, &seen);
    assert_true(seen.count > ACTIVITY_ROWS_MAX / 2 && seen.count <= ACTIVITY_ROWS_MAX);
    assert_string_equal(seen.rows[0].sender, "s99999@example.org");
    activity_free(activity);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_sent_last_comes_first_with_its_counts),
        cmocka_unit_test(many_senders_take_the_place_of_the_quietest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
