#include "store/spool.h"

#include "base/log.h"
#include "io/durable.h"
#include "store/spool_private.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    MOVE_BYTES_MAX = 256 * 1024, /* copied at a time, so that nobody waits long for a sync */
    SEGMENTS_BEFORE_MOVING = 4,  /* fewer are not worth the trouble */
    LIVE_PART = 4,               /* a log that is live by less than this part is worth it */
};

/* --- The index --- */

void spool_link(struct spool_segment *segment, struct spool_message *message)
{
    message->segment = segment;
    message->next = NULL;
    message->previous = segment->last;
    if (segment->last)
        segment->last->next = message;
    else
        segment->first = message;
    segment->last = message;
    segment->live_bytes += message->record_size;
}

void spool_unlink(struct spool_message *message)
{
    struct spool_segment *segment = message->segment;
    if (message->previous)
        message->previous->next = message->next;
    else
        segment->first = message->next;
    if (message->next)
        message->next->previous = message->previous;
    else
        segment->last = message->previous;
    segment->live_bytes -= message->record_size;
    message->segment = NULL;
}

void spool_state_set(struct spool_message *message, sv state)
{
    free(message->state);
    message->state = NULL;
    message->state_length = (uint32_t)state.n;
    if (!state.n)
        return;
    message->state = malloc(state.n);
    assert(message->state);
    memcpy(message->state, state.p, state.n);
}

/* --- Old segments go --- */

/* Only the oldest: in a later one may stand the end of a message of an earlier one. */
static void retire(struct spool *spool)
{
    struct spool_segment *oldest;
    while ((oldest = spool->first) != spool->last && !oldest->first && !oldest->pins) {
        spool->first = oldest->next;
        spool->segment_count--;
        oldest->listed = false;
        spool_writer_recycle(spool->writer, oldest);
    }
}

void spool_submit(struct spool *spool, struct spool_entry entry)
{
    struct spool_entry *fresh = malloc(sizeof *fresh);
    assert(fresh);
    *fresh = entry;
    if (entry.kind == SPOOL_ENTRY_MOVE) {
        entry.message->moving = fresh;
        spool->moving++;
    }
    spool_writer_submit(spool->writer, fresh);
    if ((entry.kind == SPOOL_ENTRY_NOTE || entry.kind == SPOOL_ENTRY_REMOVE) &&
        !loop_timer_pending(spool->hurry))
        loop_timer_set(spool->hurry, 0);
}

static void on_hurry(void *arg)
{
    const struct spool *spool = arg;
    spool_writer_hurry(spool->writer);
}

static char *record_make(const struct spool_record *record, size_t *ret_size)
{
    *ret_size = spool_record_size(record);
    char *at = malloc(*ret_size), *to = at + SPOOL_RECORD_HEADER;
    assert(at);
    const sv parts[] = {record->content, record->meta, record->state};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i].n)
            memcpy(to, parts[i].p, parts[i].n);
        to += parts[i].n;
    }
    spool_record_finish(at, record);
    return at;
}

static sv record_payload(const struct spool_message *message)
{
    return sv_make(message->segment->map + message->offset + SPOOL_RECORD_HEADER,
                   message->record_size - SPOOL_RECORD_HEADER);
}

static size_t inline_length(const struct spool_message *message)
{
    return message->external ? 0 : (size_t)message->content_length;
}

static void move(struct spool *spool, struct spool_message *message)
{
    sv payload = record_payload(message);
    struct spool_record record = {
        .type = SPOOL_RECORD_MESSAGE,
        .external = message->external,
        .serial = message->serial,
        .content_length = message->content_length,
        .meta_length = message->meta_length,
        .state_length = message->state_length,
        .content = sv_first(payload, inline_length(message)),
        .meta = sv_first(sv_from(payload, inline_length(message)), message->meta_length),
        .state = sv_make(message->state, message->state_length),
    };
    struct spool_entry entry = {.kind = SPOOL_ENTRY_MOVE, .message = message, .external_fd = -1};
    entry.record = record_make(&record, &entry.size);
    spool_submit(spool, entry);
}

/* While most of the log is dead, what lives in the oldest segment is copied to the end, a little at a time.
 */
static void tidy(struct spool *spool)
{
    retire(spool);
    if (spool->moving || spool->segment_count <= SEGMENTS_BEFORE_MOVING || spool->first == spool->last ||
        spool->live_bytes * LIVE_PART > spool->segment_count * spool->segment_bytes ||
        spool_writer_full(spool->writer))
        return;
    size_t bytes = 0;
    for (struct spool_message *message = spool->first->first; message && bytes < MOVE_BYTES_MAX;
         message = message->next) {
        bytes += message->record_size;
        move(spool, message);
    }
}

/* --- What the writer has done --- */

static void list_segment(struct spool *spool, struct spool_segment *segment)
{
    if (segment->listed)
        return;
    segment->listed = true;
    if (spool->last)
        spool->last->next = segment;
    else
        spool->first = segment;
    spool->last = segment;
    spool->segment_count++;
}

static void place(struct spool_message *message, const struct spool_entry *entry)
{
    message->offset = (uint32_t)entry->offset;
    message->record_size = (uint32_t)entry->size;
    spool_link(entry->segment, message);
    message->spool->live_bytes += entry->size;
}

static void committed(struct spool *spool, struct spool_entry *entry)
{
    struct spool_message *message = entry->message;
    spool->committing--;
    if (entry->segment) {
        spool->messages++;
        place(message, entry);
        entry->done(entry->arg, message, NULL);
        return;
    }
    struct err err = {.class = ERR_NONE};
    if (entry->external_fd >= 0)
        close(entry->external_fd);
    if (message->external) {
        char name[SPOOL_NAME_MAX];
        unlinkat(spool->dir_fd, spool_external_name(message->serial, name), 0);
    }
    err_set(&err, ERR_TEMPORARY, "make room on the disk of the spool", "the spool's disk is full");
    if (entry->failure)
        err = *entry->failure;
    free(message->state);
    free(message);
    entry->done(entry->arg, NULL, &err);
}

static void moved(struct spool *spool, struct spool_entry *entry)
{
    struct spool_message *message = entry->message;
    spool->moving--;
    if (!message)
        return;
    message->moving = NULL;
    if (!entry->segment)
        return;
    spool->live_bytes -= message->record_size;
    spool_unlink(message);
    place(message, entry);
    spool->moved++;
}

static void handle(struct spool *spool, struct spool_entry *entry)
{
    if (entry->segment) {
        list_segment(spool, entry->segment);
        spool->records++;
    }
    switch (entry->kind) {
    case SPOOL_ENTRY_COMMIT:
        committed(spool, entry);
        break;
    case SPOOL_ENTRY_MOVE:
        moved(spool, entry);
        break;
    case SPOOL_ENTRY_NOTE:
    case SPOOL_ENTRY_REMOVE:
        break;
    }
    free(entry->failure);
    free(entry->record);
    free(entry);
}

static void on_finished(void *arg)
{
    struct spool *spool = arg;
    struct spool_entry *entry = spool_writer_finished(spool->writer);
    for (struct spool_entry *next; entry; entry = next) {
        next = entry->next;
        handle(spool, entry);
    }
    tidy(spool);
}

/* --- Opening and closing --- */

static int open_folder(struct spool *spool, const char *path, struct err *err)
{
    if (directory_make(path, 0700, err) < 0)
        return -1;
    spool->dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (spool->dir_fd < 0)
        return err_set(err, ERR_IO, "the folder must belong to the user that runs the gateway", "open %s",
                       path);
    spool->lock_fd = openat(spool->dir_fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (spool->lock_fd < 0)
        return err_set(err, ERR_IO, "the folder must belong to the user that runs the gateway",
                       "open the lock of %s", path);
    if (flock(spool->lock_fd, LOCK_EX | LOCK_NB) < 0)
        return err_set(err, errno == EWOULDBLOCK ? ERR_UNAVAILABLE : ERR_IO,
                       "end the other one first, or give this one a spool of its own",
                       "the spool %s is in use by another vedette", path);
    return 0;
}

static void find_all(struct spool *spool, spool_found_fn *found, void *arg)
{
    for (struct spool_segment *segment = spool->first; segment; segment = segment->next) {
        spool->segment_count++;
        spool->live_bytes += segment->live_bytes;
        for (struct spool_message *message = segment->first, *next; message; message = next) {
            next = message->next;
            found(arg, message);
        }
    }
}

static void free_all(struct spool *spool)
{
    for (struct spool_segment *segment = spool->first, *next; segment; segment = next) {
        next = segment->next;
        for (struct spool_message *message = segment->first, *after; message; message = after) {
            after = message->next;
            free(message->state);
            free(message);
        }
        spool_segment_close(segment);
    }
    loop_timer_free(spool->hurry);
    if (spool->lock_fd >= 0)
        close(spool->lock_fd);
    if (spool->dir_fd >= 0)
        close(spool->dir_fd);
    free(spool);
}

int spool_open(const struct spool_setup *setup, spool_found_fn *found, void *arg, struct spool **ret,
               struct err *err)
{
    struct spool *spool = calloc(1, sizeof *spool);
    struct spool_log log = {0};
    assert(spool);
    spool->dir_fd = spool->lock_fd = -1;
    spool->segment_bytes = setup->segment_bytes ? setup->segment_bytes : SPOOL_SEGMENT_BYTES;
    assert(spool->segment_bytes >= SPOOL_SEGMENT_BYTES_MIN);
    bool opened = open_folder(spool, setup->directory, err) == 0;
    bool failed = !opened || spool_recover(spool->dir_fd, spool, &log, err) < 0;
    spool->first = log.first;
    spool->last = log.last;
    if (failed) {
        free_all(spool);
        return -1;
    }
    spool->hurry = loop_timer_new(setup->loop, on_hurry, spool);
    spool->next_serial = log.next_serial;
    spool->messages = log.messages;
    spool->writer = spool_writer_new(setup->loop, spool->dir_fd, spool->segment_bytes, log.next_number,
                                     log.spares, on_finished, spool);
    *ret = spool; /* found may already hand in more */
    find_all(spool, found, arg);
    return 0;
}

void spool_close(struct spool *spool)
{
    if (!spool)
        return;
    spool_writer_stop(spool->writer);
    struct spool_entry *entry = spool_writer_finished(spool->writer);
    for (struct spool_entry *next; entry; entry = next) {
        next = entry->next;
        if (entry->segment)
            list_segment(spool, entry->segment);
        if (entry->kind == SPOOL_ENTRY_COMMIT) {
            free(entry->message->state);
            free(entry->message);
        }
        free(entry->failure);
        free(entry->record);
        free(entry);
    }
    spool_writer_free(spool->writer);
    free_all(spool);
}

bool spool_full(const struct spool *spool, struct err *err)
{
    if (spool_writer_full(spool->writer)) {
        err_set(err, ERR_TEMPORARY, "make room on the disk of the spool", "the spool's disk is full");
        return true;
    }
    if (spool->messages + spool->committing < SPOOL_MESSAGES_MAX)
        return false;
    err_set(err, ERR_TEMPORARY, "see why they are not delivered: vedette gateway queue",
            "the spool holds %d messages", SPOOL_MESSAGES_MAX);
    return true;
}

size_t spool_count(const struct spool *spool)
{
    return spool->messages;
}

/* --- Messages --- */

static void submit_small(struct spool_message *message, enum spool_entry_kind kind,
                         const struct spool_record *record)
{
    struct spool_entry entry = {.kind = kind, .external_fd = -1};
    if (kind == SPOOL_ENTRY_REMOVE && message->external)
        entry.unlink_serial = message->serial;
    entry.record = record_make(record, &entry.size);
    spool_submit(message->spool, entry);
}

void spool_note(struct spool_message *message, sv state)
{
    assert(state.n <= SPOOL_STATE_MAX);
    spool_state_set(message, state);
    submit_small(
        message, SPOOL_ENTRY_NOTE,
        &(struct spool_record){
            .type = SPOOL_RECORD_STATE, .serial = message->serial, .state_length = state.n, .state = state});
}

void spool_remove(struct spool_message *message)
{
    struct spool *spool = message->spool;
    submit_small(message, SPOOL_ENTRY_REMOVE,
                 &(struct spool_record){.type = SPOOL_RECORD_DONE, .serial = message->serial});
    if (message->moving)
        message->moving->message = NULL;
    spool->live_bytes -= message->record_size;
    spool->messages--;
    spool_unlink(message);
    free(message->state);
    free(message);
}

static int look_at_file(const struct spool_message *message, struct spool_look *ret, struct err *err)
{
    char name[SPOOL_NAME_MAX];
    int fd = openat(message->spool->dir_fd, spool_external_name(message->serial, name),
                    O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    void *map =
        fd < 0 ? MAP_FAILED : mmap(NULL, (size_t)message->content_length, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) {
        err_set(err, ERR_IO, "check the disk", "read the spool's %s", name);
        if (fd >= 0)
            close(fd);
        return -1;
    }
    close(fd);
    ret->content = sv_make(map, (size_t)message->content_length);
    ret->external = true;
    return 0;
}

int spool_look(struct spool_message *message, struct spool_look *ret, struct err *err)
{
    sv payload = record_payload(message);
    struct spool_look look = {
        .content = sv_first(payload, inline_length(message)),
        .meta = sv_first(sv_from(payload, inline_length(message)), message->meta_length),
        .state = sv_make(message->state, message->state_length),
        .holder = message->segment,
    };
    if (message->external && look_at_file(message, &look, err) < 0)
        return -1;
    message->segment->pins++;
    *ret = look;
    return 0;
}

void spool_look_end(struct spool_look *look)
{
    struct spool_segment *segment = look->holder;
    if (!segment)
        return;
    segment->pins--;
    if (look->external) {
        union {
            const void *borrowed;
            void *owned;
        } map = {.borrowed = look->content.p};
        munmap(map.owned, look->content.n);
    }
    *look = (struct spool_look){0};
}

uint64_t spool_serial(const struct spool_message *message)
{
    return message->serial;
}

void spool_set_owner(struct spool_message *message, void *owner)
{
    message->owner = owner;
}

void *spool_owner(const struct spool_message *message)
{
    return message->owner;
}

void spool_facts(const struct spool *spool, struct spool_facts *ret)
{
    *ret = (struct spool_facts){
        .segments = spool->segment_count,
        .spares = spool_writer_spares(spool->writer),
        .messages = spool->messages,
        .syncs = spool_writer_syncs(spool->writer),
        .records = spool->records,
        .moved = spool->moved,
    };
}
