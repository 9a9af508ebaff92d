#include "courier/path.h"

#include "courier/patience.h"
#include "courier/queue_id.h"
#include "courier/session.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    BREAKS_MAX = 3,       /* transactions broken in a row before the path counts as down */
    CROWDED_SECONDS = 60, /* how long a gateway's word that we have too many sessions holds */
};

static const nanos IDLE_MAX = 30 * NANOS_PER_SECOND;
static const nanos STALLED_AFTER = 2 * NANOS_PER_SECOND;
static const nanos STUCK_AFTER = 10 * NANOS_PER_SECOND;
static const nanos PROBE_FIRST = NANOS_PER_SECOND;
static const nanos PROBE_MAX = 5 * NANOS_PER_SECOND;
static const nanos PROBE_CONNECT_MAX = 10 * NANOS_PER_SECOND;

/* A session and what it works on. */
struct slot {
    struct slot *next;
    struct path *path;
    struct session *session;
    struct delivery *delivery; /* NULL: idle, or a probe */
    struct attempt *attempt;
    bool was_ready, sending, probe;
    nanos moved_at; /* when it last took a step */
    size_t *map;    /* the envelope's recipients as indexes of messages */
    struct smtp_recipient *recipients;
};

struct path {
    struct path_setup setup;
    const struct config_gateway *gateway; /* in the settings that it began with, as sessions read it */
    struct settings *current;
    struct slot *slots;
    bool down, draining, proven;
    int failures; /* tries in a row that did not get to a session */
    int breaks;   /* transactions in a row that broke */
    size_t crowd_limit;
    nanos crowded_until, probe_at;
    struct loop_timer *probe_timer, *idle_timer;
    char trouble[SESSION_SAID_MAX + 16];
};

/* --- What others see --------------------------------------------------------------------------------------
 */

uint32_t path_serial(const struct path *path)
{
    return path->setup.serial;
}

const char *path_name(const struct path *path)
{
    return path->gateway->name;
}

const struct config_gateway *path_gateway(const struct path *path)
{
    return path->gateway;
}

bool path_is_up(const struct path *path)
{
    return !path->down && !path->draining;
}

const char *path_trouble(const struct path *path)
{
    return path->trouble;
}

bool path_is_empty(const struct path *path)
{
    return !path->slots;
}

static bool another_up(const struct path *path)
{
    return path->setup.owner->another_up(path->setup.arg, path);
}

static bool is_idle(const struct slot *slot)
{
    return !slot->delivery && session_is_ready(slot->session);
}

static bool is_connecting(const struct slot *slot)
{
    return !slot->was_ready;
}

size_t path_room(const struct path *path)
{
    nanos now = loop_monotonic();
    size_t most = (size_t)path->gateway->connections, all = 0, stuck = 0, vacant = 0;
    if (most == 0)
        most = 1;
    if (path->crowd_limit && now < path->crowded_until && path->crowd_limit < most)
        most = path->crowd_limit;
    for (const struct slot *slot = path->slots; slot; slot = slot->next) {
        all++;
        if (!slot->delivery && (is_connecting(slot) || is_idle(slot)))
            vacant++;
        else if (slot->delivery && now - slot->moved_at > STUCK_AFTER)
            stuck++;
    }
    /* A message must not wait behind a session that is stuck: each is replaced, once. */
    most += stuck < most ? stuck : most;
    return path->draining ? 0 : vacant + (all < most ? most - all : 0);
}

bool path_is_stalled(const struct path *path)
{
    nanos now = loop_monotonic();
    for (const struct slot *slot = path->slots; slot; slot = slot->next)
        if (!slot->delivery || now - slot->moved_at < STALLED_AFTER)
            return false;
    return path->slots != NULL;
}

/* --- Results ----------------------------------------------------------------------------------------------
 */

static void finish(struct slot *slot)
{
    struct path *path = slot->path;
    struct delivery *delivery = slot->delivery;
    struct attempt *attempt = slot->attempt;
    slot->delivery = NULL;
    slot->attempt = NULL;
    slot->sending = false;
    attempt->at = loop_now();
    delivery_settle(delivery, attempt);
    path->setup.owner->finished(path->setup.arg, path, delivery, attempt);
}

static void give_back(struct slot *slot)
{
    struct path *path = slot->path;
    struct delivery *delivery = slot->delivery;
    delivery_undo(delivery, slot->attempt);
    slot->delivery = NULL;
    slot->attempt = NULL;
    path->setup.owner->returned(path->setup.arg, path, delivery);
}

/* --- Up and down ------------------------------------------------------------------------------------------
 */

static void slot_unlink(struct slot *slot)
{
    struct slot **link = &slot->path->slots;
    while (*link != slot)
        link = &(*link)->next;
    *link = slot->next;
}

static void slot_free(struct slot *slot)
{
    session_free(slot->session);
    free(slot->map);
    free(slot->recipients);
    free(slot);
}

static void set_probe(struct path *path, nanos after)
{
    path->probe_at = loop_monotonic() + after;
    loop_timer_set(path->probe_timer, after);
}

static nanos probe_delay(const struct path *path)
{
    if (another_up(path))
        return path->current->config.delivery.hold_down;
    nanos delay = PROBE_FIRST;
    for (int i = 1; i < path->failures && delay < PROBE_MAX; i++)
        delay *= 2;
    return delay < PROBE_MAX ? delay : PROBE_MAX;
}

/* Those that still try to connect would only find out the same, later. */
static void call_back_the_connecting(struct path *path)
{
    for (struct slot *slot = path->slots, *next; slot; slot = next) {
        next = slot->next;
        if (!is_connecting(slot))
            continue;
        if (slot->delivery)
            give_back(slot);
        slot_unlink(slot);
        slot_free(slot);
    }
}

static void go_down(struct path *path, const struct session_end *end)
{
    bool news = !path->down;
    path->down = true;
    path->failures++;
    snprintf(path->trouble, sizeof path->trouble, "%.12s: %s", end->hop, end->said);
    if (path->draining)
        return;
    nanos delay = probe_delay(path);
    set_probe(path, delay);
    if (news)
        LOG_WARNING("gateway is down", LOG_STR("gateway", path->gateway->name), LOG_STR("hop", end->hop),
                    LOG_STR("said", end->said), LOG_STR("class", cause_name(end->cause.cause)),
                    LOG_STR("advice", end->cause.advice), LOG_INT("again_ms", delay / NANOS_PER_MS));
    call_back_the_connecting(path);
}

static void go_up(struct path *path)
{
    if (path->down || !path->proven)
        LOG_INFO("gateway is up", LOG_STR("gateway", path->gateway->name),
                 LOG_STR("address", path->gateway->address), LOG_INT("port", path->gateway->port));
    path->down = false;
    path->proven = true;
    path->failures = 0;
    path->trouble[0] = '\0';
    loop_timer_cancel(path->probe_timer);
}

/* --- What sessions say ------------------------------------------------------------------------------------
 */

static nanos on_patience(void *arg, enum smtp_stage stage)
{
    const struct slot *slot = arg;
    return patience_for(stage, slot->path->gateway->stage_timeout, another_up(slot->path));
}

static void on_hop(void *arg, const char *name, nanos took, sv said)
{
    struct slot *slot = arg;
    struct path *path = slot->path;
    slot->moved_at = loop_monotonic();
    if (slot->attempt)
        hops_add(&slot->attempt->hops, name, took, said);
    if (!steps_heard(path->setup.steps))
        return;
    struct courier_step step = {.step = name, .gateway = path->gateway->name, .took = took};
    if (slot->delivery) {
        step.alert_id = slot->delivery->mail.alert_id;
        step.mail_id = slot->delivery->mail.id;
        step.message_id = slot->delivery->count == 1 ? slot->delivery->messages[0].id : 0;
    }
    sv_copy(step.text, sizeof step.text, said);
    steps_tell(path->setup.steps, &step);
}

/* Fills the envelope's recipients with the wanted messages. */
static size_t address_envelope(struct slot *slot)
{
    const struct delivery *delivery = slot->delivery;
    free(slot->map);
    free(slot->recipients);
    slot->map = calloc(delivery->count, sizeof *slot->map);
    slot->recipients = calloc(delivery->count, sizeof *slot->recipients);
    assert(slot->map && slot->recipients);
    size_t n = 0;
    for (size_t i = 0; i < delivery->count; i++) {
        if (!delivery->wanted[i])
            continue;
        slot->map[n] = i;
        slot->recipients[n++].address = delivery->messages[i].recipient;
    }
    return n;
}

static int send_wanted(struct slot *slot, struct err *err)
{
    struct delivery *delivery = slot->delivery;
    const struct config *config = &delivery->settings->config;
    const char *sender = slot->path->gateway->sender;
    const char *from = sender ? sender : config->sender;
    if (delivery_compose(delivery, from, err) < 0)
        return -1;
    size_t recipients = address_envelope(slot);
    const struct smtp_envelope envelope = {
        .sender = delivery->mail.sender.n ? delivery->mail.sender : config_mailbox_address(from),
        .recipient_count = recipients,
        .recipients = slot->recipients,
        .content = delivery->mail.content.n ? delivery->mail.content : buf_view(&delivery->content),
    };
    return session_send(slot->session, &envelope, err);
}

/* Sends what the slot was given. Without luck the slot is idle again, and the delivery has its results. */
static void start(struct slot *slot)
{
    struct err err;
    slot->sending = true;
    slot->moved_at = loop_monotonic();
    if (send_wanted(slot, &err) == 0)
        return;
    enum cause class = err.class == ERR_LIMIT ? CAUSE_SIZE : CAUSE_CONTENT;
    const char *advice = "this gateway cannot take the message as it is";
    attempt_set_open(slot->attempt, slot->delivery, FATE_REFUSED, (struct cause_told){class, advice},
                     err.cause);
    finish(slot);
}

static void set_idle_timer(struct path *path)
{
    if (!loop_timer_pending(path->idle_timer))
        loop_timer_set(path->idle_timer, IDLE_MAX);
}

/* A delivery that waits for its session to come about goes by one that is ready sooner. */
static bool take_over(struct slot *ready)
{
    for (struct slot *slot = ready->path->slots; slot; slot = slot->next) {
        if (!slot->delivery || !is_connecting(slot))
            continue;
        ready->delivery = slot->delivery;
        ready->attempt = slot->attempt;
        slot->delivery = NULL;
        slot->attempt = NULL;
        return true;
    }
    return false;
}

static void on_ready(void *arg)
{
    struct slot *slot = arg;
    struct path *path = slot->path;
    bool first = !slot->was_ready, news = first && (path->down || !path->proven);
    slot->was_ready = true;
    slot->moved_at = loop_monotonic();
    if (first)
        go_up(path);
    if (path->draining) {
        if (slot->delivery)
            give_back(slot);
        session_quit(slot->session);
        return;
    }
    if (slot->delivery || take_over(slot)) {
        start(slot);
    } else {
        set_idle_timer(path);
        news = true;
    }
    if (news)
        path->setup.owner->changed(path->setup.arg, path);
}

static void on_recipient(void *arg, size_t index, const struct smtp_answer *answer)
{
    struct slot *slot = arg;
    if (answer->code >= 400)
        result_set_answer(&slot->attempt->results[slot->map[index]], answer, SMTP_STAGE_RCPT);
}

static void on_sent(void *arg, const struct smtp_answer *answer, enum smtp_stage stage)
{
    struct slot *slot = arg;
    struct delivery *delivery = slot->delivery;
    char text[SMTP_REPLY_TEXT_MAX + 64];
    session_answer_text(answer, text, sizeof text);
    for (size_t i = 0; i < delivery->count; i++) {
        struct result *result = &slot->attempt->results[i];
        if (!delivery->wanted[i] || result->fate != FATE_OPEN)
            continue;
        if (answer->code < 200 || answer->code >= 300) {
            result_set_answer(result, answer, stage);
            continue;
        }
        result_set(result, FATE_HANDED_OVER, (struct cause_told){0}, text);
        sv_copy(result->queue_id, sizeof result->queue_id, queue_id_find(sv_of(text)));
        slot->path->breaks = 0;
    }
    finish(slot);
}

/* A session that had waited was closed by the gateway before we used it: no fault of anybody. */
static bool is_stale(const struct slot *slot, const struct session_end *end)
{
    bool closed = end->unheard && !end->timed_out;
    bool said_bye = end->answered && end->code == 421 && end->stage == SMTP_STAGE_MAIL;
    return end->was_ready && (closed || said_bye) && slot->delivery->stale_path != slot->path->setup.serial;
}

/* The gateway takes no further session while others with it work. */
static bool is_crowded(const struct slot *slot, const struct session_end *end)
{
    bool greeting = end->stage == SMTP_STAGE_BANNER || end->stage == SMTP_STAGE_EHLO;
    if (end->was_ready || !greeting || !end->answered || end->code >= 500)
        return false;
    size_t working = 0;
    for (const struct slot *other = slot->path->slots; other; other = other->next)
        working += other->was_ready;
    if (working == 0)
        return false;
    slot->path->crowd_limit = working;
    slot->path->crowded_until = loop_monotonic() + CROWDED_SECONDS * NANOS_PER_SECOND;
    return true;
}

static void end_delivery(struct slot *slot, const struct session_end *end)
{
    struct path *path = slot->path;
    if (!end->failed || (!slot->sending && end->was_ready)) {
        give_back(slot);
    } else if (is_stale(slot, end)) {
        slot->delivery->stale_path = path->setup.serial;
        give_back(slot);
    } else if (is_crowded(slot, end)) {
        give_back(slot);
    } else {
        attempt_set_open(slot->attempt, slot->delivery, FATE_DEFERRED, end->cause, end->said);
        slot->attempt->path_failed = !end->was_ready;
        slot->attempt->uncertain = end->uncertain;
        path->breaks += end->was_ready;
        if (!end->was_ready || end->timed_out || path->breaks >= BREAKS_MAX)
            go_down(path, end);
        finish(slot);
    }
}

static void on_ended(void *arg, const struct session_end *end)
{
    struct slot *slot = arg;
    struct path *path = slot->path;
    /* Out of the list before anything else, so that nothing is given to it. */
    slot_unlink(slot);
    if (slot->delivery)
        end_delivery(slot, end);
    else if (end->failed && !end->was_ready && !is_crowded(slot, end))
        go_down(path, end);
    slot_free(slot);
    path->setup.owner->changed(path->setup.arg, path);
}

static const struct session_handler HANDLER = {
    .patience = on_patience,
    .hop = on_hop,
    .ready = on_ready,
    .recipient = on_recipient,
    .sent = on_sent,
    .ended = on_ended,
};

/* --- Sessions ---------------------------------------------------------------------------------------------
 */

static struct slot *open_slot(struct path *path, nanos connect_most)
{
    const struct config_gateway *gateway = path->gateway;
    nanos timeout = gateway->connect_timeout;
    if (!timeout)
        timeout = patience_to_connect(another_up(path));
    if (timeout > connect_most)
        timeout = connect_most;
    const struct session_setup setup = {
        .loop = path->setup.loop,
        .keeper = path->setup.keeper,
        .tls = path->setup.tls,
        .gateway = gateway,
        .hostname = path->setup.settings->config.hostname,
        .connect_timeout = timeout,
    };
    struct slot *slot = calloc(1, sizeof *slot);
    assert(slot);
    struct err err;
    slot->path = path;
    slot->moved_at = loop_monotonic();
    slot->session = session_open(&setup, &HANDLER, slot, &err);
    assert(slot->session); /* the configuration has checked the address */
    slot->next = path->slots;
    path->slots = slot;
    return slot;
}

static struct slot *vacant_slot(struct path *path)
{
    struct slot *connecting = NULL;
    for (struct slot *slot = path->slots; slot; slot = slot->next) {
        if (is_idle(slot))
            return slot;
        if (!slot->delivery && is_connecting(slot))
            connecting = slot;
    }
    return connecting;
}

void path_give(struct path *path, struct delivery *delivery)
{
    struct slot *slot = vacant_slot(path);
    if (!slot)
        slot = open_slot(path, INT64_MAX);
    slot->delivery = delivery;
    slot->attempt = delivery_begin(delivery, path->setup.serial, path->gateway->name);
    slot->moved_at = loop_monotonic();
    if (session_is_ready(slot->session))
        start(slot);
}

static void on_probe(void *arg)
{
    struct path *path = arg;
    for (const struct slot *slot = path->slots; slot; slot = slot->next)
        if (slot->probe && is_connecting(slot))
            return;
    open_slot(path, PROBE_CONNECT_MAX)->probe = true;
}

void path_warm(struct path *path)
{
    if (!path->slots && !path->down && !path->draining)
        open_slot(path, PROBE_CONNECT_MAX);
}

static void on_idle(void *arg)
{
    struct path *path = arg;
    nanos now = loop_monotonic(), oldest = now;
    for (struct slot *slot = path->slots, *next; slot; slot = next) {
        next = slot->next;
        if (!is_idle(slot))
            continue;
        if (now - slot->moved_at >= IDLE_MAX)
            session_quit(slot->session);
        else if (slot->moved_at < oldest)
            oldest = slot->moved_at;
    }
    if (oldest < now)
        loop_timer_set(path->idle_timer, oldest + IDLE_MAX - now);
}

void path_reconsider(struct path *path)
{
    for (struct slot *slot = path->slots; slot; slot = slot->next)
        session_hurry(slot->session);
    if (!path->down || path->draining || !loop_timer_pending(path->probe_timer))
        return;
    nanos delay = probe_delay(path);
    if (loop_monotonic() + delay < path->probe_at)
        set_probe(path, delay);
}

void path_drain(struct path *path)
{
    path->draining = true;
    loop_timer_cancel(path->probe_timer);
    for (struct slot *slot = path->slots, *next; slot; slot = next) {
        next = slot->next;
        if (slot->sending)
            continue;
        if (slot->delivery)
            give_back(slot);
        if (session_is_ready(slot->session))
            session_quit(slot->session);
        if (!is_connecting(slot))
            continue;
        slot_unlink(slot);
        slot_free(slot);
    }
}

void path_resettle(struct path *path, struct settings *settings)
{
    settings_keep(settings);
    settings_free(path->current);
    path->current = settings;
}

struct path *path_new(const struct path_setup *setup)
{
    struct path *path = calloc(1, sizeof *path);
    assert(path);
    path->setup = *setup;
    settings_keep(setup->settings);
    path->current = settings_keep(setup->settings);
    if (setup->tls)
        tls_context_keep(setup->tls);
    path->gateway = &setup->settings->config.gateways[setup->gateway];
    path->probe_timer = loop_timer_new(setup->loop, on_probe, path);
    path->idle_timer = loop_timer_new(setup->loop, on_idle, path);
    return path;
}

void path_free(struct path *path)
{
    if (!path)
        return;
    while (path->slots) {
        struct slot *slot = path->slots;
        delivery_free(slot->delivery);
        slot_unlink(slot);
        slot_free(slot);
    }
    loop_timer_free(path->probe_timer);
    loop_timer_free(path->idle_timer);
    tls_context_free(path->setup.tls);
    settings_free(path->current);
    settings_free(path->setup.settings);
    free(path);
}
