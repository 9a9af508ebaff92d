/* Reads the log back: which messages are whole and not done, and what their state is. */
#include "store/spool_private.h"

#include "base/log.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Messages by their serial while the log is read: open addressing, at most half full. */
struct table {
    struct spool_message **slots;
    size_t size, used;
};

struct reading {
    int dir_fd;
    struct spool *spool;
    struct spool_log *log;
    struct table table;
};

static size_t slot_of(const struct table *table, uint64_t serial)
{
    size_t at = (size_t)(serial * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (table->size - 1);
    while (table->slots[at] && table->slots[at]->serial != serial)
        at = (at + 1) & (table->size - 1);
    return at;
}

static void table_grow(struct table *table)
{
    struct table bigger = {.size = table->size ? table->size * 2 : 1024};
    bigger.slots = calloc(bigger.size, sizeof(struct spool_message *));
    assert(bigger.slots);
    bigger.used = table->used;
    for (size_t i = 0; i < table->size; i++)
        if (table->slots[i])
            bigger.slots[slot_of(&bigger, table->slots[i]->serial)] = table->slots[i];
    free(table->slots);
    *table = bigger;
}

/* A message that is done stays in the table, out of its segment, until all is read. */
static bool is_done(const struct spool_message *message)
{
    return !message->segment;
}

static void take_message(struct reading *reading, struct spool_segment *segment, size_t offset, size_t size,
                         const struct spool_record *record)
{
    if (reading->table.used * 2 >= reading->table.size)
        table_grow(&reading->table);
    struct spool_message **slot = &reading->table.slots[slot_of(&reading->table, record->serial)];
    if (!*slot) {
        *slot = calloc(1, sizeof **slot);
        assert(*slot);
        reading->table.used++;
    } else if (is_done(*slot)) {
        return; /* a copy cannot come after the end; this one is nobody's */
    } else {
        spool_unlink(*slot);
    }
    struct spool_message *message = *slot;
    message->spool = reading->spool;
    message->serial = record->serial;
    message->segment = segment;
    message->offset = (uint32_t)offset;
    message->record_size = (uint32_t)size;
    message->meta_length = (uint32_t)record->meta_length;
    message->content_length = record->content_length;
    message->external = record->external;
    spool_state_set(message, record->state);
    spool_link(segment, message);
}

static void take_record(struct reading *reading, struct spool_segment *segment, size_t offset, size_t size,
                        const struct spool_record *record)
{
    if (record->type == SPOOL_RECORD_SEGMENT)
        return;
    if (record->serial >= reading->log->next_serial)
        reading->log->next_serial = record->serial + 1;
    if (record->type == SPOOL_RECORD_MESSAGE) {
        take_message(reading, segment, offset, size, record);
        return;
    }
    struct spool_message *message =
        reading->table.size ? reading->table.slots[slot_of(&reading->table, record->serial)] : NULL;
    if (!message || is_done(message))
        return;
    if (record->type == SPOOL_RECORD_STATE)
        spool_state_set(message, record->state);
    else
        spool_unlink(message);
}

/* True if there was any record. A gap between two is no torn end: something spoilt what was on disk. */
static bool read_segment(struct reading *reading, struct spool_segment *segment)
{
    struct spool_record record;
    sv bytes = sv_make(segment->map, segment->size);
    size_t at = SPOOL_RECORD_HEADER, size = 0, found;
    bool any = false;
    while ((found = spool_record_find(bytes, at, segment->number, &record, &size)) != SV_NPOS) {
        if (found != at)
            LOG_WARNING("a part of the spool cannot be read", LOG_INT("segment", segment->number),
                        LOG_INT("offset", at), LOG_INT("bytes", found - at));
        take_record(reading, segment, found, size, &record);
        at = found + size;
        any = true;
    }
    segment->used = at;
    return any;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The numbers of the segments, in their order. */
static int list_segments(int dir_fd, uint64_t **ret, size_t *ret_count, struct err *err)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (!folder) {
        if (fd >= 0)
            close(fd);
        return err_set(err, ERR_IO, "check who owns the folder", "list the spool");
    }
    uint64_t *numbers = calloc(SPOOL_SEGMENTS_MAX, sizeof *numbers);
    assert(numbers);
    size_t count = 0;
    bool too_many = false;
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (!spool_segment_number(entry->d_name, &numbers[count]))
            continue;
        too_many = count + 1 == SPOOL_SEGMENTS_MAX;
        if (too_many)
            break;
        count++;
    }
    closedir(folder);
    qsort(numbers, count, sizeof *numbers, by_number);
    *ret = numbers;
    *ret_count = count;
    if (too_many)
        return err_set(err, ERR_LIMIT, "move the folder away", "the spool has over %d segments",
                       SPOOL_SEGMENTS_MAX);
    return 0;
}

static void append(struct spool_log *log, struct spool_segment *segment)
{
    segment->listed = true;
    if (log->last)
        log->last->next = segment;
    else
        log->first = segment;
    log->last = segment;
}

static int read_segments(struct reading *reading, const uint64_t *numbers, size_t count, struct err *err)
{
    struct spool_segment **spare_end = &reading->log->spares;
    for (size_t i = 0; i < count; i++) {
        bool other = false;
        struct spool_segment *segment = spool_segment_open(reading->dir_fd, numbers[i], &other, err);
        if (!segment && !other)
            return -1;
        if (numbers[i] >= reading->log->next_number)
            reading->log->next_number = numbers[i] + 1;
        if (!segment) {
            /* A crash came between making or renewing it and the end of that: it holds nothing. */
            LOG_INFO("the spool leaves out a file that is no segment", LOG_INT("number", numbers[i]));
            continue;
        }
        if (read_segment(reading, segment)) {
            append(reading->log, segment);
        } else {
            *spare_end = segment;
            spare_end = &segment->next;
        }
    }
    return 0;
}

static bool has_its_file(int dir_fd, const struct spool_message *message)
{
    char name[SPOOL_NAME_MAX];
    struct stat st;
    return fstatat(dir_fd, spool_external_name(message->serial, name), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG(st.st_mode) && (uint64_t)st.st_size == message->content_length;
}

/* What counts in the end. */
static void sort_out(struct reading *reading)
{
    for (size_t i = 0; i < reading->table.size; i++) {
        struct spool_message *message = reading->table.slots[i];
        if (!message)
            continue;
        bool lost = !is_done(message) && message->external && !has_its_file(reading->dir_fd, message);
        if (lost) {
            /* The file goes after its message's end was written; the end may not have reached the disk. */
            LOG_WARNING("the spool has a message whose content is gone: it counts as done",
                        LOG_INT("serial", message->serial));
            spool_unlink(message);
        }
        reading->log->messages += !is_done(message);
    }
}

/* The table, and what is done in it. */
static void free_table(struct table *table)
{
    for (size_t i = 0; i < table->size; i++) {
        struct spool_message *message = table->slots[i];
        if (!message || !is_done(message))
            continue;
        free(message->state);
        free(message);
    }
    free(table->slots);
}

static bool is_wanted(const struct table *table, uint64_t serial)
{
    const struct spool_message *message = table->size ? table->slots[slot_of(table, serial)] : NULL;
    return message && !is_done(message) && message->external;
}

/* Files that no message speaks of: their commit did not come. */
static void clear_strays(int dir_fd, const struct table *table)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    if (!folder) {
        if (fd >= 0)
            close(fd);
        return;
    }
    uint64_t serial;
    for (struct dirent *entry; (entry = readdir(folder));)
        if (spool_external_serial(entry->d_name, &serial) && !is_wanted(table, serial))
            unlinkat(dir_fd, entry->d_name, 0);
    closedir(folder);
}

int spool_recover(int dir_fd, struct spool *spool, struct spool_log *ret, struct err *err)
{
    uint64_t *numbers = NULL;
    size_t count = 0;
    *ret = (struct spool_log){.next_number = 1, .next_serial = 1};
    struct reading reading = {.dir_fd = dir_fd, .spool = spool, .log = ret};
    int failed = list_segments(dir_fd, &numbers, &count, err);
    if (!failed)
        failed = read_segments(&reading, numbers, count, err);
    free(numbers);
    sort_out(&reading);
    if (!failed)
        clear_strays(dir_fd, &reading.table);
    free_table(&reading.table);
    return failed;
}
