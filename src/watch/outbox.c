#include "watch/outbox.h"

#include <assert.h>
#include <stdlib.h>

struct batch_kept {
    struct batch_kept *next;
    uint64_t serial;
    size_t n;
    char body[];
};

struct outbox {
    struct channel *channel;
    struct batch_kept *first, **last;
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

void outbox_channel(struct outbox *outbox, struct channel *channel)
{
    outbox->channel = channel;
    for (const struct batch_kept *kept = outbox->first; channel && kept; kept = kept->next)
        channel_send(channel, CONTROL_FINDINGS, sv_make(kept->body, kept->n), -1);
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
    if (outbox->channel)
        channel_send(outbox->channel, CONTROL_FINDINGS, body, -1);
}

void outbox_committed(struct outbox *outbox, uint64_t serial)
{
    for (struct batch_kept **at = &outbox->first; *at; at = &(*at)->next) {
        struct batch_kept *kept = *at;
        if (kept->serial != serial)
            continue;
        *at = kept->next;
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
