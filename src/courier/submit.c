#include "courier/submit.h"

#include "alert/alert.h"
#include "courier/message_id.h"
#include "store/canary.h"

#include <assert.h>
#include <stdlib.h>

enum { SUBMIT_BYTES_MAX = 64 * 1024 * 1024 };

struct submit_job {
    struct job job;
    struct submit_setup setup;
    struct arena *arena;
    bool has_alert;
    struct store_alert alert;
    struct store_mail mail;
    sv *recipients;
    size_t recipient_count;
    struct buf finding;
    struct submit_ids ids;
    char message_id[ALERT_MESSAGE_ID_BYTES];
    sv token;
};

static int keep_token(struct store *store, const struct submit_job *job, const struct store_mail *mail,
                      struct err *err)
{
    struct store_canary canary = {.token = job->token,
                                  .message_id = mail->message_id,
                                  .mail_id = mail->id,
                                  .state = STORE_CANARY_BY_HAND,
                                  .sent_at = mail->created_at};
    return store_canary_insert(store, &canary, err);
}

static int submit_run(struct store *store, struct job *base, struct err *err)
{
    struct submit_job *job = (struct submit_job *)base;
    struct store_mail mail = job->mail;
    job->ids = (struct submit_ids){.message_count = job->recipient_count};
    if (job->has_alert) {
        struct store_alert alert = job->alert;
        if (store_alert_insert(store, &alert, err) < 0)
            return -1;
        mail.alert_id = job->ids.alert = alert.id;
        mail.message_id = sv_of(alert_message_id(alert.id, mail.sequence, alert.raised_at,
                                                 job->setup.settings->config.hostname, job->message_id));
    }
    if (store_mail_insert(store, &mail, job->recipients, job->recipient_count, err) < 0)
        return -1;
    job->ids.mail = mail.id;
    job->ids.first_message = mail.first_message_id;
    return job->token.n ? keep_token(store, job, &mail, err) : 0;
}

static void submit_done(struct job *base, const struct err *err)
{
    struct submit_job *job = (struct submit_job *)base;
    if (!err)
        job->setup.queued(job->setup.queued_arg, &job->ids);
    job->setup.done(job->setup.done_arg, job->ids.alert, job->ids.mail, err);
}

static void submit_release(struct job *base)
{
    struct submit_job *job = (struct submit_job *)base;
    buf_free(&job->finding);
    arena_free(job->arena);
    settings_free(job->setup.settings);
}

static sv copied(struct submit_job *job, sv text)
{
    sv copy = arena_sv(job->arena, text);
    assert(copy.p || text.n == 0); /* commands bound what they submit */
    return copy;
}

/* Once, however often it was named: in To and in Cc, say. */
static void add_recipient(struct submit_job *job, sv address)
{
    for (size_t i = 0; i < job->recipient_count; i++)
        if (sv_ieq(job->recipients[i], address))
            return;
    job->recipients[job->recipient_count++] = copied(job, address);
}

static void add_recipients(struct submit_job *job, const struct courier_submission *submission)
{
    const struct config_strings *configured = &job->setup.settings->config.recipients;
    size_t own = submission->recipient_count;
    bool also = own == 0 || submission->to_configured;
    job->recipients = arena_alloc(job->arena, (own + configured->count) * sizeof *job->recipients);
    assert(job->recipients);
    for (size_t i = 0; i < own; i++)
        add_recipient(job, submission->recipients[i]);
    for (size_t i = 0; also && i < configured->count; i++)
        add_recipient(job, config_mailbox_address(configured->items[i]));
}

/* An alert of its own: nothing has the same fingerprint, so that nothing is counted to it. */
static void add_finding(struct submit_job *job, const struct finding *finding, nanos now)
{
    struct pack pack = PACK_INTO(&job->finding);
    finding_pack(&pack, finding);
    assert(pack.ok);
    job->mail.finding = buf_view(&job->finding);
    job->mail.severity = finding->severity;
    job->mail.raised_at = now;
    job->has_alert = true;
    job->alert = (struct store_alert){
        .severity = finding->severity,
        .rule_id = copied(job, finding->rule_id),
        .rule_title = copied(job, finding->rule_title),
        .state = STORE_QUEUED,
        .count = 1,
        .mails = 1,
        .raised_at = now,
        .updated_at = now,
        .mailed_at = now,
    };
    arc4random_buf(job->alert.fingerprint, sizeof job->alert.fingerprint);
}

static sv make_message_id(struct submit_job *job)
{
    unsigned long long chance[2];
    arc4random_buf(chance, sizeof chance);
    return arena_printf(job->arena, "<%016llx%016llx@%s>", chance[0], chance[1],
                        job->setup.settings->config.hostname);
}

void submit(const struct submit_setup *setup, const struct courier_submission *submission)
{
    static const struct job_kind KIND = {submit_run, submit_done, submit_release};
    struct submit_job *job = job_new(sizeof *job, &KIND);
    nanos now = loop_now();
    job->setup = *setup;
    settings_keep(setup->settings);
    job->arena = arena_new(SUBMIT_BYTES_MAX);
    job->finding = BUF_INIT(FINDING_BYTES_MAX);
    job->mail = (struct store_mail){
        .sequence = 1,
        .sender = copied(job, submission->sender),
        .count = 1,
        .created_at = now,
        .severity = SEVERITY_MEDIUM,
        .only_gateway = copied(job, submission->only_gateway),
        .expires_at = now + setup->settings->config.delivery.expire,
        .test = submission->test,
    };
    job->token = copied(job, submission->token);
    add_recipients(job, submission);
    if (submission->finding) {
        add_finding(job, submission->finding, now);
    } else {
        job->mail.content = copied(job, submission->content);
        job->mail.message_id = message_id_find(job->mail.content);
    }
    if (job->mail.message_id.n == 0)
        job->mail.message_id = make_message_id(job);
    jobs_submit(setup->jobs, &job->job);
}
