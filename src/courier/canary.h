/* Canaries: a harmless test message over each gateway on a schedule, waited for at its landing. A missed one
 * is trouble, until one lands again. */
#ifndef VEDETTE_COURIER_CANARY_H
#define VEDETTE_COURIER_CANARY_H

#include "courier/jobs.h"
#include "courier/settings.h"
#include "courier/steps.h"
#include "courier/trouble.h"

struct canaries;

struct canaries_setup {
    struct loop *loop;
    struct jobs *jobs;
    struct steps *steps;
    loop_fn *mailed; /* one was queued */
    /* One over that gateway is waited for until then. */
    void (*expected)(void *arg, const char *gateway, nanos until);
    void (*raise)(void *arg, const struct trouble *trouble);
    void (*resolve)(void *arg, enum trouble_kind kind, const char *gateway, const char *text);
    void *arg;
};

struct canaries *canaries_new(const struct canaries_setup *setup, struct settings *settings);
void canaries_start(struct canaries *canaries);
void canaries_settle(struct canaries *canaries, struct settings *settings);

/* Something has landed: perhaps one of ours. */
void canaries_look(struct canaries *canaries);

/* Sends none any more. */
void canaries_drain(struct canaries *canaries);
void canaries_free(struct canaries *canaries); /* NULL is fine */

#endif
