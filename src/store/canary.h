/* The store's side of canaries and of landings: test messages that are waited for, what became of each, and
 * how often and how fast they land. Inside a batch, like everything of store.h. */
#ifndef VEDETTE_STORE_CANARY_H
#define VEDETTE_STORE_CANARY_H

#include "store/store.h"

enum { STORE_TOKEN_MAX = 40, STORE_EVIDENCE_MAX = 32 * 1024 };

/* The numbers are on disk. */
enum store_canary_state {
    STORE_CANARY_WAITING = 0,
    STORE_CANARY_LANDED = 1,  /* perhaps late: compare landed_at with due_at */
    STORE_CANARY_MISSED = 2,  /* not by due_at */
    STORE_CANARY_BY_HAND = 3, /* of `vedette test`: nobody waits, and it is in nobody's statistics */
};

const char *store_canary_state_name(enum store_canary_state state); /* "waiting", "landed" … */

struct store_canary {
    int64_t id; /* set by insert */
    sv gateway; /* empty: by hand, over whichever takes it */
    sv token;   /* what `vedette landing confirm` is given */
    sv message_id;
    int64_t mail_id;
    enum store_canary_state state;
    nanos sent_at, due_at, handed_over_at, landed_at;
    sv evidence, cause, reply;
};

int store_canary_insert(struct store *store, struct store_canary *canary, struct err *err);

/* The newest one over that gateway (of any state, or only of those that are not WAITING): 1 found, 0 none, −1
 * error. Copied into arena. */
int store_canary_last(struct store *store, sv gateway, bool concluded, struct arena *arena,
                      struct store_canary *ret, struct err *err);

/* The one that has waited longest past its time: 1 found, 0 none, −1 error. Copied into arena. */
int store_canary_overdue(struct store *store, nanos now, struct arena *arena, struct store_canary *ret,
                         struct err *err);

/* How many are waited for; *ret_due is when the first of them is due (0: none). */
int store_canaries_waiting(struct store *store, int64_t *ret_count, nanos *ret_due, struct err *err);

/* It is missed; nothing if it was not waiting. */
int store_canary_missed(struct store *store, int64_t id, nanos handed_over_at, sv cause, sv reply,
                        struct err *err);

/* How those sent since then did, without those that are still waited for. */
struct store_canary_rate {
    int64_t sent, landed; /* landed in time */
    nanos p50, p99;       /* from the queue to the mailbox, of those landed; 0: none */
};
int store_canary_rate(struct store *store, sv gateway, nanos since, struct store_canary_rate *ret,
                      struct err *err);

int store_canaries_prune(struct store *store, nanos before, struct err *err);

/* --- Landings --- */

/* A mail was seen in a mailbox. Each handed-over message with that Message-ID becomes LANDED; when the mail
 * has one for `recipient`, that one only. A canary of that Message-ID has landed too. */
struct store_seen {
    sv message_id;
    sv recipient; /* whose mailbox it is; empty: not known */
    nanos at;
    sv evidence; /* JSON object */
};

struct store_landing {
    int64_t message_id, mail_id, alert_id;
    char gateway[72]; /* the one that took it */
    nanos created_at;
};

/* Which, at most max, goes to ret. None may also mean that the hand-over is not written down yet: ask again.
 */
int store_landed(struct store *store, const struct store_seen *seen, struct store_landing *ret, size_t max,
                 size_t *ret_count, struct err *err);

/* The same for one message, as a report of delivery says it. */
int store_message_landed(struct store *store, int64_t message_id, nanos at, sv evidence, struct err *err);

/* The same for the mail that bears this token, on its reader's word: *ret_count 0 with 1 when it had landed
 * before, or is not handed over yet. 1: there is such a token, 0: none, −1: error. */
int store_token_landed(struct store *store, sv token, nanos at, sv evidence, struct store_landing *ret,
                       size_t max, size_t *ret_count, struct err *err);

#endif
