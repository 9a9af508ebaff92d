#include "courier/path_private.h"

#include "courier/bounces.h"
#include "courier/patience.h"
#include "courier/queue_id.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    BREAKS_MAX = 3,       /* transactions broken in a row before the path counts as down */
    CROWDED_SECONDS = 60, /* how long a gateway's word that we have too many sessions holds */
};

static nanos on_patience(void *arg, enum smtp_stage stage)
{
    struct slot *slot = arg;
    if (slot_is_forgotten(slot, stage))
        slot->given_up = true;
    if (slot->given_up)
        return 0;
    return patience_for(stage, slot->path->gateway->stage_timeout, path_another_up(slot->path));
}

static void tell_hop(const struct slot *slot, const char *name, nanos at, nanos took, sv said)
{
    const struct path *path = slot->path;
    if (!steps_heard(path->setup.steps))
        return;
    struct courier_step step = {.step = name, .gateway = path->gateway->name, .at = at, .took = took};
    if (slot->delivery) {
        step.alert_id = slot->delivery->mail.alert_id;
        step.mail_id = slot->delivery->mail.id;
        step.message_id = slot->delivery->count == 1 ? slot->delivery->messages[0].id : 0;
    }
    sv_copy(step.text, sizeof step.text, said);
    steps_tell(path->setup.steps, &step);
}

static void on_hop(void *arg, const char *name, nanos took, sv said)
{
    struct slot *slot = arg;
    slot->moved_at = loop_monotonic();
    if (slot->attempt)
        hops_add(&slot->attempt->hops, name, took, said);
    if (!slot->was_ready) {
        hops_add(&slot->opening, name, took, said);
        if (!slot->delivery)
            slot->opening_untold = slot->opening.count;
    }
    tell_hop(slot, name, 0, took, said);
}

/* A session that was open before the delivery came: its steps are told with the times that they had. */
static void tell_opening(struct slot *slot)
{
    for (size_t i = 0; i < slot->opening_untold; i++) {
        const struct hop *hop = &slot->opening.items[i];
        tell_hop(slot, hop->name, hop->at, hop->took, sv_of(hop->said));
    }
    slot->opening_untold = slot->opening.count;
}

/* Which reports the gateway shall send, if it can (RFC 3461): only where somebody reads them. */
static sv asked_reports(const struct slot *slot)
{
    if (slot->path->gateway->landing.dsn)
        return SV("SUCCESS,FAILURE,DELAY");
    return slot->delivery->settings->config.bounces.address ? SV("FAILURE,DELAY") : SV_NONE;
}

/* The address that reports come back to. A sender that the mail was submitted with stays. */
static sv choose_sender(struct slot *slot, const char *from)
{
    const struct delivery *delivery = slot->delivery;
    if (delivery->mail.sender.n)
        return delivery->mail.sender;
    if (bounces_sender(delivery->settings, delivery->mail.id, slot->sender))
        return sv_of(slot->sender);
    return config_mailbox_address(from);
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
    sv notify = asked_reports(slot);
    size_t n = 0;
    for (size_t i = 0; i < delivery->count; i++) {
        if (!delivery->wanted[i])
            continue;
        slot->map[n] = i;
        slot->recipients[n].notify = notify;
        slot->recipients[n].orcpt = notify.n ? delivery->messages[i].recipient : SV_NONE;
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
    snprintf(slot->envelope_id, sizeof slot->envelope_id, "%lld", (long long)delivery->mail.id);
    const struct smtp_envelope envelope = {
        .sender = choose_sender(slot, from),
        .recipient_count = recipients,
        .recipients = slot->recipients,
        .envid = asked_reports(slot).n ? sv_of(slot->envelope_id) : SV_NONE,
        .content = delivery->mail.content.n ? delivery->mail.content : buf_view(&delivery->content),
    };
    return session_send(slot->session, &envelope, err);
}

/* Sends what the slot was given. Without luck the slot is idle again, and the delivery has its results. */
void slot_start(struct slot *slot)
{
    struct err err;
    slot->sending = true;
    slot->moved_at = loop_monotonic();
    tell_opening(slot);
    if (send_wanted(slot, &err) == 0)
        return;
    enum cause class = err.class == ERR_LIMIT ? CAUSE_SIZE : CAUSE_CONTENT;
    const char *advice = "this gateway cannot take the message as it is";
    attempt_set_open(slot->attempt, slot->delivery, FATE_REFUSED, (struct cause_told){class, advice},
                     err.cause);
    slot_finish(slot);
}

/* A delivery that waits for its session to come about goes by one that is ready sooner. */
static bool take_over(struct slot *ready)
{
    for (struct slot *slot = ready->path->slots; slot; slot = slot->next) {
        if (!slot->delivery || !slot_is_connecting(slot))
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
    slot->moved_at = path->answered_at = loop_monotonic();
    if (first)
        path_go_up(path);
    if (path->draining) {
        if (slot->delivery)
            slot_give_back(slot);
        session_quit(slot->session);
        return;
    }
    if (slot->delivery || take_over(slot)) {
        slot_start(slot);
    } else {
        path_set_idle_timer(path);
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
    slot->path->answered_at = loop_monotonic();
    slot_finish(slot);
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
        slot_give_back(slot);
    } else if (is_stale(slot, end)) {
        slot->delivery->stale_path = path->setup.serial;
        slot_give_back(slot);
    } else if (is_crowded(slot, end)) {
        slot_give_back(slot);
    } else {
        attempt_set_open(slot->attempt, slot->delivery, FATE_DEFERRED, end->cause, end->said);
        slot->attempt->path_failed = !end->was_ready;
        slot->attempt->uncertain = end->uncertain;
        path->breaks += end->was_ready && !slot->given_up;
        bool silent = end->timed_out && !slot->given_up;
        if (!end->was_ready || silent || path->breaks >= BREAKS_MAX)
            path_go_down(path, end);
        slot_finish(slot);
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
        path_go_down(path, end);
    slot_free(slot);
    path->setup.owner->changed(path->setup.arg, path);
}

const struct session_handler path_session_handler = {
    .patience = on_patience,
    .hop = on_hop,
    .ready = on_ready,
    .recipient = on_recipient,
    .sent = on_sent,
    .ended = on_ended,
};
