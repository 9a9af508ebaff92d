/* Time zones by name, as the system's time zone database has them. */
#ifndef VEDETTE_IO_ZONE_FILE_H
#define VEDETTE_IO_ZONE_FILE_H

#include "base/zone.h"

/* What to say of a name that there is no zone of. */
#define ZONE_ADVICE                                                                                         \
    "names are those of /usr/share/zoneinfo: Europe/Berlin, America/New_York, UTC; the package tzdata has " \
    "them"

/* Whether zone_open would find it, in a hundredth of the time. */
bool zone_exists(sv name);

/* An IANA name such as "Europe/Berlin". NULL if the database has none of that name. */
struct zone *zone_open(sv name);

/* The machine's own: the environment's TZ, else /etc/localtime, else UTC. */
struct zone *zone_open_local(void);

void zone_close(struct zone *zone); /* NULL is fine */

#endif
