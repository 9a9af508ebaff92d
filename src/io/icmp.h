/* What routers and hosts say by ICMP about packets of ours, as sockets with IP_RECVERR hand it to their
 * owner: no privilege is needed for it. For TCP, Linux does so since 5.9. */
#ifndef VEDETTE_IO_ICMP_H
#define VEDETTE_IO_ICMP_H

#include "io/address.h"

/* What it says, for IPv4 (RFC 792, 1812) and IPv6 (RFC 4443) alike. */
enum icmp_meaning {
    ICMP_NONE,        /* nothing was said */
    ICMP_NO_ROUTE,    /* a router knows no way to the network */
    ICMP_NO_HOST,     /* the last router (or we, on our own network) got no answer from the host */
    ICMP_PROHIBITED,  /* administratively: a firewall says so of itself */
    ICMP_PORT_CLOSED, /* port unreachable; to TCP only firewalls say it */
    ICMP_TOO_BIG,     /* fragmentation needed, or packet too big: mtu */
    ICMP_EXPIRED,     /* the hop limit ran out on the way */
    ICMP_OTHER,
};

enum { ICMP_QUOTED_MAX = 8, ICMP_TEXT_MAX = 160 };

struct icmp_error {
    enum icmp_meaning meaning;
    struct address from; /* who says so; length 0 if the kernel does not know */
    bool own;            /* from is an address of this machine */
    bool v6;
    uint8_t type, code;
    uint32_t mtu; /* with ICMP_TOO_BIG; 0 if not told */
    int system;   /* the errno that the kernel makes of it */
    /* How our packet began after its IP header, so far as it was quoted: raw sockets hear of others' too. */
    uint8_t quoted[ICMP_QUOTED_MAX];
    size_t quoted_bytes;
};

/* Asks the kernel to keep such errors for fd, a socket of family. Failure means that none will be kept. */
void icmp_watch(int fd, int family);

/* Takes the oldest error kept for fd. False if there is none; local errors (not by ICMP) are passed over. */
bool icmp_take(int fd, struct icmp_error *ret);

/* "host unreachable (ICMP 3/1) from 192.0.2.1". Returns text. */
char *icmp_text(const struct icmp_error *error, char text[static ICMP_TEXT_MAX]);

#endif
