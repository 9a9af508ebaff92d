/* The envelope of a queued message as bytes: what the spool keeps as its meta, and the little that changes,
 * its state. Pure. */
#ifndef VEDETTE_GATEWAY_ENVELOPE_H
#define VEDETTE_GATEWAY_ENVELOPE_H

#include "base/arena.h"
#include "base/bits.h"
#include "base/buf.h"
#include "gateway/intake.h"

enum { RECIPIENT_WORDS = (SMTP_RECIPIENTS_MAX + BITS_PER_WORD - 1) / BITS_PER_WORD, TROUBLE_MAX = 256 };

/* A set of recipients of one message, by their index. */
struct recipient_set {
    uint64_t words[RECIPIENT_WORDS];
};

static inline bool recipient_has(const struct recipient_set *set, size_t i)
{
    return bits_has(set->words, i);
}

static inline void recipient_add(struct recipient_set *set, size_t i)
{
    bits_add(set->words, i);
}

static inline void recipient_unite(struct recipient_set *set, const struct recipient_set *other)
{
    for (size_t i = 0; i < RECIPIENT_WORDS; i++)
        set->words[i] |= other->words[i];
}

size_t recipient_count(const struct recipient_set *set);

/* As handed in, and when. */
struct envelope {
    struct intake_envelope said;
    nanos arrived;
};

/* −1 past INTAKE_ENVELOPE_BYTES_MAX. */
int envelope_pack(struct buf *out, const struct envelope *envelope);

/* Views borrow from bytes, recipients from the arena. −1: not what envelope_pack wrote, or past the arena. */
int envelope_unpack(sv bytes, struct arena *arena, struct envelope *ret);

struct envelope_state {
    struct recipient_set finished; /* delivered, or given up and that reported */
    unsigned attempts;
    bool held, warned; /* warned: the sender knows of the delay */
    sv route;          /* in the place of the envelope's; empty: as that says */
    sv trouble;        /* why it is still here, for people; at most TROUBLE_MAX bytes */
};

int envelope_state_pack(struct buf *out, const struct envelope_state *state);

/* No bytes: nothing has happened, and whether it is held is as the envelope says. −1: not what
 * envelope_state_pack wrote. */
int envelope_state_unpack(sv bytes, struct envelope_state *ret);

#endif
