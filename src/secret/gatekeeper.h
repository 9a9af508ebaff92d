/* The keeper's part in AUTH: holds the SASL exchanges of our gateway's clients, and checks passwords against
 * the accounts' stored keys, which no other process ever sees. Asked over a channel by secret/login.h. */
#ifndef VEDETTE_SECRET_GATEKEEPER_H
#define VEDETTE_SECRET_GATEKEEPER_H

#include "config/config.h"
#include "io/channel.h"
#include "secret/secret.h"

struct gatekeeper;

enum {
    GATEKEEPER_EXCHANGES_MAX = 1024, /* under way; further ones are asked to come later */
    GATEKEEPER_CHECKS_MAX = 64,      /* passwords that wait for the thread that checks them; likewise. PAM
                                        has a thread of its own, and as many may wait for it */
};

/* How it reads a secret: as provider_fetch. */
typedef int gatekeeper_fetch_fn(void *arg, const char *reference, struct secret **ret, struct err *err);

/* Copies relay's accounts, and where tokens are asked about. Starts threads: after the sandbox was
 * entered, and with tokens after http_global_init. */
struct gatekeeper *gatekeeper_new(struct loop *loop, const struct config_relay *relay,
                                  gatekeeper_fetch_fn *fetch, void *arg);

/* Exchanges under way go on with the accounts that they began with. */
void gatekeeper_reload(struct gatekeeper *gatekeeper, const struct config_relay *relay);
void gatekeeper_free(struct gatekeeper *gatekeeper); /* NULL is fine */

/* A LOGIN_… message of a channel. One that is no such message is passed over. */
void gatekeeper_message(struct gatekeeper *gatekeeper, struct channel *channel, enum control_type type,
                        sv body);

/* The channel is gone, and whatever it asked. */
void gatekeeper_forget(struct gatekeeper *gatekeeper, struct channel *channel);

#endif
