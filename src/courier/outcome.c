#include "courier/outcome.h"

#include <assert.h>
#include <stdlib.h>

struct outcome_job {
    struct job job;
    struct outcome_setup setup;
    struct delivery *delivery;
    struct verdict *verdicts;
    const char *note;
    nanos now;
    int64_t report_others; /* −1: no report */
    size_t reported;       /* index of the message that the report is about */
};

/* The last attempt in which the message took part, or NULL. */
static const struct attempt *last_attempt(const struct delivery *delivery, size_t message)
{
    const struct attempt *last = NULL;
    for (const struct attempt *a = delivery->first; a; a = a->next)
        if (a->results[message].fate != FATE_OPEN)
            last = a;
    return last;
}

static int write_attempt(struct store *store, const struct outcome_job *job, const struct attempt *attempt,
                         size_t message, sv hops, struct err *err)
{
    const struct result *result = &attempt->results[message];
    const struct verdict *verdict = &job->verdicts[message];
    bool last = attempt == last_attempt(job->delivery, message);
    bool good = result->fate == FATE_HANDED_OVER;
    return store_message_attempted(store,
                                   &(struct store_attempt){
                                       .message_id = job->delivery->messages[message].id,
                                       .at = attempt->at,
                                       .gateway = sv_of(attempt->gateway),
                                       .state = last ? verdict->state : STORE_QUEUED,
                                       .next_attempt_at = verdict->next_attempt_at,
                                       .queue_id = sv_of(result->queue_id),
                                       .reply = sv_of(result->reply),
                                       .cause = good ? SV_NONE : sv_of(cause_name(result->cause.cause)),
                                       .hops = hops,
                                       .uncertain = attempt->uncertain && !good,
                                   },
                                   err);
}

static int write_attempts(struct store *store, struct outcome_job *job, struct err *err)
{
    struct delivery *delivery = job->delivery;
    for (const struct attempt *attempt = delivery->first; attempt; attempt = attempt->next) {
        struct buf hops = BUF_INIT(HOPS_JSON_MAX);
        hops_json(&attempt->hops, &hops);
        int done = 0;
        for (size_t i = 0; i < delivery->count && done == 0; i++)
            if (attempt->results[i].fate != FATE_OPEN)
                done = write_attempt(store, job, attempt, i, buf_view(&hops), err);
        buf_free(&hops);
        if (done < 0)
            return -1;
    }
    return 0;
}

/* Messages for which there was nobody to ask. */
static int write_notes(struct store *store, const struct outcome_job *job, struct err *err)
{
    for (size_t i = 0; i < job->delivery->count; i++) {
        if (last_attempt(job->delivery, i))
            continue;
        struct store_attempt attempt = {
            .message_id = job->delivery->messages[i].id,
            .at = job->now,
            .state = job->verdicts[i].state,
            .next_attempt_at = job->verdicts[i].next_attempt_at,
            .reply = sv_of(job->note),
            .cause = sv_of(cause_name(CAUSE_ROUTING)),
            .hops = SV("[]"),
        };
        if (store_message_attempted(store, &attempt, err) < 0)
            return -1;
    }
    return 0;
}

static int write_report(struct store *store, const struct outcome_job *job, struct err *err)
{
    if (job->report_others < 0)
        return 0;
    const struct store_message *message = &job->delivery->messages[job->reported];
    const struct attempt *attempt = last_attempt(job->delivery, job->reported);
    const struct result *result = attempt ? &attempt->results[job->reported] : NULL;
    const struct report report = {
        .alert_id = message->alert_id,
        .message_id = message->id,
        .recipient = message->recipient,
        .gateway = attempt ? sv_of(attempt->gateway) : SV_NONE,
        .reply = result ? sv_of(result->reply) : sv_of(job->note),
        .cause = result ? sv_of(cause_name(result->cause.cause)) : SV_NONE,
        .attempts = message->attempts + 1,
        .others = (size_t)job->report_others,
    };
    return report_everywhere(store, &job->delivery->settings->config, &report, job->now, err);
}

static int outcome_run(struct store *store, struct job *base, struct err *err)
{
    struct outcome_job *job = (struct outcome_job *)base;
    if (write_attempts(store, job, err) < 0 || write_notes(store, job, err) < 0)
        return -1;
    return write_report(store, job, err);
}

static const char *step_name(enum store_state state)
{
    return state == STORE_HANDED_OVER ? "handed-over" : state == STORE_FAILED ? "refused" : "deferred";
}

static void tell_message(const struct outcome_job *job, size_t i)
{
    const struct store_message *message = &job->delivery->messages[i];
    const struct verdict *verdict = &job->verdicts[i];
    const struct attempt *attempt = last_attempt(job->delivery, i);
    const struct result *result = attempt ? &attempt->results[i] : NULL;
    const char *gateway = attempt ? attempt->gateway : NULL;
    const char *said = result ? result->reply : job->note;
    bool good = verdict->state == STORE_HANDED_OVER;
    enum log_level level = good ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING;
    if (verdict->state == STORE_FAILED)
        level = LOG_LEVEL_ERROR;
    LOG(level,
        good                             ? "handed over"
        : verdict->state == STORE_FAILED ? "refused for good"
                                         : "not yet handed over",
        LOG_INT("alert", message->alert_id), LOG_INT("message", message->id),
        LOG_SV("recipient", message->recipient), LOG_STR("gateway", gateway ? gateway : "none"),
        LOG_STR("said", said), LOG_STR("class", good || !result ? "" : cause_name(result->cause.cause)),
        LOG_STR("advice", good || !result ? "" : result->cause.advice));
    if (!steps_heard(job->setup.steps))
        return;
    struct courier_step step = {
        .alert_id = message->alert_id,
        .mail_id = message->mail_id,
        .message_id = message->id,
        .step = step_name(verdict->state),
        .gateway = gateway,
        .cause = good || !result ? NULL : cause_name(result->cause.cause),
        .took = good ? job->now - message->created_at : 0,
    };
    sv_copy(step.text, sizeof step.text, sv_of(said));
    steps_tell(job->setup.steps, &step);
}

static void outcome_done(struct job *base, const struct err *err)
{
    struct outcome_job *job = (struct outcome_job *)base;
    if (err)
        /* The leases stay until the next start, so that nothing is sent twice for this. */
        LOG_ERROR("the outcome of a delivery could not be written", LOG_INT("mail", job->delivery->mail.id),
                  LOG_ERR(err));
    else
        for (size_t i = 0; i < job->delivery->count; i++)
            tell_message(job, i);
    job->setup.written(job->setup.arg, job->delivery, job->verdicts);
}

static void outcome_release(struct job *base)
{
    struct outcome_job *job = (struct outcome_job *)base;
    delivery_free(job->delivery);
    free(job->verdicts);
}

/* Decides whether this outcome needs a report of its own. */
static void consider_report(struct outcome_job *job)
{
    job->report_others = -1;
    const struct delivery *delivery = job->delivery;
    if (!report_is_possible(&delivery->settings->config) || delivery->mail.test ||
        report_is_one(delivery->mail.message_id))
        return;
    for (size_t i = 0; i < delivery->count; i++) {
        if (job->verdicts[i].state != STORE_FAILED)
            continue;
        int64_t others = report_gate_pass(job->setup.gate, job->now);
        if (others < 0)
            continue;
        job->report_others = others;
        job->reported = i;
    }
}

void outcome_write(const struct outcome_setup *setup, struct delivery *delivery,
                   const struct verdict *verdicts, const char *note)
{
    static const struct job_kind KIND = {outcome_run, outcome_done, outcome_release, .urgent = true};
    struct outcome_job *job = job_new(sizeof *job, &KIND);
    job->setup = *setup;
    job->delivery = delivery;
    job->note = note;
    job->now = loop_now();
    job->verdicts = calloc(delivery->count, sizeof *job->verdicts);
    assert(job->verdicts);
    memcpy(job->verdicts, verdicts, delivery->count * sizeof *verdicts);
    consider_report(job);
    jobs_submit(setup->jobs, &job->job);
}

/* --- Expiry --- */

enum { EXPIRE_MAX = 64, EXPIRE_BYTES_MAX = 64 * 1024 * 1024, EXPIRE_WHY_BYTES_MAX = 16 * 1024 };

struct expire_job {
    struct job job;
    struct outcome_setup setup;
    struct settings *settings;
    outcome_expired_fn *done;
    nanos now;
    struct store_why why; /* in texts */
    struct arena *texts;
    bool may_report;
    size_t held_back;
    struct arena *arena;
    struct expired {
        struct store_message message;
        bool unreported; /* it was a report itself, or a test, whose sender is told otherwise */
    } expired[EXPIRE_MAX];
    size_t count;
    bool reported;
};

static int report_expired(struct store *store, struct expire_job *job, const struct expired *expired,
                          struct err *err)
{
    const struct report report = {
        .expired = true,
        .alert_id = expired->message.alert_id,
        .message_id = expired->message.id,
        .recipient = expired->message.recipient,
        .gateway = expired->message.gateway,
        .reply = expired->message.reply,
        .cause = expired->message.cause,
        .attempts = expired->message.attempts,
        .others = job->count - 1 + job->held_back,
    };
    job->reported = true;
    return report_everywhere(store, &job->settings->config, &report, job->now, err);
}

static int expire_run(struct store *store, struct job *base, struct err *err)
{
    struct expire_job *job = (struct expire_job *)base;
    int64_t ids[EXPIRE_MAX];
    size_t count = 0;
    arena_reset(job->arena);
    job->count = 0;
    job->reported = false;
    if (store_expire(store, job->now, &job->why, ids, EXPIRE_MAX, &count, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        struct store_mail mail;
        struct expired *expired = &job->expired[job->count];
        int found = store_message_find(store, ids[i], job->arena, &expired->message, &mail, err);
        if (found < 0 && err->class != ERR_LIMIT)
            return -1;
        if (found <= 0)
            expired->message = (struct store_message){.id = ids[i]};
        expired->unreported = found > 0 && (mail.test || report_is_one(mail.message_id));
        job->count++;
    }
    for (size_t i = 0; i < job->count && job->may_report && !job->reported; i++)
        if (!job->expired[i].unreported && report_expired(store, job, &job->expired[i], err) < 0)
            return -1;
    return 0;
}

static void tell_expired(const struct expire_job *job, const struct store_message *message)
{
    LOG_ERROR("a message expired undelivered", LOG_INT("alert", message->alert_id),
              LOG_INT("message", message->id), LOG_SV("recipient", message->recipient),
              LOG_SV("gateway", message->gateway), LOG_SV("said", message->reply),
              LOG_SV("class", message->cause), LOG_INT("attempts", message->attempts));
    if (!steps_heard(job->setup.steps))
        return;
    struct courier_step step = {
        .alert_id = message->alert_id,
        .mail_id = message->mail_id,
        .message_id = message->id,
        .step = "expired",
        .cause = cause_name(cause_named(message->cause)),
        .took = job->now - message->created_at,
    };
    sv_copy(step.text, sizeof step.text, message->reply);
    steps_tell(job->setup.steps, &step);
}

static void expire_done(struct job *base, const struct err *err)
{
    struct expire_job *job = (struct expire_job *)base;
    if (err) {
        LOG_ERROR("messages could not be expired", LOG_ERR(err));
        job->count = 0;
    }
    for (size_t i = 0; i < job->count; i++)
        tell_expired(job, &job->expired[i].message);
    if (!err && job->reported) {
        job->setup.gate->last = job->now;
        job->setup.gate->held_back = 0;
    } else {
        job->setup.gate->held_back += job->count;
    }
    job->done(job->setup.arg, job->count);
}

static void expire_release(struct job *base)
{
    struct expire_job *job = (struct expire_job *)base;
    arena_free(job->texts);
    arena_free(job->arena);
    settings_free(job->settings);
}

void outcome_expire(const struct outcome_setup *setup, struct settings *settings, const struct store_why *why,
                    outcome_expired_fn *done)
{
    static const struct job_kind KIND = {expire_run, expire_done, expire_release};
    struct expire_job *job = job_new(sizeof *job, &KIND);
    job->setup = *setup;
    job->settings = settings_keep(settings);
    job->done = done;
    job->now = loop_now();
    job->may_report = report_is_possible(&settings->config) && report_gate_open(setup->gate, job->now);
    job->held_back = setup->gate->held_back;
    job->arena = arena_new(EXPIRE_BYTES_MAX);
    job->texts = arena_new(EXPIRE_WHY_BYTES_MAX);
    job->why = (struct store_why){.gateway = arena_sv(job->texts, why->gateway),
                                  .reply = arena_sv(job->texts, why->reply),
                                  .cause = arena_sv(job->texts, why->cause)};
    jobs_submit(setup->jobs, &job->job);
}
