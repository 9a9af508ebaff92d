#include "courier/courier.h"

#include "courier/bounces.h"
#include "courier/canary.h"
#include "courier/health.h"
#include "courier/heartbeat.h"
#include "courier/landing.h"
#include "courier/notice.h"
#include "courier/queue.h"
#include "courier/reception.h"
#include "courier/submit.h"
#include "courier/trouble.h"
#include "courier/untold.h"
#include "courier/vigil.h"
#include "courier/ways.h"
#include "io/address.h"

#include <assert.h>
#include <stdlib.h>

struct courier {
    struct loop *loop;
    struct keeper_client *keeper;
    struct settings *settings;
    struct steps steps;
    struct jobs *jobs;
    struct reception *reception;
    struct untold *untold;
    struct queue *queue;
    struct bounces *bounces;
    unsigned char token_key[VERP_KEY_BYTES];
    struct landings *landings;
    struct canaries *canaries;
    struct troubles *troubles;
    struct health *health;
    struct vigil *vigil;
    struct http *http;
    struct ways *ways;
    struct heartbeat *heartbeat;
    struct prepared *prepared;
    bool queue_drained;
    struct loop_timer *drain_timer; /* done must not run inside a job's done */
    loop_fn *drained;
    void *drained_arg;
};

/* --- Configuration --- */

struct prepared {
    const struct config *config; /* whose files were read: compared, not followed */
    size_t count;
    struct tls_context *contexts[CONFIG_GATEWAYS_MAX];
};

static void prepared_free(struct prepared *prepared)
{
    if (!prepared)
        return;
    for (size_t i = 0; i < prepared->count; i++)
        tls_context_free(prepared->contexts[i]);
    free(prepared);
}

static int prepare(const struct config *config, struct prepared **ret, struct err *err)
{
    struct prepared *prepared = calloc(1, sizeof *prepared);
    assert(prepared && config->gateway_count <= CONFIG_GATEWAYS_MAX);
    prepared->config = config;
    prepared->count = config->gateway_count;
    for (size_t i = 0; i < config->gateway_count; i++) {
        const struct config_gateway *gateway = &config->gateways[i];
        const struct tls_trust trust = {gateway->ca_file, gateway->ca_directory, gateway->pin};
        if (gateway->security == SMTP_SECURITY_NONE)
            continue;
        if (tls_client_context(&trust, &prepared->contexts[i], err) < 0) {
            err_prefix(err, "gateway %s", gateway->name);
            prepared_free(prepared);
            return -1;
        }
        tls_client_keep_sessions(prepared->contexts[i]);
    }
    *ret = prepared;
    return 0;
}

int courier_prepare(struct courier *courier, const struct config *config, struct err *err)
{
    struct prepared *prepared;
    if (prepare(config, &prepared, err) < 0)
        return -1;
    prepared_free(courier->prepared);
    courier->prepared = prepared;
    return 0;
}

/* Said at every start, so that nobody can have forgotten it. */
static void warn_of_clear(const struct config_gateway *gateway)
{
    struct address address;
    bool here = address_parse(sv_of(gateway->address), (uint16_t)gateway->port, &address, NULL) == 0 &&
                address_is_loopback(&address);
    if (gateway->security == SMTP_SECURITY_NONE && !here)
        LOG_WARNING("mail goes to this gateway in the clear: anybody on the way can read and change it",
                    LOG_STR("gateway", gateway->name), LOG_STR("address", gateway->address),
                    LOG_STR("advice", "set security: starttls or tls"));
}

static struct settings *settle_settings(const struct courier *courier, const struct config *config)
{
    struct settings *settings = settings_new(config);
    memcpy(settings->token_key, courier->token_key, sizeof settings->token_key);
    settings->has_token_key = true;
    return settings;
}

void courier_reload(struct courier *courier, const struct config *config)
{
    struct err err;
    if (!courier->prepared || courier->prepared->config != config)
        if (courier_prepare(courier, config, &err) < 0) {
            LOG_ERROR("the new configuration is not used", LOG_ERR(&err));
            return;
        }
    struct settings *settings = settle_settings(courier, config);
    settings_free(courier->settings);
    courier->settings = settings;
    queue_settle(courier->queue, settings, courier->prepared->contexts);
    reception_settle(courier->reception, settings);
    untold_settle(courier->untold, settings);
    bounces_settle(courier->bounces, settings);
    ways_settle(courier->ways, settings);
    if (courier->heartbeat)
        heartbeat_settle(courier->heartbeat, settings);
    landings_settle(courier->landings, settings);
    canaries_settle(courier->canaries, settings);
    troubles_settle(courier->troubles, settings);
    health_settle(courier->health, settings);
    vigil_settle(courier->vigil, settings);
    for (size_t i = 0; i < config->gateway_count; i++)
        warn_of_clear(&config->gateways[i]);
    prepared_free(courier->prepared);
    courier->prepared = NULL;
}

/* --- Landings --- */

static void on_landed(void *arg)
{
    struct courier *courier = arg;
    canaries_look(courier->canaries);
}

static void raise_trouble(void *arg, const struct trouble *trouble)
{
    const struct courier *courier = arg;
    trouble_raise(courier->troubles, trouble);
}

static void resolve_trouble(void *arg, enum trouble_kind kind, const char *gateway, const char *text)
{
    const struct courier *courier = arg;
    trouble_resolve(courier->troubles, kind, gateway, text);
}

static void on_unreadable(void *arg, const char *gateway, const struct err *err)
{
    if (err)
        raise_trouble(arg, &(struct trouble){.kind = TROUBLE_MAILBOX,
                                             .gateway = gateway,
                                             .cause = err->class == ERR_PERMISSION ? CAUSE_AUTHENTICATION
                                                                                   : CAUSE_UNKNOWN,
                                             .text = err->cause,
                                             .advice = err->advice});
    else
        resolve_trouble(arg, TROUBLE_MAILBOX, gateway, "the mailbox can be read");
}

static void on_canary(void *arg, const char *gateway, nanos until)
{
    struct courier *courier = arg;
    landings_expect(courier->landings, gateway, until);
}

static void on_handed_over(void *arg, sv message_id)
{
    struct courier *courier = arg;
    landings_handed_over(courier->landings, message_id);
}

/* --- The paths' health --- */

static void on_coming(void *arg)
{
    const struct courier *courier = arg;
    queue_foresee(courier->queue);
}

static void on_mailed(void *arg)
{
    const struct courier *courier = arg;
    queue_kick(courier->queue);
}

/* A report of what could not be delivered may owe notices as well. */
static void on_reported(void *arg)
{
    const struct courier *courier = arg;
    queue_kick(courier->queue);
    ways_kick(courier->ways);
}

static void on_noticed(void *arg)
{
    struct courier *courier = arg;
    ways_kick(courier->ways);
}

static void on_seen(void *arg, const char *gateway, const struct session_end *end)
{
    const struct courier *courier = arg;
    if (courier->health)
        health_seen(courier->health, gateway, end);
}

/* The look has said nothing but EHLO: whether the account is taken shows when a session logs in. */
static void on_looked(void *arg, const char *gateway)
{
    struct courier *courier = arg;
    queue_look(courier->queue, gateway);
}

static void watch_paths(struct courier *courier)
{
    courier->troubles = troubles_new(&(struct troubles_setup){.jobs = courier->jobs,
                                                              .steps = &courier->steps,
                                                              .mailed = on_mailed,
                                                              .noticed = on_noticed,
                                                              .arg = courier},
                                     courier->settings);
    courier->health = health_new(
        &(struct health_setup){.loop = courier->loop, .jobs = courier->jobs, .troubles = courier->troubles},
        courier->settings);
    courier->vigil = vigil_new(&(struct vigil_setup){.loop = courier->loop,
                                                     .jobs = courier->jobs,
                                                     .troubles = courier->troubles,
                                                     .looked = on_looked,
                                                     .arg = courier},
                               courier->settings);
}

/* --- Life --- */

static void check_drained(void *arg)
{
    struct courier *courier = arg;
    if (courier->queue_drained && courier->drained && jobs_pending(courier->jobs) == 0)
        loop_timer_set(courier->drain_timer, 0);
}

static void on_drained(void *arg)
{
    struct courier *courier = arg;
    if (!courier->drained || jobs_pending(courier->jobs) > 0)
        return;
    loop_fn *drained = courier->drained;
    courier->drained = NULL;
    drained(courier->drained_arg);
}

static void on_queue_drained(void *arg)
{
    struct courier *courier = arg;
    courier->queue_drained = true;
    check_drained(courier);
}

int courier_new(struct loop *loop, const struct config *config, struct store *store,
                struct keeper_client *keeper, struct courier **ret, struct err *err)
{
    struct prepared *prepared;
    unsigned char key[VERP_KEY_BYTES];
    if (bounces_key(store, key, err) < 0 || prepare(config, &prepared, err) < 0)
        return -1;
    struct courier *courier = calloc(1, sizeof *courier);
    assert(courier);
    courier->loop = loop;
    courier->keeper = keeper;
    memcpy(courier->token_key, key, sizeof key);
    explicit_bzero(key, sizeof key);
    courier->settings = settle_settings(courier, config);
    courier->drain_timer = loop_timer_new(loop, on_drained, courier);
    courier->jobs = jobs_new(loop, store, check_drained, courier);
    courier->queue = queue_new(&(struct queue_setup){
        .loop = loop,
        .jobs = courier->jobs,
        .keeper = keeper,
        .steps = &courier->steps,
        .handed_over = on_handed_over,
        .seen = on_seen,
        .noticed = on_noticed,
        .arg = courier,
    });
    courier->http = http_new(loop);
    courier->ways = ways_new(
        &(struct ways_setup){.loop = loop, .jobs = courier->jobs, .http = courier->http, .keeper = keeper},
        courier->settings);
    courier->landings = landings_new(&(struct landings_setup){
        .loop = loop,
        .jobs = courier->jobs,
        .keeper = keeper,
        .steps = &courier->steps,
        .landed = on_landed,
        .unreadable = on_unreadable,
        .arg = courier,
    });
    const struct reception_setup mailing = {.jobs = courier->jobs,
                                            .steps = &courier->steps,
                                            .coming = on_coming,
                                            .mailed = on_mailed,
                                            .arg = courier};
    courier->reception = reception_new(&mailing, courier->settings);
    courier->untold = untold_new(loop, &mailing, courier->settings);
    courier->bounces = bounces_new(&(struct bounces_setup){.loop = loop,
                                                           .jobs = courier->jobs,
                                                           .keeper = keeper,
                                                           .steps = &courier->steps,
                                                           .mailed = on_reported,
                                                           .delivered = landing_delivered,
                                                           .notice = notice_queue,
                                                           .arg = courier},
                                   courier->settings);
    courier->canaries = canaries_new(&(struct canaries_setup){.loop = loop,
                                                              .jobs = courier->jobs,
                                                              .steps = &courier->steps,
                                                              .mailed = on_mailed,
                                                              .expected = on_canary,
                                                              .raise = raise_trouble,
                                                              .resolve = resolve_trouble,
                                                              .arg = courier},
                                     courier->settings);
    watch_paths(courier);
    queue_settle(courier->queue, courier->settings, prepared->contexts);
    prepared_free(prepared);
    for (size_t i = 0; i < config->gateway_count; i++)
        warn_of_clear(&config->gateways[i]);
    *ret = courier;
    return 0;
}

void courier_start(struct courier *courier)
{
    landings_settle(courier->landings, courier->settings);
    bounces_settle(courier->bounces, courier->settings);
    queue_start(courier->queue);
    ways_kick(courier->ways);
    courier->heartbeat = heartbeat_new(
        &(struct heartbeat_setup){
            .loop = courier->loop, .jobs = courier->jobs, .http = courier->http, .keeper = courier->keeper},
        courier->settings);
    canaries_start(courier->canaries);
    vigil_start(courier->vigil);
}

void courier_take_report(struct courier *courier, sv mail)
{
    bounces_take(courier->bounces, mail);
}

void courier_drain(struct courier *courier, loop_fn *done, void *arg)
{
    courier->drained = done;
    courier->drained_arg = arg;
    canaries_drain(courier->canaries);
    vigil_drain(courier->vigil);
    queue_drain(courier->queue, on_queue_drained, courier);
}

void courier_free(struct courier *courier)
{
    if (!courier)
        return;
    landings_free(courier->landings);
    loop_timer_free(courier->drain_timer);
    queue_free(courier->queue);
    jobs_free(courier->jobs);
    canaries_free(courier->canaries);
    reception_free(courier->reception);
    untold_free(courier->untold);
    vigil_free(courier->vigil);
    health_free(courier->health);
    troubles_free(courier->troubles);
    bounces_free(courier->bounces);
    heartbeat_free(courier->heartbeat);
    ways_free(courier->ways);
    http_free(courier->http);
    prepared_free(courier->prepared);
    settings_free(courier->settings);
    free(courier);
}

/* --- Watches and commands --- */

void courier_watch(struct courier *courier, struct channel *channel, unsigned number)
{
    reception_watch(courier->reception, channel, number);
}

void courier_watch_message(struct courier *courier, struct channel *channel, enum control_type type, sv body)
{
    reception_message(courier->reception, channel, type, body);
}

void courier_watch_gone(struct courier *courier, struct channel *channel)
{
    reception_gone(courier->reception, channel);
}

void courier_correlator(struct courier *courier, struct channel *channel)
{
    reception_correlator(courier->reception, channel);
}

void courier_correlator_message(struct courier *courier, enum control_type type, sv body)
{
    reception_correlator_message(courier->reception, type, body);
}

void courier_subscribe(struct courier *courier, courier_step_fn *fn, void *arg)
{
    steps_subscribe(&courier->steps, fn, arg);
}

void courier_unsubscribe(struct courier *courier, void *arg)
{
    steps_unsubscribe(&courier->steps, arg);
}

/* Says at once when a message has to wait because no gateway is up: nothing else would be seen of it. */
static void tell_trouble(struct courier *courier, int64_t alert_id, int64_t mail_id)
{
    const char *gateway, *trouble = queue_trouble(courier->queue, &gateway);
    if (!trouble)
        return;
    struct courier_step step = {
        .alert_id = alert_id, .mail_id = mail_id, .step = "deferred", .gateway = gateway};
    sv_copy(step.text, sizeof step.text, sv_of(trouble));
    steps_tell(&courier->steps, &step);
}

static void on_submitted(void *arg, const struct submit_ids *ids)
{
    struct courier *courier = arg;
    queue_kick(courier->queue);
    if (!steps_heard(&courier->steps))
        return;
    struct courier_step step = {
        .alert_id = ids->alert, .mail_id = ids->mail, .step = "committed", .text = "on disk"};
    steps_tell(&courier->steps, &step);
    steps_tell_queued(&courier->steps, ids->alert, ids->mail, ids->first_message, ids->message_count);
    tell_trouble(courier, ids->alert, ids->mail);
}

void courier_submit(struct courier *courier, const struct courier_submission *submission,
                    courier_submitted_fn *done, void *arg)
{
    submit(
        &(struct submit_setup){
            .jobs = courier->jobs,
            .settings = courier->settings,
            .queued = on_submitted,
            .queued_arg = courier,
            .done = done,
            .done_arg = arg,
        },
        submission);
}

void courier_confirm(struct courier *courier, sv token, courier_confirmed_fn *done, void *arg)
{
    landings_confirm(courier->landings, token, done, arg);
}

void courier_read(struct courier *courier, store_job_fn *job, store_done_fn *done, void *arg)
{
    store_thread_read(jobs_thread(courier->jobs), job, done, arg);
}

static const struct config_gateway *find_gateway(const struct courier *courier, sv name)
{
    return config_gateway_named(&courier->settings->config, name);
}

const char *courier_gateway(const struct courier *courier, size_t index)
{
    const struct config *config = &courier->settings->config;
    return index < config->gateway_count ? config->gateways[index].name : NULL;
}

bool courier_is_up(const struct courier *courier, sv gateway, const char **ret_trouble)
{
    return queue_is_up(courier->queue, gateway, ret_trouble);
}

struct store_why courier_why(const struct courier *courier)
{
    return queue_why(courier->queue);
}

bool courier_has_gateway(const struct courier *courier, sv name)
{
    return find_gateway(courier, name) != NULL;
}

const char *courier_password_of(const struct courier *courier, sv gateway)
{
    const struct config_gateway *found = find_gateway(courier, gateway);
    return found ? found->password : NULL;
}

bool courier_awaits_landing(const struct courier *courier, sv gateway)
{
    const struct config_gateway *found = find_gateway(courier, gateway);
    return found && landing_is_watched(&courier->settings->config, found);
}

void courier_reviewed(struct courier *courier, sv gateway, courier_reviewed_fn *done, void *arg)
{
    const struct config_gateway *found = find_gateway(courier, gateway);
    assert(found);
    vigil_reviewed(courier->vigil, found->name, done, arg);
}

/* --- Other ways out --- */

void courier_set_runner(struct courier *courier, courier_run_fn *run, void *arg)
{
    ways_set_runner(courier->ways, run, arg);
}

void courier_ran(struct courier *courier, uint64_t serial, bool done, sv said)
{
    ways_ran(courier->ways, serial, done, said);
}

int courier_test_ways(struct courier *courier, sv name, courier_way_tested_fn *fn, loop_fn *done, void *arg,
                      struct err *err)
{
    return ways_test(courier->ways, name, fn, done, arg, err);
}

void courier_test_ways_forget(struct courier *courier, void *arg)
{
    ways_test_forget(courier->ways, arg);
}
