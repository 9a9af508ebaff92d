/* Which way the kernel would send packets to an address, without sending any. */
#ifndef VEDETTE_IO_ROUTE_H
#define VEDETTE_IO_ROUTE_H

#include "base/err.h"
#include "io/address.h"

#include <net/if.h>

struct ip_route {
    struct address source; /* ours, port 0 */
    char interface[IF_NAMESIZE];
    bool own;              /* the address is one of this machine's own */
    bool on_link;          /* reached without a router (true of own ones too) */
    struct address router; /* length 0 if on_link */
    uint32_t mtu;          /* of the path as the kernel knows it now, bytes of an IP packet */
};

/* Never waits. ERR_UNAVAILABLE when there is no way: err->system is ENETUNREACH (no route), EHOSTUNREACH or
 * EACCES (a route that says unreachable or prohibited), EINVAL (a blackhole route) or EAFNOSUPPORT (no such
 * IP here). ERR_SYSTEM when the kernel could not be asked. */
int route_to(const struct address *to, struct ip_route *ret, struct err *err);

#endif
