#include "watch/correlation_zone.h"

#include <glib.h>

enum { NAME_BYTES_MAX = 128 };

/* GLib's own, by another name: what it is stays behind the header. */
struct zone *zone_open(sv name)
{
    char text[NAME_BYTES_MAX];
    if (!name.n || name.n >= sizeof text || name.p[0] == '/' || name.p[0] == '.')
        return NULL;
    sv_copy(text, sizeof text, name);
    return (struct zone *)g_time_zone_new_identifier(text);
}

void zone_close(struct zone *zone)
{
    if (zone)
        g_time_zone_unref((GTimeZone *)zone);
}

int zone_offset(const struct zone *zone, nanos t)
{
    GTimeZone *library = (GTimeZone *)(uintptr_t)zone;
    int interval = g_time_zone_find_interval(library, G_TIME_TYPE_UNIVERSAL, t / NANOS_PER_SECOND);
    return interval < 0 ? 0 : g_time_zone_get_offset(library, interval);
}
