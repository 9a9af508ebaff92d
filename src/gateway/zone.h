/* What the clock on the wall shows in a time zone, daylight saving included. */
#ifndef VEDETTE_GATEWAY_ZONE_H
#define VEDETTE_GATEWAY_ZONE_H

#include "base/zone.h"

struct zone_time {
    unsigned weekday; /* 0 is Monday */
    unsigned minute;  /* of the day */
    int64_t day;      /* days since 1970-01-01 there */
};

struct zone_time zone_time(const struct zone *zone, nanos now);

/* "Mon 07:15": for people. cap ≥ 16. Returns text. */
char *zone_text(const struct zone_time *time, char *text, size_t cap);

#endif
