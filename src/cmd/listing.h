/* Sends alerts or the queue to a command, page by page, no faster than it reads them. */
#ifndef VEDETTE_CMD_LISTING_H
#define VEDETTE_CMD_LISTING_H

#include "courier/courier.h"

struct listing;

struct listing_request {
    bool alerts; /* false: messages */
    bool all;    /* messages that have ended, too */
    int64_t id;  /* this alert only; 0: all of them */
};

/* All has been sent as REPLY messages, or err says why not. The listing is gone. */
typedef void listing_ended_fn(void *arg, const struct err *err);

/* Never ends before this returns. */
struct listing *listing_new(struct loop *loop, struct courier *courier, struct channel *channel,
                            const struct listing_request *request, listing_ended_fn *fn, void *arg);

/* The channel is about to go: fn is not called. NULL is fine. */
void listing_free(struct listing *listing);

#endif
