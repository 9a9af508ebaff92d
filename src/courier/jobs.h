/* Jobs for the store's thread whose memory belongs to somebody at every moment, also when the end of the
 * process comes before their answer. */
#ifndef VEDETTE_COURIER_JOBS_H
#define VEDETTE_COURIER_JOBS_H

#include "store/thread.h"

struct jobs;
struct job;

/* What kinds of job do; embed struct job first in a struct of one's own. */
struct job_kind {
    int (*run)(struct store *store, struct job *job,
               struct err *err);                          /* on the store's thread, see thread.h */
    void (*done)(struct job *job, const struct err *err); /* on the loop's thread */
    void (*release)(struct job *job); /* frees what the job holds, not the job; may be NULL */
    bool urgent;                      /* overtakes the others, see store_thread_hurry */
};

struct job {
    const struct job_kind *kind;
    struct jobs *jobs;
    struct job *next, *previous;
};

/* Takes over the store. idle, if not NULL, is called each time the last job is done. */
struct jobs *jobs_new(struct loop *loop, struct store *store, loop_fn *idle, void *arg);

/* size bytes, zeroed, that start with a struct job. */
void *job_new(size_t size, const struct job_kind *kind);
void jobs_submit(struct jobs *jobs, struct job *job);

size_t jobs_pending(const struct jobs *jobs);
struct store_thread *jobs_thread(struct jobs *jobs);

/* Runs what was submitted, calls no done any more, and closes the store. */
void jobs_free(struct jobs *jobs);

#endif
