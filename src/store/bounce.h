/* The store's side of bounces: who is meant by a report, what becomes of the message, and the keys that
 * tokens are made with. Inside a batch, like everything of store.h. */
#ifndef VEDETTE_STORE_BOUNCE_H
#define VEDETTE_STORE_BOUNCE_H

#include "store/store.h"

/* 1 found, 0 none, −1 error (also a value of another length). */
int store_key_get(struct store *store, sv name, unsigned char *ret, size_t n, struct err *err);
int store_key_put(struct store *store, sv name, sv value, struct err *err);

/* What a report means for one message. */
enum store_bounce_effect {
    STORE_BOUNCE_DONE,    /* it is bounced now */
    STORE_BOUNCE_EARLY,   /* it is still queued: its hand-over may not be written down yet */
    STORE_BOUNCE_OLD_NEWS /* it was bounced, failed or expired before: nothing was changed */
};

struct store_bounce {
    int64_t message_id;
    nanos at;
    sv reply; /* the remote server's own words */
    sv cause; /* a class of courier/cause.h */
};

/* A message that was handed over or has landed becomes BOUNCED: the last word is that somebody could not
 * deliver it, and an alert told twice does less harm than one not told. Written down as an attempt of the
 * gateway that had taken it. */
int store_message_bounced(struct store *store, const struct store_bounce *bounce,
                          enum store_bounce_effect *ret, struct err *err);

/* The messages of one mail in order of id, at most max (more are left out). Views are copied into arena. */
int store_mail_messages(struct store *store, int64_t mail_id, struct arena *arena, struct store_message *ret,
                        size_t max, size_t *ret_count, struct err *err);

/* Gateways that have had this mail for that recipient, in it or in a copy of it (same Message-ID), or are to
 * get it: each name once, at most max. */
int store_gateways_tried(struct store *store, sv mail_message_id, sv recipient, struct arena *arena, sv *ret,
                         size_t max, size_t *ret_count, struct err *err);

/* Queues a copy of the bounced message's mail for its recipient over that gateway only. The alert's state
 * follows the copy from then on; the bounced message stays as it is. *ret_message_id is the copy's. */
int store_message_resend(struct store *store, int64_t message_id, sv gateway, nanos now, nanos expires_at,
                         int64_t *ret_message_id, struct err *err);

/* What reports came to, since the store was made. */
#define STORE_REPORT_COUNTS(X)                                       \
    X(bounced, "reports that bounced a message")                     \
    X(delayed, "reports of a delay")                                 \
    X(delivered, "reports of delivery")                              \
    X(repeated, "reports that told nothing new")                     \
    X(forged, "reports whose token is not ours")                     \
    X(unknown, "mails that are no report about one of our messages") \
    X(resent, "messages sent again over another gateway")
struct store_report_counts {
#define X(name, help) int64_t name;
    STORE_REPORT_COUNTS(X)
#undef X
};
int store_reports_count(struct store *store, const struct store_report_counts *more, struct err *err);
int store_reports_counted(struct store *store, struct store_report_counts *ret, struct err *err);

#endif
