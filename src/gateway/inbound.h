/* One client's session with our gateway: moves bytes between its stream and wire/'s server, keeps the time,
 * asks the guard rails what may pass, and hands what passes to the intake. */
#ifndef VEDETTE_GATEWAY_INBOUND_H
#define VEDETTE_GATEWAY_INBOUND_H

#include "config/config.h"
#include "gateway/activity.h"
#include "gateway/guard.h"
#include "gateway/relay.h"
#include "io/stream.h"
#include "secret/login.h"

struct inbound;

/* What all sessions share and what may change between messages; the gateway owns it. */
struct inbound_house {
    const struct config *config;
    struct guard *guard;
    struct limits *limits;
    struct activity *activity;
    struct relay *relay;
    struct login *login;       /* asks the keeper; NULL only where auth is false */
    bool auth;                 /* there are accounts to log in to */
    struct tls_context *tls;   /* NULL: no TLS */
    struct failures *failures; /* where refused logins are told; NULL: in the log only */
    nanos command_timeout;     /* for a whole command, or for so much of the content as inbound.c says */
    bool draining;             /* no new transaction */
    uint64_t whole_handshakes, resumed_handshakes;
};

typedef void inbound_ended_fn(void *arg, struct inbound *session);

struct inbound_setup {
    struct loop *loop;
    struct inbound_house *house;
    const struct config_listener *listener; /* what holds where the client came in; copied */
    const struct address *peer;
    inbound_ended_fn *fn;
    void *arg;
};

/* Greets, or waits for the handshake. fn is called once, when the session is over (never before this
 * returns); the session is then freed. Takes over the connected socket. */
struct inbound *inbound_new(const struct inbound_setup *setup, int fd);

/* Ends it with 421 once no transaction is open; at once if `now`. fn is called from within. */
void inbound_drain(struct inbound *session, bool now);

/* For whoever keeps sessions in a list. */
struct inbound_links {
    struct inbound *next, *previous;
};
struct inbound_links *inbound_links(struct inbound *session);

/* The client's address. */
const struct address *inbound_peer(const struct inbound *session);

/* Without a word to the client and without fn. */
void inbound_free(struct inbound *session);

#endif
