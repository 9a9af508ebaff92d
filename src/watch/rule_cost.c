#include "watch/rule_cost.h"

#include "watch/ruleset_priv.h"

#include <assert.h>
#include <stdlib.h>

enum { CLOCK_TRIES = 32 };

/* What is measured of nothing. */
static nanos clock_takes(void)
{
    nanos least = NANOS_PER_SECOND;
    for (int i = 0; i < CLOCK_TRIES; i++) {
        nanos start = loop_burnt(), took = loop_burnt() - start;
        least = took < least ? took : least;
    }
    return least;
}

struct rule_costs *rule_costs_new(const struct ruleset *ruleset)
{
    struct rule_costs *costs = calloc(1, sizeof *costs);
    assert(costs);
    costs->ruleset = ruleset;
    costs->of = calloc(ruleset_count(ruleset) + 1, sizeof *costs->of);
    assert(costs->of);
    costs->clock_takes = clock_takes();
    return costs;
}

void rule_costs_free(struct rule_costs *costs)
{
    if (!costs)
        return;
    free(costs->of);
    free(costs);
}

static void add(struct rule_cost *to, const struct rule_cost *cost)
{
    to->tried += cost->tried;
    to->matched += cost->matched;
    to->given_up += cost->given_up;
    to->time += cost->time;
    to->counted += cost->counted;
}

void rule_costs_inherit(struct rule_costs *costs, const struct rule_costs *earlier)
{
    add(&costs->gone, &earlier->gone);
    for (size_t i = 0; i < ruleset_count(earlier->ruleset); i++) {
        size_t now = ruleset_find(costs->ruleset, ruleset_rule(earlier->ruleset, i)->id);
        add(now == SIZE_MAX ? &costs->gone : &costs->of[now], &earlier->of[i]);
    }
}

struct rule_cost rule_costs_sum(const struct rule_costs *costs)
{
    struct rule_cost sum = costs->gone;
    for (size_t i = 0; i < ruleset_count(costs->ruleset); i++)
        add(&sum, &costs->of[i]);
    return sum;
}

/* --- Guard --- */

struct known {
    nanos time; /* at the last look */
    uint64_t given_up;
    bool told_expensive, told_given_up;
};

struct rule_cost_guard {
    size_t count;
    struct known rules[];
};

struct rule_cost_guard *rule_cost_guard_new(const struct rule_costs *costs)
{
    size_t count = ruleset_count(costs->ruleset);
    struct rule_cost_guard *guard = calloc(1, sizeof *guard + count * sizeof *guard->rules);
    assert(guard);
    guard->count = count;
    for (size_t i = 0; i < count; i++)
        guard->rules[i] = (struct known){.time = costs->of[i].time, .given_up = costs->of[i].given_up};
    return guard;
}

void rule_cost_guard_free(struct rule_cost_guard *guard)
{
    free(guard);
}

void rule_cost_guard_look(struct rule_cost_guard *guard, const struct rule_costs *costs, nanos elapsed,
                          rule_cost_fn *fn, void *arg)
{
    assert(guard->count == ruleset_count(costs->ruleset) && elapsed > 0);
    for (size_t i = 0; i < guard->count; i++) {
        struct known *known = &guard->rules[i];
        const struct rule_cost *cost = &costs->of[i];
        unsigned percent = (unsigned)((cost->time - known->time) * 100 / elapsed);
        known->time = cost->time;
        if (percent >= RULE_COST_PERCENT_MAX && !known->told_expensive) {
            known->told_expensive = true;
            fn(arg, i, cost, percent);
        }
        if (cost->given_up > known->given_up && !known->told_given_up) {
            known->told_given_up = true;
            fn(arg, i, cost, 0);
        }
    }
}
