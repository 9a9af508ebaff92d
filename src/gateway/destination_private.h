/* What the files of a destination share: destination.c (its line, its next hops, its sessions) and
 * destination_security.c (how these are secured). Private to the relay. */
#ifndef VEDETTE_GATEWAY_DESTINATION_PRIVATE_H
#define VEDETTE_GATEWAY_DESTINATION_PRIVATE_H

#include "gateway/carrier.h"

/* Why nothing that waits can go. */
struct dead_end {
    enum outcome_kind kind;
    const char *status;
    char why[LOOKUP_WHY_MAX];
};

struct destination {
    struct destination *next, *previous;
    struct destination *next_in_bucket;
    struct relay *relay;
    struct route_table *table; /* keeps route alive */
    const struct route *route;
    char *domain; /* MX only, else NULL; with A-labels */
    enum tls_wish wish;
    struct errand *first, *last;
    size_t waiting, errands; /* in line; and all that go here */
    struct next_hops hops;
    struct lookup *lookup; /* under way */
    nanos known_until;     /* monotonic: the hops are as DNS has them */
    nanos stale_until;     /* and so long they serve when it is silent */
    struct dead_end *dead_end;
    struct carrier *carriers;
    size_t carrier_count, connecting;
    struct maildrop *maildrop;
    struct loop_timer *wake;
    char trouble[SAID_MAX];
    struct destination *next_in_anteroom;
    bool retired, draining, pumping, in_anteroom;
};

/* --- destination.c --- */

void destination_pump(struct destination *destination); /* goes on with what waits */

/* There is none yet; status is a literal. */
void destination_set_dead_end(struct destination *destination, enum outcome_kind kind, const char *status,
                              const char *why);

/* --- destination_security.c --- */

/* Whether it is known how sessions with the hop are to be secured; finds out if not, and pumps then. */
bool destination_knows_security(struct destination *destination, struct next_hop *hop);

/* What waits may not go there as the configuration has it: the hop is refused. */
bool destination_may_not_use(const struct destination *destination, struct next_hop *hop);

/* Nothing that waits may go to any of them: there is a dead end. */
bool destination_all_refuse(struct destination *destination);

#endif
