/* One client's session with our gateway: moves bytes between its stream and wire/'s server, answers what the
 * protocol leaves to policy, and hands whole messages to the Maildir. */
#ifndef VEDETTE_GATEWAY_SESSION_H
#define VEDETTE_GATEWAY_SESSION_H

#include "config/config.h"
#include "gateway/maildir.h"
#include "io/stream.h"

struct session;

/* What all sessions share and what may change between messages; the gateway owns it. */
struct session_house {
    const struct config *config;
    struct maildir *maildir;
    nanos command_timeout; /* for a whole command, or for the next piece of content (RFC 5321 §4.5.3.2.7) */
    uint64_t messages;     /* counts ids */
    bool draining;         /* no new transaction */
};

typedef void session_ended_fn(void *arg, struct session *session);

/* Greets. fn is called once, when the session is over (never before this returns); the session is then
 * freed. Takes over the connected socket. */
struct session *session_new(struct loop *loop, int fd, struct session_house *house, session_ended_fn *fn,
                            void *arg);

/* Ends it with 421 once no transaction is open; at once if `now`. fn is called from within. */
void session_drain(struct session *session, bool now);

/* For whoever keeps sessions in a list. */
struct session *session_next(const struct session *session);
void session_link(struct session *session, struct session *next);

/* Without a word to the client and without fn. */
void session_free(struct session *session);

#endif
