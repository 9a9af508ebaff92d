/* One ICMP echo, and with it one as big as the path takes, if this process may send them. */
#ifndef VEDETTE_IO_PING_H
#define VEDETTE_IO_PING_H

#include "io/icmp.h"
#include "io/loop.h"

struct ping;

enum ping_state {
    PING_ANSWERED,
    PING_SILENT,
    PING_REJECTED,      /* icmp says why */
    PING_NOT_PERMITTED, /* neither net.ipv4.ping_group_range nor CAP_NET_RAW allows it, or a filter here
                           forbids it */
    PING_FAILED,        /* could not be sent: system */
};

struct ping_outcome {
    enum ping_state state;
    nanos time;             /* there and back, with PING_ANSWERED */
    struct icmp_error icmp; /* with PING_REJECTED */
    int system;             /* errno, with PING_NOT_PERMITTED and PING_FAILED */
};

struct ping_report {
    struct ping_outcome small;
    /* The echo that fills packet_bytes and must not be cut on the way: if it is silent although the small one
     * is answered, bigger packets may vanish on the way (or the peer answers small echoes only). If it is
     * rejected with ICMP_TOO_BIG, icmp.mtu is the path's. PING_SILENT when none was asked for. */
    struct ping_outcome big;
};

typedef void ping_fn(void *arg, const struct ping_report *report);

/* Sends both at once. packet_bytes is the size of the big IP packet, such as route's mtu; 0 for none. fn is
 * called once, never before this returns, at the latest when timeout is over; the ping is gone by then. */
struct ping *ping_start(struct loop *loop, const struct address *to, uint32_t packet_bytes, nanos timeout,
                        ping_fn *fn, void *arg);

/* fn will not be called. NULL is fine. */
void ping_cancel(struct ping *ping);

#endif
