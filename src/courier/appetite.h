/* How many messages the queue takes ahead of its sessions. Pure. */
#ifndef VEDETTE_COURIER_APPETITE_H
#define VEDETTE_COURIER_APPETITE_H

#include "base/timefmt.h"

#include <stddef.h>

/* Zeroed at first. */
struct appetite {
    size_t ahead; /* deliveries to hold; more are leased when half of them are left */
    nanos last;   /* when something was leased; monotonic */
};

/* How many deliveries to lease now, 0 for none: ready ones are at hand, for so many sessions, of which some
 * have room. Two rounds are held, so that no session waits for the store; up to most while they go so fast
 * that sessions would. So a severe message that comes later waits for others a tenth of a second at most. */
size_t appetite_now(struct appetite *appetite, size_t ready, size_t sessions, size_t room, size_t most,
                    nanos now);

#endif
