/* Takes due deliveries from the store for a while, and gives back what could not be used. */
#ifndef VEDETTE_COURIER_LEASING_H
#define VEDETTE_COURIER_LEASING_H

#include "courier/delivery.h"
#include "courier/jobs.h"

enum { LEASING_MAX = 128 };

/* All of it is valid during the call only: delivery_new keeps what it needs. */
struct leased {
    struct lease *lease;
    struct settings *settings;
    const struct store_delivery *deliveries;
    size_t count;
    bool more;      /* as many as were asked for: there may be others */
    nanos next_due; /* otherwise: when the next one comes due; 0 for none */
};

/* leased is NULL when the store could not be read, which is in the log then. */
typedef void leasing_fn(void *arg, const struct leased *leased);

enum leasing_order {
    LEASING_AT_ONCE, /* before other jobs that wait */
    LEASING_IN_TURN, /* after those that were submitted before, if it can be in the same transaction */
};

/* Leases at most max (up to LEASING_MAX) deliveries that are due when it runs. */
void leasing_take(struct jobs *jobs, struct settings *settings, enum leasing_order order, size_t max,
                  leasing_fn *fn, void *arg);

/* Takes over a list of deliveries without an attempt, NULL being the empty one: they are due as before. */
void leasing_return(struct jobs *jobs, struct delivery *deliveries);

#endif
