/* The record of one attempt, hop by hop: how long each took and what the gateway said. Bounded. */
#ifndef VEDETTE_COURIER_HOPS_H
#define VEDETTE_COURIER_HOPS_H

#include "base/buf.h"
#include "base/timefmt.h"

enum {
    HOPS_MAX = 24,
    HOPS_REPEATED_MAX = 8, /* of one name in a row (rcpt): further ones are left out */
    HOPS_SAID_MAX = 300,
    HOPS_JSON_MAX = 32 * 1024,
};

struct hops {
    size_t count;
    struct hop {
        const char *name; /* a literal */
        nanos at;         /* wall clock, when it was done */
        nanos took;
        char said[HOPS_SAID_MAX];
    } items[HOPS_MAX];
};

void hops_add(struct hops *hops, const char *name, nanos took, sv said);

/* Appends [{"hop": …, "ms": …, "said": …}, …]. Bytes that are no UTF-8 or control characters become "?".
 * out's maximum is HOPS_JSON_MAX or more. */
void hops_json(const struct hops *hops, struct buf *out);

#endif
