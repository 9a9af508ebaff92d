/* Finds the TLSA records of a mail server, where DNSSEC vouches for all that leads to them (RFC 7672 §2.2).
 */
#ifndef VEDETTE_GATEWAY_TLSA_H
#define VEDETTE_GATEWAY_TLSA_H

#include "gateway/asker.h"
#include "gateway/mx.h"
#include "gateway/tls_policy.h"
#include "io/tls.h"

struct tlsa_found {
    enum tls_records records;
    const char *base;              /* the name that they belong to; NULL with NONE and LATER */
    const struct tls_tlsa *record; /* with USABLE */
    size_t count;
    const char *why; /* with LATER: what DNS said; else "" */
    nanos ttl;
};

/* Borrowed until tlsa_ask returns. */
struct tlsa_host {
    const char *name;
    const char *canonical; /* where its aliases end: the name itself if it is none */
    int port;
    bool address_securely; /* DNSSEC vouches for the address, through all aliases */
};

struct tlsa;

/* found and all it points at are valid until fn returns. The question is gone by then. */
typedef void tlsa_fn(void *arg, const struct tlsa_found *found);

/* fn is called once, never before this returns. */
struct tlsa *tlsa_ask(struct loop *loop, struct asker *asker, const struct tlsa_host *host, tlsa_fn *fn,
                      void *arg);
void tlsa_cancel(struct tlsa *tlsa); /* fn will not be called. NULL is fine; not after fn was called */

#endif
