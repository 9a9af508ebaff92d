#include "courier/trouble.h"

#include "alert/alert.h"
#include "base/log.h"
#include "courier/notice.h"
#include "store/trouble.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { KEY_BYTES_MAX = 128, TEXT_BYTES_MAX = 2048, TITLE_BYTES_MAX = 256, JOB_BYTES_MAX = 64 * 1024 };

/* A trouble that comes back so soon after it was over is left to the alerts' throttle, so that one which
 * flaps does not fill inboxes. */
static const nanos FLAPS_WITHIN = 300 * NANOS_PER_SECOND;

static const struct {
    const char *word, *title;
    enum severity severity;
} KINDS[] = {
#define X(name, word, severity, title) [TROUBLE_##name] = {word, title, SEVERITY_##severity},
    TROUBLE_KINDS(X)
#undef X
};

const char *trouble_word(enum trouble_kind kind)
{
    return KINDS[kind].word;
}

struct troubles {
    struct troubles_setup setup;
    struct settings *settings;
};

struct troubles *troubles_new(const struct troubles_setup *setup, struct settings *settings)
{
    struct troubles *troubles = calloc(1, sizeof *troubles);
    assert(troubles);
    troubles->setup = *setup;
    troubles->settings = settings_keep(settings);
    return troubles;
}

void troubles_settle(struct troubles *troubles, struct settings *settings)
{
    settings_keep(settings);
    settings_free(troubles->settings);
    troubles->settings = settings;
}

void troubles_free(struct troubles *troubles)
{
    if (!troubles)
        return;
    settings_free(troubles->settings);
    free(troubles);
}

/* --- Telling, inside the store's job --- */

struct trouble_job {
    struct job job;
    struct troubles_setup setup;
    struct settings *settings;
    enum trouble_kind kind;
    enum cause cause;
    enum severity severity;
    bool resolve, again;
    nanos now;
    char gateway[CONFIG_NAME_BYTES], text[TEXT_BYTES_MAX], advice[TEXT_BYTES_MAX];
    /* What came of it. */
    struct alert_outcome alert;
    size_t notices;
    bool told;
};

/* What stays the same between a trouble and its end, so that both are one alert. */
static struct finding finding_of(const struct trouble_job *job, struct event_field fields[static 4],
                                 char rule_id[static KEY_BYTES_MAX], char title[static TITLE_BYTES_MAX],
                                 char key[static KEY_BYTES_MAX])
{
    const char *word = KINDS[job->kind].word;
    snprintf(rule_id, KEY_BYTES_MAX, "vedette.path.%s", word);
    snprintf(title, TITLE_BYTES_MAX, "%s%s (gateway %s)", job->resolve ? "Well again: " : "",
             KINDS[job->kind].title, job->gateway);
    snprintf(key, KEY_BYTES_MAX, "%s/%s", job->gateway, word);
    fields[0] = (struct event_field){SV("gateway.name"), sv_of(job->gateway), EVENT_STRING};
    fields[1] =
        (struct event_field){SV("trouble.state"), job->resolve ? SV("resolved") : SV("open"), EVENT_STRING};
    fields[2] = (struct event_field){SV("trouble.text"), sv_of(job->text), EVENT_STRING};
    fields[3] = (struct event_field){SV("trouble.cause"), sv_of(cause_name(job->cause)), EVENT_STRING};
    return (struct finding){
        .event_time = job->now,
        .received_at = job->now,
        .matched_at = job->now,
        .input = SV("path"),
        .rule_id = sv_of(rule_id),
        .rule_title = sv_of(title),
        .author = SV("Vedette"),
        .description = sv_of(job->text),
        .response = sv_of(job->advice),
        .severity = job->severity,
        .message = sv_of(key),
        .fields = fields,
        .field_count = job->resolve ? 3 : 4,
    };
}

/* Mails about it and queues the notices. */
static int tell(struct store *store, struct trouble_job *job, bool unthrottled, struct err *err)
{
    struct event_field fields[4];
    char rule_id[KEY_BYTES_MAX], title[TITLE_BYTES_MAX], key[KEY_BYTES_MAX];
    const struct config *config = &job->settings->config;
    struct finding finding = finding_of(job, fields, rule_id, title, key);
    const struct alert_terms terms = {.unthrottled = unthrottled, .avoid_gateway = sv_of(job->gateway)};
    if (alert_take(store, config, &finding, &terms, job->now, &job->alert, err) < 0)
        return -1;
    job->told = true;
    const struct notice notice = {
        .kind = job->resolve ? NOTICE_RESOLVED : NOTICE_TROUBLE,
        .severity = finding.severity,
        .key = sv_of(key),
        .title = finding.rule_title,
        .text = sv_of(job->text),
        .advice = sv_of(job->advice),
        .cause = job->resolve ? SV_NONE : sv_of(cause_name(job->cause)),
        .gateway = sv_of(job->gateway),
        .hostname = sv_of(config->hostname),
        .alert_id = job->alert.alert_id,
        .at = job->now,
    };
    return unthrottled ? notice_queue(store, config, &notice, &job->notices, err) : 0;
}

static void describe(struct store_trouble *trouble, const struct trouble_job *job)
{
    trouble->cause = sv_of(cause_name(job->cause));
    trouble->text = sv_of(job->text);
    trouble->advice = sv_of(job->advice);
}

static int raise(struct store *store, struct trouble_job *job, const struct store_trouble *last,
                 struct err *err)
{
    struct store_trouble trouble = {
        .gateway = sv_of(job->gateway),
        .kind = sv_of(KINDS[job->kind].word),
        .severity = job->severity,
        .since = job->now,
    };
    bool open = last && last->until == 0;
    bool flaps = last && !open && job->now >= last->until && job->now - last->until < FLAPS_WITHIN;
    if (open)
        trouble = *last;
    describe(&trouble, job);
    bool held_back = open && !last->alert_id && job->now - last->since >= FLAPS_WITHIN;
    if ((!open || job->again || held_back) && tell(store, job, !flaps, err) < 0)
        return -1;
    if (job->alert.mailed || job->notices)
        trouble.alert_id = job->alert.alert_id;
    return open ? store_trouble_update(store, &trouble, err) : store_trouble_open(store, &trouble, err);
}

/* Whoever was told of the trouble is told of its end. */
static int resolve(struct store *store, struct trouble_job *job, struct store_trouble *last, struct err *err)
{
    if (!last || last->until)
        return 0;
    last->until = job->now;
    if (last->alert_id && tell(store, job, true, err) < 0)
        return -1;
    return store_trouble_update(store, last, err);
}

static int trouble_run(struct store *store, struct job *base, struct err *err)
{
    struct trouble_job *job = (struct trouble_job *)base;
    struct arena *arena = arena_new(JOB_BYTES_MAX);
    struct store_trouble last;
    job->alert = (struct alert_outcome){0};
    job->notices = 0;
    job->told = false;
    int found =
        store_trouble_last(store, sv_of(job->gateway), sv_of(KINDS[job->kind].word), arena, &last, err);
    int outcome = found;
    if (found >= 0)
        outcome = job->resolve ? resolve(store, job, found ? &last : NULL, err)
                               : raise(store, job, found ? &last : NULL, err);
    arena_free(arena);
    return outcome < 0 ? -1 : 0;
}

/* --- On the loop --- */

static void tell_step(const struct trouble_job *job)
{
    struct courier_step step = {.at = job->now,
                                .alert_id = job->alert.alert_id,
                                .step = job->resolve ? "path-well" : "path-trouble",
                                .gateway = job->gateway};
    sv_copy(step.text, sizeof step.text, sv_of(job->text));
    steps_tell(job->setup.steps, &step);
}

static void trouble_done(struct job *base, const struct err *err)
{
    struct trouble_job *job = (struct trouble_job *)base;
    if (err) {
        LOG_ERROR("the trouble of a path could not be written down", LOG_STR("gateway", job->gateway),
                  LOG_ERR(err));
        return;
    }
    if (!job->told)
        return;
    if (job->resolve)
        LOG_INFO("path is well again", LOG_STR("gateway", job->gateway),
                 LOG_STR("was", KINDS[job->kind].word), LOG_STR("found", job->text));
    else
        LOG_WARNING("path trouble", LOG_STR("gateway", job->gateway), LOG_STR("kind", KINDS[job->kind].word),
                    LOG_STR("class", cause_name(job->cause)), LOG_STR("found", job->text),
                    LOG_STR("advice", job->advice));
    if (steps_heard(job->setup.steps))
        tell_step(job);
    if (job->alert.mailed)
        job->setup.mailed(job->setup.arg);
    if (job->notices)
        job->setup.noticed(job->setup.arg);
}

static void trouble_release(struct job *base)
{
    settings_free(((struct trouble_job *)base)->settings);
}

static struct trouble_job *new_job(struct troubles *troubles, enum trouble_kind kind, const char *gateway,
                                   const char *text)
{
    static const struct job_kind KIND = {trouble_run, trouble_done, trouble_release};
    struct trouble_job *job = job_new(sizeof *job, &KIND);
    job->setup = troubles->setup;
    job->settings = settings_keep(troubles->settings);
    job->kind = kind;
    job->severity = KINDS[kind].severity;
    job->now = loop_now();
    sv_copy(job->gateway, sizeof job->gateway, sv_of(gateway));
    sv_copy(job->text, sizeof job->text, sv_of(text));
    return job;
}

void trouble_raise(struct troubles *troubles, const struct trouble *trouble)
{
    struct trouble_job *job = new_job(troubles, trouble->kind, trouble->gateway, trouble->text);
    job->cause = trouble->cause;
    if (trouble->severity != SEVERITY_INFORMATIONAL)
        job->severity = trouble->severity;
    job->again = trouble->again;
    sv_copy(job->advice, sizeof job->advice, sv_of(trouble->advice));
    jobs_submit(troubles->setup.jobs, &job->job);
}

void trouble_resolve(struct troubles *troubles, enum trouble_kind kind, const char *gateway, const char *text)
{
    struct trouble_job *job = new_job(troubles, kind, gateway, text);
    job->resolve = true;
    jobs_submit(troubles->setup.jobs, &job->job);
}
