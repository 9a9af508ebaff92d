/* The words by which servers say in a delivery report why they gave a mail back. Each function is true when
 * it knows some. */
#ifndef VEDETTE_COURIER_CAUSE_WORDS_H
#define VEDETTE_COURIER_CAUSE_WORDS_H

#include "courier/cause.h"

/* Words that mean one thing. */
bool cause_of_words(sv text, struct cause_told *ret);

/* Looser ones, for when nothing else tells. */
bool cause_of_loose_words(sv text, struct cause_told *ret);

/* That it was tried for a while, whatever the reason. */
bool cause_of_giving_up(sv text, struct cause_told *ret);

#endif
