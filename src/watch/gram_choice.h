/* Chooses by which gram each value of the rules is ruled out (watch/gram.h). Pure. */
#ifndef VEDETTE_WATCH_GRAM_CHOICE_H
#define VEDETTE_WATCH_GRAM_CHOICE_H

#include "watch/sigma_rule.h"

/* Gives every item, and every value of alternatives, its grams: of each value one that it cannot match
 * without, and that the fewest values have. They are in arena; without room, nothing is known. */
void gram_choice_make(struct sigma_rule *rules, size_t count, struct arena *arena);

#endif
