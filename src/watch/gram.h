/* Which four bytes in a row stand in a text, in lower case: most of what is looked for is ruled out by one
 * bit. Pure. */
#ifndef VEDETTE_WATCH_GRAM_H
#define VEDETTE_WATCH_GRAM_H

#include "base/sv.h"

enum {
    GRAM_BYTES = 4,
    GRAM_BITS = 12,       /* of a gram's number, which is a hash */
    GRAM_NONE = 0,        /* in place of a number: nothing is known; in every set */
    GRAM_TEXT_MAX = 2048, /* the grams of a longer text would fill the set */
};

/* Of every gram of a text the number. */
struct gram_set {
    uint64_t bits[(1 << GRAM_BITS) / 64];
};

/* The number of the gram that stands there, which is in lower case. */
static inline uint16_t gram_at(const char *p)
{
    uint32_t bytes;
    memcpy(&bytes, p, GRAM_BYTES);
    return (uint16_t)(bytes * 0x9e3779b1U >> (32 - GRAM_BITS));
}

static inline bool gram_set_has(const struct gram_set *set, uint16_t gram)
{
    return set->bits[gram / 64] >> gram % 64 & 1;
}

/* What is used for a text of which nothing is known. */
extern const struct gram_set gram_set_full;

/* Of a text in lower case. */
void gram_set_make(struct gram_set *ret, sv folded);

#endif
