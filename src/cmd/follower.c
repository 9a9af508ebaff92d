#include "cmd/follower.h"

#include <assert.h>
#include <stdlib.h>

enum { FOLLOWER_MESSAGES_MAX = STORE_ALERT_MESSAGES_MAX, FOLLOWER_KEPT_MAX = 256 };

/* Where a message stood when its alert was looked up. */
struct stood {
    struct courier_step step;
    char gateway[CONFIG_NAME_BYTES];
    enum store_state state;
    int attempts;
};

/* The look-up of an alert, on the store's thread. Outlives the follower that goes away meanwhile. */
struct lookup {
    struct follower *follower; /* NULL: gone */
    int64_t alert_id;
    bool found;
    struct courier_step alert;
    struct stood *messages;
    size_t count;
};

struct follower {
    struct courier *courier;
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
    struct lookup *lookup; /* under way */
    bool finished;
};

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
    else if (sv_eq(name, SV("landed")) || (sv_eq(name, SV("handed-over")) &&
                                           !courier_awaits_landing(follower->courier, sv_of(step->gateway))))
        note_message(follower, step, true, true);
    else if (sv_eq(name, SV("refused")) || sv_eq(name, SV("expired")))
        note_message(follower, step, true, false);
}

static void finish(struct follower *follower, const struct err *err)
{
    follower->finished = true;
    follower->fn(follower->arg, NULL, err);
}

static void finish_if_ended(struct follower *follower)
{
    bool ok = true;
    struct err err;
    for (size_t i = 0; i < follower->message_count; i++) {
        if (!follower->messages[i].ended)
            return;
        ok &= follower->messages[i].ok;
    }
    if (follower->message_count == 0 || follower->finished)
        return;
    if (!ok)
        err_set(&err, ERR_UNAVAILABLE, "the steps above say why", "not every message arrived");
    finish(follower, ok ? NULL : &err);
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
    follower->fn(follower->arg, step, NULL);
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

/* --- Where an alert stands --- */

static int on_alert(void *arg, const struct store_alert *alert, const struct store_message *messages,
                    size_t count)
{
    struct lookup *lookup = arg;
    if (alert->id != lookup->alert_id)
        return 1;
    lookup->found = true;
    lookup->alert = (struct courier_step){.at = alert->raised_at, .alert_id = alert->id, .step = "raised"};
    sv_copy(lookup->alert.text, sizeof lookup->alert.text, alert->rule_title);
    free(lookup->messages);
    lookup->messages = calloc(count + 1, sizeof *lookup->messages);
    assert(lookup->messages);
    lookup->count = count;
    for (size_t i = 0; i < count; i++) {
        struct stood *stood = &lookup->messages[i];
        *stood = (struct stood){.state = messages[i].state, .attempts = messages[i].attempts};
        stood->step = (struct courier_step){
            .at = messages[i].created_at,
            .alert_id = alert->id,
            .mail_id = messages[i].mail_id,
            .message_id = messages[i].id,
        };
        if (messages[i].state == STORE_LANDED)
            stood->step.at = messages[i].landed_at;
        else if (messages[i].state == STORE_HANDED_OVER)
            stood->step.at = messages[i].handed_over_at;
        sv_copy(stood->gateway, sizeof stood->gateway, messages[i].gateway);
        sv_copy(stood->step.text, sizeof stood->step.text, messages[i].reply);
    }
    return 1;
}

static int look_up(struct store *store, void *arg, struct err *err)
{
    struct lookup *lookup = arg;
    lookup->found = false;
    lookup->count = 0;
    return store_alerts(store, lookup->alert_id, 0, on_alert, lookup, err);
}

static const char *step_of(const struct stood *stood)
{
    switch (stood->state) {
    case STORE_RAISED:
    case STORE_QUEUED:
        return stood->attempts ? "deferred" : "queued";
    case STORE_HANDED_OVER:
        return "handed-over";
    case STORE_LANDED:
        return "landed";
    case STORE_BOUNCED:
    case STORE_FAILED:
        return "refused";
    case STORE_EXPIRED:
        return "expired";
    }
    return "queued";
}

/* Every message counts as queued before it is told how far it came, so that none ends the whole too soon. */
static void tell_where_it_stands(struct follower *follower, struct lookup *lookup)
{
    follower->fn(follower->arg, &lookup->alert, NULL);
    for (size_t i = 0; i < lookup->count; i++)
        note_message(follower, &lookup->messages[i].step, false, false);
    for (size_t i = 0; i < lookup->count; i++) {
        struct stood *stood = &lookup->messages[i];
        stood->step.step = step_of(stood);
        stood->step.gateway = stood->gateway[0] ? stood->gateway : NULL;
        take(follower, &stood->step);
    }
    if (lookup->count == 0)
        finish(follower, NULL);
}

/* Steps come from jobs that are done in order, so those after this one are not in what it read. */
static void looked_up(void *arg, const struct err *err)
{
    struct lookup *lookup = arg;
    struct follower *follower = lookup->follower;
    struct err none;
    if (follower) {
        follower->lookup = NULL;
        if (!err && !lookup->found) {
            err_set(&none, ERR_NO_INPUT, "`vedette alerts` lists them", "there is no alert %lld",
                    (long long)lookup->alert_id);
            err = &none;
        }
        if (err) {
            finish(follower, err);
        } else {
            courier_subscribe(follower->courier, on_step, follower);
            tell_where_it_stands(follower, lookup);
        }
    }
    free(lookup->messages);
    free(lookup);
}

/* --- Life --- */

struct follower *follower_new(struct courier *courier, int64_t alert_id, follower_fn *fn, void *arg)
{
    struct follower *follower = calloc(1, sizeof *follower);
    assert(follower);
    *follower = (struct follower){.courier = courier, .fn = fn, .arg = arg, .alert_id = alert_id};
    if (alert_id > 0) {
        follower->lookup = calloc(1, sizeof *follower->lookup);
        assert(follower->lookup);
        *follower->lookup = (struct lookup){.follower = follower, .alert_id = alert_id};
        courier_read(courier, look_up, looked_up, follower->lookup);
        return follower;
    }
    if (alert_id == FOLLOWER_LATER) {
        follower->kept = calloc(FOLLOWER_KEPT_MAX, sizeof *follower->kept);
        assert(follower->kept);
    }
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
    if (follower->lookup)
        follower->lookup->follower = NULL;
    free(follower->kept);
    free(follower);
}
