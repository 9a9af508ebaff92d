/* What the files of the spool share: spool.c (the index, on the loop's thread), spool_writer.c (the thread
 * that writes and syncs), spool_segment.c (files), spool_recover.c (reading the log back). */
#ifndef VEDETTE_STORE_SPOOL_PRIVATE_H
#define VEDETTE_STORE_SPOOL_PRIVATE_H

#include "store/spool.h"
#include "store/spool_record.h"

enum {
    SPOOL_SEGMENTS_MAX = 1 << 16, /* read back; that many of 16 MiB make a terabyte */
    SPOOL_NAME_MAX = 32,
};

/* One file of the log. number, fd, map and size never change while it is in use. */
struct spool_segment {
    struct spool_segment *next; /* in the log from old to new, or in a list of spares */
    uint64_t number;
    int fd;
    const char *map; /* all of it, for reading */
    size_t size;
    size_t used; /* the writer's, while it is the current one */
    /* The loop's: */
    struct spool_message *first, *last; /* messages whose record is in here, as they were written */
    size_t live_bytes, pins;
    bool listed;
};

struct spool_message {
    struct spool_message *next, *previous; /* in its segment */
    struct spool *spool;
    struct spool_segment *segment;
    uint64_t serial, content_length;
    uint32_t offset, meta_length;
    uint32_t state_length, record_size;
    char *state; /* NULL: empty */
    void *owner;
    struct spool_entry *moving; /* its copy is being written */
    bool external;
};

enum spool_entry_kind { SPOOL_ENTRY_COMMIT, SPOOL_ENTRY_NOTE, SPOOL_ENTRY_REMOVE, SPOOL_ENTRY_MOVE };

/* One record on its way to the disk and back. */
struct spool_entry {
    struct spool_entry *next;
    enum spool_entry_kind kind;
    char *record;
    size_t size;
    struct spool_message *message; /* COMMIT and MOVE; NULL if it was removed while being moved */
    int external_fd;               /* COMMIT: the file of its own to sync first, or −1 */
    uint64_t unlink_serial;        /* REMOVE: whose file is to go, or 0 */
    struct err *failure;           /* COMMIT: the draft failed before; it only comes back */
    spool_done_fn *done;
    void *arg;
    /* The writer's answer: */
    struct spool_segment *segment; /* NULL: there was no room */
    size_t offset;
};

struct spool_list {
    struct spool_entry *first, **end;
};

static inline void spool_list_init(struct spool_list *list)
{
    *list = (struct spool_list){.first = NULL, .end = &list->first};
}

static inline void spool_list_put(struct spool_list *list, struct spool_entry *entry)
{
    entry->next = NULL;
    *list->end = entry;
    list->end = &entry->next;
}

/* --- spool_segment.c --- */

/* A fresh file of that number with its room set aside, known to the directory: all of it on disk. NULL
 * without room (errno ENOSPC or EDQUOT) or when something else is wrong. fill: written with zeros, which
 * takes a while; a sync of what is written later then need not wait for the file system's journal. */
struct spool_segment *spool_segment_make(int dir_fd, uint64_t number, size_t size, bool fill);

/* Gives an emptied one a new number, under which nothing that it holds is a record any more. −1: it is as
 * before or unusable; drop it. */
int spool_segment_renew(int dir_fd, struct spool_segment *segment, uint64_t number);

/* Opens one that is there. *ret_other: it is no segment of that number. */
struct spool_segment *spool_segment_open(int dir_fd, uint64_t number, bool *ret_other, struct err *err);
void spool_segment_close(struct spool_segment *segment);
void spool_segment_drop(int dir_fd, struct spool_segment *segment); /* and its file */

/* A number from a file's name; false if it is none of ours. */
bool spool_segment_number(const char *name, uint64_t *ret);

/* The file of its own of a message: "0000000000000001.big". */
const char *spool_external_name(uint64_t serial, char name[static SPOOL_NAME_MAX]);
bool spool_external_serial(const char *name, uint64_t *ret);

/* --- spool_writer.c --- */

struct spool_writer;

/* Takes over the spares. next_number: of the next segment. */
struct spool_writer *spool_writer_new(struct loop *loop, int dir_fd, size_t segment_bytes,
                                      uint64_t next_number, struct spool_segment *spares, loop_fn *finished,
                                      void *arg);

/* What wants no sync may wait for spool_writer_hurry, so that many wake the thread once. */
void spool_writer_submit(struct spool_writer *writer, struct spool_entry *entry);
void spool_writer_hurry(struct spool_writer *writer);
struct spool_entry *spool_writer_finished(struct spool_writer *writer); /* in the order of submission */
void spool_writer_recycle(struct spool_writer *writer, struct spool_segment *segment);
bool spool_writer_full(const struct spool_writer *writer);
uint64_t spool_writer_syncs(const struct spool_writer *writer);
size_t spool_writer_spares(struct spool_writer *writer);

/* Writes what was submitted, syncs, and ends the thread; spool_writer_finished has the last entries then. */
void spool_writer_stop(struct spool_writer *writer);

/* After spool_writer_stop. Entries and spares are freed. */
void spool_writer_free(struct spool_writer *writer);

/* --- spool_recover.c --- */

struct spool_log {
    struct spool_segment *first, *last; /* with messages linked in */
    struct spool_segment *spares;       /* without any record */
    uint64_t next_number, next_serial;
    size_t messages;
};

int spool_recover(int dir_fd, struct spool *spool, struct spool_log *ret, struct err *err);

/* --- spool.c --- */

struct spool {
    int dir_fd, lock_fd;
    size_t segment_bytes;
    struct spool_writer *writer;
    struct spool_segment *first, *last; /* from old to new; the last may be written to */
    size_t segment_count, live_bytes, messages;
    struct loop_timer *hurry;  /* for notes and ends, at the end of the loop's turn */
    size_t committing, moving; /* entries on their way */
    uint64_t next_serial, records, moved;
};

/* Hands a copy of the entry to the writer. */
void spool_submit(struct spool *spool, struct spool_entry entry);

void spool_link(struct spool_segment *segment, struct spool_message *message);
void spool_unlink(struct spool_message *message);
void spool_state_set(struct spool_message *message, sv state);

#endif
