/* Changes of keys and values, packed one after the other, and the last one of each key in them. Private to
 * store/, pure. */
#ifndef VEDETTE_STORE_CHANGES_H
#define VEDETTE_STORE_CHANGES_H

#include "base/arena.h"
#include "base/buf.h"

/* Appends one; value.p NULL takes the key out. False past the buffer's maximum. */
bool changes_pack(struct buf *packed, sv key, sv value);

struct change {
    struct change *chain;
    sv key, value;
};

struct changes;

/* For about so many packed bytes, and no more than max. */
struct changes *changes_new(size_t bytes, size_t max);

/* A copy of what was packed, as long as the changes; {NULL, 0} past the maximum. */
sv changes_keep(struct changes *changes, sv packed);

/* Takes in what was packed, borrowed until free. Later changes win. */
enum changes_added { CHANGES_ADDED, CHANGES_NO_ROOM, CHANGES_DAMAGED };
enum changes_added changes_add(struct changes *changes, sv packed);

/* The last change of each key, by key. Valid until free. */
struct change **changes_sorted(struct changes *changes, size_t *ret_count);

void changes_free(struct changes *changes);

#endif
