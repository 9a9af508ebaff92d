/* Splits the "key=value key=value" of a CEF extension. A key stands at the front or behind a space and has
 * letters, digits and `_.-[]` only; a value ends where the next key begins. A value in double quotes may hold
 * what looks like a key; its quotes are taken away. */
#ifndef VEDETTE_WIRE_DEVICE_PAIRS_H
#define VEDETTE_WIRE_DEVICE_PAIRS_H

#include "base/sv.h"

struct device_pairs {
    const char *begin, *end;
    const char *key, *key_end; /* of the next pair; NULL at the end */
    const char *backslash;     /* the first one from the last value on, or the end */
    bool quotes_end;           /* no quote closes from here on */
};

void device_pairs_begin(struct device_pairs *pairs, sv extension);

/* The next pair; false at the end. *ret_escaped: there is a backslash in the value. */
bool device_pairs_next(struct device_pairs *pairs, sv *ret_key, sv *ret_value, bool *ret_escaped);

#endif
