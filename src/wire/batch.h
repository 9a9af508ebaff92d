/* The body of a FINDINGS message: what a stretch of one input's records gave, and how far the input was read.
 * Pure. On the wire: serial, input, count, findings and projections each with their kind, cursor after the
 * last record. */
#ifndef VEDETTE_WIRE_BATCH_H
#define VEDETTE_WIRE_BATCH_H

#include "wire/control.h"
#include "wire/projection.h"

enum { BATCH_FINDINGS_MAX = 4096 }; /* and projections, together */

/* Writes one batch. Nothing here is anybody else's business. */
struct batch_writer {
    struct pack pack;
    size_t count_at; /* where the count stands, from the front of the buffer */
    uint32_t count;
    bool projected; /* there is a projection before */
};

/* Starts a batch in an empty buffer whose maximum is CONTROL_BODY_BYTES_MAX or less. serial comes back in
 * COMMITTED; the writer gives every batch another one. input is the input's label. */
void batch_begin(struct batch_writer *writer, struct buf *buf, uint64_t serial, sv input);

/* Adds one finding. False when it no longer fits: the batch is as it was before, so end it, send it, and add
 * the finding to the next one. */
bool batch_add(struct batch_writer *writer, const struct finding *finding);

/* The same for a projection, which the correlator gets. again: it is of the same event as the last one. */
bool batch_add_projection(struct batch_writer *writer, const struct projection *projection, bool again);

/* Ends the batch: the buffer then holds the body of a FINDINGS message. cursor says where the input goes on
 * after a restart, at most BATCH_CURSOR_BYTES_MAX; empty for inputs that keep none. A batch without findings
 * is fine: it moves the cursor. */
enum { BATCH_CURSOR_BYTES_MAX = 4096 };
void batch_end(struct batch_writer *writer, sv cursor);

struct batch {
    uint64_t serial;
    sv input, cursor;
    struct finding *findings; /* in the arena; their views borrow from the body */
    size_t count;
    sv *projections; /* packed, each may build on the one before; borrowed from the body too */
    size_t projection_count;
};

/* False if the body is not a batch. */
bool batch_read(sv body, struct arena *arena, struct batch *ret);

#endif
