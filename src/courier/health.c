#include "courier/health.h"

#include "store/fact.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* The fact that an account was taken: its name, so that another account begins anew. */
#define FACT_ACCOUNT "account"

enum { FACT_BYTES_MAX = 4096, GATEWAY_NAME_MAX = 72 };

struct gateway {
    struct gateway *next;
    char name[GATEWAY_NAME_MAX];
    char account[SESSION_SAID_MAX]; /* "" without one */
    bool seen_up;                   /* in this run */
    bool taken;                     /* the account was, in this run or in one before */
    bool confirmed;                 /* in this run */
    bool looked_up;                 /* in the store */
    bool refused;                   /* since it was last taken */
    nanos down_since;               /* monotonic; 0: it is up */
    struct session_end why;
    struct loop_timer *timer; /* until it has been down for long enough */
    struct health *health;
};

struct health {
    struct health_setup setup;
    struct settings *settings;
    struct gateway *gateways;
};

/* --- Down --- */

static void tell_down(struct gateway *gateway)
{
    char text[SESSION_SAID_MAX + 256], length[32];
    time_length(loop_monotonic() - gateway->down_since, length, sizeof length);
    snprintf(text, sizeof text,
             "No session with gateway %s has come about for %s. The last try ended at %s: %s", gateway->name,
             length, gateway->why.hop, gateway->why.said);
    const struct trouble trouble = {
        .kind = TROUBLE_DOWN,
        .gateway = gateway->name,
        .cause = gateway->why.cause.cause,
        .text = text,
        .advice = gateway->why.cause.advice,
    };
    trouble_raise(gateway->health->setup.troubles, &trouble);
}

static void on_down_for_long(void *arg)
{
    tell_down(arg);
}

static void go_down(struct gateway *gateway)
{
    nanos after = gateway->health->settings->config.paths.trouble_after, now = loop_monotonic();
    if (!gateway->down_since)
        gateway->down_since = now;
    nanos left = gateway->down_since + after - now;
    if (left <= 0)
        tell_down(gateway); /* another raise brings the last words up to date */
    else if (!loop_timer_pending(gateway->timer))
        loop_timer_set(gateway->timer, left);
}

static void come_up(struct gateway *gateway)
{
    char text[GATEWAY_NAME_MAX + 64];
    /* At the first session of a run, too: it may have been down when the last run ended. */
    if (gateway->seen_up && !gateway->down_since)
        return;
    gateway->seen_up = true;
    gateway->down_since = 0;
    loop_timer_cancel(gateway->timer);
    snprintf(text, sizeof text, "Gateway %s answers again.", gateway->name);
    trouble_resolve(gateway->health->setup.troubles, TROUBLE_DOWN, gateway->name, text);
}

/* --- The account --- */

struct account_job {
    struct job job;
    struct health *health;
    char gateway[GATEWAY_NAME_MAX], account[SESSION_SAID_MAX];
    bool write; /* it was taken; else: was it ever? */
    bool found;
    nanos now;
};

static struct gateway *find(const struct health *health, const char *name)
{
    for (struct gateway *gateway = health->gateways; gateway; gateway = gateway->next)
        if (strcmp(gateway->name, name) == 0)
            return gateway;
    return NULL;
}

static int account_run(struct store *store, struct job *base, struct err *err)
{
    struct account_job *job = (struct account_job *)base;
    sv gateway = sv_of(job->gateway), account = sv_of(job->account);
    if (job->write)
        return store_fact_put(store, gateway, SV(FACT_ACCOUNT), account, job->now, err);
    struct store_fact fact;
    struct arena *arena = arena_new(FACT_BYTES_MAX);
    int got = store_fact_get(store, gateway, SV(FACT_ACCOUNT), arena, &fact, err);
    job->found = got > 0 && sv_eq(fact.value, account);
    arena_free(arena);
    return got < 0 ? -1 : 0;
}

static void tell_refused(struct gateway *gateway)
{
    char text[2 * SESSION_SAID_MAX + 256];
    snprintf(
        text, sizeof text,
        "Gateway %s refuses the account %s, which it took before. It said: %s. Was its password rotated?",
        gateway->name, gateway->account, gateway->why.said);
    const struct trouble trouble = {
        .kind = TROUBLE_CREDENTIALS,
        .gateway = gateway->name,
        .cause = CAUSE_AUTHENTICATION,
        .text = text,
        .advice = "put the account's present password where `password` points; if nobody changed it, ask the "
                  "gateway's administrator whether the account is locked or has expired",
    };
    trouble_raise(gateway->health->setup.troubles, &trouble);
}

static void account_done(struct job *base, const struct err *err)
{
    struct account_job *job = (struct account_job *)base;
    struct gateway *gateway = find(job->health, job->gateway);
    if (err) {
        LOG_WARNING("what is known of an account could not be kept", LOG_STR("gateway", job->gateway),
                    LOG_ERR(err));
        return;
    }
    if (!gateway || strcmp(gateway->account, job->account) != 0 || job->write)
        return;
    gateway->looked_up = true;
    gateway->taken = gateway->taken || job->found;
    if (gateway->refused && gateway->taken)
        tell_refused(gateway);
}

static void submit_account(const struct gateway *gateway, bool write)
{
    static const struct job_kind KIND = {account_run, account_done, NULL};
    struct account_job *job = job_new(sizeof *job, &KIND);
    job->health = gateway->health;
    job->write = write;
    job->now = loop_now();
    memcpy(job->gateway, gateway->name, sizeof job->gateway);
    memcpy(job->account, gateway->account, sizeof job->account);
    jobs_submit(gateway->health->setup.jobs, &job->job);
}

static void account_taken(struct gateway *gateway)
{
    char text[GATEWAY_NAME_MAX + SESSION_SAID_MAX + 64];
    if (!gateway->account[0] || (gateway->confirmed && !gateway->refused))
        return;
    if (!gateway->confirmed)
        submit_account(gateway, true);
    gateway->taken = gateway->confirmed = true;
    gateway->refused = false;
    snprintf(text, sizeof text, "Gateway %s takes the account %s again.", gateway->name, gateway->account);
    trouble_resolve(gateway->health->setup.troubles, TROUBLE_CREDENTIALS, gateway->name, text);
}

/* RFC 4954 §6: 535 5.7.8 says that the credentials are wrong. 534, 454 and others say something else. */
static bool refuses_account(const struct session_end *end)
{
    return end->stage == SMTP_STAGE_AUTH && end->answered && end->code == 535;
}

static void account_refused(struct gateway *gateway)
{
    if (!gateway->account[0])
        return;
    gateway->refused = true;
    if (gateway->taken)
        tell_refused(gateway);
    else if (!gateway->looked_up)
        submit_account(gateway, false);
}

/* --- For courier.c --- */

void health_seen(struct health *health, const char *name, const struct session_end *end)
{
    struct gateway *gateway = find(health, name);
    if (!gateway)
        return;
    if (!end) {
        come_up(gateway);
        account_taken(gateway);
        return;
    }
    gateway->why = *end;
    if (refuses_account(end))
        account_refused(gateway);
    go_down(gateway);
}

static void free_gateways(struct gateway *list)
{
    for (struct gateway *next; list; list = next) {
        next = list->next;
        loop_timer_free(list->timer);
        free(list);
    }
}

static struct gateway *take_out(struct health *health, const char *name)
{
    for (struct gateway **link = &health->gateways; *link; link = &(*link)->next) {
        struct gateway *gateway = *link;
        if (strcmp(gateway->name, name) != 0)
            continue;
        *link = gateway->next;
        return gateway;
    }
    return NULL;
}

static struct gateway *gateway_new(struct health *health, const char *name)
{
    struct gateway *gateway = calloc(1, sizeof *gateway);
    assert(gateway && strlen(name) < sizeof gateway->name);
    gateway->health = health;
    gateway->timer = loop_timer_new(health->setup.loop, on_down_for_long, gateway);
    sv_copy(gateway->name, sizeof gateway->name, sv_of(name));
    return gateway;
}

void health_settle(struct health *health, struct settings *settings)
{
    struct gateway *kept = NULL;
    settings_keep(settings);
    settings_free(health->settings);
    health->settings = settings;
    for (size_t i = 0; i < settings->config.gateway_count; i++) {
        const struct config_gateway *config = &settings->config.gateways[i];
        struct gateway *gateway = take_out(health, config->name);
        if (!gateway)
            gateway = gateway_new(health, config->name);
        if (!sv_eq(sv_of(gateway->account), sv_of(config->username))) {
            sv_copy(gateway->account, sizeof gateway->account, sv_of(config->username));
            gateway->taken = gateway->confirmed = gateway->looked_up = gateway->refused = false;
        }
        gateway->next = kept;
        kept = gateway;
    }
    free_gateways(health->gateways);
    health->gateways = kept;
}

struct health *health_new(const struct health_setup *setup, struct settings *settings)
{
    struct health *health = calloc(1, sizeof *health);
    assert(health);
    health->setup = *setup;
    health_settle(health, settings);
    return health;
}

void health_free(struct health *health)
{
    if (!health)
        return;
    free_gateways(health->gateways);
    settings_free(health->settings);
    free(health);
}
