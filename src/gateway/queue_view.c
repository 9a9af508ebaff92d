#include "gateway/queue_view.h"

#include "gateway/relay_private.h"

#include <stdlib.h>

static const char *const action_names[] = {
#define X(name, text) text,
    QUEUE_ACTIONS(X)
#undef X
};

bool queue_action_named(sv name, enum queue_action *ret)
{
    for (size_t i = 0; i < sizeof action_names / sizeof *action_names; i++)
        if (sv_eq(name, sv_of(action_names[i]))) {
            *ret = (enum queue_action)i;
            return true;
        }
    return false;
}

static const char *state_of(const struct letter *letter)
{
    if (letter->held)
        return "held";
    if (letter_is_active(letter))
        return "active";
    return letter->attempts || letter->trouble ? "deferred" : "queued";
}

/* Why its line stands still, if it was not tried itself. */
static const char *cause_of(const struct letter *letter)
{
    if (letter->trouble)
        return letter->trouble;
    return letter->errands ? destination_trouble(letter->errands->destination) : "";
}

static const char *next_hop_of(const struct letter *letter, char text[static NEXT_HOP_TEXT_MAX])
{
    for (const struct errand *errand = letter->errands; errand; errand = errand->next_of_letter)
        if (errand->hop)
            return next_hop_text(errand->hop, text);
    return "";
}

static void show(struct letter *letter, queue_view_fn *fn, void *arg)
{
    struct spool_look look;
    struct envelope envelope;
    struct relay *relay = letter->relay;
    char hop[NEXT_HOP_TEXT_MAX];
    if (spool_look(letter->message, &look, NULL) < 0)
        return;
    arena_reset(relay->scratch);
    if (envelope_unpack(look.meta, relay->scratch, &envelope) == 0)
        fn(arg, &(struct queue_view){.id = letter->id,
                                     .state = state_of(letter),
                                     .envelope = &envelope,
                                     .finished = &letter->finished,
                                     .bytes = look.content.n,
                                     .attempts = letter->attempts,
                                     .route = letter->route,
                                     .next_hop = next_hop_of(letter, hop),
                                     .cause = cause_of(letter),
                                     .content = look.content});
    spool_look_end(&look);
}

bool queue_view_page(struct relay *relay, uint64_t *cursor, queue_view_fn *fn, void *arg)
{
    size_t shown = 0;
    for (struct letter *letter = relay->first; letter; letter = letter->next) {
        if (letter->number <= *cursor)
            continue;
        if (shown++ == QUEUE_VIEW_PAGE)
            return true;
        *cursor = letter->number;
        show(letter, fn, arg);
    }
    return false;
}

static struct letter *find(const struct relay *relay, sv id)
{
    for (struct letter *letter = relay->first; letter; letter = letter->next)
        if (sv_eq(sv_of(letter->id), id))
            return letter;
    return NULL;
}

static int no_such(sv id, struct err *err)
{
    return err_set(err, ERR_USAGE, "`vedette gateway queue` lists the messages",
                   "the queue has no message %.*s", SV_ARG(sv_first(id, INTAKE_ID_MAX)));
}

int queue_view_one(struct relay *relay, sv id, queue_view_fn *fn, void *arg, struct err *err)
{
    struct letter *letter = find(relay, id);
    if (!letter)
        return no_such(id, err);
    show(letter, fn, arg);
    return 0;
}

/* --- Actions --- */

static void retry(struct letter *letter)
{
    for (struct errand *errand = letter->errands, *next; errand; errand = next) {
        next = errand->next_of_letter;
        destination_hurry(errand->destination);
        if (errand->state == ERRAND_RESTING)
            loop_timer_set(errand->rest, 0);
    }
}

static void drop(struct letter *letter)
{
    letter->deleted = true; /* what is being sent ends by itself */
    letter->held = letter->lost = false;
    letter_drop_idle(letter);
    letter_settle(letter);
}

static void hold(struct letter *letter)
{
    letter_drop_idle(letter);
    letter->held = true; /* what is being sent ends, and is not tried again */
    letter_note(letter);
}

static void release(struct letter *letter)
{
    if (!letter->held)
        return;
    letter->held = false;
    letter_note(letter);
    letter_renew(letter);
}

static int act(struct letter *letter, enum queue_action action, sv route, struct err *err)
{
    switch (action) {
    case QUEUE_HOLD:
        hold(letter);
        return 0;
    case QUEUE_RELEASE:
        release(letter);
        return 0;
    case QUEUE_RETRY:
        retry(letter);
        return 0;
    case QUEUE_DELETE:
        drop(letter);
        return 0;
    case QUEUE_REQUEUE:
        if (letter_is_active(letter))
            return err_set(err, ERR_TEMPORARY, "try again in a moment", "message %s is being sent",
                           letter->id);
        free(letter->route);
        letter->route = strndup(route.p, route.n);
        letter_note(letter);
        letter_renew(letter);
        return 0;
    }
    abort();
}

int queue_act(struct relay *relay, enum queue_action action, sv id, sv route, size_t *ret_count,
              struct err *err)
{
    size_t count = 0;
    if (action == QUEUE_REQUEUE && !route_named(relay->routes, route))
        return err_set(err, ERR_USAGE, "name one of relay.routes, or \"local\"", "there is no route %.*s",
                       SV_ARG(sv_first(route, 64)));
    if (action != QUEUE_DELETE && sv_eq(id, SV("all"))) {
        for (struct letter *letter = relay->first, *next; letter; letter = next, count++) {
            next = letter->next;
            if (act(letter, action, route, err) < 0)
                return -1;
        }
        *ret_count = count;
        return 0;
    }
    struct letter *letter = find(relay, id);
    if (!letter)
        return no_such(id, err);
    *ret_count = 1;
    return act(letter, action, route, err);
}
