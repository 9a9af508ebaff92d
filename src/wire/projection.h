/* What a correlation needs to know of an event that one of its rules selected, on its way from the watch to
 * the correlator: when, which rule, and those of its fields that matter. Pure. */
#ifndef VEDETTE_WIRE_PROJECTION_H
#define VEDETTE_WIRE_PROJECTION_H

#include "wire/finding.h"

enum { PROJECTION_BYTES_MAX = 64 * 1024 }; /* one packed projection; see projection_pack */

/* seen has the rule's id, times, input, fields, message and the front of the record; what the rule says of
 * itself is left empty, for the correlator has the rules too. */
struct projection {
    struct finding seen;
    uint64_t ordinal; /* of the record, where somebody counts them; else 0 */
};

/* Packs it, with of its record and its values only as much as fits PROJECTION_BYTES_MAX. again: it is of the
 * same event as the last one, which whoever unpacks it has at hand: what they have in common is left out. */
void projection_pack(struct pack *pack, const struct projection *projection, bool again);

/* before: the one that came before it, NULL if none did. fields are allocated in arena, views borrow from
 * these bytes, and from those of before. False if the bytes are no projection. What earlier versions packed
 * (a store keeps it) is read as well. */
bool projection_unpack(struct unpack *unpack, const struct projection *before, struct projection *ret,
                       struct arena *arena);

#endif
