/* The server's side of SASL (RFC 4422): GNU SASL for SCRAM (RFC 5802, RFC 7677, tls-exporter of RFC 9266),
 * PLAIN (RFC 4616) and LOGIN and
 * OAUTHBEARER (RFC 7628) read here. Pure: keys are asked of the caller, passwords are checked by the
 * caller. What it holds of secrets is wiped when it is closed. */
#ifndef VEDETTE_WIRE_SASL_SERVER_H
#define VEDETTE_WIRE_SASL_SERVER_H

#include "base/sv.h"

struct sasl_server;

enum {
    SASL_SERVER_USER_MAX = 255,
    SASL_SERVER_PASSWORD_MAX = 1024,
    SASL_SERVER_STEPS_MAX = 4,
    SASL_SERVER_TOKEN_MAX = 8192
};

enum sasl_server_step {
    SASL_SERVER_CHALLENGE, /* send sasl_server_challenge, and give the response to the next step */
    SASL_SERVER_CHECK,     /* check sasl_server_password of sasl_server_user; that ends the exchange */
    SASL_SERVER_TOKEN,  /* ask whose token sasl_server_password is: sasl_server_user's, who may be empty; then
                           sasl_server_take or sasl_server_reject */
    SASL_SERVER_DONE,   /* the client has proved that it is sasl_server_user */
    SASL_SERVER_FAILED, /* it has not: sasl_server_user is who it wanted to be, empty if that is not known */
    SASL_SERVER_MALFORMED, /* that is no response of this mechanism */
};

/* The stored key of a user for SCRAM-SHA-256, "SCRAM-SHA-256$ITERATIONS:SALT$STOREDKEY:SERVERKEY" with base64
 * (RFC 5803 in PostgreSQL's spelling). For a user without one it must give a key that fits nobody, the same
 * each time, so that nobody learns who exists. Called at most once; what it returns is copied. */
typedef const char *sasl_server_key_fn(void *arg, sv user);

/* binding: the TLS session's exporter bytes (RFC 9266), empty where there are none. NULL: a mechanism that is
 * not spoken here, or one with -PLUS without binding. */
struct sasl_server *sasl_server_open(sv mechanism, sv binding, sasl_server_key_fn *fn, void *arg);

/* given: there is a response (at first there may be none). response is decoded. */
enum sasl_server_step sasl_server_step(struct sasl_server *server, bool given, sv response);

/* After TOKEN: it is this user's, and the exchange is over. Or it is nobody's: gives CHALLENGE with the error
 * that OAUTHBEARER's client has to acknowledge (RFC 7628 §3.2.3), after which comes FAILED. */
void sasl_server_take(struct sasl_server *server, sv user);
enum sasl_server_step sasl_server_reject(struct sasl_server *server);

sv sasl_server_challenge(const struct sasl_server *server); /* until the next step */
sv sasl_server_user(const struct sasl_server *server);
sv sasl_server_password(const struct sasl_server *server);

void sasl_server_close(struct sasl_server *server); /* NULL is fine */

#endif
