/* Where mail goes: the routes of the configuration, and which of them a recipient's domain takes. */
#ifndef VEDETTE_GATEWAY_ROUTE_TABLE_H
#define VEDETTE_GATEWAY_ROUTE_TABLE_H

#include "config/config.h"
#include "io/tls.h"

enum { ROUTE_HOPS_MAX = 16 };

enum route_kind { ROUTE_SMARTHOSTS, ROUTE_MAILDIR, ROUTE_LMTP, ROUTE_MX };

/* One server of a route, as a gateway of courier/session.h. Of a smarthost that is known by name address is
 * NULL; of MX there is one, which stands for all hosts: name, address and host are NULL. */
struct route_hop {
    struct config_gateway gateway;
    struct tls_context *tls; /* NULL with security: none */
    struct tls_context
        *anybody; /* of MX: where the configuration lets mail go to whoever answers; else NULL */
    int preference, weight;
};

struct route {
    const char *name;
    enum route_kind kind;
    struct config_strings domains;
    struct config_strings mailboxes; /* patterns of those that exist; none: any */
    const char *maildir;
    enum config_tls_policy tls;            /* of MX */
    bool pinned;                           /* of MX: its servers' certificate is named */
    bool stays_here;                       /* what takes it does not leave this machine */
    struct route_hop hops[ROUTE_HOPS_MAX]; /* none of MAILDIR */
    size_t hop_count;
    int connections; /* sessions at once with one next hop */
    nanos retry_first, retry_max, expire, warn_after, hold_down;
};

/* Counted, because messages under way outlive a reload. Owns copies of all it needs. */
struct route_table;

int route_table_new(const struct config *config, struct route_table **ret, struct err *err);
struct route_table *route_table_keep(struct route_table *table);
void route_table_free(struct route_table *table); /* NULL is fine */

/* The most exact match: the domain itself, the nearest domain above it, "*"; NULL: nobody takes it, as an
 * empty one. A domain beyond ASCII is the same as its A-labels. */
const struct route *route_for(const struct route_table *table, sv domain);
const struct route *route_at(const struct route_table *table, size_t i); /* NULL past the last */

/* What is asked of the hop's TLS at the least, in the words of the configuration: "verified",
 * "opportunistic", "none" … */
const char *route_tls_word(const struct route *route, const struct route_hop *hop);

/* One of its routes keeps to MTA-STS policies. */
bool route_table_wants_sts(const struct route_table *table);

/* Its next hops are not all told by the configuration. */
bool route_asks_dns(const struct route *route);
const struct route *route_named(const struct route_table *table, sv name);

/* Whether the recipient may exist where the route leads; postmaster always does (RFC 5321 section 4.5.1). */
bool route_has_mailbox(const struct route *route, sv recipient);

#endif
