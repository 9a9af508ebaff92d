/* CEF: header and extension escapes, and what devices write instead. */
#include "wire/decoding_test.h"

static const struct decoded cases[] = {
    {"CEF:0|Example|Wall|1.0|100|worm stopped|10|src=192.0.2.1 dst=198.51.100.2 spt=1232",
     "cef",
     "//",
     {{"deviceVendor", "Example"},
      {"deviceProduct", "Wall"},
      {"deviceVersion", "1.0"},
      {"deviceEventClassId", "100"},
      {"name", "worm stopped"},
      {"severity", "10"},
      {"src", "192.0.2.1"},
      {"spt", "1232"},
      {"source.ip", "192.0.2.1"},
      {"source.address", "192.0.2.1"},
      {"source.domain", ABSENT},
      {"destination.ip", "198.51.100.2"},
      {"source.port", "1232"},
      {"event.code", "100"},
      {"rule.name", "worm stopped"},
      {"event.provider", "Wall"}}},
    {"CEF:0|Exa\\|mple|W\\\\all|1|a\\|b|n|1|k=v",
     "cef",
     NULL,
     {{"deviceVendor", "Exa|mple"}, {"deviceProduct", "W\\all"}, {"deviceEventClassId", "a|b"}, {"k", "v"}}},
    {"CEF:0|a|b|1|2|n|1|msg=a\\=b c\\nd\\re\\\\f next=x",
     "cef",
     NULL,
     {{"msg", "a=b c\nd\re\\f"}, {"next", "x"}}},
    {"CEF:0|a|b|1|2|n|1|request=https://example.org/?a=b&c=d&e=f msg=two words and more  end=1",
     "cef",
     NULL,
     {{"request", "https://example.org/?a=b&c=d&e=f"}, {"msg", "two words and more"}, {"end", "1"}}},
    {"CEF:0|a|b|1|2|n|1|act=\"Use  x=1 now\" suser= duser=\"\" fname=Root\\new\\x  msg=\"open quote cs1=5",
     "cef",
     NULL,
     {{"act", "Use  x=1 now"},
      {"suser", ""},
      {"user.name", ABSENT},
      {"duser", ""},
      {"fname", "Root\\new\\x"},
      {"msg", "\"open quote"},
      {"cs1", "5"}}},
    {"CEF:0|a|b|1|2|n|1|suser=CORP\\nick filePath=C:\\\\temp\\\\run.exe msg=say \"hi\" to all x=\"a\" and "
     "\"b\"",
     "cef",
     NULL,
     {{"suser", "CORP\\nick"},
      {"user.name", "CORP\\nick"},
      {"filePath", "C:\\temp\\run.exe"},
      {"msg", "say \"hi\" to all"},
      {"x", "a\" and \"b"}}},
    {"CEF:0|a|b|1|2|n|1|cs1Label=Ticket cs1=T-1 cn1=5 cn1Label=Count cs2=alone deviceCustomDate1=x "
     "deviceCustomDate1Label=When flexString2Label=Flex flexString2=f cs3Label= cs3=nameless",
     "cef",
     NULL,
     {{"cs1", "T-1"},
      {"cs1Label", "Ticket"},
      {"Ticket", "T-1"},
      {"Count", "5"},
      {"cs2", "alone"},
      {"When", "x"},
      {"Flex", "f"},
      {"cs3", "nameless"}}},
    {"CEF: 0|a|b|1|2|n|1|k=v", "cef", NULL, {{"k", "v"}}},
    {"CEF:1|a|b|1|2|n", "cef", NULL, {{"name", "n"}, {"severity", ""}}},
    {"CEF:0|a|b|1|2|n|1|", "cef", NULL, {{"severity", "1"}}},
    {"CEF:0|a|b|1|2|n|1|junk in front k=v", "cef", NULL, {{"k", "v"}}},
    {"<13>Nov 24 03:00:00 fw1 CEF:0|a|b|1|2|n|1|k=v",
     "rfc3164/cef",
     NULL,
     {{"k", "v"}, {"host.name", "fw1"}}},
    {"<13>Nov 24 03:00:00 fw1 agent: CEF:0|a|b|1|2|n|1|k=v",
     "rfc3164/cef",
     NULL,
     {{"k", "v"}, {"process.name", "agent"}}},
    {"<13>CEF:0|a|b|1|2|n|1|k=v", "rfc3164/cef", NULL, {{"k", "v"}}},
    {"<13>fw1 CEF:0|a|b|1|2|n|1|k=v", "rfc3164/cef", NULL, {{"k", "v"}, {"host.name", "fw1"}}},
    {"CEF:0|a|b|1", "text", NULL, {{"deviceVendor", ABSENT}}},
    {"CEF:x|a|b|1|2|n|1|k=v", "text", NULL, {{"k", ABSENT}}},
};

static void a_record_gives_its_fields(void **state)
{
    (void)state;
    CHECK_ALL(cases);
}

static nanos time_of(const char *record, unsigned *ret_flags)
{
    struct arena *arena = arena_new(64 * 1024);
    struct event event;
    decode(&event, sv_of(record), DECODE_AUTO, TEST_ARRIVAL, NULL, arena);
    arena_free(arena);
    *ret_flags = event.flags;
    return event.time;
}

static void the_devices_clock_counts_where_the_header_has_no_whole_time(void **state)
{
    (void)state;
    unsigned flags;
    const nanos rt = 1795000000LL * NANOS_PER_SECOND;
    assert_true(time_of("CEF:0|a|b|1|2|n|1|start=1 rt=1795000000000", &flags) == rt);
    assert_false(flags & EVENT_TIME_ASSUMED);
    assert_true(time_of("CEF:0|a|b|1|2|n|1|rt=Nov 18 2026 11:06:40 UTC", &flags) == rt);
    assert_false(flags & EVENT_TIME_ASSUMED);
    assert_true(time_of("CEF:0|a|b|1|2|n|1|rt=Nov 18 2026 11:06:40", &flags) == rt);
    assert_true(flags & EVENT_TIME_ASSUMED);
    assert_true(time_of("<1>1 2026-11-18T11:06:40Z h CEF:0|a|b|1|2|n|1|rt=1", &flags) == rt);
    assert_true(time_of("CEF:0|a|b|1|2|n|1|rt=9539899999998", &flags) == TEST_ARRIVAL); /* the year 2272 */
    assert_true(flags & EVENT_TIME_ASSUMED);
    assert_true(time_of("CEF:0|a|b|1|2|n|1|k=v", &flags) == TEST_ARRIVAL);
    assert_true(flags & EVENT_TIME_ASSUMED);
}

static void each_labelled_value_stands_under_its_label(void **state)
{
    (void)state;
    static const struct {
        const char *stem;
        unsigned count;
    } pairs[] = {{"cs", 6},         {"cn", 3},         {"cfp", 4},     {"c6a", 4}, {"deviceCustomDate", 2},
                 {"flexString", 2}, {"flexNumber", 2}, {"flexDate", 1}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        for (unsigned n = 0; n <= pairs[i].count + 1; n++) {
            char record[128];
            bool paired = n >= 1 && n <= pairs[i].count;
            snprintf(record, sizeof record, "CEF:0|a|b|1|2|n|1|%s%u=v %s%uLabel=The label x=y", pairs[i].stem,
                     n, pairs[i].stem, n);
            check_decoded_as(
                &(struct decoded){record, "cef", NULL, {{"The label", paired ? "v" : ABSENT}, {"x", "y"}}},
                DECODE_AUTO);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_gives_its_fields),
        cmocka_unit_test(each_labelled_value_stands_under_its_label),
        cmocka_unit_test(the_devices_clock_counts_where_the_header_has_no_whole_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
