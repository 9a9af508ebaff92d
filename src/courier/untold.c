#include "courier/untold.h"

#include "alert/alert.h"
#include "base/log.h"

#include <assert.h>
#include <stdlib.h>

#define INTERVAL_MIN NANOS_PER_SECOND
#define INTERVAL_MAX (30 * NANOS_PER_SECOND)
enum { TOLD_MAX = 100 }; /* a time; the others wait for the next */

struct untold {
    struct reception_setup setup;
    struct settings *settings;
    struct loop_timer *timer;
};

struct untold_job {
    struct job job;
    struct untold *untold;
    struct settings *settings;
    nanos now;
    struct alert_outcome told[TOLD_MAX];
    size_t count;
};

static void set_timer(struct untold *untold)
{
    nanos interval = untold->settings->config.alerts.throttle / 4;
    interval = interval < INTERVAL_MIN ? INTERVAL_MIN : interval > INTERVAL_MAX ? INTERVAL_MAX : interval;
    loop_timer_set(untold->timer, interval);
}

static int untold_run(struct store *store, struct job *base, struct err *err)
{
    struct untold_job *job = (struct untold_job *)base;
    return alert_tell_untold(store, &job->settings->config, job->now, job->told, TOLD_MAX, &job->count, err);
}

static void untold_done(struct job *base, const struct err *err)
{
    struct untold_job *job = (struct untold_job *)base;
    struct untold *untold = job->untold;
    if (err)
        LOG_ERROR("mail about held back findings could not be queued", LOG_ERR(err));
    for (size_t i = 0; !err && i < job->count; i++) {
        const struct alert_outcome *told = &job->told[i];
        LOG_INFO("mail about held back findings", LOG_INT("alert", told->alert_id));
        steps_tell_queued(untold->setup.steps, told->alert_id, told->mail_id, told->first_message_id,
                          told->message_count);
    }
    if (!err && job->count)
        untold->setup.mailed(untold->setup.arg);
    set_timer(untold);
}

static void untold_release(struct job *base)
{
    settings_free(((struct untold_job *)base)->settings);
}

static void on_time(void *arg)
{
    static const struct job_kind KIND = {untold_run, untold_done, untold_release};
    struct untold *untold = arg;
    struct untold_job *job = job_new(sizeof *job, &KIND);
    job->untold = untold;
    job->settings = settings_keep(untold->settings);
    job->now = loop_now();
    jobs_submit(untold->setup.jobs, &job->job);
}

struct untold *untold_new(struct loop *loop, const struct reception_setup *setup, struct settings *settings)
{
    struct untold *untold = calloc(1, sizeof *untold);
    assert(untold);
    untold->setup = *setup;
    untold->settings = settings_keep(settings);
    untold->timer = loop_timer_new(loop, on_time, untold);
    set_timer(untold);
    return untold;
}

void untold_settle(struct untold *untold, struct settings *settings)
{
    settings_keep(settings);
    settings_free(untold->settings);
    untold->settings = settings;
}

void untold_free(struct untold *untold)
{
    if (!untold)
        return;
    loop_timer_free(untold->timer);
    settings_free(untold->settings);
    free(untold);
}
