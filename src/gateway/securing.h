/* How sessions with one server of an MX are to be secured: asks what is published of it, decides, and makes
 * the TLS context. */
#ifndef VEDETTE_GATEWAY_SECURING_H
#define VEDETTE_GATEWAY_SECURING_H

#include "gateway/route_table.h"
#include "gateway/sts.h"
#include "gateway/tls_policy.h"
#include "gateway/tlsa.h"

struct securing;

enum { SECURING_WHY_MAX = 500 };

struct secured {
    enum tls_level level;
    const char *status;         /* RFC 3463, with REFUSED: a literal */
    char why[SECURING_WHY_MAX]; /* for people: who decided, or why nothing may go there */
    struct tls_context *tls;    /* NULL with CLEAR and REFUSED; the receiver's to free */
    nanos ttl;                  /* how long this may be used */
};

/* All of it must outlive the securing. */
struct securing_setup {
    struct loop *loop;
    struct asker *asker;
    struct sts *sts; /* NULL: policies are not asked for */
    const struct route *route;
    const char *domain; /* of the recipients */
    enum tls_wish wish;
    const char *host, *canonical; /* the server, and where its aliases end */
    bool listed_securely, address_securely;
};

typedef void securing_fn(void *arg, const struct secured *secured);

/* fn is called once, never before this returns; the securing is gone by then. */
struct securing *securing_start(const struct securing_setup *setup, securing_fn *fn, void *arg);
void securing_cancel(
    struct securing *securing); /* fn will not be called. NULL is fine; not after fn was called */

#endif
