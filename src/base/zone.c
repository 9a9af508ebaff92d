#include "base/zone.h"

enum {
    DAY_S = 86400, /* no zone is further from UTC, and none changes twice within two */
    GRACE_S =
        30 *
        60 /* half of the hour that is shown twice: for records that are late, or clocks that are ahead */
};

static int offset_at(const struct zone *zone, int64_t second)
{
    if (!zone || zone->count == 0)
        return 0;
    size_t low = 0, high = zone->count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (zone->changes[middle].from_s <= second)
            low = middle;
        else
            high = middle;
    }
    return zone->changes[low].offset_s;
}

static int64_t floor_second(nanos t)
{
    return t / NANOS_PER_SECOND - (t % NANOS_PER_SECOND < 0);
}

int zone_offset(const struct zone *zone, nanos t)
{
    return offset_at(zone, floor_second(t));
}

int64_t zone_second(const struct zone *zone, int64_t local_s, nanos arrival)
{
    int before = offset_at(zone, local_s - DAY_S), after = offset_at(zone, local_s + DAY_S);
    int64_t first = local_s - before, second = local_s - after;
    bool is_first = offset_at(zone, first) == before, is_second = offset_at(zone, second) == after;
    if (is_first && is_second)
        return second <= floor_second(arrival) + GRACE_S ? second : first;
    return is_second ? second : first;
}
