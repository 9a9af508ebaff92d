#include "io/zone_file.h"

#include <assert.h>
#include <glib.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

enum { NAME_BYTES_MAX = 128, CHANGES_MAX = 1000 };

/* Before and after, a zone stays as it was or will be: what it will be in 2100 nobody knows. */
#define FIRST_S 788918400LL  /* 1995 */
#define LAST_S  4102444800LL /* 2100 */
#define WEEK_S  (7 * 86400LL)

/* Seconds east of UTC at that second. */
typedef int offset_fn(void *arg, int64_t second);

struct table {
    struct zone zone;
    struct zone_change changes[];
};

/* The first second that has another offset than `early` has; `late` has one. */
static int64_t change_between(offset_fn *fn, void *arg, int64_t early, int64_t late)
{
    int before = fn(arg, early);
    while (late - early > 1) {
        int64_t middle = early + (late - early) / 2;
        if (fn(arg, middle) == before)
            early = middle;
        else
            late = middle;
    }
    return late;
}

/* A table is looked up in a hundredth of the time, and by several threads. */
static struct zone *table_of(offset_fn *fn, void *arg)
{
    struct table *table = calloc(1, sizeof *table + CHANGES_MAX * sizeof *table->changes);
    assert(table);
    struct zone_change last = {FIRST_S, fn(arg, FIRST_S)};
    table->changes[table->zone.count++] = last;
    for (int64_t at = FIRST_S; at < LAST_S && table->zone.count < CHANGES_MAX;) {
        int64_t next = at + WEEK_S;
        if (fn(arg, next) != last.offset_s) {
            next = change_between(fn, arg, at, next);
            last = (struct zone_change){next, fn(arg, next)};
            table->changes[table->zone.count++] = last;
        }
        at = next;
    }
    size_t bytes = sizeof *table + table->zone.count * sizeof *table->changes;
    struct table *fitting = realloc(table, bytes);
    table = fitting ? fitting : table;
    table->zone.changes = table->changes;
    return &table->zone;
}

static int library_offset(void *arg, int64_t second)
{
    int interval = g_time_zone_find_interval(arg, G_TIME_TYPE_UNIVERSAL, second);
    return interval < 0 ? 0 : g_time_zone_get_offset(arg, interval);
}

/* GLib would take "CET-1" for a zone, too, and complain of tables of zones that lie beside them. */
static bool is_in_database(const char *name)
{
    char path[PATH_MAX], magic[4] = "";
    struct stat status;
    const char *folder = getenv("TZDIR");
    snprintf(path, sizeof path, "%s/%s", folder && *folder ? folder : "/usr/share/zoneinfo", name);
    FILE *file = stat(path, &status) == 0 && S_ISREG(status.st_mode) ? fopen(path, "re") : NULL;
    bool is_zone = file && fread(magic, sizeof magic, 1, file) == 1 && memcmp(magic, "TZif", 4) == 0;
    if (file)
        fclose(file);
    return is_zone;
}

static GTimeZone *library_zone(sv name)
{
    char text[NAME_BYTES_MAX];
    if (!name.n || name.n >= sizeof text || name.p[0] == '/' || sv_find(name, SV("..")) != SV_NPOS)
        return NULL;
    sv_copy(text, sizeof text, name);
    return is_in_database(text) ? g_time_zone_new_identifier(text) : NULL;
}

bool zone_exists(sv name)
{
    GTimeZone *library = library_zone(name);
    if (library)
        g_time_zone_unref(library);
    return library != NULL;
}

struct zone *zone_open(sv name)
{
    GTimeZone *library = library_zone(name);
    if (!library)
        return NULL;
    struct zone *zone = table_of(library_offset, library);
    g_time_zone_unref(library);
    return zone;
}

/* The C library reads forms of TZ that GLib does not. */
static int local_offset(void *arg, int64_t second)
{
    (void)arg;
    time_t seconds = second;
    struct tm local;
    return localtime_r(&seconds, &local) ? (int)local.tm_gmtoff : 0;
}

struct zone *zone_open_local(void)
{
    tzset();
    return table_of(local_offset, NULL);
}

void zone_close(struct zone *zone)
{
    free(zone); /* the first of a table */
}
