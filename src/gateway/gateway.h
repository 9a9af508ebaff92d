/* Our own SMTP gateway: its listeners and sessions. What may pass, the guard rails say; what passes is on
 * disk before it is answered 250. */
#ifndef VEDETTE_GATEWAY_GATEWAY_H
#define VEDETTE_GATEWAY_GATEWAY_H

#include "config/config.h"
#include "gateway/activity.h"
#include "io/loop.h"
#include "secret/keeper.h"
#include "secret/login.h"

struct gateway;
struct relay;

struct gateway_setup {
    struct loop *loop;
    const struct config *config;  /* relay.present must hold; must outlive the gateway or the next reload */
    struct keeper_client *keeper; /* borrowed; may be NULL where no smarthost wants a login */
    struct login *login;          /* borrowed; asks the keeper who clients are. NULL: no AUTH */
};

/* −1 if the certificate, a rule or a route cannot be taken, or the spool not be opened. */
int gateway_new(const struct gateway_setup *setup, struct gateway **ret, struct err *err);

/* At a reload the new ones come before the old ones go. */
enum { GATEWAY_SOCKETS_MAX = 2 * CONFIG_LISTENERS_MAX };

/* The listening socket of that address, as one of relay.listeners has it. Takes over fd, and closes it past
 * GATEWAY_SOCKETS_MAX. */
void gateway_socket(struct gateway *gateway, const char *endpoint, int fd);

/* Reads all that a new configuration needs; −1: the old one stays. gateway_reload then takes it, for sessions
 * and messages that begin from now on, and closes endpoints that are listed no more. */
int gateway_prepare(struct gateway *gateway, const struct config *config, struct err *err);
void gateway_reload(struct gateway *gateway, const struct config *config);

/* Appends the counters of sessions and guard rails, by base/metrics.h. */
void gateway_write_metrics(const struct gateway *gateway, struct buf *out);

/* Who sends what, lately. */
const struct activity *gateway_activity(const struct gateway *gateway);

/* Its queue; lives as long as the gateway. */
struct relay *gateway_relay(struct gateway *gateway);

/* Accepts no more; open transactions may end within a few seconds. done is called from the loop once nobody
 * is left; gateway_free may be called in it. */
void gateway_drain(struct gateway *gateway, loop_fn *done, void *arg);
void gateway_free(struct gateway *gateway);

#endif
