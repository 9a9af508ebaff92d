#include "gateway/intake.h"

#include "gateway/relay_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

struct intake {
    struct relay *relay;
    size_t open; /* messages begun */
    struct intake_message *first;
    uint64_t last_id;
    struct buf packed;
};

struct intake_message {
    struct intake_message *next, *previous;
    struct intake *intake;
    struct spool_draft *draft;
    intake_done_fn *done; /* NULL after intake_forget */
    void *arg;
};

struct intake *intake_new(struct relay *relay)
{
    struct intake *intake = calloc(1, sizeof *intake);
    assert(intake);
    intake->relay = relay;
    intake->packed = BUF_INIT(INTAKE_ENVELOPE_BYTES_MAX + 4096);
    return intake;
}

void intake_free(struct intake *intake)
{
    if (!intake)
        return;
    /* What is left was being committed when the spool ended. */
    for (struct intake_message *message = intake->first, *next; message; message = next) {
        next = message->next;
        free(message);
    }
    buf_free(&intake->packed);
    free(intake);
}

char *intake_id(struct intake *intake, char id[static INTAKE_ID_MAX])
{
    /* Microseconds, and never one twice in a row: a clock that is set back costs nothing while we run, and a
     * restart takes longer than a microsecond. */
    uint64_t now = (uint64_t)(loop_now() / 1000);
    intake->last_id = now > intake->last_id ? now : intake->last_id + 1;
    snprintf(id, INTAKE_ID_MAX, "%llX", (unsigned long long)intake->last_id);
    return id;
}

bool intake_full(const struct intake *intake, struct err *err)
{
    return spool_full(intake->relay->spool, err);
}

int intake_begin(struct intake *intake, struct intake_message **ret, struct err *err)
{
    if (intake_full(intake, err))
        return -1;
    if (intake->open >= INTAKE_MESSAGES_MAX)
        return err_set(err, ERR_TEMPORARY, "try again later", "%d messages are being received",
                       INTAKE_MESSAGES_MAX);
    struct intake_message *message = calloc(1, sizeof *message);
    assert(message);
    message->intake = intake;
    message->draft = spool_begin(intake->relay->spool);
    message->next = intake->first;
    if (message->next)
        message->next->previous = message;
    intake->first = message;
    intake->open++;
    *ret = message;
    return 0;
}

void intake_put(struct intake_message *message, sv bytes)
{
    spool_put(message->draft, bytes);
}

static void release(struct intake_message *message)
{
    if (message->previous)
        message->previous->next = message->next;
    else
        message->intake->first = message->next;
    if (message->next)
        message->next->previous = message->previous;
    message->intake->open--;
    free(message);
}

static void on_spooled(void *arg, struct spool_message *spooled, const struct err *err)
{
    struct intake_message *message = arg;
    struct relay *relay = message->intake->relay;
    if (message->done)
        message->done(message->arg, err);
    release(message);
    if (spooled)
        relay_take(relay, spooled);
}

void intake_commit(struct intake_message *message, const struct intake_envelope *envelope,
                   intake_done_fn *done, void *arg)
{
    struct intake *intake = message->intake;
    struct envelope full = {.said = *envelope, .arrived = loop_now()};
    buf_clear(&intake->packed);
    int failed = envelope_pack(&intake->packed, &full);
    assert(!failed && "the session bounds what an envelope may hold");
    message->done = done;
    message->arg = arg;
    struct spool_draft *draft = message->draft;
    message->draft = NULL;
    spool_commit(draft, buf_view(&intake->packed), SV_NONE, on_spooled, message);
}

void intake_forget(struct intake_message *message)
{
    message->done = NULL;
}

void intake_abort(struct intake_message *message)
{
    if (!message)
        return;
    spool_abort(message->draft);
    release(message);
}
