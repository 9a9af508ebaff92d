#include "courier/vigil.h"

#include "courier/look.h"
#include "courier/watches.h"

#include <assert.h>
#include <stdlib.h>

/* The first look comes soon, and not at all gateways at once; a name that did not resolve is asked again. */
static const nanos FIRST_WITHIN = 60 * NANOS_PER_SECOND;
static const nanos AGAIN_WITHIN = 30 * NANOS_PER_SECOND;

enum { JITTER_PERCENT = 10 };

struct post {
    struct post *next;
    struct vigil *vigil;
    char name[LOOK_NAME_MAX];
    size_t index; /* of the gateway in the settings */
    struct tls_context *tls;
    struct look *look; /* under way */
    struct loop_timer *timer;
    bool judging; /* what was found is on its way through the store */
    bool unsure;  /* see watches.h */
    bool hurried; /* to be looked at again at once */
};

struct vigil {
    struct vigil_setup setup;
    struct settings *settings;
    struct post *posts;
    bool started, draining;
};

static struct post *find(const struct vigil *vigil, const char *name)
{
    for (struct post *post = vigil->posts; post; post = post->next)
        if (strcmp(post->name, name) == 0)
            return post;
    return NULL;
}

/* --- When --- */

/* So much, give or take a tenth. */
static nanos jittered(nanos length)
{
    nanos spread = length / 100 * 2 * JITTER_PERCENT;
    return length - spread / 2 + (nanos)((double)spread * arc4random_uniform(1000) / 1000);
}

static void set_next(struct post *post)
{
    const struct vigil *vigil = post->vigil;
    nanos every = vigil->settings->config.paths.probe;
    if (!vigil->started || vigil->draining || every == 0)
        return;
    if (post->unsure && every > AGAIN_WITHIN)
        every = AGAIN_WITHIN;
    loop_timer_set(post->timer, post->hurried ? 0 : jittered(every));
    post->hurried = false;
}

static void set_first(struct post *post)
{
    const struct vigil *vigil = post->vigil;
    nanos every = vigil->settings->config.paths.probe;
    nanos within = every < FIRST_WITHIN ? every : FIRST_WITHIN;
    if (vigil->started && !vigil->draining && every)
        loop_timer_set(post->timer, within / 2 + (nanos)((double)within / 2000 * arc4random_uniform(1000)));
}

/* --- What was found --- */

struct judging {
    struct job job;
    struct vigil *vigil;
    struct settings *settings;
    size_t index;
    struct look_found found;
    bool unsure;
    nanos now;
    struct watches watches;
};

struct keeping {
    struct job job;
    char gateway[LOOK_NAME_MAX];
    nanos now;
    struct watches watches;
};

static int keeping_run(struct store *store, struct job *base, struct err *err)
{
    struct keeping *job = (struct keeping *)base;
    return watches_keep(store, job->gateway, &job->watches, job->now, err);
}

static void keeping_done(struct job *base, const struct err *err)
{
    const struct keeping *job = (struct keeping *)base;
    if (err)
        LOG_WARNING("what was found of a gateway could not be kept", LOG_STR("gateway", job->gateway),
                    LOG_ERR(err));
}

/* Behind the troubles' own jobs, so that nothing is taken for known that was not told. */
static void keep_facts(const struct judging *judging)
{
    static const struct job_kind KIND = {keeping_run, keeping_done, NULL};
    struct keeping *job = job_new(sizeof *job, &KIND);
    memcpy(job->gateway, judging->found.gateway, sizeof job->gateway);
    job->now = judging->now;
    job->watches = judging->watches;
    jobs_submit(judging->vigil->setup.jobs, &job->job);
}

static void tell(const struct judging *job)
{
    struct troubles *troubles = job->vigil->setup.troubles;
    for (size_t i = 0; i < job->watches.verdict_count; i++) {
        const struct watches_verdict *verdict = &job->watches.verdicts[i];
        if (verdict->wrong)
            trouble_raise(troubles, &(struct trouble){
                                        .kind = verdict->kind,
                                        .gateway = job->found.gateway,
                                        .severity = verdict->severity,
                                        .cause = verdict->cause,
                                        .text = verdict->text,
                                        .advice = verdict->advice,
                                        .again = verdict->again,
                                    });
        else
            trouble_resolve(troubles, verdict->kind, job->found.gateway, verdict->text);
    }
}

static int judging_run(struct store *store, struct job *base, struct err *err)
{
    struct judging *job = (struct judging *)base;
    const struct config *config = &job->settings->config;
    return watches_judge(store, config, &config->gateways[job->index], &job->found, job->unsure, job->now,
                         &job->watches, err);
}

static void judging_done(struct job *base, const struct err *err)
{
    struct judging *job = (struct judging *)base;
    struct vigil *vigil = job->vigil;
    struct post *post = find(vigil, job->found.gateway);
    if (err)
        LOG_WARNING("what was found of a gateway could not be judged", LOG_STR("gateway", job->found.gateway),
                    LOG_ERR(err));
    if (!post)
        return; /* configured no more */
    post->judging = false;
    if (!err && job->settings == vigil->settings) {
        post->unsure = job->watches.unsure;
        tell(job);
        keep_facts(job);
    }
    set_next(post);
    if (vigil->setup.done)
        vigil->setup.done(vigil->setup.arg, post->name);
}

static void judging_release(struct job *base)
{
    settings_free(((struct judging *)base)->settings);
}

static void on_found(void *arg, const struct look_found *found)
{
    static const struct job_kind KIND = {judging_run, judging_done, judging_release};
    struct post *post = arg;
    struct vigil *vigil = post->vigil;
    struct judging *job = job_new(sizeof *job, &KIND);
    job->vigil = vigil;
    job->settings = settings_keep(vigil->settings);
    job->index = post->index;
    job->found = *found;
    job->unsure = post->unsure;
    job->now = loop_now();
    look_free(post->look);
    post->look = NULL;
    post->judging = true;
    jobs_submit(vigil->setup.jobs, &job->job);
    if (vigil->setup.looked)
        vigil->setup.looked(vigil->setup.arg, post->name);
}

static void on_time(void *arg)
{
    struct post *post = arg;
    struct vigil *vigil = post->vigil;
    if (post->look || post->judging || vigil->draining)
        return;
    post->look = look_new(&(struct look_setup){
        .loop = vigil->setup.loop,
        .settings = vigil->settings,
        .gateway = post->index,
        .tls = post->tls,
        .done = on_found,
        .arg = post,
    });
}

/* --- Reviews --- */

struct review {
    struct job job;
    struct vigil *vigil;
    char gateway[LOOK_NAME_MAX];
    nanos now;
    vigil_reviewed_fn *done;
    void *arg;
};

static int review_run(struct store *store, struct job *base, struct err *err)
{
    const struct review *job = (struct review *)base;
    return watches_reviewed(store, job->gateway, job->now, err);
}

static void review_done(struct job *base, const struct err *err)
{
    struct review *job = (struct review *)base;
    struct post *post = find(job->vigil, job->gateway);
    if (post && !err) {
        post->hurried = post->look || post->judging;
        if (!post->hurried && job->vigil->started)
            loop_timer_set(post->timer, 0);
    }
    job->done(job->arg, err);
}

void vigil_reviewed(struct vigil *vigil, const char *gateway, vigil_reviewed_fn *done, void *arg)
{
    static const struct job_kind KIND = {review_run, review_done, NULL};
    struct review *job = job_new(sizeof *job, &KIND);
    job->vigil = vigil;
    job->now = loop_now();
    job->done = done;
    job->arg = arg;
    sv_copy(job->gateway, sizeof job->gateway, sv_of(gateway));
    jobs_submit(vigil->setup.jobs, &job->job);
}

/* --- Life --- */

static void free_posts(struct post *list)
{
    for (struct post *next; list; list = next) {
        next = list->next;
        look_free(list->look);
        loop_timer_free(list->timer);
        tls_context_free(list->tls);
        free(list);
    }
}

static struct tls_context *make_context(const struct config_gateway *gateway)
{
    const struct tls_trust trust = {gateway->ca_file, gateway->ca_directory, gateway->pin};
    struct tls_context *context = NULL;
    struct err err;
    if (gateway->security != SMTP_SECURITY_NONE && tls_looking_context(&trust, &context, &err) < 0)
        LOG_WARNING("the certificate of a gateway is not watched", LOG_STR("gateway", gateway->name),
                    LOG_ERR(&err));
    return context;
}

static struct post *post_new(struct vigil *vigil, size_t index)
{
    const struct config_gateway *gateway = &vigil->settings->config.gateways[index];
    struct post *post = calloc(1, sizeof *post);
    assert(post && strlen(gateway->name) < sizeof post->name);
    post->vigil = vigil;
    post->index = index;
    post->tls = make_context(gateway);
    post->timer = loop_timer_new(vigil->setup.loop, on_time, post);
    sv_copy(post->name, sizeof post->name, sv_of(gateway->name));
    return post;
}

/* Looks under way are dropped: they were made with other settings. */
void vigil_settle(struct vigil *vigil, struct settings *settings)
{
    settings_keep(settings);
    settings_free(vigil->settings);
    vigil->settings = settings;
    free_posts(vigil->posts);
    vigil->posts = NULL;
    for (size_t i = 0; i < settings->config.gateway_count; i++) {
        struct post *post = post_new(vigil, i);
        post->next = vigil->posts;
        vigil->posts = post;
        set_first(post);
    }
}

struct vigil *vigil_new(const struct vigil_setup *setup, struct settings *settings)
{
    struct vigil *vigil = calloc(1, sizeof *vigil);
    assert(vigil);
    vigil->setup = *setup;
    vigil_settle(vigil, settings);
    return vigil;
}

void vigil_start(struct vigil *vigil)
{
    vigil->started = true;
    for (struct post *post = vigil->posts; post; post = post->next)
        set_first(post);
}

void vigil_drain(struct vigil *vigil)
{
    vigil->draining = true;
    for (struct post *post = vigil->posts; post; post = post->next) {
        look_free(post->look);
        post->look = NULL;
        loop_timer_cancel(post->timer);
    }
}

void vigil_free(struct vigil *vigil)
{
    if (!vigil)
        return;
    free_posts(vigil->posts);
    settings_free(vigil->settings);
    free(vigil);
}
