/* One client's session with our gateway: moves bytes between its stream and wire/'s server, answers what the
 * protocol leaves to policy, and hands whole messages to the relay. */
#ifndef VEDETTE_GATEWAY_INBOUND_H
#define VEDETTE_GATEWAY_INBOUND_H

#include "config/config.h"
#include "gateway/relay.h"
#include "io/stream.h"

struct inbound;

/* What all sessions share and what may change between messages; the gateway owns it. */
struct inbound_house {
    const struct config *config;
    struct relay *relay;
    nanos command_timeout; /* for a whole command, or for the next piece of content (RFC 5321 §4.5.3.2.7) */
    bool draining;         /* no new transaction */
};

typedef void inbound_ended_fn(void *arg, struct inbound *session);

/* Greets. fn is called once, when the session is over (never before this returns); the session is then
 * freed. Takes over the connected socket. */
struct inbound *inbound_new(struct loop *loop, int fd, struct inbound_house *house, inbound_ended_fn *fn,
                            void *arg);

/* Ends it with 421 once no transaction is open; at once if `now`. fn is called from within. */
void inbound_drain(struct inbound *session, bool now);

/* For whoever keeps sessions in a list. */
struct inbound *inbound_next(const struct inbound *session);
void inbound_link(struct inbound *session, struct inbound *next);

/* Without a word to the client and without fn. */
void inbound_free(struct inbound *session);

#endif
