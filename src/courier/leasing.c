#include "courier/leasing.h"

#include "io/loop.h"

#include <assert.h>
#include <stdlib.h>

struct take_job {
    struct job job;
    struct settings *settings;
    struct lease *lease;
    nanos now, next_due;
    size_t max, count;
    struct store_delivery deliveries[LEASING_MAX];
    leasing_fn *fn;
    void *arg;
};

static int take_run(struct store *store, struct job *base, struct err *err)
{
    struct take_job *job = (struct take_job *)base;
    arena_reset(job->lease->arena);
    job->count = 0;
    job->next_due = 0;
    if (store_lease(store, job->now, job->max, job->lease->arena, job->deliveries, &job->count, err) < 0)
        return -1;
    return job->count < job->max ? store_next_due(store, &job->next_due, err) : 0;
}

static void take_done(struct job *base, const struct err *err)
{
    struct take_job *job = (struct take_job *)base;
    if (err) {
        LOG_ERROR("the queue could not be read", LOG_ERR(err));
        job->fn(job->arg, NULL);
        return;
    }
    job->fn(job->arg, &(struct leased){
                          .lease = job->lease,
                          .settings = job->settings,
                          .deliveries = job->deliveries,
                          .count = job->count,
                          .more = job->count == job->max,
                          .next_due = job->next_due,
                      });
}

static void take_release(struct job *base)
{
    struct take_job *job = (struct take_job *)base;
    lease_free(job->lease);
    settings_free(job->settings);
}

void leasing_take(struct jobs *jobs, struct settings *settings, enum leasing_order order, size_t max,
                  leasing_fn *fn, void *arg)
{
    static const struct job_kind AT_ONCE = {take_run, take_done, take_release, .urgent = true};
    static const struct job_kind IN_TURN = {take_run, take_done, take_release, .urgent = false};
    assert(max > 0 && max <= LEASING_MAX);
    struct take_job *job = job_new(sizeof *job, order == LEASING_AT_ONCE ? &AT_ONCE : &IN_TURN);
    job->settings = settings_keep(settings);
    job->lease = calloc(1, sizeof *job->lease);
    assert(job->lease);
    job->lease->references = 1;
    job->lease->arena = arena_new(DELIVERY_LEASED_BYTES_MAX);
    job->now = loop_now();
    job->max = max;
    job->fn = fn;
    job->arg = arg;
    jobs_submit(jobs, &job->job);
}

struct return_job {
    struct job job;
    struct delivery *deliveries;
};

static int return_run(struct store *store, struct job *base, struct err *err)
{
    const struct return_job *job = (const struct return_job *)base;
    for (const struct delivery *d = job->deliveries; d; d = d->next)
        for (size_t i = 0; i < d->count; i++)
            if (store_lease_return(store, &d->messages[i].id, 1, err) < 0)
                return -1;
    return 0;
}

static void return_done(struct job *base, const struct err *err)
{
    (void)base;
    if (err)
        LOG_ERROR("messages could not be put back into the queue", LOG_ERR(err));
}

static void return_release(struct job *base)
{
    struct return_job *job = (struct return_job *)base;
    while (job->deliveries) {
        struct delivery *delivery = job->deliveries;
        job->deliveries = delivery->next;
        delivery_free(delivery);
    }
}

void leasing_return(struct jobs *jobs, struct delivery *deliveries)
{
    static const struct job_kind KIND = {return_run, return_done, return_release, .urgent = true};
    if (!deliveries)
        return;
    struct return_job *job = job_new(sizeof *job, &KIND);
    job->deliveries = deliveries;
    jobs_submit(jobs, &job->job);
}
