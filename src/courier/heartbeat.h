/* Tells an outside watcher that we are alive: fetches a URL at intervals while the store answers. When it
 * stays away, the watcher raises the alarm that we cannot. */
#ifndef VEDETTE_COURIER_HEARTBEAT_H
#define VEDETTE_COURIER_HEARTBEAT_H

#include "courier/jobs.h"
#include "courier/settings.h"
#include "io/http.h"
#include "secret/keeper.h"

struct heartbeat;

struct heartbeat_setup {
    struct loop *loop;
    struct jobs *jobs;
    struct http *http;
    struct keeper_client *keeper;
};

struct heartbeat *heartbeat_new(const struct heartbeat_setup *setup, struct settings *settings);
void heartbeat_settle(struct heartbeat *heartbeat, struct settings *settings);
void heartbeat_free(struct heartbeat *heartbeat); /* NULL is fine */

#endif
