#include "courier/heartbeat.h"

#include "base/log.h"
#include "courier/web.h"
#include "store/notice.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static const nanos TIMEOUT = 10 * NANOS_PER_SECOND;

struct heartbeat {
    struct heartbeat_setup setup;
    struct settings *settings;
    struct loop_timer *timer;
    struct web *web;
    struct settings *asked; /* what web points into */
    bool asking_store, failing;
};

struct beat_job {
    struct job job;
    struct heartbeat *heartbeat;
};

/* Each failure once, and that it is over. */
static void tell(struct heartbeat *heartbeat, const char *why)
{
    if (why && !heartbeat->failing)
        LOG_WARNING("the heartbeat does not reach its URL", LOG_STR("cause", why),
                    LOG_STR("advice",
                            "whoever watches it will raise an alarm; see to heartbeat in the configuration"));
    if (!why && heartbeat->failing)
        LOG_INFO("the heartbeat reaches its URL again");
    heartbeat->failing = why;
}

static void on_answer(void *arg, int status, sv answer, const struct err *err)
{
    struct heartbeat *heartbeat = arg;
    char why[48];
    (void)answer;
    heartbeat->web = NULL;
    settings_free(heartbeat->asked);
    heartbeat->asked = NULL;
    snprintf(why, sizeof why, "HTTP status %d", status);
    tell(heartbeat, err ? err->cause : status / 100 == 2 ? NULL : why);
}

static void beat(struct heartbeat *heartbeat)
{
    const struct config *config = &heartbeat->settings->config;
    if (heartbeat->web || !config->heartbeat.url)
        return;
    heartbeat->asked = settings_keep(heartbeat->settings);
    heartbeat->web = web_ask(&(struct web_setup){.loop = heartbeat->setup.loop,
                                                 .http = heartbeat->setup.http,
                                                 .keeper = heartbeat->setup.keeper,
                                                 .url = config->heartbeat.url,
                                                 .address = config->heartbeat.address,
                                                 .ca_file = config->heartbeat.ca_file,
                                                 .resolvers = &config->resolvers,
                                                 .trust_anchor = config->trust_anchor,
                                                 .timeout = TIMEOUT},
                             on_answer, heartbeat);
}

/* A store that cannot be read, or whose thread hangs, is no sign of life. */
static int beat_run(struct store *store, struct job *base, struct err *err)
{
    nanos next;
    (void)base;
    return store_notice_next_due(store, &next, err);
}

static void beat_done(struct job *base, const struct err *err)
{
    struct heartbeat *heartbeat = ((struct beat_job *)base)->heartbeat;
    heartbeat->asking_store = false;
    if (err)
        tell(heartbeat, err->cause);
    else
        beat(heartbeat);
}

static void on_time(void *arg)
{
    static const struct job_kind KIND = {beat_run, beat_done, NULL};
    struct heartbeat *heartbeat = arg;
    const struct config *config = &heartbeat->settings->config;
    if (!config->heartbeat.url)
        return;
    loop_timer_set(heartbeat->timer, config->heartbeat.every);
    if (heartbeat->asking_store)
        return;
    heartbeat->asking_store = true;
    struct beat_job *job = job_new(sizeof *job, &KIND);
    job->heartbeat = heartbeat;
    jobs_submit(heartbeat->setup.jobs, &job->job);
}

struct heartbeat *heartbeat_new(const struct heartbeat_setup *setup, struct settings *settings)
{
    struct heartbeat *heartbeat = calloc(1, sizeof *heartbeat);
    assert(heartbeat);
    heartbeat->setup = *setup;
    heartbeat->settings = settings_keep(settings);
    heartbeat->timer = loop_timer_new(setup->loop, on_time, heartbeat);
    loop_timer_set(heartbeat->timer, 0);
    return heartbeat;
}

void heartbeat_settle(struct heartbeat *heartbeat, struct settings *settings)
{
    settings_keep(settings);
    settings_free(heartbeat->settings);
    heartbeat->settings = settings;
    loop_timer_set(heartbeat->timer, 0);
}

void heartbeat_free(struct heartbeat *heartbeat)
{
    if (!heartbeat)
        return;
    web_cancel(heartbeat->web);
    settings_free(heartbeat->asked);
    loop_timer_free(heartbeat->timer);
    settings_free(heartbeat->settings);
    free(heartbeat);
}
