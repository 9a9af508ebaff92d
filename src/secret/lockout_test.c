/* Whoever guesses waits, and nobody else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "secret/lockout.h"

#include <stdio.h>

static const nanos start = 1000000 * NANOS_PER_SECOND;

static void guess(struct lockout *lockout, const char *ip, const char *account, int times)
{
    for (int i = 0; i < times; i++)
        lockout_failed(lockout, sv_of(ip), sv_of(account), start);
}

static void guessing_costs_ever_more_time(void **state)
{
    (void)state;
    struct lockout *lockout = lockout_new();
    sv ip = SV("192.0.2.1"), ann = SV("ann");
    guess(lockout, "192.0.2.1", "ann", LOCKOUT_FREE - 1);
    assert_int_equal(lockout_wait(lockout, ip, ann, start), 0);
    nanos expected = NANOS_PER_SECOND;
    for (int i = 0; i < 20; i++) {
        guess(lockout, "192.0.2.1", "ann", 1);
        assert_int_equal(lockout_wait(lockout, ip, ann, start), expected);
        assert_int_equal(lockout_wait(lockout, ip, ann, start + expected), 0);
        expected = 2 * expected < LOCKOUT_DELAY_MAX ? 2 * expected : LOCKOUT_DELAY_MAX;
    }
    lockout_passed(lockout, ip, ann);
    assert_int_equal(lockout_wait(lockout, ip, ann, start), 0);
    lockout_free(lockout);
}

static void who_guesses_locks_out_neither_the_owner_nor_his_neighbours(void **state)
{
    (void)state;
    struct lockout *lockout = lockout_new();
    guess(lockout, "203.0.113.66", "ann", 1000);
    guess(lockout, "2001:db8:bad::1", "ann", 1000);
    assert_true(lockout_wait(lockout, SV("203.0.113.99"), SV("ann"), start) > 0); /* the same network */
    assert_true(lockout_wait(lockout, SV("::ffff:203.0.113.9"), SV("ann"), start) > 0);
    assert_true(lockout_wait(lockout, SV("2001:db8:bad:ffff::2"), SV("ann"), start) > 0);
    assert_int_equal(lockout_wait(lockout, SV("192.0.2.1"), SV("ann"), start), 0);    /* ann at home */
    assert_int_equal(lockout_wait(lockout, SV("203.0.113.66"), SV("bob"), start), 0); /* bob next door */
    lockout_free(lockout);
}

static void a_flood_of_networks_takes_no_more_room(void **state)
{
    (void)state;
    struct lockout *lockout = lockout_new();
    char ip[40];
    for (int i = 0; i < 100000; i++) {
        snprintf(ip, sizeof ip, "10.%d.%d.1", i >> 8 & 255, i & 255);
        lockout_failed(lockout, sv_of(ip), SV("ann"), start + i);
    }
    guess(lockout, "192.0.2.1", "ann", LOCKOUT_FREE);
    assert_true(lockout_wait(lockout, SV("192.0.2.1"), SV("ann"), start) > 0);
    lockout_free(lockout);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(guessing_costs_ever_more_time),
        cmocka_unit_test(who_guesses_locks_out_neither_the_owner_nor_his_neighbours),
        cmocka_unit_test(a_flood_of_networks_takes_no_more_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
