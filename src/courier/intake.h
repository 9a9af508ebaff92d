/* Takes batches of findings from the watches and makes them durable: alerts, the mail that they owe, and the
 * input's cursor in one transaction; only then are they acknowledged. */
#ifndef VEDETTE_COURIER_INTAKE_H
#define VEDETTE_COURIER_INTAKE_H

#include "courier/jobs.h"
#include "courier/settings.h"
#include "courier/steps.h"
#include "io/channel.h"

struct intake;

struct intake_setup {
    struct jobs *jobs;
    struct steps *steps;
    loop_fn *mailed; /* something was committed that is to be sent */
    void *arg;
};

struct intake *intake_new(const struct intake_setup *setup, struct settings *settings);
void intake_settle(struct intake *intake, struct settings *settings);

/* See courier.h. */
void intake_watch(struct intake *intake, struct channel *channel);
void intake_message(struct intake *intake, struct channel *channel, enum control_type type, sv body);
void intake_gone(struct intake *intake, struct channel *channel);

void intake_free(struct intake *intake);

#endif
