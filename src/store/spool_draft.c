/* A message on its way to the log: in memory while it is small, in a file of its own past that. */
#include "store/spool_private.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { DRAFT_BYTES_FIRST = 4096 };

struct spool_draft {
    struct spool *spool;
    char *record; /* room for the header, then content */
    size_t used, cap;
    uint64_t bytes;  /* of content */
    uint64_t serial; /* 0 until it is given; early if the content has a file */
    int external_fd; /* −1: none */
    struct err failure;
};

struct spool_draft *spool_begin(struct spool *spool)
{
    struct spool_draft *draft = malloc(sizeof *draft);
    assert(draft);
    *draft = (struct spool_draft){.spool = spool, .used = SPOOL_RECORD_HEADER, .external_fd = -1};
    return draft;
}

static void reserve(struct spool_draft *draft, size_t more)
{
    size_t cap = draft->cap ? draft->cap : DRAFT_BYTES_FIRST;
    while (cap < draft->used + more)
        cap *= 2;
    if (cap == draft->cap)
        return;
    char *record = realloc(draft->record, cap);
    assert(record);
    draft->record = record;
    draft->cap = cap;
}

static void draft_failed(struct spool_draft *draft, const char *what)
{
    bool full = errno == ENOSPC || errno == EDQUOT;
    err_set(&draft->failure, ERR_IO, "check free space and the disk", "%s a file of the spool", what);
    if (full)
        draft->failure.class = ERR_TEMPORARY;
}

/* What is in memory goes to the message's own file, which is made if need be. */
static void spill(struct spool_draft *draft)
{
    struct spool *spool = draft->spool;
    char name[SPOOL_NAME_MAX];
    if (draft->external_fd < 0) {
        draft->serial = spool->next_serial++;
        draft->external_fd = openat(spool->dir_fd, spool_external_name(draft->serial, name),
                                    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    }
    if (draft->external_fd < 0) {
        draft_failed(draft, "make");
        return;
    }
    for (size_t done = SPOOL_RECORD_HEADER; done < draft->used;) {
        ssize_t n = write(draft->external_fd, draft->record + done, draft->used - done);
        if (n < 0 && errno != EINTR) {
            draft_failed(draft, "write");
            return;
        }
        if (n > 0)
            done += (size_t)n;
    }
    draft->used = SPOOL_RECORD_HEADER;
}

void spool_put(struct spool_draft *draft, sv bytes)
{
    draft->bytes += bytes.n;
    while (bytes.n && !draft->failure.class) {
        size_t room = SPOOL_RECORD_HEADER + SPOOL_INLINE_MAX - draft->used;
        sv piece = sv_first(bytes, room);
        reserve(draft, piece.n);
        memcpy(draft->record + draft->used, piece.p, piece.n);
        draft->used += piece.n;
        bytes = sv_from(bytes, piece.n);
        if (bytes.n)
            spill(draft);
    }
}

uint64_t spool_draft_bytes(const struct spool_draft *draft)
{
    return draft->bytes;
}

void spool_abort(struct spool_draft *draft)
{
    char name[SPOOL_NAME_MAX];
    if (!draft)
        return;
    if (draft->external_fd >= 0) {
        close(draft->external_fd);
        unlinkat(draft->spool->dir_fd, spool_external_name(draft->serial, name), 0);
    }
    free(draft->record);
    free(draft);
}

static struct spool_message *message_of(struct spool_draft *draft, sv meta, sv state)
{
    struct spool_message *message = calloc(1, sizeof *message);
    assert(message);
    message->spool = draft->spool;
    message->serial = draft->serial ? draft->serial : draft->spool->next_serial++;
    message->content_length = draft->bytes;
    message->meta_length = (uint32_t)meta.n;
    message->external = draft->external_fd >= 0;
    spool_state_set(message, state);
    return message;
}

/* Meta and state come behind the content. */
static void complete_record(struct spool_draft *draft, const struct spool_message *message, sv meta, sv state,
                            struct spool_entry *entry)
{
    struct spool_record record = {
        .type = SPOOL_RECORD_MESSAGE,
        .external = message->external,
        .serial = message->serial,
        .content_length = draft->bytes,
        .meta_length = meta.n,
        .state_length = state.n,
    };
    entry->size = spool_record_size(&record);
    reserve(draft, entry->size);
    char *at = draft->record + draft->used;
    if (meta.n)
        memcpy(at, meta.p, meta.n);
    if (state.n)
        memcpy(at + meta.n, state.p, state.n);
    spool_record_finish(draft->record, &record);
}

void spool_commit(struct spool_draft *draft, sv meta, sv state, spool_done_fn *done, void *arg)
{
    assert(meta.n <= SPOOL_META_MAX && state.n <= SPOOL_STATE_MAX);
    if (draft->external_fd >= 0 && !draft->failure.class)
        spill(draft);
    struct spool_message *message = message_of(draft, meta, state);
    struct spool_entry entry = {.kind = SPOOL_ENTRY_COMMIT,
                                .message = message,
                                .external_fd = draft->external_fd,
                                .done = done,
                                .arg = arg};
    if (draft->failure.class) { /* it goes the same way, and comes back without a place */
        entry.failure = malloc(sizeof *entry.failure);
        assert(entry.failure);
        *entry.failure = draft->failure;
    } else {
        complete_record(draft, message, meta, state, &entry);
    }
    entry.record = draft->record;
    draft->spool->committing++;
    spool_submit(draft->spool, entry);
    free(draft);
}
