/* For tests: random records in every format, and random rules made of what an event holds, so that they match
 * about as often as not. */
#ifndef VEDETTE_WATCH_TESTING_GENERATOR_H
#define VEDETTE_WATCH_TESTING_GENERATOR_H

#include "base/buf.h"
#include "watch/sigma_lists.h"
#include "wire/event.h"

/* Numbers from bytes as long as there are some, then from the state: the same ones in every run. */
struct dice {
    sv bytes;
    uint64_t state; /* not 0 */
};

size_t dice_roll(struct dice *dice, size_t sides);

/* One of the values that records and rules draw from. */
sv generate_word(struct dice *dice);

/* Appends one record, without a line end behind it. */
void generate_record(struct dice *dice, struct buf *out);

/* Appends a rule, a YAML document after "---", with that number as its id. Its values are parts of the
 * event's, in which pieces are changed now and then. */
void generate_rule(struct dice *dice, const struct event *event, size_t number, struct buf *out);

/* The lists that the rules' placeholders name. */
struct sigma_lists *generate_lists(void);

#endif
