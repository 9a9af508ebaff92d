#include "cmd/follower.h"

#include <stdlib.h>

enum { FOLLOWER_MESSAGES_MAX = 100, FOLLOWER_KEPT_MAX = 256 };

struct follower {
    struct courier *courier;
    const struct config *config;
    follower_fn *fn;
    void *arg;
    int64_t alert_id, mail_id;
    struct {
        int64_t id;
        bool ended, ok;
    } messages[FOLLOWER_MESSAGES_MAX];
    size_t message_count;
    struct courier_step *kept; /* FOLLOWER_KEPT_MAX, while we do not know whose steps are ours */
    size_t kept_count;
    bool finished;
};

static bool lands(const struct config *config, const char *gateway)
{
    for (size_t i = 0; gateway && i < config->gateway_count; i++)
        if (strcmp(config->gateways[i].name, gateway) == 0)
            return config->gateways[i].landing.maildir != NULL;
    return false;
}

static void note_message(struct follower *follower, const struct courier_step *step, bool ended, bool ok)
{
    size_t i = 0;
    while (i < follower->message_count && follower->messages[i].id != step->message_id)
        i++;
    if (i == FOLLOWER_MESSAGES_MAX)
        return;
    if (i == follower->message_count)
        follower->messages[follower->message_count++].id = step->message_id;
    follower->messages[i].ended = ended;
    follower->messages[i].ok = ok;
}

static void note(struct follower *follower, const struct courier_step *step)
{
    sv name = sv_of(step->step);
    if (step->message_id == 0)
        return;
    if (sv_eq(name, SV("queued")))
        note_message(follower, step, false, false);
    else if (sv_eq(name, SV("landed")) ||
             (sv_eq(name, SV("handed-over")) && !lands(follower->config, step->gateway)))
        note_message(follower, step, true, true);
    else if (sv_eq(name, SV("refused")) || sv_eq(name, SV("expired")))
        note_message(follower, step, true, false);
}

static void finish_if_ended(struct follower *follower)
{
    bool ok = true;
    for (size_t i = 0; i < follower->message_count; i++) {
        if (!follower->messages[i].ended)
            return;
        ok &= follower->messages[i].ok;
    }
    if (follower->message_count == 0 || follower->finished)
        return;
    follower->finished = true;
    follower->fn(follower->arg, NULL, ok);
}

static bool is_ours(const struct follower *follower, const struct courier_step *step)
{
    if (follower->alert_id)
        return step->alert_id == follower->alert_id;
    return step->mail_id == follower->mail_id;
}

static void take(struct follower *follower, const struct courier_step *step)
{
    if (follower->finished || !is_ours(follower, step))
        return;
    note(follower, step);
    follower->fn(follower->arg, step, true);
    finish_if_ended(follower);
}

static void on_step(void *arg, const struct courier_step *step)
{
    struct follower *follower = arg;
    if (follower->alert_id == FOLLOWER_LATER) {
        if (follower->kept_count < FOLLOWER_KEPT_MAX)
            follower->kept[follower->kept_count++] = *step;
        return;
    }
    if (follower->alert_id == FOLLOWER_ANY_NEXT && follower->mail_id == 0 && step->alert_id)
        follower->alert_id = step->alert_id;
    take(follower, step);
}

struct follower *follower_new(struct courier *courier, const struct config *config, int64_t alert_id,
                              follower_fn *fn, void *arg)
{
    struct follower *follower = calloc(1, sizeof *follower);
    *follower =
        (struct follower){.courier = courier, .config = config, .fn = fn, .arg = arg, .alert_id = alert_id};
    if (alert_id == FOLLOWER_LATER)
        follower->kept = calloc(FOLLOWER_KEPT_MAX, sizeof *follower->kept);
    courier_subscribe(courier, on_step, follower);
    return follower;
}

void follower_pick(struct follower *follower, int64_t alert_id, int64_t mail_id)
{
    follower->alert_id = alert_id;
    follower->mail_id = mail_id;
    for (size_t i = 0; i < follower->kept_count; i++)
        take(follower, &follower->kept[i]);
    follower->kept_count = 0;
}

void follower_free(struct follower *follower)
{
    if (!follower)
        return;
    courier_unsubscribe(follower->courier, follower);
    free(follower->kept);
    free(follower);
}
