/* Whose token it is: asks the provider that issued it (RFC 7662), from the keeper. */
#ifndef VEDETTE_SECRET_INTROSPECTION_H
#define VEDETTE_SECRET_INTROSPECTION_H

#include "config/config.h"
#include "io/http.h"
#include "secret/secret.h"

struct introspection;

enum introspection_outcome {
    INTROSPECTION_ACTIVE,   /* the token is good, and the user's */
    INTROSPECTION_INACTIVE, /* it is not */
    INTROSPECTION_UNKNOWN,  /* the provider cannot be asked: text says why */
};

/* text: the user, or why. Until the callback returns. */
typedef void introspection_fn(void *arg, enum introspection_outcome outcome, sv text);

/* http is borrowed. relay->introspection must be there; what is needed of relay is copied. */
struct introspection *introspection_new(struct http *http, const struct config_relay *relay);
void introspection_free(struct introspection *introspection); /* NULL is fine; no question may be under way */

/* credential: "ID:SECRET" that the provider knows us by. fn comes once, never before this returns. NULL with
 * the reason when it cannot be asked at all. */
struct http_call *introspection_ask(const struct introspection *introspection, sv token, sv credential,
                                    introspection_fn *fn, void *arg, struct err *err);

/* What an answer's body says. Pure. text gets the user, cut at cap. */
enum introspection_outcome introspection_read(int status, sv body, char *text, size_t cap);

#endif
