#include "courier/path_private.h"

#include "courier/patience.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static const nanos IDLE_MAX = 30 * NANOS_PER_SECOND;
static const nanos STALLED_AFTER = 2 * NANOS_PER_SECOND;
static const nanos STUCK_AFTER = 10 * NANOS_PER_SECOND;
static const nanos PROBE_FIRST = NANOS_PER_SECOND;
static const nanos PROBE_MAX = 5 * NANOS_PER_SECOND;
static const nanos PROBE_CONNECT_MAX = 10 * NANOS_PER_SECOND;

/* --- What others see --- */

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

enum cause path_trouble_cause(const struct path *path)
{
    return path->trouble_cause;
}

bool path_is_empty(const struct path *path)
{
    return !path->slots;
}

bool path_another_up(const struct path *path)
{
    return path->setup.owner->another_up(path->setup.arg, path);
}

static bool is_idle(const struct slot *slot)
{
    return !slot->delivery && session_is_ready(slot->session);
}

bool slot_is_connecting(const struct slot *slot)
{
    return !slot->was_ready;
}

static bool slot_is_scouting(const struct slot *slot)
{
    return slot->scout && slot_is_connecting(slot);
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
        if (slot_is_scouting(slot))
            continue;
        all++;
        if (!slot->delivery && (slot_is_connecting(slot) || is_idle(slot)))
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
        if (!slot_is_scouting(slot) && (!slot->delivery || now - slot->moved_at < STALLED_AFTER))
            return false;
    return path->slots != NULL;
}

/* --- Results --- */

void slot_finish(struct slot *slot)
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

void slot_give_back(struct slot *slot)
{
    struct path *path = slot->path;
    struct delivery *delivery = slot->delivery;
    delivery_undo(delivery, slot->attempt);
    slot->delivery = NULL;
    slot->attempt = NULL;
    path->setup.owner->returned(path->setup.arg, path, delivery);
}

/* --- Up and down --- */

void slot_unlink(struct slot *slot)
{
    struct slot **link = &slot->path->slots;
    while (*link != slot)
        link = &(*link)->next;
    *link = slot->next;
}

void slot_free(struct slot *slot)
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
    if (path_another_up(path))
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
        if (!slot_is_connecting(slot))
            continue;
        if (slot->delivery)
            slot_give_back(slot);
        slot_unlink(slot);
        slot_free(slot);
    }
}

void path_go_down(struct path *path, const struct session_end *end)
{
    bool news = !path->down;
    path->down = true;
    path->failures++;
    snprintf(path->trouble, sizeof path->trouble, "%.12s: %s", end->hop, end->said);
    path->trouble_cause = end->cause.cause;
    if (path->draining)
        return;
    nanos delay = probe_delay(path);
    set_probe(path, delay);
    path->setup.owner->seen(path->setup.arg, path, end);
    if (news)
        LOG_WARNING("gateway is down", LOG_STR("gateway", path->gateway->name), LOG_STR("hop", end->hop),
                    LOG_STR("said", end->said), LOG_STR("class", cause_name(end->cause.cause)),
                    LOG_STR("advice", end->cause.advice), LOG_INT("again_ms", delay / NANOS_PER_MS));
    call_back_the_connecting(path);
}

void path_go_up(struct path *path)
{
    if (path->down || !path->proven)
        LOG_INFO("gateway is up", LOG_STR("gateway", path->gateway->name),
                 LOG_STR("address", path->gateway->address), LOG_INT("port", path->gateway->port));
    path->down = false;
    path->proven = true;
    path->failures = 0;
    path->trouble[0] = '\0';
    loop_timer_cancel(path->probe_timer);
    path->setup.owner->seen(path->setup.arg, path, NULL);
}

/* --- Sessions --- */

struct slot *path_open_slot(struct path *path, nanos connect_most)
{
    const struct config_gateway *gateway = path->gateway;
    nanos timeout = gateway->connect_timeout;
    if (!timeout)
        timeout = patience_to_connect(path_another_up(path));
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
    slot->session = session_open(&setup, &path_session_handler, slot, &err);
    assert(slot->session); /* the configuration has checked the address */
    slot->next = path->slots;
    path->slots = slot;
    path_look_for_silence(path);
    return slot;
}

static struct slot *vacant_slot(struct path *path)
{
    struct slot *connecting = NULL;
    for (struct slot *slot = path->slots; slot; slot = slot->next) {
        if (is_idle(slot))
            return slot;
        if (!slot->delivery && slot_is_connecting(slot) && !slot->scout)
            connecting = slot;
    }
    return connecting;
}

void path_give(struct path *path, struct delivery *delivery)
{
    struct slot *slot = vacant_slot(path);
    if (!slot)
        slot = path_open_slot(path, INT64_MAX);
    slot->delivery = delivery;
    slot->attempt = delivery_begin(delivery, path->setup.serial, path->gateway->name);
    slot->moved_at = loop_monotonic();
    path_look_for_silence(path);
    if (session_is_ready(slot->session))
        slot_start(slot);
}

static void on_probe(void *arg)
{
    struct path *path = arg;
    for (const struct slot *slot = path->slots; slot; slot = slot->next)
        if (slot->probe && slot_is_connecting(slot))
            return;
    path_open_slot(path, PROBE_CONNECT_MAX)->probe = true;
}

void path_warm(struct path *path)
{
    if (!path->slots && !path->down && !path->draining)
        path_open_slot(path, PROBE_CONNECT_MAX);
}

void path_set_idle_timer(struct path *path)
{
    if (!loop_timer_pending(path->idle_timer))
        loop_timer_set(path->idle_timer, IDLE_MAX);
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
            slot_give_back(slot);
        if (session_is_ready(slot->session))
            session_quit(slot->session);
        if (!slot_is_connecting(slot))
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
    struct slot *slots = path->slots;
    path->slots = NULL;
    for (struct slot *slot = slots, *next; slot; slot = next) {
        next = slot->next;
        delivery_free(slot->delivery);
        slot_free(slot);
    }
    loop_timer_free(path->probe_timer);
    loop_timer_free(path->idle_timer);
    loop_timer_free(path->silence_timer);
    tls_context_free(path->setup.tls);
    settings_free(path->current);
    settings_free(path->setup.settings);
    free(path);
}
