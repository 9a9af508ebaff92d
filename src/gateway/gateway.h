/* Our own SMTP gateway, first form: takes mail for configured domains from loopback, and delivers into a
 * Maildir. */
#ifndef VEDETTE_GATEWAY_GATEWAY_H
#define VEDETTE_GATEWAY_GATEWAY_H

#include "config/config.h"
#include "io/loop.h"

struct gateway;

/* config->relay.present must hold. −1 if the Maildir cannot be made. */
int gateway_new(struct loop *loop, const struct config *config, struct gateway **ret, struct err *err);

/* A listening socket. Takes over fd. */
void gateway_socket(struct gateway *gateway, int fd);

void gateway_reload(struct gateway *gateway, const struct config *config);

/* Accepts no more; open transactions may end within a few seconds. */
void gateway_drain(struct gateway *gateway, loop_fn *done, void *arg);
void gateway_free(struct gateway *gateway);

#endif
