/* A time zone as a table: what a clock on a wall there shows at a moment, and which moment such a clock
 * means. Pure: io/zone_file.h makes the tables of the system's database. */
#ifndef VEDETTE_BASE_ZONE_H
#define VEDETTE_BASE_ZONE_H

#include "base/timefmt.h"

/* From that second since 1970 on (UTC) clocks are so far east of UTC. */
struct zone_change {
    int64_t from_s;
    int offset_s;
};

/* Changes in their order; before the second, the first one's offset holds. Whoever made it owns the list.
 * Everywhere a zone is asked for NULL is UTC, and so is one without changes. */
struct zone {
    const struct zone_change *changes;
    size_t count;
};

/* A zone of one offset, for as long as the block that it stands in. */
#define ZONE_FIXED(seconds) (&(const struct zone){&(const struct zone_change){INT64_MIN, (seconds)}, 1})

/* Seconds east of UTC at that moment, summer time included. */
int zone_offset(const struct zone *zone, nanos t);

/* The second (since 1970, UTC) that a clock there means which shows local_s: seconds since 1970 as if it were
 * one of UTC. A time that the clock shows twice, when it is put back, is the later one that is not more than
 * half an hour after `arrival`; one that it leaves out, when it is put forward, is read as if it had not
 * been. */
int64_t zone_second(const struct zone *zone, int64_t local_s, nanos arrival);

#endif
