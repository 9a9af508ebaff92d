/* What an operator sees of the queue, and does with it. */
#ifndef VEDETTE_GATEWAY_QUEUE_VIEW_H
#define VEDETTE_GATEWAY_QUEUE_VIEW_H

#include "gateway/envelope.h"
#include "gateway/relay.h"

enum { QUEUE_VIEW_PAGE = 200 }; /* messages looked at in one go, so that mail is not held up */

/* All views are borrowed for the call. */
struct queue_view {
    const char *id, *state; /* queued (never tried), deferred, active (being sent) or held */
    const struct envelope *envelope;
    const struct recipient_set *finished; /* recipients that nothing is owed to any more */
    uint64_t bytes;
    unsigned attempts;
    const char *route;    /* that somebody chose; NULL: by rule or domain */
    const char *next_hop; /* that it is being sent to, "mx1.example.org [192.0.2.1]"; else "" */
    const char *cause;    /* why it is still here; "" before the first failure */
    sv content;
};

/* Calls fn for at most QUEUE_VIEW_PAGE messages that came after *cursor (0 to begin with), and moves it on.
 * False when there are no more. */
typedef void queue_view_fn(void *arg, const struct queue_view *view);
bool queue_view_page(struct relay *relay, uint64_t *cursor, queue_view_fn *fn, void *arg);

/* The same for one. −1: there is none of that id. */
int queue_view_one(struct relay *relay, sv id, queue_view_fn *fn, void *arg, struct err *err);

/* name, what it does; each is refused with ERR_USAGE for an id that is not there. "all" stands for every
 * message, except to DELETE. */
#define QUEUE_ACTIONS(X)                                                   \
    X(HOLD, "hold")       /* not to be tried until it is released */       \
    X(RELEASE, "release") /* held or quarantined: deliver it */            \
    X(RETRY, "retry")     /* now, and forget that its next hop was down */ \
    X(DELETE, "delete")   /* without a word to anybody */                  \
    X(REQUEUE, "requeue") /* over that route from now on */

enum queue_action {
#define X(name, text) QUEUE_##name,
    QUEUE_ACTIONS(X)
#undef X
};

/* False if no action is called so. */
bool queue_action_named(sv name, enum queue_action *ret);

/* route: of REQUEUE. *ret_count: how many it was done to. ERR_TEMPORARY: it is being sent at this moment. */
int queue_act(struct relay *relay, enum queue_action action, sv id, sv route, size_t *ret_count,
              struct err *err);

#endif
