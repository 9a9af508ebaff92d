/* One mail on its way to the recipients that were leased together, and what came of each attempt. */
#ifndef VEDETTE_COURIER_DELIVERY_H
#define VEDETTE_COURIER_DELIVERY_H

#include "courier/cause.h"
#include "courier/hops.h"
#include "courier/settings.h"
#include "store/store.h"

enum {
    DELIVERY_REPLY_MAX = 512,
    DELIVERY_QUEUE_ID_MAX = 128,
    DELIVERY_LEASED_BYTES_MAX = 64 * 1024 * 1024, /* all mails of one lease */
};

/* The mails of one lease share its memory. */
struct lease {
    struct arena *arena;
    int references;
};

enum fate {
    FATE_OPEN,        /* not asked, or not answered */
    FATE_HANDED_OVER, /* 250 to the final dot */
    FATE_DEFERRED,    /* 4yz, or the session broke */
    FATE_REFUSED,     /* 5yz */
};

/* What one attempt came to for one message. */
struct result {
    enum fate fate;
    struct cause_told cause;
    char reply[DELIVERY_REPLY_MAX];
    char queue_id[DELIVERY_QUEUE_ID_MAX];
};

/* One transaction, or the attempt to come to one, over one gateway. */
struct attempt {
    struct attempt *next;
    nanos at; /* its end */
    char gateway[CONFIG_NAME_BYTES];
    uint32_t path; /* path_serial */
    struct hops hops;
    bool path_failed; /* no transaction came about: the gateway is at fault, not the message */
    bool uncertain;
    struct result results[]; /* one per message; FATE_OPEN where it took no part */
};

struct delivery {
    struct delivery *next;
    struct lease *lease;
    struct settings *settings;
    struct store_mail mail;
    struct store_message *messages;
    size_t count;
    enum fate *fates; /* of each message so far in this round */
    bool *wanted;     /* messages that the next path shall take */
    struct attempt *first, *last;
    uint32_t tried[CONFIG_GATEWAYS_MAX]; /* paths, in this round */
    size_t tried_count;
    uint32_t stale_path; /* path_serial of one whose idle session turned out to be closed: excused once */
    struct buf content;
    const char *from; /* that content was composed for; NULL: not yet */
};

/* Takes over nothing but a reference to each. */
struct delivery *delivery_new(struct lease *lease, struct settings *settings,
                              const struct store_delivery *leased);
void delivery_free(struct delivery *delivery); /* NULL is fine */

void lease_free(struct lease *lease); /* one reference */

/* Marks the path as tried in this round and starts the record of it. */
struct attempt *delivery_begin(struct delivery *delivery, uint32_t path, const char *gateway);

/* Takes back an attempt that did not touch the message. */
void delivery_undo(struct delivery *delivery, struct attempt *attempt);

bool delivery_tried(const struct delivery *delivery, uint32_t path);

void result_set(struct result *result, enum fate fate, struct cause_told cause, const char *reply);

/* Of a reply that was no success at that stage. What is wrong with security or login is no refusal: the
 * gateway has nothing against the message, and it goes when the settings are right. */
void result_set_answer(struct result *result, const struct smtp_answer *answer, enum smtp_stage stage);

/* What was wanted and has no result yet gets this one. */
void attempt_set_open(struct attempt *attempt, const struct delivery *delivery, enum fate fate,
                      struct cause_told cause, const char *reply);

/* Copies the attempt's results into the round's fates. */
void delivery_settle(struct delivery *delivery, const struct attempt *attempt);

/* Composes the mail for that sender if it is not yet; its bytes stay the same over every try. */
int delivery_compose(struct delivery *delivery, const char *from, struct err *err);

#endif
