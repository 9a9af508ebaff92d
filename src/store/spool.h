/* The gateway's messages on disk: one append-only log for all sessions, in segments of one size that are made
 * ahead and used again. A thread of its own writes and syncs; what comes together shares one sync. In memory
 * stands only an index. All functions are called on the loop's thread. */
#ifndef VEDETTE_STORE_SPOOL_H
#define VEDETTE_STORE_SPOOL_H

#include "base/err.h"
#include "base/sv.h"
#include "io/loop.h"

struct spool;
struct spool_draft;   /* a message that is being written */
struct spool_message; /* one that is on disk */

enum {
    SPOOL_INLINE_MAX = 32 * 1024,   /* longer content gets a file of its own */
    SPOOL_META_MAX = 256 * 1024,    /* bytes */
    SPOOL_STATE_MAX = 256 * 1024,   /* bytes */
    SPOOL_MESSAGES_MAX = 1000000,   /* on disk; then no more are taken */
    SPOOL_SPARES_MAX = 4,           /* segments kept for use again */
    SPOOL_SEGMENT_BYTES = 16 << 20, /* a setup may have less, for tests: at least SPOOL_SEGMENT_BYTES_MIN */
    SPOOL_SEGMENT_BYTES_MIN = 1 << 20,
};

struct spool_setup {
    struct loop *loop;
    const char *directory;
    size_t segment_bytes; /* 0: SPOOL_SEGMENT_BYTES */
};

/* Opens the log, makes it if need be, and takes its lock: −1 if another process has it, or the log cannot be
 * read. found is called from within for every message, oldest first. What is torn at the end of a segment
 * was never told to be on disk, and is dropped; what is spoilt in the midst of one is logged. */
typedef void spool_found_fn(void *arg, struct spool_message *message);
int spool_open(const struct spool_setup *setup, spool_found_fn *found, void *arg, struct spool **ret,
               struct err *err);

/* Writes and syncs what was handed in, then frees all. Nobody is called any more. NULL is fine. */
void spool_close(struct spool *spool);

/* No message can be taken now: the disk is full (the spool looks again each second), or it holds
 * SPOOL_MESSAGES_MAX. err says which. */
bool spool_full(const struct spool *spool, struct err *err);
size_t spool_count(const struct spool *spool); /* messages on disk */

struct spool_draft *spool_begin(struct spool *spool);

/* Content, piece by piece. The first failure is kept for spool_commit. */
void spool_put(struct spool_draft *draft, sv bytes);
uint64_t spool_draft_bytes(const struct spool_draft *draft);

/* Called on the loop's thread: the message is on disk (err NULL), or it is gone (ERR_TEMPORARY: no room). */
typedef void spool_done_fn(void *arg, struct spool_message *message, const struct err *err);

/* Ends the draft. meta stays as it is for the message's life, state may be replaced. Both are copied. A sync
 * that fails ends the process: nobody knows then what is on disk. */
void spool_commit(struct spool_draft *draft, sv meta, sv state, spool_done_fn *done, void *arg);
void spool_abort(struct spool_draft *draft); /* NULL is fine */

/* Replaces the state. It reaches the kernel soon and the disk with the next sync, a second later at most. */
void spool_note(struct spool_message *message, sv state);

/* The message is delivered or given up: frees it. Written as spool_note is. */
void spool_remove(struct spool_message *message);

/* A look at the message: views stay valid until spool_look_end, even if it is removed meanwhile. −1 when a
 * file of its own cannot be read. */
struct spool_look {
    sv meta, state, content;
    void *holder; /* the spool's */
    bool external;
};
int spool_look(struct spool_message *message, struct spool_look *ret, struct err *err);
void spool_look_end(struct spool_look *look);

uint64_t spool_serial(const struct spool_message *message); /* grows with every message; over restarts too */

/* Whoever owns the message may keep something with it. */
void spool_set_owner(struct spool_message *message, void *owner);
void *spool_owner(const struct spool_message *message);

/* For tests and metrics. */
struct spool_facts {
    size_t segments, spares, messages;
    uint64_t syncs, records, moved; /* since it was opened; moved: rewritten, so that a segment could go */
};
void spool_facts(const struct spool *spool, struct spool_facts *ret);

#endif
