#include "courier/bounces_private.h"

#include "courier/notice.h"
#include "courier/report.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* What is known while one report is worked through. */
struct work {
    struct store *store;
    struct bounce_job *job;
    struct store_message messages[SMTP_RECIPIENTS_MAX];
    size_t message_count;
    struct store_report_counts counts;
};

static struct store_message *named(struct work *work, const struct dsn_recipient *recipient)
{
    const sv names[] = {sv_of(recipient->original_recipient), sv_of(recipient->final_recipient)};
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < work->message_count; i++)
            if (names[k].n && sv_ieq(names[k], work->messages[i].recipient))
                return &work->messages[i];
    return NULL;
}

static struct bounce_event *add_event(struct work *work, const struct dsn_recipient *recipient,
                                      const struct store_message *message)
{
    struct bounce_job *job = work->job;
    if (job->event_count == BOUNCE_EVENTS_MAX)
        return NULL;
    struct bounce_event *event = &job->events[job->event_count++];
    *event = (struct bounce_event){.kind = recipient->kind,
                                   .message_id = message->id,
                                   .alert_id = message->alert_id,
                                   .mail_id = message->mail_id};
    sv_copy(event->gateway, sizeof event->gateway, message->gateway);
    sv_copy(event->recipient, sizeof event->recipient, message->recipient);
    sv_copy(event->said, sizeof event->said, sv_of(recipient->said));
    return event;
}

/* --- The next route --- */

/* A gateway that has not had this mail for this recipient; NULL when all have, or there is no other. */
static int next_gateway(const struct work *work, const struct store_mail *mail, sv recipient,
                        const char **ret, struct err *err)
{
    const struct config *config = &work->job->settings->config;
    sv tried[CONFIG_GATEWAYS_MAX];
    size_t count = 0;
    if (store_gateways_tried(work->store, mail->message_id, recipient, work->job->arena, tried,
                             CONFIG_GATEWAYS_MAX, &count, err) < 0)
        return -1;
    *ret = NULL;
    /* As many names as there may be gateways: some may be of an older configuration. Then it ends here. */
    for (size_t i = 0; i < config->gateway_count && count < CONFIG_GATEWAYS_MAX && !*ret; i++) {
        bool was = false;
        for (size_t k = 0; k < count; k++)
            was = was || sv_eq(tried[k], sv_of(config->gateways[i].name));
        if (!was)
            *ret = config->gateways[i].name;
    }
    return 0;
}

static int tell_others(struct work *work, const struct bounce_event *event, const struct store_mail *mail,
                       struct err *err)
{
    struct bounce_job *job = work->job;
    const struct config *config = &job->settings->config;
    const struct report report = {
        .bounced = true,
        .alert_id = event->alert_id,
        .message_id = event->message_id,
        .recipient = sv_of(event->recipient),
        .gateway = sv_of(event->gateway),
        .reply = sv_of(event->said),
        .cause = sv_of(cause_name(event->cause.cause)),
        .attempts = 1,
        .others = job->held_back,
    };
    if (!job->may_report || job->reported) {
        job->untold++;
    } else {
        if (report_insert(work->store, config, &report, job->now, err) < 0)
            return -1;
        job->reported = job->mailed = true;
    }
    const struct bounces_setup *setup = bounces_setup_of(job->bounces);
    if (!setup->notice)
        return 0;
    char key[64], title[96];
    snprintf(key, sizeof key, "message-%lld", (long long)event->message_id);
    snprintf(title, sizeof title, "Message %lld of alert %lld has come back", (long long)event->message_id,
             (long long)event->alert_id);
    const struct notice notice = {
        .kind = NOTICE_BOUNCED,
        .severity = mail->severity,
        .key = sv_of(key),
        .title = sv_of(title),
        .text =
            SV("A gateway took this alert, and a delivery report says that it did not reach its recipient. "
               "No other gateway is left to send it over."),
        .advice = sv_of(event->cause.advice),
        .cause = sv_of(cause_name(event->cause.cause)),
        .gateway = sv_of(event->gateway),
        .reply = sv_of(event->said),
        .recipient = sv_of(event->recipient),
        .hostname = sv_of(config->hostname),
        .alert_id = event->alert_id,
        .message_id = event->message_id,
        .at = job->now,
    };
    return setup->notice(work->store, config, &notice, NULL, err);
}

/* Reports of ours and test messages end here: nothing may follow from a report about a report. */
static int go_on(struct work *work, struct bounce_event *event, struct err *err)
{
    struct bounce_job *job = work->job;
    struct store_message message;
    struct store_mail mail;
    const char *gateway = NULL;
    if (store_message_find(work->store, event->message_id, job->arena, &message, &mail, err) <= 0)
        return -1;
    if (mail.test || report_is_one(mail.message_id))
        return 0;
    if (next_gateway(work, &mail, message.recipient, &gateway, err) < 0)
        return -1;
    if (!gateway)
        return tell_others(work, event, &mail, err);
    nanos expires_at = job->now + job->settings->config.delivery.expire;
    if (store_message_resend(work->store, message.id, sv_of(gateway), job->now, expires_at, &event->copy_id,
                             err) < 0)
        return -1;
    sv_copy(event->copy_gateway, sizeof event->copy_gateway, sv_of(gateway));
    work->counts.resent++;
    job->mailed = true;
    return 0;
}

/* --- One recipient --- */

static int take_failed(struct work *work, const struct dsn_recipient *recipient,
                       const struct store_message *message, struct err *err)
{
    struct cause_told cause = cause_of_report(recipient);
    enum store_bounce_effect effect;
    const struct store_bounce bounce = {.message_id = message->id,
                                        .at = work->job->now,
                                        .reply = sv_of(recipient->said),
                                        .cause = sv_of(cause_name(cause.cause))};
    if (store_message_bounced(work->store, &bounce, &effect, err) < 0)
        return -1;
    switch (effect) {
    case STORE_BOUNCE_EARLY:
        work->job->early = true;
        return 0;
    case STORE_BOUNCE_OLD_NEWS:
        work->counts.repeated++;
        return 0;
    case STORE_BOUNCE_DONE:
        break;
    }
    work->counts.bounced++;
    struct bounce_event *event = add_event(work, recipient, message);
    if (!event)
        return 0;
    event->cause = cause;
    return go_on(work, event, err);
}

static int take_recipient(struct work *work, const struct dsn_recipient *recipient,
                          const struct store_message *message, struct err *err)
{
    const struct bounces_setup *setup = bounces_setup_of(work->job->bounces);
    switch (recipient->kind) {
    case DSN_FAILED:
        return take_failed(work, recipient, message, err);
    case DSN_DELIVERED:
        work->counts.delivered++;
        add_event(work, recipient, message);
        return setup->delivered
                   ? setup->delivered(work->store, message->id, message->recipient, work->job->now, err)
                   : 0;
    case DSN_DELAYED:
        work->counts.delayed++;
        add_event(work, recipient, message);
        return 0;
    case DSN_RELAYED:
    case DSN_EXPANDED:
        add_event(work, recipient, message);
        return 0;
    case DSN_NOT_A_REPORT:
        return 0;
    }
    return 0;
}

/* A report that names none of ours (an alias was resolved, or its server says little) is about the only
 * recipient; of several, a failure counts against each: told twice does less harm than not told. */
static int take_unnamed(struct work *work, const struct dsn_recipient *recipient, struct err *err)
{
    if (work->message_count > 1 && recipient->kind != DSN_FAILED)
        return 0;
    for (size_t i = 0; i < work->message_count; i++)
        if (take_recipient(work, recipient, &work->messages[i], err) < 0)
            return -1;
    return 0;
}

static int take_report(struct work *work, struct err *err)
{
    const struct dsn *dsn = work->job->dsn;
    bool any = false;
    if (store_mail_messages(work->store, work->job->mail_id, work->job->arena, work->messages,
                            SMTP_RECIPIENTS_MAX, &work->message_count, err) < 0)
        return -1;
    for (size_t i = 0; i < dsn->recipient_count; i++) {
        const struct store_message *message = named(work, &dsn->recipients[i]);
        if (message && take_recipient(work, &dsn->recipients[i], message, err) < 0)
            return -1;
        any = any || message;
    }
    if (any || dsn->recipient_count == 0)
        return 0;
    const struct dsn_recipient *gravest = &dsn->recipients[0];
    for (size_t i = 1; i < dsn->recipient_count; i++)
        if (dsn->recipients[i].kind > gravest->kind)
            gravest = &dsn->recipients[i];
    return take_unnamed(work, gravest, err);
}

int bounce_job_run(struct store *store, struct job *base, struct err *err)
{
    struct bounce_job *job = (struct bounce_job *)base;
    struct work *work = calloc(1, sizeof *work);
    assert(work);
    if (!job->arena)
        job->arena = arena_new(BOUNCE_BYTES_MAX);
    arena_reset(job->arena);
    job->event_count = job->untold = 0;
    job->early = job->reported = job->mailed = false;
    work->store = store;
    work->job = job;
    work->counts = job->counts;
    int done = job->dsn ? take_report(work, err) : 0;
    static const struct store_report_counts NONE;
    if (done == 0 && memcmp(&work->counts, &NONE, sizeof NONE) != 0)
        done = store_reports_count(store, &work->counts, err);
    free(work);
    return done;
}
