/* How rare a text is likely to be: what records have in common is guessed here. Pure. */
#ifndef VEDETTE_WATCH_NEED_WEIGHT_H
#define VEDETTE_WATCH_NEED_WEIGHT_H

#include "watch/needs.h"
#include "watch/rule_source.h"

/* The more, the fewer records are likely to have the literal. Few have a long one; most have any two letters
 * somewhere, but not as a word. */
unsigned need_weight(const struct need_literal *literal);

/* How many bytes of a literal to look for in the family's records, in a search for thousands: its longest
 * front that ends in bytes which hardly ever stand together there, or all. The search is slow where a
 * literal's end is in everything. */
size_t need_front(sv literal, const struct source_family *family);

#endif
