/* The spool's thread: writes what waits with one call, syncs once, and keeps segments ready ahead. */
#include "store/spool_private.h"

#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum {
    BATCH_MAX = 512,       /* records a write */
    SPARES_WANTED = 2,     /* one to go on with, and one that only notes and ends may take when all is full */
    EXIT_LOST_DISK = 74,   /* EX_IOERR */
    CLOSING_TRIES_MAX = 2, /* a full disk holds up the end no longer than this */
};

static const nanos PATIENCE =
    NANOS_PER_SECOND; /* of what may wait for a sync, and between tries on a full disk */

struct spool_writer {
    int dir_fd;
    size_t segment_bytes;
    uint64_t next_number;
    struct spool_segment *current;
    nanos next_try;            /* to see whether the disk is still full */
    bool unsynced;             /* records were written that no sync has followed */
    struct spool_list delayed; /* notes and ends that found no room */
    struct loop_wake *wake;
    pthread_t thread;
    atomic_bool full;
    atomic_ullong syncs;
    pthread_mutex_t mutex; /* over all below */
    pthread_cond_t changed;
    struct spool_list waiting, finished;
    struct spool_segment *spares; /* in the order of their numbers */
    size_t spare_count;
    struct spool_segment *emptied; /* to be renewed */
    bool idle, closing;
};

/* After a failed sync nobody knows what is on disk, and asking again would be answered with yes. */
_Noreturn static void disk_is_lost(const char *what)
{
    struct err err;
    err_set(&err, ERR_IO, "check the disk; what was answered with 250 was synced before", "%s the spool",
            what);
    LOG_ERROR("the gateway ends because its disk does not keep what it is given", LOG_ERR(&err));
    _exit(EXIT_LOST_DISK);
}

static bool is_no_room(int system)
{
    return system == ENOSPC || system == EDQUOT || system == EFBIG;
}

static void set_full(struct spool_writer *writer, bool full)
{
    if (atomic_exchange(&writer->full, full) == full)
        return;
    if (full)
        LOG_ERROR("the spool's disk is full: no message is taken until there is room",
                  LOG_INT("errno", errno));
    else
        LOG_INFO("the spool has room again", LOG_INT("segment_bytes", writer->segment_bytes));
}

static void found_full(struct spool_writer *writer)
{
    set_full(writer, true);
    writer->next_try = loop_monotonic() + PATIENCE;
}

/* --- Segments --- */

static struct spool_segment *take_emptied(struct spool_writer *writer)
{
    pthread_mutex_lock(&writer->mutex);
    struct spool_segment *segment = writer->emptied;
    if (segment)
        writer->emptied = segment->next;
    pthread_mutex_unlock(&writer->mutex);
    return segment;
}

static size_t spare_count(struct spool_writer *writer)
{
    pthread_mutex_lock(&writer->mutex);
    size_t count = writer->spare_count;
    pthread_mutex_unlock(&writer->mutex);
    return count;
}

static void put_spare(struct spool_writer *writer, struct spool_segment *segment)
{
    pthread_mutex_lock(&writer->mutex);
    struct spool_segment **at = &writer->spares;
    while (*at)
        at = &(*at)->next;
    segment->next = NULL;
    *at = segment;
    writer->spare_count++;
    pthread_mutex_unlock(&writer->mutex);
}

static void renew_emptied(struct spool_writer *writer)
{
    struct spool_segment *segment;
    while ((segment = take_emptied(writer))) {
        if (spare_count(writer) >= SPOOL_SPARES_MAX || segment->size != writer->segment_bytes) {
            spool_segment_drop(writer->dir_fd, segment);
            continue;
        }
        if (spool_segment_renew(writer->dir_fd, segment, writer->next_number) < 0)
            disk_is_lost("renew a segment of");
        writer->next_number++;
        put_spare(writer, segment);
    }
}

/* Uses again what was emptied, and makes new ones if that is not enough. */
static void prepare_spares(struct spool_writer *writer)
{
    renew_emptied(writer);
    if (writer->full && loop_monotonic() < writer->next_try)
        return;
    while (spare_count(writer) < SPARES_WANTED) {
        struct spool_segment *segment = spool_segment_make(writer->dir_fd, writer->next_number,
                                                           writer->segment_bytes, writer->current != NULL);
        if (!segment && !is_no_room(errno))
            disk_is_lost("make a segment of");
        if (!segment) {
            found_full(writer);
            return;
        }
        writer->next_number++;
        put_spare(writer, segment);
    }
    set_full(writer, false);
}

/* Goes on in the next segment; messages leave the last spare to notes and ends. */
static bool next_segment(struct spool_writer *writer, bool for_message)
{
    if (spare_count(writer) < SPARES_WANTED)
        prepare_spares(writer);
    pthread_mutex_lock(&writer->mutex);
    struct spool_segment *next = writer->spare_count > (for_message ? 1 : 0) ? writer->spares : NULL;
    if (next) {
        writer->spares = next->next;
        writer->spare_count--;
        next->next = NULL;
    }
    pthread_mutex_unlock(&writer->mutex);
    if (next)
        writer->current = next;
    return next != NULL;
}

static bool fits(const struct spool_writer *writer, const struct spool_entry *entry)
{
    return writer->current && writer->current->used + entry->size <= writer->current->size;
}

/* --- Writing --- */

/* A record that was refused in the end must not be found at the next start. */
static void blot_out(const struct spool_segment *segment, struct spool_entry *const *batch, size_t count)
{
    static const char nothing[SPOOL_RECORD_HEADER];
    for (size_t i = 0; i < count; i++)
        if (pwrite(segment->fd, nothing, sizeof nothing, (off_t)batch[i]->offset) < 0 && !is_no_room(errno))
            disk_is_lost("write to");
}

/* One write for all. False without room: nothing of it counts. */
static bool write_records(struct spool_segment *segment, struct spool_entry *const *batch, size_t count)
{
    struct iovec pieces[BATCH_MAX];
    size_t total = 0, done = 0, first = 0;
    for (size_t i = 0; i < count; i++) {
        struct spool_entry *entry = batch[i];
        spool_record_sign(entry->record, entry->size, segment->number);
        pieces[i] = (struct iovec){.iov_base = entry->record, .iov_len = entry->size};
        entry->segment = segment;
        entry->offset = segment->used + total;
        total += entry->size;
    }
    while (done < total) {
        ssize_t n = pwritev(segment->fd, pieces + first, (int)(count - first), (off_t)(segment->used + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && !is_no_room(errno))
            disk_is_lost("write to");
        if (n <= 0)
            return false;
        done += (size_t)n;
        size_t left = (size_t)n;
        while (first < count && left >= pieces[first].iov_len)
            left -= pieces[first++].iov_len;
        if (left && first < count) {
            pieces[first].iov_base = (char *)pieces[first].iov_base + left;
            pieces[first].iov_len -= left;
        }
    }
    segment->used += total;
    return true;
}

static bool wants_sync(const struct spool_entry *entry)
{
    switch (entry->kind) {
    case SPOOL_ENTRY_COMMIT:
    case SPOOL_ENTRY_MOVE:
        return true;
    case SPOOL_ENTRY_NOTE:
    case SPOOL_ENTRY_REMOVE:
        return false;
    }
    abort();
}

/* A message that finds no room is told so; a note or an end waits until there is some. */
static void no_room(struct spool_writer *writer, struct spool_entry *entry, struct spool_list *finished)
{
    entry->segment = NULL;
    if (wants_sync(entry))
        spool_list_put(finished, entry);
    else
        spool_list_put(&writer->delayed, entry);
}

/* Content in a file of its own, and the file's name, before the record that speaks of it. */
static void sync_external(struct spool_writer *writer, struct spool_entry *const *batch, size_t count)
{
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        if (batch[i]->external_fd < 0)
            continue;
        if (fsync(batch[i]->external_fd) < 0)
            disk_is_lost("sync a file of");
        close(batch[i]->external_fd);
        batch[i]->external_fd = -1;
        any = true;
    }
    if (any && fsync(writer->dir_fd) < 0)
        disk_is_lost("sync the folder of");
}

static void sync_current(struct spool_writer *writer)
{
    if (!writer->current || !writer->unsynced)
        return;
    if (fdatasync(writer->current->fd) < 0)
        disk_is_lost("sync");
    writer->unsynced = false;
    atomic_fetch_add(&writer->syncs, 1);
}

/* Behind a note that found no room no later one may slip in: of a message's states the last one counts. */
static bool must_queue(const struct spool_writer *writer, const struct spool_entry *entry)
{
    return writer->delayed.first && !wants_sync(entry);
}

/* Records from *list that fit into the current segment; they leave the list. */
static size_t gather(const struct spool_writer *writer, struct spool_entry **list, struct spool_entry **batch)
{
    size_t count = 0, used = writer->current->used;
    while (*list && !(*list)->failure && !must_queue(writer, *list) && count < BATCH_MAX &&
           used + (*list)->size <= writer->current->size) {
        used += (*list)->size;
        batch[count++] = *list;
        *list = (*list)->next;
    }
    return count;
}

static void unlink_external(const struct spool_writer *writer, struct spool_entry *const *batch, size_t count)
{
    char name[SPOOL_NAME_MAX];
    for (size_t i = 0; i < count; i++)
        if (batch[i]->unlink_serial)
            unlinkat(writer->dir_fd, spool_external_name(batch[i]->unlink_serial, name), 0);
}

/* In the current segment, or in the next one. */
static bool has_place(struct spool_writer *writer, const struct spool_entry *entry)
{
    if (entry->failure || must_queue(writer, entry))
        return false;
    if (fits(writer, entry))
        return true;
    sync_current(writer); /* the one that is left behind */
    return next_segment(writer, wants_sync(entry));
}

/* Writes all of the list; what is to be on disk is when this returns. */
static void write_list(struct spool_writer *writer, struct spool_entry *list, struct spool_list *finished)
{
    struct spool_entry *batch[BATCH_MAX];
    bool sync = false;
    while (list) {
        if (!has_place(writer, list)) {
            struct spool_entry *entry = list;
            list = list->next;
            no_room(writer, entry, finished);
            continue;
        }
        size_t count = gather(writer, &list, batch);
        sync_external(writer, batch, count);
        bool written = write_records(writer->current, batch, count);
        if (!written) {
            found_full(writer);
            blot_out(writer->current, batch, count); /* the next batch begins at the same place */
        }
        writer->unsynced = true;
        unlink_external(writer, batch, written ? count : 0);
        for (size_t i = 0; i < count; i++) {
            sync |= wants_sync(batch[i]);
            if (written)
                spool_list_put(finished, batch[i]);
            else
                no_room(writer, batch[i], finished);
        }
    }
    if (sync)
        sync_current(writer);
}

/* --- The thread --- */

static struct timespec deadline(nanos after)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    nanos sum = t.tv_nsec + after;
    t.tv_sec += sum / NANOS_PER_SECOND;
    t.tv_nsec = sum % NANOS_PER_SECOND;
    return t;
}

/* Under the mutex: until there is something to do, or what was put off is due. */
static void wait_for_work(struct spool_writer *writer)
{
    bool due = writer->unsynced || writer->full || writer->delayed.first;
    struct timespec until = deadline(PATIENCE);
    writer->idle = true;
    while (!writer->waiting.first && !writer->emptied && !writer->closing) {
        if (!due)
            pthread_cond_wait(&writer->changed, &writer->mutex);
        else if (pthread_cond_timedwait(&writer->changed, &writer->mutex, &until) == ETIMEDOUT)
            break;
    }
    writer->idle = false;
}

/* What was delayed comes before what is new. Under the mutex. */
static struct spool_entry *take_work(struct spool_writer *writer)
{
    *writer->delayed.end = writer->waiting.first;
    struct spool_entry *list = writer->delayed.first;
    spool_list_init(&writer->delayed);
    spool_list_init(&writer->waiting);
    return list;
}

static void hand_back(struct spool_writer *writer, struct spool_list *finished)
{
    if (!finished->first)
        return;
    pthread_mutex_lock(&writer->mutex);
    *writer->finished.end = finished->first;
    writer->finished.end = finished->end;
    pthread_mutex_unlock(&writer->mutex);
    loop_wake_up(writer->wake);
}

static void *run(void *arg)
{
    struct spool_writer *writer = arg;
    int closing_tries = 0;
    prepare_spares(writer);
    for (;;) {
        pthread_mutex_lock(&writer->mutex);
        wait_for_work(writer);
        bool closing = writer->closing;
        struct spool_entry *list = take_work(writer);
        pthread_mutex_unlock(&writer->mutex);
        struct spool_list finished;
        spool_list_init(&finished);
        bool worked = list != NULL;
        write_list(writer, list, &finished);
        if (!worked)
            sync_current(writer); /* a quiet moment, or a second has passed */
        hand_back(writer, &finished);
        prepare_spares(writer);
        if (closing && (writer->delayed.first ? ++closing_tries == CLOSING_TRIES_MAX : !worked))
            break;
    }
    sync_current(writer);
    return NULL;
}

/* --- The loop's side --- */

struct spool_writer *spool_writer_new(struct loop *loop, int dir_fd, size_t segment_bytes,
                                      uint64_t next_number, struct spool_segment *spares, loop_fn *finished,
                                      void *arg)
{
    struct spool_writer *writer = calloc(1, sizeof *writer);
    assert(writer);
    writer->dir_fd = dir_fd;
    writer->segment_bytes = segment_bytes;
    writer->next_number = next_number;
    writer->emptied = spares;
    writer->wake = loop_wake_new(loop, finished, arg);
    spool_list_init(&writer->waiting);
    spool_list_init(&writer->finished);
    spool_list_init(&writer->delayed);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&writer->mutex, NULL);
    pthread_cond_init(&writer->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    /* Signals are for the loop's thread. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&writer->thread, NULL, run, writer);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    assert(failed == 0);
    return writer;
}

void spool_writer_submit(struct spool_writer *writer, struct spool_entry *entry)
{
    pthread_mutex_lock(&writer->mutex);
    spool_list_put(&writer->waiting, entry);
    bool wake = writer->idle && wants_sync(entry);
    if (wake)
        writer->idle = false; /* one signal is enough */
    pthread_mutex_unlock(&writer->mutex);
    if (wake)
        pthread_cond_signal(&writer->changed);
}

void spool_writer_hurry(struct spool_writer *writer)
{
    pthread_mutex_lock(&writer->mutex);
    bool wake = writer->idle && writer->waiting.first;
    if (wake)
        writer->idle = false;
    pthread_mutex_unlock(&writer->mutex);
    if (wake)
        pthread_cond_signal(&writer->changed);
}

struct spool_entry *spool_writer_finished(struct spool_writer *writer)
{
    pthread_mutex_lock(&writer->mutex);
    struct spool_entry *list = writer->finished.first;
    spool_list_init(&writer->finished);
    pthread_mutex_unlock(&writer->mutex);
    return list;
}

void spool_writer_recycle(struct spool_writer *writer, struct spool_segment *segment)
{
    pthread_mutex_lock(&writer->mutex);
    segment->next = writer->emptied;
    writer->emptied = segment;
    pthread_mutex_unlock(&writer->mutex);
    pthread_cond_signal(&writer->changed);
}

bool spool_writer_full(const struct spool_writer *writer)
{
    return writer->full;
}

uint64_t spool_writer_syncs(const struct spool_writer *writer)
{
    return writer->syncs;
}

size_t spool_writer_spares(struct spool_writer *writer)
{
    return spare_count(writer);
}

static void free_segments(struct spool_segment *list)
{
    for (struct spool_segment *next; list; list = next) {
        next = list->next;
        spool_segment_close(list);
    }
}

static void free_entries(struct spool_entry *list)
{
    for (struct spool_entry *next; list; list = next) {
        next = list->next;
        free(list->record);
        free(list);
    }
}

void spool_writer_stop(struct spool_writer *writer)
{
    pthread_mutex_lock(&writer->mutex);
    writer->closing = true;
    pthread_cond_signal(&writer->changed);
    pthread_mutex_unlock(&writer->mutex);
    pthread_join(writer->thread, NULL);
}

void spool_writer_free(struct spool_writer *writer)
{
    loop_wake_free(writer->wake);
    free_entries(writer->finished.first);
    free_entries(writer->delayed.first);
    free_segments(writer->spares);
    free_segments(writer->emptied);
    if (writer->current && !writer->current->listed)
        spool_segment_close(writer->current);
    pthread_cond_destroy(&writer->changed);
    pthread_mutex_destroy(&writer->mutex);
    free(writer);
}
