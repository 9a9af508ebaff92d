#include "courier/canary.h"

#include "base/log.h"
#include "courier/canary_mail.h"
#include "courier/canary_verdict.h"
#include "courier/token.h"

#include <assert.h>
#include <stdlib.h>

#define FIRST_AFTER    (2 * NANOS_PER_SECOND) /* the start; then one gateway after the other */
#define FIRST_APART    (3 * NANOS_PER_SECOND)
#define LOOK_EVERY     (5 * NANOS_PER_SECOND) /* while one is waited for: a report may have told of it */
#define AGAIN_AT_LEAST (10 * NANOS_PER_SECOND)
#define KEPT           (35 * 24 * 3600 * NANOS_PER_SECOND)
#define PRUNE_EVERY    (3600 * NANOS_PER_SECOND)

/* One gateway with canaries. */
struct flight {
    char gateway[CONFIG_NAME_BYTES];
    nanos next_at;    /* wall clock; 0: as soon as it is known when the last one was sent */
    int64_t told;     /* the last canary whose end was told … */
    bool told_landed; /* … as landed: a missed one may still come */
};

struct canaries {
    struct canaries_setup setup;
    struct settings *settings;
    struct loop_timer *timer;
    struct flight flights[CONFIG_GATEWAYS_MAX];
    size_t count;
    nanos pruned_at;
    bool started, looking, look_again;
};

/* --- Sending --- */

struct send_job {
    struct job job;
    struct canaries *canaries;
    struct settings *settings;
    const struct config_gateway *gateway;
    char token[STORE_TOKEN_MAX];
    char message_id[CANARY_MESSAGE_ID_MAX];
    struct buf content;
    nanos now, due;
    int64_t mail_id, first_message;
};

static int send_run(struct store *store, struct job *base, struct err *err)
{
    struct send_job *job = (struct send_job *)base;
    sv recipient = config_mailbox_address(job->gateway->landing.recipient);
    struct store_mail mail = {
        .sequence = 1,
        .message_id = sv_of(job->message_id),
        .count = 1,
        .raised_at = job->now,
        .created_at = job->now,
        .content = buf_view(&job->content),
        .severity = SEVERITY_LOW, /* alerts go first */
        .only_gateway = sv_of(job->gateway->name),
        .expires_at = job->due,
        .test = true,
    };
    if (store_mail_insert(store, &mail, &recipient, 1, err) < 0)
        return -1;
    job->mail_id = mail.id;
    job->first_message = mail.first_message_id;
    struct store_canary canary = {
        .gateway = sv_of(job->gateway->name),
        .token = sv_of(job->token),
        .message_id = sv_of(job->message_id),
        .mail_id = mail.id,
        .sent_at = job->now,
        .due_at = job->due,
    };
    return store_canary_insert(store, &canary, err);
}

static void set_timer(struct canaries *canaries, nanos waited_until);

static void send_done(struct job *base, const struct err *err)
{
    struct send_job *job = (struct send_job *)base;
    struct canaries *canaries = job->canaries;
    if (err) {
        LOG_ERROR("a canary could not be queued", LOG_STR("gateway", job->gateway->name), LOG_ERR(err));
        return;
    }
    LOG_DEBUG("a canary is under way", LOG_STR("gateway", job->gateway->name), LOG_STR("token", job->token));
    steps_tell_queued(canaries->setup.steps, 0, job->mail_id, job->first_message, 1);
    canaries->setup.expected(canaries->setup.arg, job->gateway->name, job->due);
    canaries->setup.mailed(canaries->setup.arg);
    set_timer(canaries, job->due);
}

static void send_release(struct job *base)
{
    struct send_job *job = (struct send_job *)base;
    buf_free(&job->content);
    settings_free(job->settings);
}

static void send(struct canaries *canaries, const struct config_gateway *gateway)
{
    static const struct job_kind KIND = {send_run, send_done, send_release};
    struct send_job *job = job_new(sizeof *job, &KIND);
    job->canaries = canaries;
    job->settings = settings_keep(canaries->settings);
    job->gateway = gateway;
    job->now = loop_now();
    job->due = job->now + canaries->settings->config.canary.wait;
    job->content = BUF_INIT(CANARY_MAIL_BYTES_MAX);
    token_make(job->token);
    canary_mail_write(&(struct canary_mail){&job->settings->config, gateway, job->token, job->now},
                      job->message_id, &job->content);
    jobs_submit(canaries->setup.jobs, &job->job);
}

/* --- Looking what became of them --- */

struct look_job {
    struct job job;
    struct canaries *canaries;
    nanos now, prune_before; /* 0: not now */
    struct looked {
        char gateway[CONFIG_NAME_BYTES];
        nanos last_sent; /* 0: none */
        bool any;        /* one has come to an end: */
        struct canary_verdict verdict;
    } looked[CONFIG_GATEWAYS_MAX];
    size_t count;
    int64_t waiting;
    nanos due;
};

static int look_at(struct store *store, struct looked *looked, struct arena *arena, struct err *err)
{
    struct store_canary canary;
    arena_reset(arena);
    int got = store_canary_last(store, sv_of(looked->gateway), false, arena, &canary, err);
    looked->last_sent = got > 0 ? canary.sent_at : 0;
    if (got > 0)
        got = store_canary_last(store, sv_of(looked->gateway), true, arena, &canary, err);
    looked->any = got > 0;
    if (got > 0)
        canary_verdict_read(&canary, &looked->verdict);
    return got < 0 ? -1 : 0;
}

static int look_run(struct store *store, struct job *base, struct err *err)
{
    enum { ARENA_BYTES_MAX = 1024 * 1024 };
    struct look_job *job = (struct look_job *)base;
    struct arena *arena = arena_new(ARENA_BYTES_MAX);
    int done = canary_verdict_miss_overdue(store, job->now, arena, err);
    for (size_t i = 0; i < job->count && done == 0; i++)
        done = look_at(store, &job->looked[i], arena, err);
    if (done == 0 && job->prune_before)
        done = store_canaries_prune(store, job->prune_before, err);
    if (done == 0)
        done = store_canaries_waiting(store, &job->waiting, &job->due, err);
    arena_free(arena);
    return done;
}

static void tell(struct canaries *canaries, struct flight *flight, const struct looked *looked)
{
    const struct canary_verdict *verdict = &looked->verdict;
    if (flight->told == verdict->id && flight->told_landed == verdict->landed)
        return;
    flight->told = verdict->id;
    flight->told_landed = verdict->landed;
    if (!verdict->landed) {
        canaries->setup.raise(canaries->setup.arg, &(struct trouble){.kind = TROUBLE_CANARY,
                                                                     .gateway = flight->gateway,
                                                                     .cause = verdict->cause,
                                                                     .text = verdict->text,
                                                                     .advice = verdict->advice});
        return;
    }
    canaries->setup.resolve(canaries->setup.arg, TROUBLE_CANARY, flight->gateway, verdict->text);
    if (verdict->junk)
        canaries->setup.raise(canaries->setup.arg, &(struct trouble){.kind = TROUBLE_JUNK,
                                                                     .gateway = flight->gateway,
                                                                     .cause = CAUSE_CONTENT,
                                                                     .text = verdict->text,
                                                                     .advice = verdict->advice});
    else
        canaries->setup.resolve(canaries->setup.arg, TROUBLE_JUNK, flight->gateway, verdict->text);
}

/* When the next one goes: at once when there was none, sooner than usual after one that was missed. */
static void plan(struct canaries *canaries, struct flight *flight, const struct looked *looked)
{
    const struct config_canary *config = &canaries->settings->config.canary;
    nanos now = loop_now(), again = config->wait > AGAIN_AT_LEAST ? config->wait : AGAIN_AT_LEAST;
    size_t place = (size_t)(flight - canaries->flights);
    if (again > config->every)
        again = config->every;
    if (flight->next_at == 0) {
        nanos first = now + FIRST_AFTER + (nanos)place * FIRST_APART;
        nanos usual = looked->last_sent + config->every;
        flight->next_at = looked->last_sent && usual > first ? usual : first;
    }
    if (looked->any && !looked->verdict.landed && flight->next_at > looked->last_sent + again)
        flight->next_at = looked->last_sent + again;
}

static struct flight *flight_of(struct canaries *canaries, const char *gateway)
{
    for (size_t i = 0; i < canaries->count; i++)
        if (strcmp(canaries->flights[i].gateway, gateway) == 0)
            return &canaries->flights[i];
    return NULL;
}

static void look_done(struct job *base, const struct err *err)
{
    struct look_job *job = (struct look_job *)base;
    struct canaries *canaries = job->canaries;
    canaries->looking = false;
    if (err)
        LOG_ERROR("what became of canaries could not be read", LOG_ERR(err));
    for (size_t i = 0; i < job->count && !err; i++) {
        struct flight *flight = flight_of(canaries, job->looked[i].gateway);
        if (!flight)
            continue;
        if (job->looked[i].any)
            tell(canaries, flight, &job->looked[i]);
        plan(canaries, flight, &job->looked[i]);
    }
    set_timer(canaries, !err && job->waiting ? job->due : 0);
}

void canaries_look(struct canaries *canaries)
{
    static const struct job_kind KIND = {look_run, look_done, NULL};
    if (!canaries->started || canaries->count == 0)
        return;
    canaries->look_again = canaries->looking;
    if (canaries->looking)
        return;
    canaries->looking = true;
    struct look_job *job = job_new(sizeof *job, &KIND);
    job->canaries = canaries;
    job->now = loop_now();
    if (job->now - canaries->pruned_at >= PRUNE_EVERY) {
        canaries->pruned_at = job->now;
        job->prune_before = job->now - KEPT;
    }
    job->count = canaries->count;
    for (size_t i = 0; i < canaries->count; i++)
        sv_copy(job->looked[i].gateway, sizeof job->looked[i].gateway, sv_of(canaries->flights[i].gateway));
    jobs_submit(canaries->setup.jobs, &job->job);
}

/* --- The schedule --- */

/* waited_until: when the first that is waited for is due; 0: none is. */
static void set_timer(struct canaries *canaries, nanos waited_until)
{
    nanos now = loop_now(), next = 0;
    if (!canaries->started)
        return;
    if (canaries->look_again) {
        canaries_look(canaries);
        return;
    }
    for (size_t i = 0; i < canaries->count; i++) {
        nanos at = canaries->flights[i].next_at;
        if (at && (!next || at < next))
            next = at;
    }
    if (waited_until) {
        nanos look = waited_until - now < LOOK_EVERY ? waited_until : now + LOOK_EVERY;
        next = !next || look < next ? look : next;
    }
    if (next)
        loop_timer_set(canaries->timer, next - now);
}

/* Sends what is due and looks what became of the others. */
static void on_timer(void *arg)
{
    struct canaries *canaries = arg;
    nanos now = loop_now(), every = canaries->settings->config.canary.every;
    for (size_t i = 0; i < canaries->count; i++) {
        struct flight *flight = &canaries->flights[i];
        const struct config_gateway *gateway =
            config_gateway_named(&canaries->settings->config, sv_of(flight->gateway));
        if (!flight->next_at || flight->next_at > now || !gateway)
            continue;
        flight->next_at = now + every;
        send(canaries, gateway);
    }
    canaries_look(canaries);
}

/* The clock of a gateway that stays goes on. */
void canaries_settle(struct canaries *canaries, struct settings *settings)
{
    struct flight old[CONFIG_GATEWAYS_MAX];
    size_t old_count = canaries->count;
    const struct config *config = &settings->config;
    memcpy(old, canaries->flights, old_count * sizeof *old);
    settings_keep(settings);
    settings_free(canaries->settings);
    canaries->settings = settings;
    canaries->count = 0;
    for (size_t i = 0; i < config->gateway_count && config->canary.every > 0; i++) {
        if (!config->gateways[i].landing.recipient)
            continue;
        struct flight *flight = &canaries->flights[canaries->count++];
        *flight = (struct flight){.next_at = 0};
        sv_copy(flight->gateway, sizeof flight->gateway, sv_of(config->gateways[i].name));
        for (size_t j = 0; j < old_count; j++)
            if (strcmp(old[j].gateway, flight->gateway) == 0)
                *flight = old[j];
        if (flight->next_at > loop_now() + config->canary.every)
            flight->next_at = 0;
    }
    canaries_look(canaries);
}

struct canaries *canaries_new(const struct canaries_setup *setup, struct settings *settings)
{
    struct canaries *canaries = calloc(1, sizeof *canaries);
    assert(canaries);
    canaries->setup = *setup;
    canaries->timer = loop_timer_new(setup->loop, on_timer, canaries);
    canaries_settle(canaries, settings);
    return canaries;
}

void canaries_start(struct canaries *canaries)
{
    canaries->started = true;
    canaries_look(canaries);
}

void canaries_drain(struct canaries *canaries)
{
    canaries->started = false;
    loop_timer_cancel(canaries->timer);
}

void canaries_free(struct canaries *canaries)
{
    if (!canaries)
        return;
    loop_timer_free(canaries->timer);
    settings_free(canaries->settings);
    free(canaries);
}
