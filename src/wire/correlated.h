/* The body of a CORRELATED message: what a batch of projections gave, findings and changes of state, which
 * are committed together. Pure. It may come in several parts. On the wire: serial, 1 in the last part, then
 * items to the end. */
#ifndef VEDETTE_WIRE_CORRELATED_H
#define VEDETTE_WIRE_CORRELATED_H

#include "wire/finding.h"

enum { CORRELATED_KEY_BYTES_MAX = 512, CORRELATED_VALUE_BYTES_MAX = 1024 * 1024 };

/* Starts a part in an empty buffer. serial 0: of the correlator's own accord. */
void correlated_begin(struct buf *buf, uint64_t serial);

/* Each adds one item, or gives false with the part as it was before when it does not fit. A change with
 * value.p NULL takes the key out. */
bool correlated_add_finding(struct buf *buf, const struct finding *finding);
bool correlated_add_change(struct buf *buf, sv key, sv value);

/* Says that this part is the last. */
void correlated_end(struct buf *buf);

struct correlated {
    uint64_t serial;
    bool last;
    struct unpack rest;
};

/* False if the body is no such part. */
bool correlated_open(sv body, struct correlated *ret);

enum correlated_item { CORRELATED_NONE, CORRELATED_FINDING, CORRELATED_CHANGE, CORRELATED_INVALID };

/* Takes the next item, views borrowed from the body: a finding, whose fields are in the arena, or a change.
 */
enum correlated_item correlated_next(struct correlated *correlated, struct finding *ret_finding, sv *ret_key,
                                     sv *ret_value, struct arena *arena);

#endif
