/* Gives the store a thread of its own and groups jobs that come together into one commit. */
#ifndef VEDETTE_STORE_THREAD_H
#define VEDETTE_STORE_THREAD_H

#include "io/loop.h"
#include "store/store.h"

struct store_thread;

enum { STORE_BATCH_JOBS_MAX = 256 };

/* Runs on the store's thread. May run again after a rollback, so it must not change arg in ways that a second
 * run would trip over. −1 undoes this job alone. */
typedef int store_job_fn(struct store *store, void *arg, struct err *err);

/* Runs on the loop's thread once the batch is on disk (err NULL) or the job failed for good. A full disk is
 * not a failure: the batch is tried again each second until it fits, and store_thread_full is true meanwhile.
 */
typedef void store_done_fn(void *arg, const struct err *err);

/* Takes over the store. */
struct store_thread *store_thread_new(struct loop *loop, struct store *store);

/* Jobs run in the order of submission, as soon as the batch before them is on disk: what comes together
 * shares one fsync, and what comes alone does not wait. A batch takes no more along once it is large or has
 * taken ten milliseconds. done may be NULL. */
void store_thread_submit(struct store_thread *thread, store_job_fn *job, store_done_fn *done, void *arg);

/* The same for a short job that others wait for: it overtakes those of store_thread_submit. */
void store_thread_hurry(struct store_thread *thread, store_job_fn *job, store_done_fn *done, void *arg);

/* The same for a job that only reads: while the disk is full it overtakes those that write. */
void store_thread_read(struct store_thread *thread, store_job_fn *job, store_done_fn *done, void *arg);

bool store_thread_full(const struct store_thread *thread);
size_t store_thread_pending(const struct store_thread *thread); /* submitted and not yet done */

/* Runs what was submitted, then joins the thread and closes the store. Done functions are not called any
 * more. What a full disk does not take within two tries is given up, and logged: nobody was told that it is
 * done. Not from within a done function. NULL is fine. */
void store_thread_free(struct store_thread *thread);

#endif
