#include "courier/delivery.h"

#include "alert/compose.h"
#include "courier/session.h"

#include <assert.h>
#include <stdlib.h>

void lease_free(struct lease *lease)
{
    if (--lease->references > 0)
        return;
    arena_free(lease->arena);
    free(lease);
}

struct delivery *delivery_new(struct lease *lease, struct settings *settings,
                              const struct store_delivery *leased)
{
    struct delivery *delivery = calloc(1, sizeof *delivery);
    assert(delivery && leased->message_count > 0);
    delivery->lease = lease;
    lease->references++;
    delivery->settings = settings_keep(settings);
    delivery->mail = leased->mail;
    delivery->messages = leased->messages;
    delivery->count = leased->message_count;
    delivery->fates = calloc(delivery->count, sizeof *delivery->fates);
    delivery->wanted = calloc(delivery->count, sizeof *delivery->wanted);
    assert(delivery->fates && delivery->wanted);
    delivery->content = BUF_INIT(COMPOSE_BYTES_MAX);
    return delivery;
}

void delivery_free(struct delivery *delivery)
{
    if (!delivery)
        return;
    while (delivery->first) {
        struct attempt *attempt = delivery->first;
        delivery->first = attempt->next;
        free(attempt);
    }
    buf_free(&delivery->content);
    free(delivery->fates);
    free(delivery->wanted);
    settings_free(delivery->settings);
    lease_free(delivery->lease);
    free(delivery);
}

struct attempt *delivery_begin(struct delivery *delivery, uint32_t path, const char *gateway)
{
    assert(delivery->tried_count < CONFIG_GATEWAYS_MAX);
    delivery->tried[delivery->tried_count++] = path;
    struct attempt *attempt = calloc(1, sizeof *attempt + delivery->count * sizeof *attempt->results);
    assert(attempt);
    attempt->path = path;
    sv_copy(attempt->gateway, sizeof attempt->gateway, sv_of(gateway));
    if (delivery->last)
        delivery->last->next = attempt;
    else
        delivery->first = attempt;
    delivery->last = attempt;
    return attempt;
}

void delivery_undo(struct delivery *delivery, struct attempt *attempt)
{
    assert(attempt == delivery->last && delivery->tried[delivery->tried_count - 1] == attempt->path);
    delivery->tried_count--;
    struct attempt **link = &delivery->first;
    delivery->last = NULL;
    while (*link != attempt) {
        delivery->last = *link;
        link = &(*link)->next;
    }
    *link = NULL;
    free(attempt);
}

bool delivery_tried(const struct delivery *delivery, uint32_t path)
{
    for (size_t i = 0; i < delivery->tried_count; i++)
        if (delivery->tried[i] == path)
            return true;
    return false;
}

void result_set(struct result *result, enum fate fate, struct cause_told cause, const char *reply)
{
    result->fate = fate;
    result->cause = cause;
    sv_copy(result->reply, sizeof result->reply, sv_of(reply));
}

void result_set_answer(struct result *result, const struct smtp_answer *answer, enum smtp_stage stage)
{
    char text[SMTP_REPLY_TEXT_MAX + 64];
    struct cause_told cause = cause_of_answer(stage, answer);
    bool ours = cause.cause == CAUSE_AUTHENTICATION || cause.cause == CAUSE_TLS || cause.cause == CAUSE_TRUST;
    bool refused = answer->code >= 500 && !ours;
    session_answer_text(answer, text, sizeof text);
    result_set(result, refused ? FATE_REFUSED : FATE_DEFERRED, cause, text);
}

void attempt_set_open(struct attempt *attempt, const struct delivery *delivery, enum fate fate,
                      struct cause_told cause, const char *reply)
{
    for (size_t i = 0; i < delivery->count; i++)
        if (delivery->wanted[i] && attempt->results[i].fate == FATE_OPEN)
            result_set(&attempt->results[i], fate, cause, reply);
}

void delivery_settle(struct delivery *delivery, const struct attempt *attempt)
{
    for (size_t i = 0; i < delivery->count; i++)
        if (attempt->results[i].fate != FATE_OPEN)
            delivery->fates[i] = attempt->results[i].fate;
}

static bool is_listed(const struct config_strings *list, sv recipient)
{
    for (size_t i = 0; i < list->count; i++)
        if (sv_ieq(config_mailbox_address(list->items[i]), recipient))
            return true;
    return false;
}

static int compose_for(struct delivery *delivery, const char *from, struct err *err)
{
    const struct config *config = &delivery->settings->config;
    const struct config_strings *to = &config->recipients;
    const char *items[SMTP_RECIPIENTS_MAX];
    struct config_strings leased = {.items = items};
    bool configured = true;
    for (size_t i = 0; i < delivery->count && i < SMTP_RECIPIENTS_MAX; i++) {
        configured = configured && is_listed(to, delivery->messages[i].recipient);
        items[leased.count] = arena_cstr(delivery->lease->arena, delivery->messages[i].recipient);
        if (items[leased.count])
            leased.count++;
    }
    /* A mail that was partly handed over already must look the same to those that are left. */
    return compose(&delivery->mail, from, configured ? to : &leased, config->hostname, &delivery->content,
                   err);
}

int delivery_compose(struct delivery *delivery, const char *from, struct err *err)
{
    if (delivery->mail.content.n)
        return 0; /* sent from where it lies */
    if (delivery->from && strcmp(delivery->from, from) == 0)
        return 0;
    buf_clear(&delivery->content);
    delivery->from = NULL;
    if (compose_for(delivery, from, err) < 0)
        return -1;
    delivery->from = arena_cstr(delivery->lease->arena, sv_of(from));
    return 0;
}
