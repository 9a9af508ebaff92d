/* What the decoders share while one record is taken apart: the event being filled and its memory. Used inside
 * this room only; the way in is wire/decode.h. */
#ifndef VEDETTE_WIRE_DECODING_H
#define VEDETTE_WIRE_DECODING_H

#include "base/zone.h"
#include "wire/event.h"

struct decoding {
    struct event *event;
    struct arena *arena;
    size_t field_cap;
    const struct zone *zone; /* of times written without one; NULL: UTC */
    sv program;              /* who logged it, from the syslog header or the journal; may be empty */
    sv host;                 /* where; `host.name` is there already unless this is empty */
};

/* Makes room for a field. Past EVENT_FIELDS_MAX or the arena's bound there is none, and EVENT_FIELDS_DROPPED
 * is set. */
bool decoding_grow(struct decoding *decoding);

/* Appends a field if there is room; an empty value is a value. Views are kept, not copied. Inline whatever
 * the compiler thinks of it: a call costs more. */
__attribute__((always_inline)) static inline void decoding_add_typed(struct decoding *decoding, sv name,
                                                                     sv value, enum event_field_type type)
{
    struct event *event = decoding->event;
    if (event->field_count < decoding->field_cap || decoding_grow(decoding))
        event->fields[event->field_count++] = (struct event_field){name, value, type};
}

static inline void decoding_add(struct decoding *decoding, sv name, sv value)
{
    decoding_add_typed(decoding, name, value, EVENT_STRING);
}

/* The same unless the value is empty: for names of ours, where an absent thing has no field. */
static inline void decoding_add_known(struct decoding *decoding, sv name, sv value)
{
    if (value.n)
        decoding_add(decoding, name, value);
}

/* A field whose value is a number if it reads as one (an optional minus sign and digits). */
void decoding_add_number(struct decoding *decoding, sv name, sv value);

/* Where an event came from or went to, as `source.address` and, by its form, `source.ip` or `source.domain`
 * (`destination.…` likewise). Empty values, "-", "?" and "None" name nothing and are left out. */
enum decoding_end { DECODING_SOURCE, DECODING_DESTINATION };
void decoding_add_address(struct decoding *decoding, enum decoding_end end, sv value);

/* The source's own word about when it happened: a whole date with its zone. */
void decoding_set_time(struct decoding *decoding, nanos time);

/* Of so many units since the epoch; a count past the year 2262 is no time, and is left alone. */
void decoding_set_time_since_epoch(struct decoding *decoding, uint64_t count, nanos unit);

/* n bytes of the arena, not cleared; NULL, and EVENT_FIELDS_DROPPED is set, past its bound. */
static inline char *decoding_alloc(struct decoding *decoding, size_t n)
{
    char *p = arena_take(decoding->arena, n);
    if (!p)
        decoding->event->flags |= EVENT_FIELDS_DROPPED;
    return p;
}

/* a and b joined in the arena; empty past its bound. */
static inline sv decoding_join(struct decoding *decoding, sv a, sv b)
{
    sv joined = arena_join(decoding->arena, a, b);
    if (!joined.p)
        decoding->event->flags |= EVENT_FIELDS_DROPPED;
    return joined;
}

/* True for an IPv4 address in dotted form or what can only be an IPv6 address. */
bool decoding_is_ip(sv s);

/* Writes a character as UTF-8 into out (4 bytes will do); code is at most 0x10ffff. Returns the bytes. */
size_t decoding_put_utf8(char *out, uint32_t code);

#endif
