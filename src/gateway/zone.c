#include "gateway/zone.h"

#include <stdio.h>

enum { DAY_SECONDS = 86400, WEEKDAY_OF_1970 = 3 };

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

struct zone_time zone_time(const struct zone *zone, nanos now)
{
    int64_t seconds = floor_div(now, NANOS_PER_SECOND);
    int64_t local = seconds + zone_offset(zone, now);
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
