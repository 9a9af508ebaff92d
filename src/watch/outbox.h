/* Batches on their way to the courier, kept until it says that they are on disk. Private to this room. */
#ifndef VEDETTE_WATCH_OUTBOX_H
#define VEDETTE_WATCH_OUTBOX_H

#include "io/channel.h"

struct outbox;

struct outbox *outbox_new(void);
void outbox_free(struct outbox *outbox);

/* Where batches go; everything kept is sent again, as fast as it is read. NULL: nowhere. Borrowed. */
void outbox_channel(struct outbox *outbox, struct channel *channel);

/* Keeps a copy, and sends it when it is its turn, of a FINDINGS body with this serial. */
void outbox_put(struct outbox *outbox, uint64_t serial, sv body);

/* The batch is on disk. Unknown serials are ignored: an answer may come twice after a reconnect. */
void outbox_committed(struct outbox *outbox, uint64_t serial);

/* Whether that batch or one before it is still kept. */
bool outbox_holds(const struct outbox *outbox, uint64_t serial);

size_t outbox_batches(const struct outbox *outbox);
size_t outbox_bytes(const struct outbox *outbox);

#endif
