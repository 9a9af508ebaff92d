/* Watches whether gateways are up, and whether they take the account: what the queue's own sessions find is
 * trouble once it has lasted (down) or at once (an account refused that was taken before). */
#ifndef VEDETTE_COURIER_HEALTH_H
#define VEDETTE_COURIER_HEALTH_H

#include "courier/jobs.h"
#include "courier/session.h"
#include "courier/settings.h"
#include "courier/trouble.h"

struct health;

struct health_setup {
    struct loop *loop;
    struct jobs *jobs;
    struct troubles *troubles; /* must outlive the health */
};

struct health *health_new(const struct health_setup *setup, struct settings *settings);
void health_settle(struct health *health, struct settings *settings);

/* A session with that gateway got ready (end NULL), or did not come about: why. */
void health_seen(struct health *health, const char *gateway, const struct session_end *end);

void health_free(struct health *health); /* NULL is fine */

#endif
