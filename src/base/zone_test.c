#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs its types first. */
#include <cmocka.h>

#include "base/zone.h"

/* An hour's summer time in 2026 as in Paris, a zone that moved over the date line as Samoa did, and one that
 * went back for good. */
static const struct zone_change paris[] = {{0, 3600}, {1774746000, 7200}, {1792890000, 3600}},
                                samoa[] = {{0, -36000}, {1325239200, 50400}},
                                back[] = {{0, 10800}, {1000000000, 7200}};
static const struct zone zones[] = {{paris, 3}, {samoa, 2}, {back, 2}};

static nanos moment(const char *text)
{
    nanos t = 0;
    assert_true(time_parse_rfc3339(sv_of(text), &t) > 0);
    return t;
}

static void a_wall_clock_means_the_moment_that_it_shows(void **state)
{
    static const struct {
        size_t zone;
        const char *shown, *arrival, *expected;
    } cases[] = {
        {0, "2026-02-01T12:00:00Z", "2026-11-01T00:00:00Z", "2026-02-01T11:00:00Z"},
        {0, "2026-07-01T12:00:00Z", "2026-11-01T00:00:00Z", "2026-07-01T10:00:00Z"},
        /* the last second before the gap, the gap, the first behind it */
        {0, "2026-03-29T01:59:59Z", "2026-11-01T00:00:00Z", "2026-03-29T00:59:59Z"},
        {0, "2026-03-29T02:00:00Z", "2026-11-01T00:00:00Z", "2026-03-29T01:00:00Z"},
        {0, "2026-03-29T02:59:59Z", "2026-11-01T00:00:00Z", "2026-03-29T01:59:59Z"},
        {0, "2026-03-29T03:00:00Z", "2026-11-01T00:00:00Z", "2026-03-29T01:00:00Z"},
        /* the hour that comes twice: while it does, and read later */
        {0, "2026-10-25T01:59:59Z", "2026-10-25T00:00:00Z", "2026-10-24T23:59:59Z"},
        {0, "2026-10-25T02:30:00Z", "2026-10-25T00:30:00Z", "2026-10-25T00:30:00Z"},
        {0, "2026-10-25T02:30:00Z", "2026-10-25T00:59:59Z",
         "2026-10-25T00:30:00Z"}, /* late by less than half an hour */
        {0, "2026-10-25T02:30:00Z", "2026-10-25T01:00:00Z",
         "2026-10-25T01:30:00Z"}, /* a clock that is ahead by as much */
        {0, "2026-10-25T02:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T01:30:00Z"},
        {0, "2026-10-25T02:30:00Z", "2026-12-01T00:00:00Z", "2026-10-25T01:30:00Z"},
        {0, "2026-10-25T03:00:00Z", "2026-10-25T02:00:00Z", "2026-10-25T02:00:00Z"},
        {1, "2011-12-29T23:59:59Z", "2026-01-01T00:00:00Z", "2011-12-30T09:59:59Z"},
        {1, "2011-12-30T12:00:00Z", "2026-01-01T00:00:00Z", "2011-12-30T22:00:00Z"}, /* a day that was not */
        {1, "2011-12-31T00:00:00Z", "2026-01-01T00:00:00Z", "2011-12-30T10:00:00Z"},
        {2, "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "2025-12-31T22:00:00Z"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[40], wanted[40];
        int64_t second = zone_second(&zones[cases[i].zone], moment(cases[i].shown) / NANOS_PER_SECOND,
                                     moment(cases[i].arrival));
        time_rfc3339(second * NANOS_PER_SECOND, text, sizeof text);
        time_rfc3339(moment(cases[i].expected), wanted, sizeof wanted);
        if (second * NANOS_PER_SECOND != moment(cases[i].expected))
            fail_msg("case %zu: %s is %s, expected %s", i, cases[i].shown, text, wanted);
    }
}

static void an_offset_is_of_its_moment(void **state)
{
    (void)state;
    assert_int_equal(zone_offset(&zones[0], moment("2026-03-29T00:59:59.999Z")), 3600);
    assert_int_equal(zone_offset(&zones[0], moment("2026-03-29T01:00:00Z")), 7200);
    assert_int_equal(zone_offset(&zones[0], moment("1970-01-01T00:00:00Z") - 1), 3600);
}

static void no_zone_is_utc_and_one_offset_stays(void **state)
{
    (void)state;
    assert_int_equal(zone_offset(NULL, moment("2026-07-01T00:00:00Z")), 0);
    assert_true(zone_second(NULL, 1000, 0) == 1000);
    assert_true(zone_second(&(struct zone){0}, 1000, 0) == 1000);
    assert_int_equal(zone_offset(ZONE_FIXED(-3600), 0), -3600);
    assert_true(zone_second(ZONE_FIXED(-3600), 1000, 0) == 4600);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wall_clock_means_the_moment_that_it_shows),
        cmocka_unit_test(an_offset_is_of_its_moment),
        cmocka_unit_test(no_zone_is_utc_and_one_offset_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
