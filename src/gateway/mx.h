/* Which servers take a domain's mail, and in which order, from what DNS says of its MX (RFC 5321 §5.1, RFC
 * 7505). Pure: asking is for others. */
#ifndef VEDETTE_GATEWAY_MX_H
#define VEDETTE_GATEWAY_MX_H

#include "io/dns.h"

enum {
    MX_HOSTS_MAX = 16, /* tried for one domain; more are not looked at, the least preferred first */
    MX_NAME_MAX = 256, /* with the NUL */
};

enum mx_verdict {
    MX_HOSTS,     /* hosts has one at least */
    MX_NO_MAIL,   /* the domain says that it takes none: 5.1.10 */
    MX_NO_DOMAIN, /* there is no such domain, or nothing of its MX is a name: 5.1.2 */
    MX_LOOP,      /* we are its best server, and yet do not deliver for it: 5.4.6 */
    MX_LATER,     /* DNS has no answer that may be used: 4.4.3 */
};

struct mx_plan {
    enum mx_verdict verdict;
    const char *status; /* RFC 3463; a literal, NULL with HOSTS */
    bool implicit;      /* no MX: the domain is its own server, if it has an address */
    bool secure;        /* the list is validated by DNSSEC */
    struct mx_host {
        char name[MX_NAME_MAX];
        unsigned preference;
    } hosts[MX_HOSTS_MAX]; /* in the order to try them */
    size_t count;
};

/* answer: of DNS_MX. our_names: NULL-terminated; one of them in the list is dropped with all that are not
 * preferred to it. chance decides among equals: another number, another order. */
void mx_plan(const struct dns_answer *answer, const char *const *our_names, uint32_t chance,
             struct mx_plan *ret);

/* Whether name is one of our_names, whatever its case. */
bool mx_is_ours(const char *name, const char *const *our_names);

#endif
