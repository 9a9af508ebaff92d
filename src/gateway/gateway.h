/* Our own SMTP gateway: takes mail and passes it on. Its 250 means: on disk. */
#ifndef VEDETTE_GATEWAY_GATEWAY_H
#define VEDETTE_GATEWAY_GATEWAY_H

#include "config/config.h"
#include "io/loop.h"
#include "secret/keeper.h"

struct gateway;

/* config->relay.present must hold; keeper may be NULL where no smarthost wants a login. −1 if the spool
 * cannot be opened, or a route not be taken. */
int gateway_new(struct loop *loop, const struct config *config, struct keeper_client *keeper,
                struct gateway **ret, struct err *err);

enum { GATEWAY_SOCKETS_MAX = 64 };

/* The listening socket of that endpoint, as relay.listen has it. Takes over fd, and closes it past
 * GATEWAY_SOCKETS_MAX. */
void gateway_socket(struct gateway *gateway, const char *endpoint, int fd);

/* For sessions and messages that begin from now on; endpoints that relay.listen has no more are closed.
 * config must outlive the gateway or the next reload. Routes that cannot be taken leave the old ones in use,
 * and that is logged. */
void gateway_reload(struct gateway *gateway, const struct config *config);

/* How long a client may take for a whole command, and for 4 KiB of content. 5 minutes without this. */
void gateway_command_timeout(struct gateway *gateway, nanos timeout);

/* Accepts no more; open transactions may end within a few seconds. done is called from the loop once nobody
 * is left; gateway_free may be called in it. */
void gateway_drain(struct gateway *gateway, loop_fn *done, void *arg);
void gateway_free(struct gateway *gateway);

#endif
