/* The gateway's queue: takes messages from inbound sessions, keeps them in the spool, and carries them along
 * their routes until every recipient has them or the sender was told why not. */
#ifndef VEDETTE_GATEWAY_RELAY_H
#define VEDETTE_GATEWAY_RELAY_H

#include "config/config.h"
#include "gateway/intake.h"
#include "gateway/route_table.h"
#include "io/loop.h"
#include "secret/keeper.h"

struct relay;

struct relay_setup {
    struct loop *loop;
    struct keeper_client *keeper; /* NULL is fine as long as no smarthost wants a login */
    const struct config *config;  /* relay.present must hold; is copied */
};

/* Opens the spool and begins to deliver what lies in it. */
int relay_new(const struct relay_setup *setup, struct relay **ret, struct err *err);

/* Makes the routes of another configuration, in place of those made before and not taken. −1: there are none.
 */
int relay_prepare(struct relay *relay, const struct config *config, struct err *err);

/* Takes them, made of that configuration: messages under way end on their old routes, all else takes the new
 * ones. */
void relay_reload(struct relay *relay, const struct config *config);

struct intake *relay_intake(struct relay *relay);

/* The route of that name (NULL is fine) if there still is one, else the one that takes mail for that domain;
 * NULL: nobody does. */
const struct route *relay_route(const struct relay *relay, const char *name, sv domain);

/* Appends the queue's counters, by base/metrics.h. Looks at every message that is queued. */
void relay_write_metrics(const struct relay *relay, struct buf *out);

/* Begins nothing new; done is called once nothing is under way or the patience is over. */
void relay_drain(struct relay *relay, loop_fn *done, void *arg);

/* What is queued stays on disk. NULL is fine. */
void relay_free(struct relay *relay);

#endif
