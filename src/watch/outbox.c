#include "watch/outbox.h"

#include <assert.h>
#include <stdlib.h>

struct batch_kept {
    struct batch_kept *next;
    uint64_t serial;
    size_t n;
    char body[];
};

/* In the channel and not yet in the kernel: some small ones. A large one goes to the kernel from here, and
 * what waits would lie in memory twice. */
enum { PENDING_BYTES_MAX = 16 * 1024 };

struct outbox {
    struct channel *channel;
    struct batch_kept *first, **last;
    const struct batch_kept *unsent; /* the first that this channel was not given */
    size_t batches, bytes;
};

struct outbox *outbox_new(void)
{
    struct outbox *outbox = calloc(1, sizeof *outbox);
    assert(outbox);
    outbox->last = &outbox->first;
    return outbox;
}

void outbox_free(struct outbox *outbox)
{
    if (!outbox)
        return;
    for (struct batch_kept *kept = outbox->first, *next; kept; kept = next) {
        next = kept->next;
        free(kept);
    }
    free(outbox);
}

/* The rest follows when the channel has run dry. */
static void send_some(void *arg)
{
    struct outbox *outbox = arg;
    for (const struct batch_kept *next;
         outbox->channel && (next = outbox->unsent) && channel_pending(outbox->channel) < PENDING_BYTES_MAX;
         outbox->unsent = next->next)
        channel_send(outbox->channel, CONTROL_FINDINGS, sv_make(next->body, next->n), -1);
}

void outbox_channel(struct outbox *outbox, struct channel *channel)
{
    if (outbox->channel)
        channel_on_drained(outbox->channel, NULL, NULL);
    if (channel)
        channel_on_drained(channel, send_some, outbox);
    outbox->channel = channel;
    outbox->unsent = outbox->first;
    send_some(outbox);
}

void outbox_put(struct outbox *outbox, uint64_t serial, sv body)
{
    struct batch_kept *kept = malloc(sizeof *kept + body.n);
    assert(kept);
    *kept = (struct batch_kept){.serial = serial, .n = body.n};
    memcpy(kept->body, body.p, body.n);
    *outbox->last = kept;
    outbox->last = &kept->next;
    outbox->batches++;
    outbox->bytes += body.n;
    if (!outbox->unsent)
        outbox->unsent = kept;
    send_some(outbox);
}

void outbox_committed(struct outbox *outbox, uint64_t serial)
{
    for (struct batch_kept **at = &outbox->first; *at; at = &(*at)->next) {
        struct batch_kept *kept = *at;
        if (kept->serial != serial)
            continue;
        *at = kept->next;
        if (outbox->unsent == kept)
            outbox->unsent = kept->next;
        if (outbox->last == &kept->next)
            outbox->last = at;
        outbox->batches--;
        outbox->bytes -= kept->n;
        free(kept);
        return;
    }
}

bool outbox_holds(const struct outbox *outbox, uint64_t serial)
{
    return outbox->first && outbox->first->serial <= serial;
}

size_t outbox_batches(const struct outbox *outbox)
{
    return outbox->batches;
}

size_t outbox_bytes(const struct outbox *outbox)
{
    return outbox->bytes;
}
