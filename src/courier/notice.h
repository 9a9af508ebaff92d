/* What is told over the other ways out when mail itself is broken. */
#ifndef VEDETTE_COURIER_NOTICE_H
#define VEDETTE_COURIER_NOTICE_H

#include "config/config.h"
#include "store/store.h"

#define NOTICE_KINDS(X)                                                 \
    X(TROUBLE, "trouble")       /* something is wrong with a path */    \
    X(RESOLVED, "resolved")     /* it is well again */                  \
    X(EXPIRED, "alert-expired") /* an alert could not be handed over */ \
    X(REFUSED, "alert-refused") /* a gateway refused it for good */     \
    X(BOUNCED, "alert-bounced") /* it came back */                      \
    X(TEST, "test")

enum notice_kind {
#define X(name, word) NOTICE_##name,
    NOTICE_KINDS(X)
#undef X
};

const char *notice_kind_word(enum notice_kind kind);

/* Views; those that do not apply are empty, numbers 0. */
struct notice {
    enum notice_kind kind;
    enum severity severity;
    sv key;     /* the same for a trouble and its resolution: PagerDuty's dedup_key */
    sv title;   /* one line */
    sv text;    /* sentences */
    sv advice;  /* what to do */
    sv cause;   /* a class of courier/cause.h */
    sv gateway; /* the path it is about */
    sv reply;   /* the server's own words */
    sv recipient;
    sv hostname; /* ours */
    int64_t alert_id, message_id;
    nanos at;
};

/* Its generic JSON; the caller frees it. */
char *notice_body(const struct notice *notice);

/* Queues it on every way out, as durable as what it tells of: inside a store job. Nothing to do, and 0,
 * where no ways_out are configured. *ret_count (may be NULL): how many ways. */
int notice_queue(struct store *store, const struct config *config, const struct notice *notice,
                 size_t *ret_count, struct err *err);

#endif
