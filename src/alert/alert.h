/* Findings become alerts, and alerts owe mails: deduplicate, throttle, commit together. */
#ifndef VEDETTE_ALERT_ALERT_H
#define VEDETTE_ALERT_ALERT_H

#include "config/config.h"
#include "store/store.h"

struct alert_outcome {
    int64_t alert_id, count;           /* its id, and how many findings it has had */
    bool raised;                       /* a new alert */
    bool mailed;                       /* a mail is owed and queued */
    int64_t mail_id, first_message_id; /* then: its id and those of its messages, which follow each other */
    size_t message_count;
};

struct alert_terms {
    bool unthrottled; /* a mail is owed however short ago the last one was */
    sv avoid_gateway; /* see struct store_mail */
    bool scored;      /* the alert's risk rises to what the finding's severity and context give */
    int context;      /* see risk_context */
};

/* Takes one finding inside a store job: raises an alert or counts it to an open one, and queues the mail that
 * it owes (alerts.throttle, alerts.quiet, alerts.minimum_level, recipients, delivery.expire). */
int alert_take(struct store *store, const struct config *config, const struct finding *finding,
               const struct alert_terms *terms, nanos now, struct alert_outcome *ret, struct err *err);

/* Once alerts.throttle has passed since the last mail about an alert, the findings that none told of are owed
 * one: it has the last mail's finding and says how many there were. At most max of them; inside a store job.
 * *ret_count says how many were queued. */
int alert_tell_untold(struct store *store, const struct config *config, nanos now, struct alert_outcome *ret,
                      size_t max, size_t *ret_count, struct err *err);

/* The first STORE_FINGERPRINT_BYTES of BLAKE2b over the rule's id and the grouping fields, each with its name
 * and length. When none of them but host.name is there, nothing tells whose doing it was, and the message's
 * text (else the record) counts as well. */
void alert_fingerprint(const struct finding *finding, const struct config_strings *group_by,
                       unsigned char ret[static STORE_FINGERPRINT_BYTES]);

enum { ALERT_MESSAGE_ID_BYTES = 400 };

/* "<vedette.ALERT.SEQUENCE.RAISED@host>", RAISED in hexadecimal: what tells alert 17 from the alert 17 of
 * another store on the same host, and lets a later mail name the first one of its thread. Returns text. */
const char *alert_message_id(int64_t alert_id, int64_t sequence, nanos raised_at, const char *hostname,
                             char text[static ALERT_MESSAGE_ID_BYTES]);

#endif
