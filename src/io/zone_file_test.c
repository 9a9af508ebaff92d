#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs its types first. */
#include <cmocka.h>

#include <stdlib.h>

#include "io/zone_file.h"

static int offset(const struct zone *zone, const char *text)
{
    nanos t = 0;
    assert_true(time_parse_rfc3339(sv_of(text), &t) > 0);
    return zone_offset(zone, t);
}

static void zones_are_those_of_the_systems_database(void **state)
{
    static const struct {
        const char *zone, *moment;
        int offset_s;
    } cases[] = {
        {"Europe/Paris", "2026-03-29T00:59:59Z", 3600},
        {"Europe/Paris", "2026-03-29T01:00:00Z", 7200},
        {"Europe/Paris", "2026-10-25T00:59:59Z", 7200},
        {"Europe/Paris", "2026-10-25T01:00:00Z", 3600},
        {"Europe/Paris", "2036-07-01T00:00:00Z", 7200},
        {"America/St_Johns", "2026-01-01T00:00:00Z", -12600},
        {"Asia/Kathmandu", "2026-01-01T00:00:00Z", 20700},
        {"Africa/Casablanca", "2026-07-01T00:00:00Z", 3600},
        {"Pacific/Apia", "2011-12-30T09:59:59Z", -36000},
        {"Pacific/Apia", "2011-12-30T10:00:00Z", 50400},
        {"UTC", "2026-01-01T00:00:00Z", 0},
        {"Africa/Casablanca", "2026-03-01T00:00:00Z", 0},
        {"Australia/Lord_Howe", "2026-01-01T00:00:00Z", 39600},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct zone *zone = zone_open(sv_of(cases[i].zone));
        assert_non_null(zone);
        if (offset(zone, cases[i].moment) != cases[i].offset_s)
            fail_msg("%s at %s is %d", cases[i].zone, cases[i].moment, offset(zone, cases[i].moment));
        zone_close(zone);
    }
}

static void what_is_no_zone_is_none(void **state)
{
    static const char *const names[] = {
        "", "Moon/Crater", "Europe", "/etc/localtime", "../localtime", "Europe/paris ", "CET-1", "zone.tab"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (zone_exists(sv_of(names[i])) || zone_open(sv_of(names[i])))
            fail_msg("\"%s\" is taken for a zone", names[i]);
    }
}

static void the_machines_zone_is_the_environments(void **state)
{
    (void)state;
    setenv("TZ", "WINTER-1SUMMER-2,J1/0,J365/24", 1);
    struct zone *zone = zone_open_local();
    assert_int_equal(offset(zone, "2026-11-24T00:00:00Z"), 7200);
    zone_close(zone);
    setenv("TZ", "Asia/Tokyo", 1);
    zone = zone_open_local();
    assert_int_equal(offset(zone, "2026-11-24T00:00:00Z"), 32400);
    zone_close(zone);
    unsetenv("TZ");
    zone = zone_open_local();
    assert_non_null(zone);
    zone_close(zone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zones_are_those_of_the_systems_database),
        cmocka_unit_test(what_is_no_zone_is_none),
        cmocka_unit_test(the_machines_zone_is_the_environments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
