/* Tries to connect by TCP and tells apart the ways in which that fails, and who on the way said so. */
#ifndef VEDETTE_IO_REACH_H
#define VEDETTE_IO_REACH_H

#include "io/icmp.h"
#include "io/loop.h"

struct reach;

enum {
    REACH_HOPS_MAX = 16, /* the trace sends so many SYNs at most, once */
    REACH_TEXT_MAX = 320,
};

enum reach_state {
    REACH_OPEN,
    REACH_REFUSED,     /* by RST: the host is there, nothing listens (or a firewall speaks in its name) */
    REACH_REJECTED,    /* by ICMP from a firewall: icmp says whose */
    REACH_UNREACHABLE, /* no way leads there, or nobody is there: system is the errno, icmp who says so */
    REACH_FORBIDDEN,   /* by this machine itself: a filter or a prohibiting route. A filter here that drops
                        * without   a word is noticed only with CAP_NET_RAW; else it looks like REACH_SILENT */
    REACH_SILENT,      /* no answer of any kind until the time was up */
    REACH_FAILED,      /* we could not try: system */
};

struct reach_hop {
    struct icmp_error
        icmp; /* ICMP_EXPIRED from a router; other errors end the way; ICMP_NONE: it kept silent */
    nanos time;
};

struct reach_report {
    enum reach_state state;
    struct address to;
    int system; /* errno; 0 with REACH_OPEN, ETIMEDOUT with REACH_SILENT */
    nanos time; /* until the outcome; with REACH_OPEN that is the handshake's */
    struct icmp_error
        icmp; /* what came by ICMP meanwhile, ICMP_NONE if nothing or if the kernel does not tell */

    bool on_link; /* with REACH_SILENT: no router lies between, so there is nothing to trace */

    /* The trace, only with REACH_SILENT and if asked for: hops[n] is what became of a SYN that could make n +
     * 1 hops. hop_count counts up to the last that was heard of; last_hop is the number (from 1) of the last
     * router that answered, 0 if none did: then it cannot be told where it goes silent. */
    bool traced;
    struct reach_hop hops[REACH_HOPS_MAX];
    unsigned hop_count, last_hop;
};

typedef void reach_fn(void *arg, const struct reach_report *report);

/* Starts to connect. fn is called once, never before this returns, at the latest when timeout is over; the
 * connection is closed and the reach gone by then. With trace, when nothing has come after half of the
 * timeout (or 1.5 s), up to REACH_HOPS_MAX SYNs with growing hop limits go out in parallel. Let one of
 * several ports do so. */
struct reach *reach_start(struct loop *loop, const struct address *to, nanos timeout, bool trace,
                          reach_fn *fn, void *arg);

/* fn will not be called. NULL is fine. */
void reach_cancel(struct reach *reach);

/* A sentence for people, such as "no answer within 5 s; the last that answers on the way is hop 3,
 * 192.0.2.9". Returns text. */
char *reach_text(const struct reach_report *report, char text[static REACH_TEXT_MAX]);

#endif
