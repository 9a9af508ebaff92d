/* For tests: random rules and records through the engine, every way it is asked, and through the reference;
 * what they say is compared. */
#ifndef VEDETTE_WATCH_TESTING_GUARD_H
#define VEDETTE_WATCH_TESTING_GUARD_H

#include "watch/sigma_modifier.h"
#include "watch/testing_generator.h"

enum { GUARD_RULES = 24, GUARD_RECORDS = 24 };

/* What came of the comparisons so far. */
struct guard {
    struct sigma_lists *lists;
    struct arena *arena, *work;
    size_t rules, refused, compared, matched, differences, skipped;
    size_t matched_with[SIGMA_MODIFIER_COUNT]; /* by modifiers that the rule names */
    char first[3000];                          /* the first difference, or the first rule that was refused */
};

struct guard *guard_new(void);
void guard_free(struct guard *guard);

/* One set of rules against one set of records. spoil: with a prefilter that is made unsound. */
void guard_round(struct guard *guard, struct dice *dice, bool spoil);

#endif
