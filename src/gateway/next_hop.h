/* The servers that a destination can use: each one address, with its name and what is known of its health. */
#ifndef VEDETTE_GATEWAY_NEXT_HOP_H
#define VEDETTE_GATEWAY_NEXT_HOP_H

#include "gateway/lookup.h"
#include "gateway/securing.h"

struct destination;

enum { NEXT_HOP_TEXT_MAX = MX_NAME_MAX + ADDRESS_TEXT_MAX };

struct next_hop {
    struct next_hop *next;
    const struct route_hop *of;    /* the smarthost, or what the route says of the hosts of an MX */
    struct config_gateway gateway; /* of's, with name and address filled in: as a session wants it */
    char host[MX_NAME_MAX];        /* that was looked up, or "" */
    char canonical[MX_NAME_MAX];   /* the end of host's aliases */
    char address[ADDRESS_TEXT_MAX];
    int preference;
    unsigned host_number; /* the same for all addresses of one host */
    bool listed_securely; /* as in lookup.h */
    bool address_securely;
    nanos up_at; /* monotonic; 0: up */
    unsigned failures;
    int carriers;
    bool proven;                     /* a session with it has worked, and none failed since */
    bool listed;                     /* false: DNS does not name it any more; it goes with its last carrier */
    struct destination *destination; /* whose it is; for securing */
    struct securing *securing;       /* under way */
    nanos secured_until;             /* monotonic: level and tls are as they should be */
    enum tls_level level;
    struct tls_context *tls; /* that new sessions are secured by; NULL: in the clear */
    nanos clear_until;       /* monotonic: its TLS does not work, and level lets mail go without */
    nanos refused_until;     /* monotonic: nothing of this destination may go there … */
    const char *refusal;     /* … RFC 3463; a literal */
    char refused_why[SECURING_WHY_MAX];
};

/* In the order to try them. */
struct next_hops {
    const struct route *route; /* must outlive them */
    struct next_hop *first;
};

/* As the route has them: for routes that ask no DNS. */
void next_hops_configure(struct next_hops *hops);

/* How sessions with it are to be secured from now on. Takes secured->tls over. */
void next_hop_secure(struct next_hop *hop, const struct secured *secured, nanos now);

/* Sessions begin in the clear though they might be encrypted. */
bool next_hop_is_clear(const struct next_hop *hop, nanos now);

/* For a while nothing may go there. status is a literal. */
void next_hop_refuse(struct next_hop *hop, const char *status, const char *why, nanos now);

/* One of them, if all that are listed are refused; NULL: there is one that may be used, or there is none. */
const struct next_hop *next_hops_all_refused(const struct next_hops *hops, nanos now);
void next_hops_forgive(struct next_hops *hops); /* none is refused any more */

void next_hops_stop_securing(struct next_hops *hops); /* what is under way is forgotten */

/* As DNS has them from now on. What is known of those that stay is kept. */
void next_hops_list(struct next_hops *hops, const struct lookup_result *found);

/* None is listed any more. */
void next_hops_unlist(struct next_hops *hops);

/* No carrier may be left. */
void next_hops_free(struct next_hops *hops);

/* Of those that are up the most preferred that has room; among equals by weight and chance, and of one host's
 * addresses the first. NULL: none. */
struct next_hop *next_hops_choose(const struct next_hops *hops, nanos now, uint32_t chance);

/* Whether another one than this is up. */
bool next_hops_other(const struct next_hops *hops, const struct next_hop *than, nanos now);

/* When the first of those that rest is to be tried again; 0: none rests. */
nanos next_hops_due(const struct next_hops *hops, nanos now);

void next_hops_hurry(struct next_hops *hops); /* none rests any more, and what was known is asked anew */

void next_hop_keep(struct next_hop *hop); /* for a carrier */
void next_hop_let_go(struct next_hops *hops, struct next_hop *hop);

/* It rests for a while, longer each time. Returns how long. */
nanos next_hop_failed(const struct next_hops *hops, struct next_hop *hop, nanos now);

/* True if it had failed before. */
bool next_hop_works(struct next_hop *hop);

/* "mx1.example.org [192.0.2.1]". Returns text. */
char *next_hop_text(const struct next_hop *hop, char text[static NEXT_HOP_TEXT_MAX]);

#endif
