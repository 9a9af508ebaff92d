#include "store/thread.h"

#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum {
    WAL_PAGES_MAX = 16384, /* 32 MiB: then the checkpoint no longer waits for a quiet moment */
    WAL_PAGES_MANY = 2000, /* from here on a short pause is quiet enough */
    PAUSE_MS = 50,
    IDLE_MS = 2000,
    RETRY_MS = 1000,
    CLOSING_TRIES_MAX = 2, /* a full disk holds up the end of the process no longer than this */
};

struct job {
    struct job *next;
    store_job_fn *run;
    store_done_fn *done;
    void *arg;
    struct err *err; /* NULL while all is well */
};

struct job_list {
    struct job *first, **end;
};

struct store_thread {
    struct store *store; /* the thread's own, between new and free */
    struct loop_wake *wake;
    pthread_t thread;
    pthread_mutex_t mutex; /* over all below */
    pthread_cond_t changed;
    struct job_list waiting, finished;
    bool closing;
    atomic_size_t pending;
    atomic_bool full;
};

static void list_init(struct job_list *list)
{
    *list = (struct job_list){.first = NULL, .end = &list->first};
}

static void list_put(struct job_list *list, struct job *job)
{
    job->next = NULL;
    *list->end = job;
    list->end = &job->next;
}

/* All of the list; it is empty afterwards. */
static struct job *list_take(struct job_list *list)
{
    struct job *first = list->first;
    list_init(list);
    return first;
}

static void job_free(struct job *job)
{
    free(job->err);
    free(job);
}

static struct timespec deadline(int64_t ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += ms % 1000 * NANOS_PER_MS;
    if (t.tv_nsec >= NANOS_PER_SECOND) {
        t.tv_sec++;
        t.tv_nsec -= NANOS_PER_SECOND;
    }
    return t;
}

static void checkpoint(struct store_thread *thread)
{
    struct err err;
    if (store_checkpoint(thread->store, &err) < 0 && !thread->full)
        LOG_WARNING("the store's log could not be folded into its database", LOG_ERR(&err));
}

/* Under the mutex: waits for jobs, and uses quiet moments to checkpoint. False at the end. */
static bool wait_for_jobs(struct store_thread *thread)
{
    while (!thread->waiting.first && !thread->closing) {
        int64_t pages = store_wal_pages(thread->store);
        if (pages == 0) {
            pthread_cond_wait(&thread->changed, &thread->mutex);
            continue;
        }
        struct timespec until = deadline(pages >= WAL_PAGES_MANY ? PAUSE_MS : IDLE_MS);
        if (pthread_cond_timedwait(&thread->changed, &thread->mutex, &until) != ETIMEDOUT ||
            thread->waiting.first)
            continue;
        pthread_mutex_unlock(&thread->mutex);
        checkpoint(thread);
        pthread_mutex_lock(&thread->mutex);
    }
    return thread->waiting.first != NULL;
}

/* Moves the first jobs of the queue to batch; returns how many. */
static size_t take_batch(struct store_thread *thread, struct job **batch)
{
    size_t n = 0;
    for (; n < STORE_BATCH_JOBS_MAX && thread->waiting.first; n++) {
        batch[n] = thread->waiting.first;
        thread->waiting.first = batch[n]->next;
    }
    if (!thread->waiting.first)
        list_init(&thread->waiting);
    return n;
}

static void job_failed(struct job *job, const struct err *err)
{
    job->err = malloc(sizeof *job->err);
    assert(job->err);
    *job->err = *err;
}

/* -1 when the transaction is spoiled; a job's own failure only undoes that job. */
static int run_job(struct store *store, struct job *job, struct err *err)
{
    free(job->err);
    job->err = NULL;
    if (store_savepoint(store, err) < 0)
        return -1;
    int ran = job->run(store, job->arg, err);
    if (store_spoiled(store))
        return -1;
    if (ran == 0)
        return store_release(store, err);
    job_failed(job, err);
    store_rollback_to(store);
    return store_spoiled(store) ? -1 : 0;
}

/* One transaction over the batch. -1: nothing of it happened. */
static int run_batch(struct store *store, struct job **batch, size_t n, struct err *err)
{
    if (store_begin(store, err) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (run_job(store, batch[i], err) < 0) {
            store_rollback(store);
            return -1;
        }
    return store_commit(store, err);
}

static void set_full(struct store_thread *thread, bool full, const struct err *err)
{
    if (atomic_exchange(&thread->full, full) == full)
        return;
    if (full)
        LOG_ERROR("the store cannot write and tries again each second", LOG_ERR(err));
    else
        LOG_INFO("the store writes again", LOG_INT("pending", thread->pending));
}

/* Sleeps out the time between two tries. True when the thread is to end. */
static bool wait_for_space(struct store_thread *thread)
{
    struct timespec until = deadline(RETRY_MS);
    pthread_mutex_lock(&thread->mutex);
    while (!thread->closing && pthread_cond_timedwait(&thread->changed, &thread->mutex, &until) != ETIMEDOUT)
        ;
    bool closing = thread->closing;
    pthread_mutex_unlock(&thread->mutex);
    return closing;
}

/* Runs the batch until it is on disk. Not even an error that nobody foresaw may let a job pass as done. */
static void commit_batch(struct store_thread *thread, struct job **batch, size_t n)
{
    struct err err = {.class = ERR_NONE};
    for (int closing_tries = 0; run_batch(thread->store, batch, n, &err) < 0;) {
        set_full(thread, true, &err);
        if (wait_for_space(thread) && ++closing_tries == CLOSING_TRIES_MAX) {
            LOG_ERROR("the store ends with changes that could not be written", LOG_INT("jobs", n),
                      LOG_ERR(&err));
            for (size_t i = 0; i < n; i++)
                if (!batch[i]->err)
                    job_failed(batch[i], &err);
            return;
        }
        /* What lies in the WAL may fit into the database, and make room in the WAL. */
        checkpoint(thread);
    }
    set_full(thread, false, NULL);
}

static void *run(void *arg)
{
    struct store_thread *thread = arg;
    struct job *batch[STORE_BATCH_JOBS_MAX];
    pthread_mutex_lock(&thread->mutex);
    while (wait_for_jobs(thread)) {
        size_t n = take_batch(thread, batch);
        pthread_mutex_unlock(&thread->mutex);
        commit_batch(thread, batch, n);
        pthread_mutex_lock(&thread->mutex);
        for (size_t i = 0; i < n; i++)
            list_put(&thread->finished, batch[i]);
        loop_wake_up(thread->wake);
        if (store_wal_pages(thread->store) >= WAL_PAGES_MAX) {
            pthread_mutex_unlock(&thread->mutex);
            checkpoint(thread);
            pthread_mutex_lock(&thread->mutex);
        }
    }
    pthread_mutex_unlock(&thread->mutex);
    return NULL;
}

/* On the loop's thread: tells those who wait. */
static void on_finished(void *arg)
{
    struct store_thread *thread = arg;
    pthread_mutex_lock(&thread->mutex);
    struct job *job = list_take(&thread->finished);
    pthread_mutex_unlock(&thread->mutex);
    for (struct job *next; job; job = next) {
        next = job->next;
        atomic_fetch_sub(&thread->pending, 1);
        if (job->done)
            job->done(job->arg, job->err);
        job_free(job);
    }
}

/* Signals are for the loop's thread. */
static void start(struct store_thread *thread)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&thread->thread, NULL, run, thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    assert(failed == 0);
}

struct store_thread *store_thread_new(struct loop *loop, struct store *store)
{
    struct store_thread *thread = calloc(1, sizeof *thread);
    assert(thread);
    thread->store = store;
    thread->wake = loop_wake_new(loop, on_finished, thread);
    list_init(&thread->waiting);
    list_init(&thread->finished);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&thread->mutex, NULL);
    pthread_cond_init(&thread->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    start(thread);
    return thread;
}

void store_thread_submit(struct store_thread *thread, store_job_fn *job, store_done_fn *done, void *arg)
{
    struct job *fresh = malloc(sizeof *fresh);
    assert(fresh);
    *fresh = (struct job){.run = job, .done = done, .arg = arg};
    atomic_fetch_add(&thread->pending, 1);
    pthread_mutex_lock(&thread->mutex);
    bool first = !thread->waiting.first;
    list_put(&thread->waiting, fresh);
    pthread_mutex_unlock(&thread->mutex);
    if (first)
        pthread_cond_signal(&thread->changed);
}

bool store_thread_full(const struct store_thread *thread)
{
    return thread->full;
}

size_t store_thread_pending(const struct store_thread *thread)
{
    return thread->pending;
}

void store_thread_free(struct store_thread *thread)
{
    if (!thread)
        return;
    pthread_mutex_lock(&thread->mutex);
    thread->closing = true;
    pthread_cond_signal(&thread->changed);
    pthread_mutex_unlock(&thread->mutex);
    pthread_join(thread->thread, NULL);
    loop_wake_free(thread->wake);
    for (struct job *job = list_take(&thread->finished), *next; job; job = next) {
        next = job->next;
        job_free(job);
    }
    store_close(thread->store);
    pthread_cond_destroy(&thread->changed);
    pthread_mutex_destroy(&thread->mutex);
    free(thread);
}
