/* The correlator: windows and baselines over the events that rules select. Pure: projections, state and time
 * come in as arguments; findings and changes of state go out.
 *
 * Two times: an event's own, by which windows and habits are kept, and that of its arrival, by which is
 * waited. Order of arrival does not matter for windows as long as an event is no later than `lateness` behind
 * what its group has seen; later ones are counted and left out. One that says it comes from the future, or
 * from 1970 or before, counts as of its arrival. */
#ifndef VEDETTE_WATCH_CORRELATOR_H
#define VEDETTE_WATCH_CORRELATOR_H

#include "watch/correlation.h"

struct correlator;

struct correlator_limits {
    size_t bytes_max; /* of all state; past it the correlation that holds most loses the group longest not
                         seen */
    nanos lateness;   /* how far behind its group an event may be and still belong to a window */
    nanos future;     /* how far past its arrival an event's own time may be */
};

/* As the configuration has them by default. */
extern const struct correlator_limits correlator_limits_usual;

/* What a correlation found: one call each, views valid during it. ordinal is that of the last event's record.
 */
typedef void correlator_fn(void *arg, const struct finding *finding, uint64_t ordinal);

/* Borrows the ruleset, which is sealed. */
struct correlator *correlator_new(const struct ruleset *ruleset, const struct correlator_limits *limits,
                                  correlator_fn *fn, void *arg);
void correlator_free(struct correlator *correlator);

/* From now on groups that nobody has to be seen first for are waited for (absence without group-by). */
void correlator_start(struct correlator *correlator, nanos now);

/* Learning: nothing is found, all is remembered. */
void correlator_learn(struct correlator *correlator, bool learn);

/* Takes one event. Time does not go back: what was due before its arrival is decided first. */
void correlator_feed(struct correlator *correlator, const struct projection *projection);

/* Decides what is due at that moment, and forgets what no event can belong to any more. */
void correlator_advance(struct correlator *correlator, nanos now);

/* When advance has something to decide; 0: nothing is waited for. */
nanos correlator_due(const struct correlator *correlator);

/* Decides all that only waits for late events, as if enough time had passed: for the end of a file. What
 * waits for an event that does not come (absence) is left alone. */
void correlator_flush(struct correlator *correlator);

/* --- State --- */

/* A table of keys and values. Since the last call each changed key comes once, with value.p NULL if it is
 * gone. Returns false, and the rest stays for the next call, when fn does. */
typedef bool correlator_change_fn(void *arg, sv key, sv value);
bool correlator_changes(struct correlator *correlator, correlator_change_fn *fn, void *arg);

/* Everything, as changes would give it. */
void correlator_mark_all(struct correlator *correlator);

enum { CORRELATOR_KEY_BYTES_MAX = 512, CORRELATOR_VALUE_BYTES_MAX = 1024 * 1024 };

/* Puts one back at a start. What was due meanwhile is given a minute more (absence: its whole timespan), for
 * the inputs have yet to be read. False: it is damaged, or of a correlation that is no more or has changed
 * its meaning; then the key is among the next changes, as gone. */
bool correlator_restore(struct correlator *correlator, sv key, sv value, nanos now);

struct correlator_counts {
    uint64_t events, findings;
    uint64_t late, future; /* see above */
    uint64_t ungrouped;    /* without one of the fields that a correlation groups by, or without its value */
    uint64_t evicted;      /* groups forgotten for want of memory */
    uint64_t cut;          /* events of a window forgotten because it held too many */
    size_t groups, bytes;
};

const struct correlator_counts *correlator_counts(const struct correlator *correlator);

#endif
