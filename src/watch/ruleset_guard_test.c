#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs its types first. */
#include <cmocka.h>

#include <stdlib.h>

#include "watch/testing_guard.h"

enum { ROUNDS = 60, SPOILT_ROUNDS = 600 /* until one is caught */ };

/* VEDETTE_GUARD_ROUNDS and VEDETTE_GUARD_SEED make a longer, or another, run. */
static uint64_t number_from(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    uint64_t number = otherwise;
    if (text)
        sv_to_u64(sv_of(text), &number);
    return number;
}

static struct guard *run(bool spoil)
{
    struct dice dice = {.state = number_from("VEDETTE_GUARD_SEED", 0x9e3779b97f4a7c15ULL)};
    struct guard *guard = guard_new();
    for (uint64_t rounds = number_from("VEDETTE_GUARD_ROUNDS", spoil ? SPOILT_ROUNDS : ROUNDS); rounds;
         rounds--) {
        guard_round(guard, &dice, spoil);
        if (guard->differences || guard->refused)
            break;
    }
    return guard;
}

static void the_engine_says_of_every_rule_and_record_what_the_reference_says(void **state)
{
    (void)state;
    struct guard *guard = run(false);
    if (guard->refused || guard->differences)
        fail_msg("%zu rules refused, %zu differences; the first: %s", guard->refused, guard->differences,
                 guard->first);
    /* The comparison would say nothing if nothing, or everything, matched, or if no record were passed over.
     */
    print_message("%zu rules, %zu comparisons, %zu matches, %zu records passed over by their bytes\n",
                  guard->rules, guard->compared, guard->matched, guard->skipped);
    assert_true(guard->matched > guard->compared / 20);
    assert_true(guard->matched < guard->compared / 2);
    assert_true(guard->skipped > 0);
    for (enum sigma_modifier m = 0; m < SIGMA_MODIFIER_COUNT; m++)
        if (guard->matched_with[m] == 0)
            fail_msg("no rule with %.*s ever matched", SV_ARG(sigma_modifier_name(m)));
    guard_free(guard);
}

static void a_prefilter_that_hides_matches_is_caught(void **state)
{
    (void)state;
    struct guard *guard = run(true);
    assert_true(guard->differences > 0);
    guard_free(guard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_engine_says_of_every_rule_and_record_what_the_reference_says),
        cmocka_unit_test(a_prefilter_that_hides_matches_is_caught),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
