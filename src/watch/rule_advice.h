/* Which rules are expensive by what they say, and why. */
#ifndef VEDETTE_WATCH_RULE_ADVICE_H
#define VEDETTE_WATCH_RULE_ADVICE_H

#include "watch/ruleset.h"

enum { RULE_ADVICE_VALUE_BYTES = 512 }; /* of the values that expressions are tried on */

/* why: a sentence without its end, with what to do. */
typedef void rule_advice_fn(void *arg, const struct rule *rule, const char *why);

/* Calls fn for each rule of a sealed set that must be tried on every event of its log source (unless it only
 * serves a correlation, which wants them all), and for each with an expression that is given up on a short
 * value. Returns how many calls. */
size_t rule_advice(const struct ruleset *ruleset, rule_advice_fn *fn, void *arg);

#endif
