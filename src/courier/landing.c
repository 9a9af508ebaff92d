#include "courier/landing.h"

#include "base/hash.h"
#include "base/log.h"
#include "courier/message_id.h"
#include "courier/postbox.h"
#include "courier/token.h"
#include "wire/mail_trace.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { UNMATCHED_MAX = 1024, MESSAGE_ID_BYTES_MAX = 256 };

/* A mail that was seen in a mailbox. */
struct seen {
    uint64_t hash;
    char message_id[MESSAGE_ID_BYTES_MAX];
    char recipient[MAIL_TRACE_ADDRESS_MAX];
    nanos at;
    char told[256]; /* for people: folder and what is wrong with it */
    char *evidence; /* JSON, owned */
};

/* One mailbox, though several gateways may name it. */
struct box {
    struct landings *landings;
    struct settings *settings; /* kept: the postbox reads its own part */
    const struct config_gateway *gateway;
    struct postbox *postbox;
};

struct landings {
    struct landings_setup setup;
    struct box *boxes[CONFIG_GATEWAYS_MAX];
    size_t box_count;
    struct settings *settings; /* as they are now */
    /* Landed before the hand-over was on disk: a local Maildir is often faster than the answer to the dot. */
    struct seen unmatched[UNMATCHED_MAX];
    size_t unmatched_next;
};

bool landing_is_watched(const struct config *config, const struct config_gateway *gateway)
{
    const struct config_landing *landing = &gateway->landing;
    bool ours = !landing->recipient;
    for (size_t i = 0; i < config->recipients.count && !ours; i++)
        ours = sv_ieq(config_mailbox_address(config->recipients.items[i]),
                      config_mailbox_address(landing->recipient));
    return config_postbox_present(&landing->box) && ours;
}

/* --- Writing down --- */

struct seen_job {
    struct job job;
    struct landings *landings;
    struct seen seen;
    struct store_landing *found; /* SMTP_RECIPIENTS_MAX, once there is one: a mailbox has many mails */
    size_t count;
};

static int seen_run(struct store *store, struct job *base, struct err *err)
{
    struct seen_job *job = (struct seen_job *)base;
    struct store_landing found[SMTP_RECIPIENTS_MAX];
    const struct store_seen seen = {.message_id = sv_of(job->seen.message_id),
                                    .recipient = sv_of(job->seen.recipient),
                                    .at = job->seen.at,
                                    .evidence = sv_of(job->seen.evidence)};
    size_t count = 0;
    int outcome = store_landed(store, &seen, found, SMTP_RECIPIENTS_MAX, &count, err);
    free(job->found);
    job->found = NULL;
    job->count = count;
    if (count) {
        job->found = calloc(count, sizeof *found);
        assert(job->found);
        memcpy(job->found, found, count * sizeof *found);
    }
    return outcome;
}

static void tell_landed(struct landings *landings, const struct store_landing *landing, nanos at,
                        const char *told)
{
    struct courier_step step = {.at = at > landing->created_at ? at : landing->created_at,
                                .alert_id = landing->alert_id,
                                .mail_id = landing->mail_id,
                                .message_id = landing->message_id,
                                .step = "landed",
                                .gateway = landing->gateway};
    step.took = step.at - landing->created_at;
    sv_copy(step.text, sizeof step.text, sv_of(told));
    steps_tell(landings->setup.steps, &step);
}

static void keep_unmatched(struct landings *landings, struct seen *seen)
{
    struct seen *place = &landings->unmatched[landings->unmatched_next];
    landings->unmatched_next = (landings->unmatched_next + 1) % UNMATCHED_MAX;
    free(place->evidence);
    *place = *seen;
    seen->evidence = NULL;
}

static void seen_done(struct job *base, const struct err *err)
{
    struct seen_job *job = (struct seen_job *)base;
    struct landings *landings = job->landings;
    if (err) {
        LOG_ERROR("a landing could not be written down", LOG_ERR(err));
        return;
    }
    if (job->count == 0)
        keep_unmatched(landings, &job->seen);
    else
        LOG_INFO("landed", LOG_STR("message_id", job->seen.message_id), LOG_INT("messages", job->count),
                 LOG_STR("found", job->seen.told));
    for (size_t i = 0; i < job->count; i++)
        tell_landed(landings, &job->found[i], job->seen.at, job->seen.told);
    landings->setup.landed(landings->setup.arg);
}

static void seen_release(struct job *base)
{
    struct seen_job *job = (struct seen_job *)base;
    free(job->found);
    free(job->seen.evidence);
}

/* Takes over what seen holds. */
static void submit_seen(struct landings *landings, struct seen *seen)
{
    static const struct job_kind KIND = {seen_run, seen_done, seen_release};
    struct seen_job *job = job_new(sizeof *job, &KIND);
    job->landings = landings;
    job->seen = *seen;
    *seen = (struct seen){0};
    jobs_submit(landings->setup.jobs, &job->job);
}

void landings_handed_over(struct landings *landings, sv message_id)
{
    uint64_t hash = hash_sv(message_id);
    for (size_t i = 0; i < UNMATCHED_MAX; i++)
        if (landings->unmatched[i].hash == hash &&
            sv_eq(sv_of(landings->unmatched[i].message_id), message_id))
            submit_seen(landings, &landings->unmatched[i]);
}

/* --- What comes --- */

static void put_word(struct buf *out, const char *name, const char *word)
{
    if (word[0])
        (void)buf_printf(out, ", %s %s", name, word);
}

/* "in INBOX, spf pass, dkim pass, dmarc pass": what a person wants to know of it. */
static void tell_in_words(const struct postbox_mail *mail, const struct mail_trace *trace,
                          char ret[static 256])
{
    struct buf text = BUF_INIT(255);
    size_t clear = 0;
    for (size_t i = 0; i < trace->hop_count; i++)
        clear += trace->hops[i].tls == MAIL_TRACE_TLS_NO;
    (void)buf_put(&text, mail->junk ? SV("in the junk folder ") : SV("in "));
    (void)buf_put(&text, sv_first(mail->folder, 80));
    put_word(&text, "spf", trace->spf);
    put_word(&text, "dkim", trace->dkim);
    put_word(&text, "dmarc", trace->dmarc);
    if (clear)
        (void)buf_printf(&text, ", %zu of %zu hops without TLS", clear, trace->hop_count);
    if (trace->called_junk)
        (void)buf_put(&text, SV(", called junk on its way"));
    if (trace->body == MAIL_TRACE_BODY_CHANGED)
        (void)buf_printf(&text, ", content altered (%.60s)", trace->changed);
    sv_copy(ret, 256, buf_view(&text));
    buf_free(&text);
}

static char *evidence_of(const struct config_postbox *box, const struct postbox_mail *mail,
                         const struct mail_trace *trace)
{
    const struct mail_trace_landing landing = {
        .by = box->imap ? "imap" : "maildir", .folder = mail->folder, .junk = mail->junk, .at = mail->at};
    struct buf json = BUF_INIT(STORE_EVIDENCE_MAX);
    char *copy = NULL;
    if (mail_trace_json(trace, &landing, &json) == 0) {
        sv text = buf_view(&json);
        assert(text.p);
        copy = strndup(text.p, text.n);
        assert(copy);
    }
    buf_free(&json);
    return copy;
}

static void on_mail(void *arg, const struct postbox_mail *mail)
{
    struct box *box = arg;
    const struct config_landing *landing = &box->gateway->landing;
    sv id = message_id_find(mail->content);
    struct seen seen = {.hash = hash_sv(id), .at = mail->at};
    struct mail_trace trace;
    if (id.n == 0 || id.n >= sizeof seen.message_id)
        return;
    mail_trace_read(mail->content, &trace);
    sv_copy(seen.message_id, sizeof seen.message_id, id);
    sv_copy(seen.recipient, sizeof seen.recipient, sv_of(trace.recipient));
    if (!seen.recipient[0] && landing->recipient)
        sv_copy(seen.recipient, sizeof seen.recipient, config_mailbox_address(landing->recipient));
    tell_in_words(mail, &trace, seen.told);
    seen.evidence = evidence_of(&landing->box, mail, &trace);
    submit_seen(box->landings, &seen);
}

/* Each gateway whose mail should land there is told of. */
static void on_trouble(void *arg, const struct err *err)
{
    struct box *box = arg;
    const struct landings *landings = box->landings;
    const struct config *config = &landings->settings->config;
    if (err)
        LOG_WARNING("a mailbox for landings cannot be read", LOG_STR("gateway", box->gateway->name),
                    LOG_ERR(err));
    for (size_t i = 0; i < config->gateway_count; i++)
        if (config_postbox_present(&config->gateways[i].landing.box) &&
            postbox_same(&config->gateways[i].landing.box, &box->gateway->landing.box))
            landings->setup.unreadable(landings->setup.arg, config->gateways[i].name, err);
}

/* --- The mailboxes --- */

static void box_free(struct box *box)
{
    if (!box)
        return;
    postbox_free(box->postbox);
    settings_free(box->settings);
    free(box);
}

static struct box *box_new(struct landings *landings, struct settings *settings,
                           const struct config_gateway *gateway)
{
    static const struct postbox_handler HANDLER = {on_mail, on_trouble};
    struct box *box = calloc(1, sizeof *box);
    assert(box);
    *box = (struct box){.landings = landings, .settings = settings_keep(settings), .gateway = gateway};
    const struct postbox_setup setup = {landings->setup.loop, landings->setup.keeper, &gateway->landing.box};
    box->postbox = postbox_new(&setup, &HANDLER, box);
    return box;
}

static struct box *find_box(struct box **list, size_t count, const struct config_gateway *gateway)
{
    for (size_t i = 0; i < count; i++)
        if (list[i] && postbox_same(&list[i]->gateway->landing.box, &gateway->landing.box))
            return list[i];
    return NULL;
}

/* Watches the mailboxes that the settings name, and no others. */
void landings_settle(struct landings *landings, struct settings *settings)
{
    struct box *old[CONFIG_GATEWAYS_MAX];
    size_t old_count = landings->box_count;
    memcpy(old, landings->boxes, old_count * sizeof *old);
    landings->box_count = 0;
    settings_free(landings->settings);
    landings->settings = settings_keep(settings);
    for (size_t i = 0; i < settings->config.gateway_count; i++) {
        const struct config_gateway *gateway = &settings->config.gateways[i];
        if (!config_postbox_present(&gateway->landing.box) ||
            find_box(landings->boxes, landings->box_count, gateway))
            continue;
        struct box *box = find_box(old, old_count, gateway);
        for (size_t j = 0; j < old_count; j++)
            if (old[j] == box)
                old[j] = NULL;
        landings->boxes[landings->box_count++] = box ? box : box_new(landings, settings, gateway);
    }
    for (size_t j = 0; j < old_count; j++)
        box_free(old[j]);
}

void landings_expect(struct landings *landings, const char *gateway, nanos until)
{
    const struct config_gateway *found = config_gateway_named(&landings->settings->config, sv_of(gateway));
    struct box *box = found ? find_box(landings->boxes, landings->box_count, found) : NULL;
    if (box)
        postbox_expect(box->postbox, until);
}

struct landings *landings_new(const struct landings_setup *setup)
{
    struct landings *landings = calloc(1, sizeof *landings);
    assert(landings);
    landings->setup = *setup;
    return landings;
}

void landings_free(struct landings *landings)
{
    if (!landings)
        return;
    for (size_t i = 0; i < landings->box_count; i++)
        box_free(landings->boxes[i]);
    for (size_t i = 0; i < UNMATCHED_MAX; i++)
        free(landings->unmatched[i].evidence);
    settings_free(landings->settings);
    free(landings);
}

/* --- Words of others --- */

struct confirm_job {
    struct job job;
    struct landings *landings;
    char token[STORE_TOKEN_MAX];
    nanos at;
    bool known;
    struct store_landing found[SMTP_RECIPIENTS_MAX];
    size_t count;
    courier_confirmed_fn *done;
    void *arg;
};

/* Evidence that is somebody's word. */
static int word_of(const char *by, nanos at, struct buf *out)
{
    const struct mail_trace_landing landing = {.by = by, .at = at};
    return mail_trace_json(NULL, &landing, out);
}

static int confirm_run(struct store *store, struct job *base, struct err *err)
{
    struct confirm_job *job = (struct confirm_job *)base;
    struct buf json = BUF_INIT(STORE_EVIDENCE_MAX);
    job->count = 0;
    int got = word_of("operator", job->at, &json);
    if (got == 0)
        got = store_token_landed(store, sv_of(job->token), job->at, buf_view(&json), job->found,
                                 SMTP_RECIPIENTS_MAX, &job->count, err);
    buf_free(&json);
    job->known = got > 0;
    return got < 0 ? -1 : 0;
}

static void confirm_done(struct job *base, const struct err *err)
{
    struct confirm_job *job = (struct confirm_job *)base;
    struct landings *landings = job->landings;
    struct err none;
    if (!err && !job->known)
        err_set(&none, ERR_NO_INPUT, "the token stands in the text of the test message",
                "no test message bears the token \"%s\"", job->token);
    else if (!err && job->count == 0)
        err_set(&none, ERR_TEMPORARY, "`vedette alerts` says where it is",
                "that message had landed before, or was not handed over by us");
    for (size_t i = 0; i < job->count; i++)
        tell_landed(landings, &job->found[i], job->at, "the operator says so");
    if (job->count)
        landings->setup.landed(landings->setup.arg);
    job->done(job->arg, job->count, err || job->count ? err : &none);
}

void landings_confirm(struct landings *landings, sv token, courier_confirmed_fn *done, void *arg)
{
    static const struct job_kind KIND = {confirm_run, confirm_done, NULL};
    struct confirm_job *job = job_new(sizeof *job, &KIND);
    job->landings = landings;
    job->at = loop_now();
    job->done = done;
    job->arg = arg;
    token_read(token, job->token);
    jobs_submit(landings->setup.jobs, &job->job);
}

int landing_delivered(struct store *store, int64_t message_id, sv recipient, nanos at, struct err *err)
{
    struct buf json = BUF_INIT(STORE_EVIDENCE_MAX);
    (void)recipient; /* the report's token has named the message already */
    int done = word_of("dsn", at, &json);
    if (done == 0)
        done = store_message_landed(store, message_id, at, buf_view(&json), err);
    buf_free(&json);
    return done;
}
