#include "store/thread.h"

#include "base/log.h"
#include "store/correlation.h"

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

static const nanos TRANSACTION_MAX = 10 * NANOS_PER_MS; /* after so long it takes no more jobs along */
static const nanos FOLD_MAX = 5 * NANOS_PER_MS;         /* of folding at a time: jobs may be waiting */
static const nanos FOLD_RETRY = 60 * NANOS_PER_SECOND;

struct job {
    struct job *next;
    store_job_fn *run;
    store_done_fn *done;
    void *arg;
    bool reads;      /* and nothing else: needs no room on the disk */
    struct err *err; /* NULL while all is well */
};

struct job_list {
    struct job *first, **end;
};

/* The jobs of one transaction. */
struct batch {
    struct job *jobs[STORE_BATCH_JOBS_MAX];
    size_t count;
};

struct store_thread {
    struct store *store; /* the thread's own, between new and free */
    struct loop_wake *wake;
    pthread_t thread;
    pthread_mutex_t mutex; /* over all below */
    pthread_cond_t changed;
    struct job_list urgent, waiting, finished;
    bool closing;
    nanos fold_at; /* no earlier, after it failed */
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

/* Some of the log of the correlations, in a transaction of its own. */
static int fold_some(struct store *store, struct err *err)
{
    if (store_begin(store, err) < 0)
        return -1;
    if (store_correlation_fold(store, FOLD_MAX, err) >= 0)
        return store_commit(store, err);
    store_rollback(store);
    return -1;
}

static bool is_to_fold(const struct store_thread *thread, size_t bytes)
{
    return store_correlation_log_bytes(thread->store) >= bytes && loop_monotonic() >= thread->fold_at;
}

static void fold(struct store_thread *thread)
{
    struct err err;
    if (fold_some(thread->store, &err) == 0)
        return;
    LOG_WARNING("what correlations remember could not be put in order", LOG_ERR(&err));
    thread->fold_at = loop_monotonic() + FOLD_RETRY;
}

static bool has_jobs(const struct store_thread *thread)
{
    return thread->urgent.first || thread->waiting.first;
}

/* How long it is to be quiet before there is something to put in order; 0: there is nothing. */
static int64_t quiet_ms(const struct store_thread *thread)
{
    int64_t pages = store_wal_pages(thread->store);
    if (pages >= WAL_PAGES_MANY || is_to_fold(thread, CORRELATION_LOG_SOME))
        return PAUSE_MS;
    return pages > 0 ? IDLE_MS : 0;
}

/* Under the mutex: waits for jobs, and uses quiet moments to fold and to checkpoint. False at the end. */
static bool wait_for_jobs(struct store_thread *thread)
{
    while (!has_jobs(thread) && !thread->closing) {
        int64_t ms = quiet_ms(thread);
        if (ms == 0) {
            pthread_cond_wait(&thread->changed, &thread->mutex);
            continue;
        }
        struct timespec until = deadline(ms);
        if (pthread_cond_timedwait(&thread->changed, &thread->mutex, &until) != ETIMEDOUT || has_jobs(thread))
            continue;
        pthread_mutex_unlock(&thread->mutex);
        if (is_to_fold(thread, CORRELATION_LOG_SOME))
            fold(thread);
        else
            checkpoint(thread);
        pthread_mutex_lock(&thread->mutex);
    }
    return has_jobs(thread);
}

static struct job *list_pop(struct job_list *list)
{
    struct job *job = list->first;
    list->first = job->next;
    if (!list->first)
        list_init(list);
    return job;
}

/* Moves the next job to the batch. False when there is none. */
static bool take_job(struct store_thread *thread, struct batch *batch)
{
    pthread_mutex_lock(&thread->mutex);
    struct job_list *list = thread->urgent.first ? &thread->urgent : &thread->waiting;
    struct job *job = list->first ? list_pop(list) : NULL;
    pthread_mutex_unlock(&thread->mutex);
    if (job)
        batch->jobs[batch->count++] = job;
    return job != NULL;
}

static void job_failed(struct job *job, const struct err *err)
{
    job->err = malloc(sizeof *job->err);
    assert(job->err);
    *job->err = *err;
}

enum ran { RAN, FAILED, SPOILED };

/* Spoiled: the transaction can only be rolled back. */
static enum ran run_job(struct store *store, struct job *job, struct err *err)
{
    free(job->err);
    job->err = NULL;
    int ran = job->run(store, job->arg, err);
    if (store_spoiled(store))
        return SPOILED;
    return ran == 0 ? RAN : FAILED;
}

/* Undoes a job that fails, and nothing else. */
static enum ran run_job_alone(struct store *store, struct job *job, struct err *err)
{
    if (store_savepoint(store, err) < 0)
        return SPOILED;
    enum ran ran = run_job(store, job, err);
    if (ran == RAN)
        return store_release(store, err) == 0 ? RAN : SPOILED;
    if (ran == SPOILED)
        return SPOILED;
    job_failed(job, err);
    store_rollback_to(store);
    return store_spoiled(store) ? SPOILED : RAN;
}

/* One transaction over the batch, which takes along what waits or comes, if fresh, until it is full or has
 * taken long enough. Unless all is RAN nothing of it happened. */
static enum ran run_batch(struct store_thread *thread, struct batch *batch, bool fresh, bool alone,
                          struct err *err)
{
    nanos until = loop_monotonic() + TRANSACTION_MAX;
    enum ran ran = store_begin(thread->store, err) == 0 ? RAN : SPOILED;
    for (size_t i = 0; i < batch->count && ran == RAN; i++) {
        ran = (alone ? run_job_alone : run_job)(thread->store, batch->jobs[i], err);
        if (fresh && batch->count < STORE_BATCH_JOBS_MAX && loop_monotonic() < until)
            take_job(thread, batch);
    }
    if (ran == RAN)
        return store_commit(thread->store, err) == 0 ? RAN : SPOILED;
    store_rollback(thread->store);
    return ran;
}

/* Hardly ever does a job fail, and savepoints are not for nothing: each copies the pages that the job
 * changes. So there are some only when one has failed, and all are run again. */
static int try_batch(struct store_thread *thread, struct batch *batch, bool fresh, struct err *err)
{
    enum ran ran = run_batch(thread, batch, fresh, false, err);
    if (ran == FAILED)
        ran = run_batch(thread, batch, false, true, err);
    return ran == RAN ? 0 : -1;
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

/* Those that came along in a batch that found no room wait with the others again. */
static void part_with_readers(struct store_thread *thread, struct batch *batch)
{
    size_t count = 0;
    pthread_mutex_lock(&thread->mutex);
    for (size_t i = 0; i < batch->count; i++)
        if (batch->jobs[i]->reads)
            list_put(&thread->waiting, batch->jobs[i]);
        else
            batch->jobs[count++] = batch->jobs[i];
    pthread_mutex_unlock(&thread->mutex);
    batch->count = count;
}

/* The first job of the list that only reads, taken out of it; or NULL. */
static struct job *take_reader(struct job_list *list)
{
    for (struct job **at = &list->first; *at; at = &(*at)->next) {
        struct job *job = *at;
        if (!job->reads)
            continue;
        *at = job->next;
        if (list->end == &job->next)
            list->end = at;
        return job;
    }
    return NULL;
}

static void run_reader(struct store *store, struct job *job)
{
    struct err err;
    if (store_begin(store, &err) == 0 && run_job(store, job, &err) == RAN && store_commit(store, &err) == 0)
        return;
    store_rollback(store);
    if (!job->err)
        job_failed(job, &err);
}

/* Under the mutex: who only asks is answered while the disk is full, too. */
static void serve_readers(struct store_thread *thread)
{
    struct job *job;
    while ((job = take_reader(&thread->waiting))) {
        pthread_mutex_unlock(&thread->mutex);
        run_reader(thread->store, job);
        pthread_mutex_lock(&thread->mutex);
        list_put(&thread->finished, job);
        loop_wake_up(thread->wake);
    }
}

/* Sleeps out the time between two tries. True when the thread is to end. */
static bool wait_for_space(struct store_thread *thread)
{
    struct timespec until = deadline(RETRY_MS);
    pthread_mutex_lock(&thread->mutex);
    do
        serve_readers(thread);
    while (!thread->closing && pthread_cond_timedwait(&thread->changed, &thread->mutex, &until) != ETIMEDOUT);
    bool closing = thread->closing;
    pthread_mutex_unlock(&thread->mutex);
    return closing;
}

/* Runs the batch until it is on disk. Not even an error that nobody foresaw may let a job pass as done. */
static void commit_batch(struct store_thread *thread, struct batch *batch)
{
    struct err err = {.class = ERR_NONE};
    int closing_tries = 0;
    for (bool fresh = true; try_batch(thread, batch, fresh, &err) < 0; fresh = false) {
        set_full(thread, true, &err);
        part_with_readers(thread, batch);
        if (wait_for_space(thread) && ++closing_tries == CLOSING_TRIES_MAX) {
            LOG_ERROR("the store ends with changes that could not be written", LOG_INT("jobs", batch->count),
                      LOG_ERR(&err));
            for (size_t i = 0; i < batch->count; i++)
                if (!batch->jobs[i]->err)
                    job_failed(batch->jobs[i], &err);
            return;
        }
        /* What lies in the WAL may fit into the database, and make room in the WAL. */
        checkpoint(thread);
    }
    set_full(thread, false, NULL);
}

/* What no longer waits for a quiet moment. */
static void tidy(struct store_thread *thread)
{
    if (is_to_fold(thread, CORRELATION_LOG_MAX))
        fold(thread);
    if (store_wal_pages(thread->store) >= WAL_PAGES_MAX)
        checkpoint(thread);
}

static void *run(void *arg)
{
    struct store_thread *thread = arg;
    struct batch batch;
    pthread_mutex_lock(&thread->mutex);
    while (wait_for_jobs(thread)) {
        pthread_mutex_unlock(&thread->mutex);
        batch.count = 0;
        bool any = take_job(thread, &batch);
        assert(any);
        commit_batch(thread, &batch);
        pthread_mutex_lock(&thread->mutex);
        for (size_t i = 0; i < batch.count; i++)
            list_put(&thread->finished, batch.jobs[i]);
        loop_wake_up(thread->wake);
        pthread_mutex_unlock(&thread->mutex);
        tidy(thread);
        pthread_mutex_lock(&thread->mutex);
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
    list_init(&thread->urgent);
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

static void submit(struct store_thread *thread, struct job_list *list, struct job job)
{
    struct job *fresh = malloc(sizeof *fresh);
    assert(fresh);
    *fresh = job;
    atomic_fetch_add(&thread->pending, 1);
    pthread_mutex_lock(&thread->mutex);
    bool wake = !has_jobs(thread) || thread->full;
    list_put(list, fresh);
    pthread_mutex_unlock(&thread->mutex);
    if (wake)
        pthread_cond_signal(&thread->changed);
}

void store_thread_submit(struct store_thread *thread, store_job_fn *job, store_done_fn *done, void *arg)
{
    submit(thread, &thread->waiting, (struct job){.run = job, .done = done, .arg = arg});
}

void store_thread_hurry(struct store_thread *thread, store_job_fn *job, store_done_fn *done, void *arg)
{
    submit(thread, &thread->urgent, (struct job){.run = job, .done = done, .arg = arg});
}

void store_thread_read(struct store_thread *thread, store_job_fn *job, store_done_fn *done, void *arg)
{
    submit(thread, &thread->waiting, (struct job){.run = job, .done = done, .arg = arg, .reads = true});
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
