/* Runs regular expressions for one thread, in bounded time whatever the expression and the text: what would
 * take longer is given up.
 *
 * PCRE2's own limit counts steps from one place where a match may begin; there are as many as the text is
 * long, and a step may read all of it. So texts are searched in slices, with few steps at first, and the
 * clock is looked at in between. An expression may take REGEX_NANOS_MAX on one text, and a share of the time
 * over many: one that took more is not tried until that has passed. What every expression may take is not
 * counted: REGEX_NANOS_FREE, and REGEX_NANOS_FREE_PER_BYTE of the text. */
#ifndef VEDETTE_WATCH_REGEX_RUN_H
#define VEDETTE_WATCH_REGEX_RUN_H

#include "base/sv.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    REGEX_STEPS_MAX = 200000,     /* PCRE2's match limit */
    REGEX_NANOS_FREE = 20 * 1000, /* 20 µs */
    REGEX_NANOS_FREE_PER_BYTE = 20,
    REGEX_NANOS_MAX = 20 * 1000 * 1000, /* 20 ms */
    REGEX_DEBTORS_MAX = 256,            /* past it the one that owes least is forgotten */
};

enum regex_flag { REGEX_CASELESS = 1, REGEX_MULTILINE = 2, REGEX_DOTALL = 4 };

/* Compiles an expression for texts in UTF-8, of which broken characters match nothing. NULL with what is
 * wrong, and where (from 1). */
struct regex;
struct regex *regex_compile(sv expression, unsigned flags, char *ret_why, size_t why_size, size_t *ret_place);
void regex_free(struct regex *regex);

/* The number of the group of that name, or −1. */
int regex_group_named(const struct regex *regex, const char *name);

struct regex_runner;
/* share: each expression may take one part of the time in so many. */
struct regex_runner *regex_runner_new(unsigned share);
void regex_runner_free(struct regex_runner *runner);

enum regex_verdict { REGEX_NOTHING, REGEX_FOUND, REGEX_GIVEN_UP };

/* Whether the expression matches anywhere in the text from that place on. */
enum regex_verdict regex_run(struct regex_runner *runner, const struct regex *regex, sv text, size_t from);

/* Where a group of what was found last stands; false if it took no part. */
bool regex_group(const struct regex_runner *runner, int group, size_t *ret_from, size_t *ret_to);

/* How often anything was given up. */
uint64_t regex_runner_given_up(const struct regex_runner *runner);

#endif
