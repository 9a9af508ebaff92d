#include "courier/appetite.h"

#include <stdbool.h>

static const nanos FAST = 100 * NANOS_PER_MS; /* between two leases */

size_t appetite_now(struct appetite *appetite, size_t ready, size_t sessions, size_t room, size_t most,
                    nanos now)
{
    size_t least = 2 * sessions, half = appetite->ahead > least ? appetite->ahead / 2 : sessions;
    if (ready >= half || (room == 0 && ready >= half / 2))
        return 0;
    bool fast = appetite->last && now - appetite->last < FAST;
    size_t ahead = fast ? 2 * appetite->ahead : 0;
    if (ahead > most)
        ahead = most;
    appetite->ahead = ahead > least ? ahead : least;
    appetite->last = now;
    size_t wanted = appetite->ahead > ready ? appetite->ahead - ready : 1;
    return wanted < most ? wanted : most;
}
