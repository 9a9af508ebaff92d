/* What a type of correlation is to the correlator: state, and what an event or a moment does to it. Private.
 */
#ifndef VEDETTE_WATCH_CORRELATION_KIND_H
#define VEDETTE_WATCH_CORRELATION_KIND_H

#include "watch/correlation_rule.h"
#include "watch/correlator.h"

/* One event for one group. */
struct hit {
    const struct projection *projection;
    size_t source; /* which of the correlation's rules gave it */
    nanos time;    /* the event's own, not past its arrival */
};

/* The group whose turn it is. */
struct turn {
    struct correlator *correlator;
    const struct correlation *rule;
    void *state;
    sv key;    /* the values of group-by, each with its length */
    nanos now; /* the clock of arrivals */
    nanos lateness;
    nanos due;    /* when to be asked again; 0: never. To be set. */
    bool changed; /* the state is to be kept; feed sets it unless told otherwise */
};

struct correlation_kind {
    size_t size; /* of the state, which begins as zeros */
    void (*feed)(struct turn *turn, const struct hit *hit);
    void (*due)(struct turn *turn);        /* turn->due has come, and is 0 now */
    bool (*dead)(const struct turn *turn); /* no event can change what it will find; NULL: never */
    size_t (*held)(const void *state);     /* bytes beside the state itself; NULL: none */
    void (*clear)(void *state);            /* frees them; NULL: none */
    void (*pack)(struct pack *pack, const void *state);
    bool (*unpack)(struct unpack *unpack,
                   void *state); /* state is zeros; on false it is cleared by the caller */
};

const struct correlation_kind *correlation_kind(enum correlation_type type);

extern const struct correlation_kind kind_window, kind_new_value, kind_rare, kind_dormant, kind_spike,
    kind_absence, kind_missing;

/* A finding: of that last event. seen says what happened and what was usual, in whole sentences. */
void turn_find(struct turn *turn, const struct projection *last, sv seen);

/* The same, and for correlations that build on this one; with loud false for those alone. */
void turn_hold(struct turn *turn, const struct projection *last, sv seen, bool loud);

/* The values of the correlation's field in the event, at most max; 0 and counted if there is none. */
size_t turn_values(const struct turn *turn, const struct hit *hit, const struct event_field **ret,
                   size_t max);

void turn_count_late(struct turn *turn);
void turn_count_cut(struct turn *turn);

/* A copy of the last event of a group that is decided about later; packed. */
struct keepsake {
    char *bytes;
    size_t n;
};

void keepsake_put(struct keepsake *keepsake, const struct projection *projection);
bool keepsake_get(const struct keepsake *keepsake, struct projection *ret, struct arena *arena);
void keepsake_clear(struct keepsake *keepsake);
void keepsake_pack(struct pack *pack, const struct keepsake *keepsake);
bool keepsake_unpack(struct unpack *unpack, struct keepsake *ret);

/* A finding about a keepsake. */
void turn_find_kept(struct turn *turn, const struct keepsake *last, sv seen);

/* A time of an event. One that none can have (correlator.c: time_of) ends all unpacking. */
nanos kind_unpack_time(struct unpack *unpack);

/* For sentences: "2026-11-24 08:15 UTC". cap ≥ 32. */
const char *kind_moment(nanos t, char *text, size_t cap);

/* Seconds east of UTC at that moment in the correlation's zone. */
int turn_zone_offset(const struct turn *turn, nanos t);

#endif
