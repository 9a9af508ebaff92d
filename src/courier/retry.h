/* How long a message waits after a failed attempt. Pure: chance comes in as an argument. */
#ifndef VEDETTE_COURIER_RETRY_H
#define VEDETTE_COURIER_RETRY_H

#include "base/timefmt.h"

/* first, doubled for each failure after the first, at most max; of that, between a half and all as chance
 * (any 32 bits) has it, so that what failed together does not come back together. failures counts from 1. */
nanos retry_delay(nanos first, nanos max, int failures, uint32_t chance);

#endif
