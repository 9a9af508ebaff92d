#include "courier/jobs.h"

#include <assert.h>
#include <stdlib.h>

struct jobs {
    struct store_thread *thread;
    struct job head; /* a ring: head.next is the oldest */
    size_t pending;
    loop_fn *idle;
    void *arg;
};

struct jobs *jobs_new(struct loop *loop, struct store *store, loop_fn *idle, void *arg)
{
    struct jobs *jobs = calloc(1, sizeof *jobs);
    assert(jobs);
    jobs->thread = store_thread_new(loop, store);
    jobs->head.next = jobs->head.previous = &jobs->head;
    jobs->idle = idle;
    jobs->arg = arg;
    return jobs;
}

void *job_new(size_t size, const struct job_kind *kind)
{
    struct job *job = calloc(1, size);
    assert(job && size >= sizeof *job);
    job->kind = kind;
    return job;
}

static void drop(struct job *job)
{
    job->previous->next = job->next;
    job->next->previous = job->previous;
    job->jobs->pending--;
    if (job->kind->release)
        job->kind->release(job);
    free(job);
}

static int run(struct store *store, void *arg, struct err *err)
{
    struct job *job = arg;
    return job->kind->run(store, job, err);
}

static void done(void *arg, const struct err *err)
{
    struct job *job = arg;
    struct jobs *jobs = job->jobs;
    job->kind->done(job, err);
    drop(job);
    if (jobs->pending == 0 && jobs->idle)
        jobs->idle(jobs->arg);
}

void jobs_submit(struct jobs *jobs, struct job *job)
{
    job->jobs = jobs;
    job->next = &jobs->head;
    job->previous = jobs->head.previous;
    job->previous->next = job;
    jobs->head.previous = job;
    jobs->pending++;
    (job->kind->urgent ? store_thread_hurry : store_thread_submit)(jobs->thread, run, done, job);
}

size_t jobs_pending(const struct jobs *jobs)
{
    return jobs->pending;
}

struct store_thread *jobs_thread(struct jobs *jobs)
{
    return jobs->thread;
}

void jobs_free(struct jobs *jobs)
{
    if (!jobs)
        return;
    store_thread_free(jobs->thread);
    for (struct job *job = jobs->head.next, *next; job != &jobs->head; job = next) {
        next = job->next;
        drop(job);
    }
    free(jobs);
}
