/* Which rules see the events of a log source, remembered: there are few log sources, and many events of each.
 */
#ifndef VEDETTE_WATCH_AUDIENCE_H
#define VEDETTE_WATCH_AUDIENCE_H

#include "watch/ruleset.h"

struct audience {
    uint64_t *rules;      /* base/bits.h */
    bool any, any_always; /* any of them; any that is tried on every event */
    size_t family;        /* the prefilter's, of such records */
};

struct audiences;

/* Borrows both; always: rules that are tried on every event (base/bits.h). */
struct audiences *audiences_new(const struct ruleset *ruleset, const uint64_t *always);
void audiences_free(struct audiences *audiences);

/* Valid until audiences_forgotten changes. */
const struct audience *audience_of(struct audiences *audiences, const struct logsource *source);

/* The same for a source whose names are constants: it is known again by where they lie. */
const struct audience *audience_remembered(struct audiences *audiences, const struct logsource *source);

/* How many had to make room for others. */
uint64_t audiences_forgotten(const struct audiences *audiences);

#endif
