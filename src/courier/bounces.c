#include "courier/bounces_private.h"

#include "base/log.h"
#include "courier/postbox.h"
#include "courier/report.h"

#include <assert.h>
#include <stdlib.h>

enum {
    EARLY_MAX = 64, /* reports that wait for the hand-over to be written down */
    EARLY_TRIES = 30,
    WAITING_MAX = 256, /* reports under way at once; further ones come again from the mailbox */
};

static const nanos EARLY_DELAY = 2 * NANOS_PER_SECOND;
static const nanos LOG_INTERVAL = 3600 * NANOS_PER_SECOND;

static const char KEY_NAME[] = "envelope sender";

struct bounces {
    struct bounces_setup setup;
    struct settings *settings;
    struct postbox *postbox;
    struct settings *box; /* kept: the postbox reads its own part */
    struct report_gate gate;
    struct early {
        struct dsn *dsn;
        int64_t mail_id;
        int tries;
    } early[EARLY_MAX];
    size_t early_count, waiting;
    struct loop_timer *timer;
    nanos warned_at;
    int64_t forged; /* since the warning */
};

const struct bounces_setup *bounces_setup_of(const struct bounces *bounces)
{
    return &bounces->setup;
}

int bounces_key(struct store *store, unsigned char ret[static VERP_KEY_BYTES], struct err *err)
{
    unsigned char key[VERP_KEY_BYTES];
    if (store_begin(store, err) < 0)
        return -1;
    int found = store_key_get(store, sv_of(KEY_NAME), key, sizeof key, err);
    if (found == 0) {
        arc4random_buf(key, sizeof key);
        found = store_key_put(store, sv_of(KEY_NAME), sv_make(key, sizeof key), err);
    }
    if (found < 0) {
        store_rollback(store);
        return -1;
    }
    if (store_commit(store, err) < 0)
        return -1;
    memcpy(ret, key, sizeof key);
    explicit_bzero(key, sizeof key);
    return 0;
}

bool bounces_sender(const struct settings *settings, int64_t mail_id, char ret[static VERP_ADDRESS_MAX])
{
    const char *address = settings->config.bounces.address;
    return address && settings->has_token_key &&
           verp_make(config_mailbox_address(address), mail_id, settings->token_key, ret);
}

/* --- What a report came to --- */

static const char *step_of(enum dsn_kind kind)
{
    switch (kind) {
    case DSN_FAILED:
        return "bounced";
    case DSN_DELAYED:
        return "delayed";
    case DSN_DELIVERED:
        return "delivered";
    case DSN_RELAYED:
        return "relayed";
    case DSN_EXPANDED:
        return "expanded";
    case DSN_NOT_A_REPORT:
        break;
    }
    return "bounced"; /* not reached: such recipients make no event */
}

static void tell_event(const struct bounces *bounces, const struct bounce_event *event)
{
    bool failed = event->kind == DSN_FAILED;
    LOG(failed ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO,
        failed ? "a message has come back" : "a delivery report came",
        LOG_STR("report", dsn_kind_name(event->kind)), LOG_INT("alert", event->alert_id),
        LOG_INT("message", event->message_id), LOG_STR("recipient", event->recipient),
        LOG_STR("gateway", event->gateway), LOG_STR("said", event->said),
        LOG_STR("class", failed ? cause_name(event->cause.cause) : ""),
        LOG_STR("advice", failed ? event->cause.advice : ""), LOG_STR("next", event->copy_gateway));
    if (!steps_heard(bounces->setup.steps))
        return;
    struct courier_step step = {
        .alert_id = event->alert_id,
        .mail_id = event->mail_id,
        .message_id = event->message_id,
        .step = step_of(event->kind),
        .gateway = event->gateway,
        .cause = failed ? cause_name(event->cause.cause) : NULL,
    };
    sv_copy(step.text, sizeof step.text, sv_of(event->said));
    steps_tell(bounces->setup.steps, &step);
    if (!event->copy_id)
        return;
    struct courier_step again = {
        .alert_id = event->alert_id,
        .message_id = event->copy_id,
        .step = "queued",
        .gateway = event->copy_gateway,
        .text = "again, over the next gateway",
    };
    steps_tell(bounces->setup.steps, &again);
}

/* The report is older than the hand-over that it tells of: looked at again soon. */
static void keep_early(struct bounces *bounces, struct bounce_job *job)
{
    if (job->tries + 1 >= EARLY_TRIES || bounces->early_count == EARLY_MAX)
        return;
    bounces->early[bounces->early_count++] = (struct early){job->dsn, job->mail_id, job->tries + 1};
    job->dsn = NULL;
    loop_timer_set(bounces->timer, EARLY_DELAY);
}

static void bounce_done(struct job *base, const struct err *err)
{
    struct bounce_job *job = (struct bounce_job *)base;
    struct bounces *bounces = job->bounces;
    bounces->waiting--;
    if (err) {
        LOG_ERROR("a delivery report could not be written down", LOG_INT("mail", job->mail_id), LOG_ERR(err));
        return;
    }
    for (size_t i = 0; i < job->event_count; i++)
        tell_event(bounces, &job->events[i]);
    if (job->reported) {
        bounces->gate.last = job->now;
        bounces->gate.held_back = 0;
    }
    bounces->gate.held_back += job->untold;
    if (job->early)
        keep_early(bounces, job);
    if (job->mailed)
        bounces->setup.mailed(bounces->setup.arg);
}

static void bounce_release(struct job *base)
{
    struct bounce_job *job = (struct bounce_job *)base;
    free(job->dsn);
    arena_free(job->arena);
    settings_free(job->settings);
}

static struct bounce_job *new_job(struct bounces *bounces)
{
    static const struct job_kind KIND = {bounce_job_run, bounce_done, bounce_release};
    struct bounce_job *job = job_new(sizeof *job, &KIND);
    job->bounces = bounces;
    job->settings = settings_keep(bounces->settings);
    job->now = loop_now();
    job->may_report = report_gate_open(&bounces->gate, job->now);
    job->held_back = bounces->gate.held_back;
    bounces->waiting++;
    return job;
}

static void submit_report(struct bounces *bounces, struct dsn *dsn, int64_t mail_id, int tries)
{
    struct bounce_job *job = new_job(bounces);
    job->dsn = dsn;
    job->mail_id = mail_id;
    job->tries = tries;
    jobs_submit(bounces->setup.jobs, &job->job);
}

static void on_timer(void *arg)
{
    struct bounces *bounces = arg;
    struct early early[EARLY_MAX];
    size_t count = bounces->early_count;
    memcpy(early, bounces->early, count * sizeof *early);
    bounces->early_count = 0;
    for (size_t i = 0; i < count; i++)
        submit_report(bounces, early[i].dsn, early[i].mail_id, early[i].tries);
}

/* --- What came --- */

/* The token is looked for in the report's own header only: what came back may quote anything. */
static enum verp find_token(const struct bounces *bounces, const struct dsn *dsn, int64_t *ret_mail_id)
{
    const char *address = bounces->settings->config.bounces.address;
    enum verp found = VERP_NONE;
    for (size_t i = 0; address && bounces->settings->has_token_key && i < dsn->address_count; i++) {
        enum verp token = verp_read(sv_of(dsn->addresses[i]), config_mailbox_address(address),
                                    bounces->settings->token_key, ret_mail_id);
        if (token == VERP_GOOD)
            return token;
        if (token == VERP_FORGED)
            found = token;
    }
    return found;
}

static void count_stranger(struct bounces *bounces, bool forged)
{
    struct bounce_job *job = new_job(bounces);
    job->counts.forged = forged;
    job->counts.unknown = !forged;
    jobs_submit(bounces->setup.jobs, &job->job);
    bounces->forged += forged;
    if (!forged || (bounces->warned_at && job->now - bounces->warned_at < LOG_INTERVAL))
        return;
    LOG_WARNING("a delivery report bears a token that is not ours: it is counted and ignored",
                LOG_INT("reports", bounces->forged));
    bounces->warned_at = job->now;
    bounces->forged = 0;
}

void bounces_take(struct bounces *bounces, sv mail)
{
    if (bounces->waiting >= WAITING_MAX)
        return;
    int64_t mail_id = 0;
    struct dsn *dsn = calloc(1, sizeof *dsn);
    assert(dsn);
    enum dsn_kind kind = dsn_read(mail, dsn);
    enum verp token = find_token(bounces, dsn, &mail_id);
    if (token == VERP_GOOD && kind != DSN_NOT_A_REPORT) {
        submit_report(bounces, dsn, mail_id, 0);
        return;
    }
    free(dsn);
    count_stranger(bounces, token == VERP_FORGED);
}

/* --- Life --- */

struct bounces *bounces_new(const struct bounces_setup *setup, struct settings *settings)
{
    struct bounces *bounces = calloc(1, sizeof *bounces);
    assert(bounces);
    bounces->setup = *setup;
    bounces->settings = settings_keep(settings);
    bounces->timer = loop_timer_new(setup->loop, on_timer, bounces);
    return bounces;
}

static void on_mail(void *arg, const struct postbox_mail *mail)
{
    bounces_take(arg, mail->content);
}

static void on_trouble(void *arg, const struct err *err)
{
    (void)arg;
    if (err)
        LOG_ERROR("the mailbox that delivery reports come back to cannot be read", LOG_ERR(err));
    else
        LOG_INFO("the mailbox that delivery reports come back to can be read again");
}

static void settle_box(struct bounces *bounces)
{
    static const struct postbox_handler HANDLER = {.mail = on_mail, .trouble = on_trouble};
    const struct config_bounces *wanted = &bounces->settings->config.bounces;
    bool present = wanted->address && config_postbox_present(&wanted->box);
    if (bounces->postbox && present && postbox_same(&bounces->box->config.bounces.box, &wanted->box))
        return;
    postbox_free(bounces->postbox);
    settings_free(bounces->box);
    bounces->postbox = NULL;
    bounces->box = NULL;
    if (!present)
        return;
    bounces->box = settings_keep(bounces->settings);
    bounces->postbox = postbox_new(&(struct postbox_setup){.loop = bounces->setup.loop,
                                                           .keeper = bounces->setup.keeper,
                                                           .box = &bounces->box->config.bounces.box},
                                   &HANDLER, bounces);
}

void bounces_settle(struct bounces *bounces, struct settings *settings)
{
    settings_keep(settings);
    settings_free(bounces->settings);
    bounces->settings = settings;
    settle_box(bounces);
}

void bounces_free(struct bounces *bounces)
{
    if (!bounces)
        return;
    for (size_t i = 0; i < bounces->early_count; i++)
        free(bounces->early[i].dsn);
    postbox_free(bounces->postbox);
    settings_free(bounces->box);
    loop_timer_free(bounces->timer);
    settings_free(bounces->settings);
    free(bounces);
}
