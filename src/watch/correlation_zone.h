/* Time zones by name, as the system's time zone database has them. */
#ifndef VEDETTE_WATCH_CORRELATION_ZONE_H
#define VEDETTE_WATCH_CORRELATION_ZONE_H

#include "base/timefmt.h"

struct zone;

/* An IANA name such as "Europe/Berlin". NULL if the database has none of that name. */
struct zone *zone_open(sv name);
void zone_close(struct zone *zone); /* NULL is fine */

/* Seconds east of UTC at that moment, summer time included. */
int zone_offset(const struct zone *zone, nanos t);

#endif
