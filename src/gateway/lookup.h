/* Asks DNS where mail goes: the MX of a domain and the addresses of its hosts, or the addresses of smarthosts
 * that are known by name. Asks only; who is tried when is the destination's business. */
#ifndef VEDETTE_GATEWAY_LOOKUP_H
#define VEDETTE_GATEWAY_LOOKUP_H

#include "gateway/asker.h"
#include "gateway/mx.h"
#include "gateway/ourselves.h"
#include "gateway/route_table.h"

enum {
    LOOKUP_FAMILY_MAX = 8, /* addresses of one family of one host; more are not tried */
    LOOKUP_PLACES_MAX = 64,
    LOOKUP_WHY_MAX = 400,
};

/* One address to try. */
struct lookup_place {
    const struct route_hop *of; /* the smarthost, or what the route says of the hosts of an MX */
    const char *host;       /* the name that was looked up; of a smarthost with an address of its own: NULL */
    const char *canonical;  /* where the aliases of host end: host itself if it is none */
    struct address address; /* with its port */
    int preference;
    unsigned host_number; /* the same for all addresses of one host */
    bool listed_securely; /* DNSSEC validates that host belongs to the domain: by MX, or because there is none
                           */
    bool address_securely; /* and that this address is host's */
};

struct lookup_result {
    enum mx_verdict verdict;  /* of smarthosts only MX_HOSTS and MX_LATER */
    const char *status;       /* RFC 3463; a literal, NULL with HOSTS */
    char why[LOOKUP_WHY_MAX]; /* of other verdicts, as a reply: "550 5.1.2 …" */
    bool bogus; /* with LATER: DNSSEC proves an answer wrong, so an earlier one is no substitute */
    /* In the order to try them: by preference, hosts of one preference by chance, addresses of one host as
     * they should be tried. */
    struct lookup_place places[LOOKUP_PLACES_MAX];
    size_t count;
    nanos ttl; /* how long this may be used */
};

struct lookup;

/* result and all it points at are valid until fn returns. The lookup is gone by the time fn is called. */
typedef void lookup_fn(void *arg, const struct lookup_result *result);

/* All of it must outlive the lookup. */
struct lookup_setup {
    struct asker *asker;
    const struct ourselves *ourselves;
    const struct route *route;
    const char *domain; /* of an MX route; else NULL */
    uint32_t chance;
};

/* fn is called once, never before this returns. */
struct lookup *lookup_start(const struct lookup_setup *setup, struct loop *loop, lookup_fn *fn, void *arg);
void lookup_cancel(struct lookup *lookup); /* fn will not be called. NULL is fine; not after fn was called */

#endif
