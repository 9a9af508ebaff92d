/* What each rule costs: how often it was tried and matched, and the processor time that this took. */
#ifndef VEDETTE_WATCH_RULE_COST_H
#define VEDETTE_WATCH_RULE_COST_H

#include "io/loop.h"
#include "watch/ruleset.h"

struct rule_cost {
    uint64_t tried, matched;
    uint64_t given_up; /* tries in which an expression was given up (regex_run.h) */
    nanos time;        /* an estimate: see RULE_COST_SAMPLE */
    uint64_t counted;  /* the tries that it is of */
};

/* The first tries of a rule are measured one by one, then one of so many, which stands for those before it:
 * looking at the clock takes longer than most rules do. Rules that take long are measured more often. */
enum {
    RULE_COST_FIRST = 16,
    RULE_COST_SAMPLE = 1024,
    RULE_COST_SAMPLE_LONG = 64,
    RULE_COST_LONG_NANOS = 5000, /* on average */
};

/* Of all rules of a set, as one thread tries them. */
struct rule_costs {
    const struct ruleset *ruleset;
    struct rule_cost *of;  /* by rule */
    struct rule_cost gone; /* of rules that were in an earlier set */
    nanos clock_takes;
};

/* Borrows the ruleset. */
struct rule_costs *rule_costs_new(const struct ruleset *ruleset);
void rule_costs_free(struct rule_costs *costs); /* NULL is fine */

/* Goes on from what the rules of the same ids have cost in an earlier set; before the first try. */
void rule_costs_inherit(struct rule_costs *costs, const struct rule_costs *earlier);

/* The sum, also of rules that are gone. */
struct rule_cost rule_costs_sum(const struct rule_costs *costs);

/* Around a try. begin returns how many tries the time of this one stands for, 0 if it is not measured, and
 * then *ret_start is 0. */
static inline uint64_t rule_cost_begin(struct rule_cost *cost, nanos *ret_start)
{
    uint64_t tried = ++cost->tried;
    bool is_long = cost->time > (nanos)cost->counted * RULE_COST_LONG_NANOS;
    bool is_turn = is_long ? tried % RULE_COST_SAMPLE_LONG == 0 : tried % RULE_COST_SAMPLE == 0;
    bool measured = tried <= RULE_COST_FIRST || is_turn;
    uint64_t weight = measured ? tried - cost->counted : 0;
    cost->counted += weight;
    *ret_start = weight ? loop_burnt() : 0;
    return weight;
}

static inline void rule_cost_end(struct rule_cost *cost, nanos start, uint64_t weight, nanos clock_takes)
{
    nanos took = weight ? loop_burnt() - start - clock_takes : 0;
    cost->time += took > 0 ? took * (nanos)weight : 0;
}

/* A rule that takes this share of a processor, or more, is expensive. */
enum { RULE_COST_PERCENT_MAX = 10 };

/* Finds the rules that become expensive while they run. */
struct rule_cost_guard;
struct rule_cost_guard *rule_cost_guard_new(const struct rule_costs *costs);
void rule_cost_guard_free(struct rule_cost_guard *guard); /* NULL is fine */

/* Called for a rule that has taken such a share since the last look; or, percent 0, when expressions of it
 * were given up. */
typedef void rule_cost_fn(void *arg, size_t rule, const struct rule_cost *cost, unsigned percent);

/* Looks at the costs, which are those of the guard's rules, `elapsed` after the last look. A rule is told
 * once of each kind. */
void rule_cost_guard_look(struct rule_cost_guard *guard, const struct rule_costs *costs, nanos elapsed,
                          rule_cost_fn *fn, void *arg);

#endif
