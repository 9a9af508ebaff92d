/* Waiting after a failure: grows, has a ceiling, and is never the same for all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "courier/retry.h"

#define SECOND NANOS_PER_SECOND

static void it_doubles_up_to_the_ceiling(void **state)
{
    (void)state;
    static const struct {
        int failures;
        nanos least, most;
    } cases[] = {
        {1, 1 * SECOND, 2 * SECOND},      {2, 2 * SECOND, 4 * SECOND},
        {3, 4 * SECOND, 8 * SECOND},      {8, 128 * SECOND, 256 * SECOND},
        {9, 150 * SECOND, 300 * SECOND},  {10, 150 * SECOND, 300 * SECOND},
        {64, 150 * SECOND, 300 * SECOND}, {100000, 150 * SECOND, 300 * SECOND},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(retry_delay(2 * SECOND, 300 * SECOND, cases[i].failures, 0) == cases[i].least);
        nanos most = retry_delay(2 * SECOND, 300 * SECOND, cases[i].failures, 1024);
        assert_true(most > cases[i].most - NANOS_PER_MS && most <= cases[i].most);
    }
}

static void chance_decides_within_the_upper_half(void **state)
{
    (void)state;
    for (uint32_t chance = 0; chance < 5000; chance += 7) {
        nanos delay = retry_delay(2 * SECOND, 300 * SECOND, 3, chance * 2654435761u);
        assert_true(delay >= 4 * SECOND && delay <= 8 * SECOND);
    }
    assert_true(retry_delay(2 * SECOND, 300 * SECOND, 3, 1) != retry_delay(2 * SECOND, 300 * SECOND, 3, 2));
}

static void odd_settings_never_give_no_wait_at_all(void **state)
{
    (void)state;
    assert_true(retry_delay(0, 0, 1, 0) > 0);
    assert_true(retry_delay(10 * SECOND, 1 * SECOND, 1, 1024) <= 1 * SECOND);
    assert_true(retry_delay(INT64_MAX / 4, INT64_MAX / 2, 60, UINT32_MAX) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_doubles_up_to_the_ceiling),
        cmocka_unit_test(chance_decides_within_the_upper_half),
        cmocka_unit_test(odd_settings_never_give_no_wait_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
