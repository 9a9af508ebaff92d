/* How many messages are taken ahead: few, and more only while they go fast. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "courier/appetite.h"

enum { SESSIONS = 5, MOST = 128 };

static size_t ask(struct appetite *appetite, size_t ready, size_t room, int64_t ms)
{
    return appetite_now(appetite, ready, SESSIONS, room, MOST, NANOS_PER_SECOND + ms * NANOS_PER_MS);
}

static void two_rounds_are_held_while_messages_go_slowly(void **state)
{
    (void)state;
    struct appetite appetite = {0};
    assert_int_equal(ask(&appetite, 0, 1, 0), 10);
    assert_int_equal(ask(&appetite, 5, 1, 200), 0);
    assert_int_equal(ask(&appetite, 4, 1, 200), 6);
    assert_int_equal(ask(&appetite, 4, 1, 400), 6);
}

static void each_lease_that_follows_fast_is_larger_up_to_the_most(void **state)
{
    (void)state;
    struct appetite appetite = {0};
    static const size_t expected[] = {10, 20, 40, 80, 128, 128};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        assert_int_equal(ask(&appetite, 0, 1, (int64_t)i), expected[i]);
    assert_int_equal(ask(&appetite, 64, 1, 10), 0);
    assert_int_equal(ask(&appetite, 63, 1, 10), 65);
    assert_int_equal(ask(&appetite, 0, 1, 500), 10);
}

static void when_it_slows_down_with_many_at_hand_one_is_enough(void **state)
{
    (void)state;
    struct appetite appetite = {.ahead = 128, .last = 1};
    assert_int_equal(ask(&appetite, 40, 1, 500), 1);
}

static void without_room_less_is_taken(void **state)
{
    (void)state;
    struct appetite appetite = {0};
    assert_int_equal(ask(&appetite, 2, 0, 0), 0);
    assert_int_equal(ask(&appetite, 1, 0, 0), 9);
}

/* A configuration may have more sessions than one lease gives. */
static void no_lease_is_larger_than_the_most(void **state)
{
    (void)state;
    struct appetite appetite = {0};
    assert_int_equal(appetite_now(&appetite, 0, 100, 100, MOST, 1), MOST);
    assert_int_equal(appetite_now(&appetite, 99, 100, 100, MOST, 2), 101);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_rounds_are_held_while_messages_go_slowly),
        cmocka_unit_test(each_lease_that_follows_fast_is_larger_up_to_the_most),
        cmocka_unit_test(when_it_slows_down_with_many_at_hand_one_is_enough),
        cmocka_unit_test(without_room_less_is_taken),
        cmocka_unit_test(no_lease_is_larger_than_the_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
