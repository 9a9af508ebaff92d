/* How our gateway asks the keeper whether a client is who it says: one SASL exchange at a time for each
 * client, step by step. Stored keys never come here. */
#ifndef VEDETTE_SECRET_LOGIN_H
#define VEDETTE_SECRET_LOGIN_H

#include "io/channel.h"
#include "io/loop.h"

struct login;

enum { LOGIN_EXCHANGES_MAX = 4096, LOGIN_ANSWER_SECONDS_MAX = 30 };

/* Numbers on the wire between the two processes. */
enum login_outcome {
    LOGIN_CHALLENGE = 0, /* bytes to send to the client, whose response login_say takes */
    LOGIN_WELCOME = 1,   /* it is the account that text names */
    LOGIN_REFUSED = 2,   /* it is not; text is who it wanted to be, if that is known */
    LOGIN_LATER = 3,     /* nobody can tell now, or it has to wait */
    LOGIN_MALFORMED = 4, /* its response has no form */
};

/* Views until the callback returns. why is for the log, never for the client. */
typedef void login_fn(void *arg, enum login_outcome outcome, sv text, sv why);

struct login *login_new(struct loop *loop);
void login_free(struct login *login); /* NULL is fine */

/* The channel to the keeper (borrowed), or NULL while it is away: exchanges under way, and those begun
 * meanwhile, then end with LATER. */
void login_connect(struct login *login, struct channel *channel);

struct login_request {
    sv mechanism, binding, client_ip;
    bool given; /* response is there */
    sv response;
};

/* fn comes once for each step, never before this returns; an outcome other than CHALLENGE ends the exchange.
 * Its name, never 0. */
uint64_t login_begin(struct login *login, const struct login_request *request, login_fn *fn, void *arg);

/* The response to the challenge. Nothing happens if that exchange is over. */
void login_say(struct login *login, uint64_t exchange, sv response);

/* The client gave up: fn is not called any more. 0 and what is over are fine. */
void login_drop(struct login *login, uint64_t exchange);

/* Gives a LOGIN_ANSWER message to it. */
void login_message(struct login *login, sv body);

#endif
