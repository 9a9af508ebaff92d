/* Small sets of texts, of which it is known that one stands somewhere. Pure; texts are borrowed. */
#ifndef VEDETTE_WATCH_TEXT_SET_H
#define VEDETTE_WATCH_TEXT_SET_H

#include "base/arena.h"

enum {
    TEXT_SET_MAX = 32,       /* texts in one set */
    TEXT_SET_BYTES_MAX = 64, /* of one text that text_set_append makes */
};

struct text_set {
    sv texts[TEXT_SET_MAX];
    size_t count;
};

/* False if there is no room. A text that it has already is not put in again. */
bool text_set_put(struct text_set *set, sv text);
bool text_set_put_all(struct text_set *set, const struct text_set *more);

/* Puts each of the ends behind each of its texts. False if those would be too many or too long, or the arena
 * is full; then it is as it was. */
bool text_set_append(struct text_set *set, const struct text_set *ends, struct arena *arena);

/* Drops texts that end with another one of the set: what ends with one of the texts still does. True if there
 * were any. */
bool text_set_keep_ends(struct text_set *set);

/* Drops texts that hold another one of the set: what holds one of the texts still does. */
void text_set_keep_least(struct text_set *set);

/* Bytes of the shortest; 0 of an empty set. */
size_t text_set_shortest(const struct text_set *set);

#endif
