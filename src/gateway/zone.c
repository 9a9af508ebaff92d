#include "gateway/zone.h"

#include <assert.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>

enum { DAY_SECONDS = 86400, WEEKDAY_OF_1970 = 3 };

struct zone {
    GTimeZone *zone;
};

struct zone *zone_new(const char *name)
{
    GTimeZone *found = g_time_zone_new_identifier(name);
    if (!found)
        return NULL;
    struct zone *zone = calloc(1, sizeof *zone);
    assert(zone);
    zone->zone = found;
    return zone;
}

void zone_free(struct zone *zone)
{
    if (!zone)
        return;
    g_time_zone_unref(zone->zone);
    free(zone);
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

struct zone_time zone_time(const struct zone *zone, nanos now)
{
    int64_t seconds = floor_div(now, NANOS_PER_SECOND);
    int interval = g_time_zone_find_interval(zone->zone, G_TIME_TYPE_UNIVERSAL, seconds);
    int64_t local = seconds + (interval < 0 ? 0 : g_time_zone_get_offset(zone->zone, interval));
    int64_t day = floor_div(local, DAY_SECONDS);
    return (struct zone_time){
        .weekday = (unsigned)(((day + WEEKDAY_OF_1970) % 7 + 7) % 7),
        .minute = (unsigned)(local - day * DAY_SECONDS) / 60,
        .day = day,
    };
}

char *zone_text(const struct zone_time *time, char *text, size_t cap)
{
    static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    snprintf(text, cap, "%s %02u:%02u", days[time->weekday % 7], time->minute / 60, time->minute % 60);
    return text;
}
