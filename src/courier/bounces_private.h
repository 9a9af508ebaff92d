/* Private to bounces*.c: one report on its way through the store. */
#ifndef VEDETTE_COURIER_BOUNCES_PRIVATE_H
#define VEDETTE_COURIER_BOUNCES_PRIVATE_H

#include "courier/bounces.h"

#include "courier/cause.h"
#include "store/bounce.h"
#include "wire/dsn.h"

enum { BOUNCE_EVENTS_MAX = 2 * DSN_RECIPIENTS_MAX, BOUNCE_BYTES_MAX = 16 * 1024 * 1024 };

/* What one report did to one message: told when it is on disk. */
struct bounce_event {
    enum dsn_kind kind;
    int64_t message_id, alert_id, mail_id;
    char gateway[CONFIG_NAME_BYTES]; /* that had taken it */
    char recipient[DSN_ADDRESS_MAX];
    struct cause_told cause; /* with FAILED */
    char said[DSN_TEXT_MAX];
    int64_t copy_id;                      /* of the message that follows it; 0: none */
    char copy_gateway[CONFIG_NAME_BYTES]; /* that the copy goes over */
};

/* A report that bears our token, or only counts of mails that bear none. */
struct bounce_job {
    struct job job;
    struct bounces *bounces;
    struct settings *settings;
    struct dsn *dsn; /* NULL: only counts */
    int64_t mail_id;
    nanos now;
    int tries;
    struct store_report_counts counts; /* of what is no report about one of our messages */
    bool may_report;
    size_t held_back;
    /* Found by the run, anew with each. */
    struct arena *arena;
    struct bounce_event events[BOUNCE_EVENTS_MAX];
    size_t event_count;
    bool early, reported, mailed;
    size_t untold; /* bounced and not reported: the gate was closed */
};

int bounce_job_run(struct store *store, struct job *base, struct err *err);

const struct bounces_setup *bounces_setup_of(const struct bounces *bounces);

#endif
