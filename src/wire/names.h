/* Finds a name in a fixed table by its length: what a decoder knows about the names that a source uses. */
#ifndef VEDETTE_WIRE_NAMES_H
#define VEDETTE_WIRE_NAMES_H

#include "base/bytes.h"

enum { NAMES_BYTES_MAX = 38 }; /* of a name in a table */

struct name {
    sv text;
    int value; /* what it stands for, 0 or more */
};

struct names {
    struct {
        const struct name *list;
        size_t count;
    } by_length[NAMES_BYTES_MAX + 1];
};

#define NAME(text, value)      \
    {                          \
        SV_INIT(text), (value) \
    }
/* One length's names: `[3] = NAMES(NAME("src", …), NAME("dst", …))` in a table at file scope. */
#define NAMES(...)                                                                                           \
    {                                                                                                        \
        (const struct name[]){__VA_ARGS__}, sizeof((const struct name[]){__VA_ARGS__}) / sizeof(struct name) \
    }

/* The value of text, or −1. Inline whatever the compiler thinks of it: a call costs more. */
__attribute__((always_inline)) static inline int names_find(const struct names *names, sv text)
{
    if (text.n > NAMES_BYTES_MAX)
        return -1;
    const struct name *list = names->by_length[text.n].list;
    for (size_t i = 0, n = names->by_length[text.n].count; i < n; i++)
        if (list[i].text.p[0] == text.p[0] && bytes_eq(list[i].text.p, text.p, text.n))
            return list[i].value;
    return -1;
}

#endif
