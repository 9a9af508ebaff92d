/* Takes batches of findings from the watches and makes them durable: alerts, the mail that they owe, and the
 * input's cursor in one transaction; only then are they acknowledged. */
#ifndef VEDETTE_COURIER_RECEPTION_H
#define VEDETTE_COURIER_RECEPTION_H

#include "courier/jobs.h"
#include "courier/settings.h"
#include "courier/steps.h"
#include "io/channel.h"

struct reception;

struct reception_setup {
    struct jobs *jobs;
    struct steps *steps;
    loop_fn *coming; /* something is being committed that may have to be sent; may be NULL */
    loop_fn *mailed; /* something was committed that is to be sent */
    void *arg;
};

struct reception *reception_new(const struct reception_setup *setup, struct settings *settings);
void reception_settle(struct reception *reception, struct settings *settings);

/* See courier.h. */
void reception_watch(struct reception *reception, struct channel *channel, unsigned number);
void reception_message(struct reception *reception, struct channel *channel, enum control_type type, sv body);
void reception_gone(struct reception *reception, struct channel *channel);

/* The correlator, which is asked about the projections that come with batches: see courier/correlating.h. */
void reception_correlator(struct reception *reception, struct channel *channel);
void reception_correlator_message(struct reception *reception, enum control_type type, sv body);

void reception_free(struct reception *reception);

#endif
