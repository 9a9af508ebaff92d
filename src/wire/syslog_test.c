/* Syslog headers: both RFCs, and the forms that devices send instead. */
#include "wire/decoding_test.h"
#include "wire/syslog.h"
#include "wire/syslog_time.h"

static const struct header_case {
    const char *record;
    enum syslog_form form;
    int priority;
    const char *time; /* as time_rfc3339 writes it, "" for none; "~" in front: assumed */
    const char *hostname, *tag, *pid, *message;
} cases[] = {
    {"<165>1 2026-11-24T03:00:00.003Z host.example.org app 8710 ID47 - message", SYSLOG_RFC5424, 165,
     "2026-11-24T03:00:00.003Z", "host.example.org", "app", "8710", "message"},
    {"<0>1 2026-11-24T03:00:00+01:00 - - - - -", SYSLOG_RFC5424, 0, "2026-11-24T02:00:00.000Z", "", "", "",
     ""},
    {"<34>1 - h a - - [x@1 a=\"]\"] \xef\xbb\xbfm", SYSLOG_RFC5424, 34, "", "h", "a", "", "m"},
    {"<5>1 2026-11-24T03:00:00Z VAULT CEF:0|a", SYSLOG_RFC5424, 5, "2026-11-24T03:00:00.000Z", "VAULT", "",
     "", "CEF:0|a"},
    {"<7>1 2026-11-24T03:00:00Z VAULT {\"a\":1}", SYSLOG_RFC5424, 7, "2026-11-24T03:00:00.000Z", "VAULT", "",
     "", "{\"a\":1}"},
    {"1 2026-11-24T03:00:00Z VAULT CEF:0|a", SYSLOG_RFC5424, -1, "2026-11-24T03:00:00.000Z", "VAULT", "", "",
     "CEF:0|a"},
    {"<5>1 2026-11-24T03:00:00Z h sshd[5]: words", SYSLOG_RFC5424, 5, "2026-11-24T03:00:00.000Z", "h", "sshd",
     "5", "words"},
    {"<134>1 1795000000.25 gw flows src=192.0.2.1", SYSLOG_RFC5424, 134, "2026-11-18T11:06:40.250Z", "gw", "",
     "", "flows src=192.0.2.1"},
    {"<34>Nov 23 22:14:15 mymachine su: 'su root' failed", SYSLOG_RFC3164, 34, "~2026-11-23T22:14:15.000Z",
     "mymachine", "su", "", "'su root' failed"},
    {"<34>Nov  3 22:14:15 mymachine sshd[12]: x", SYSLOG_RFC3164, 34, "~2026-11-03T22:14:15.000Z",
     "mymachine", "sshd", "12", "x"},
    {"Nov 23 22:14:15 mymachine sshd[12]: x", SYSLOG_RFC3164, -1, "~2026-11-23T22:14:15.000Z", "mymachine",
     "sshd", "12", "x"},
    {"<34>Nov 23 22:14:15 sshd[12]: x", SYSLOG_RFC3164, 34, "~2026-11-23T22:14:15.000Z", "", "sshd", "12",
     "x"},
    {"<34>Nov 23 22:14:15 sudo:   x : y", SYSLOG_RFC3164, 34, "~2026-11-23T22:14:15.000Z", "", "sudo", "",
     "x : y"},
    {"<34>Nov 23 22:14:15.123 h a/b-c.d[12]: x", SYSLOG_RFC3164, 34, "~2026-11-23T22:14:15.123Z", "h",
     "a/b-c.d", "12", "x"},
    {"<34>Nov 23 22:14:15 2025 h a: x", SYSLOG_RFC3164, 34, "~2025-11-23T22:14:15.000Z", "h", "a", "", "x"},
    {"<34>Nov 23 2025 22:14:15 h a: x", SYSLOG_RFC3164, 34, "~2025-11-23T22:14:15.000Z", "h", "a", "", "x"},
    {"<34>2025 Nov 23 22:14:15 h a: x", SYSLOG_RFC3164, 34, "~2025-11-23T22:14:15.000Z", "h", "a", "", "x"},
    {"<34>Nov 23 2025 22:14:15 CET: %ASA-6-1: x", SYSLOG_RFC3164, 34, "2025-11-23T21:14:15.000Z", "",
     "%ASA-6-1", "", "x"},
    {"<34>2026-11-23T22:14:15.5+02:00 h a[1]: x", SYSLOG_RFC3164, 34, "2026-11-23T20:14:15.500Z", "h", "a",
     "1", "x"},
    {"2026-11-23 22:14:15,25 h a: x", SYSLOG_RFC3164, -1, "~2026-11-23T22:14:15.250Z", "h", "a", "", "x"},
    {"<189>123: *Mar  1 18:46:11.123 UTC: %SYS-5-CONFIG_I: x", SYSLOG_RFC3164, 189,
     "~2026-03-01T18:46:11.123Z", "", "%SYS-5-CONFIG_I", "", "x"},
    {"<189>123: rtr1: Mar  1 2026 18:46:11: %SYS-5-CONFIG_I: x", SYSLOG_RFC3164, 189,
     "~2026-03-01T18:46:11.000Z", "rtr1", "%SYS-5-CONFIG_I", "", "x"},
    {"<189>*Mar  1 18:46:11: %SYS-5-CONFIG_I: x", SYSLOG_RFC3164, 189, "~2026-03-01T18:46:11.000Z", "",
     "%SYS-5-CONFIG_I", "", "x"},
    {"<34>Nov 23 22:14:15 2001:db8::1 a: x", SYSLOG_RFC3164, 34, "~2026-11-23T22:14:15.000Z", "2001:db8::1",
     "a", "", "x"},
    {"<34>Nov 23 22:14:15 192.0.2.1 no tag here", SYSLOG_RFC3164, 34, "~2026-11-23T22:14:15.000Z",
     "192.0.2.1", "", "", "no tag here"},
    {"<86>Nov 23 22:14:15 h1 gdm-password][901]: x", SYSLOG_RFC3164, 86, "~2026-11-23T22:14:15.000Z", "h1",
     "gdm-password", "901", "x"},
    {"<13>tag: x", SYSLOG_RFC3164, 13, "", "", "tag", "", "x"},
    {"<13>Nov 23 22:14:15 CESTA su[9]: x", SYSLOG_RFC3164, 13, "~2026-11-23T22:14:15.000Z", "CESTA", "su",
     "9", "x"},
    {"<13>Nov 23 22:14:15 CEST h su[9]: x", SYSLOG_RFC3164, 13, "~2026-11-23T20:14:15.000Z", "h", "su", "9",
     "x"},
    {"<13>Nov 23 22:14:15 CET: su[9]: x", SYSLOG_RFC3164, 13, "~2026-11-23T21:14:15.000Z", "", "su", "9",
     "x"},
    {"<13>Nov 23 22:14:15 CE su[9]: x", SYSLOG_RFC3164, 13, "~2026-11-23T22:14:15.000Z", "CE", "su", "9",
     "x"},
    {"<13>Nov 23 22:14:15 a: x", SYSLOG_RFC3164, 13, "~2026-11-23T22:14:15.000Z", "", "a", "", "x"},
    {"<13>Nov  3 22:14:15 host5 a: x", SYSLOG_RFC3164, 13, "~2026-11-03T22:14:15.000Z", "host5", "a", "",
     "x"},
    {"<13>only words", SYSLOG_RFC3164, 13, "", "", "", "", "only words"},
    {"<13>vault CEF:0|a", SYSLOG_RFC3164, 13, "", "vault", "", "", "CEF:0|a"},
    {"<13>Nov 23 22:14:15 h http://example.org/ x", SYSLOG_RFC3164, 13, "~2026-11-23T22:14:15.000Z", "h", "",
     "", "http://example.org/ x"},
    {"<86>Nov 23 22:14:15 h (sd-pam)[9]: x", SYSLOG_RFC3164, 86, "~2026-11-23T22:14:15.000Z", "h", "(sd-pam)",
     "9", "x"},
};

static void check_time(const struct header_case *expected, const struct syslog_header *header)
{
    char text[40] = "";
    bool assumed = false;
    if (header->timed)
        time_rfc3339(syslog_time_moment(&header->time, TEST_ARRIVAL, NULL, &assumed), text, sizeof text);
    if (!sv_eq(sv_of(text), sv_of(expected->time + assumed)) || assumed != (expected->time[0] == '~'))
        fail_msg("%s\ntime is %s%s, not %s", expected->record, assumed ? "~" : "", text, expected->time);
}

static void check_part(const char *record, const char *what, sv found, const char *expected)
{
    if (!sv_eq(found, sv_of(expected)))
        fail_msg("%s\n%s is \"%.*s\", not \"%s\"", record, what, SV_ARG(found), expected);
}

static void headers_are_read_as_devices_write_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct syslog_header header;
        if (!syslog_parse(sv_of(cases[i].record), &header))
            fail_msg("%s\nis taken for no syslog", cases[i].record);
        assert_int_equal(header.form, cases[i].form);
        assert_int_equal(header.priority, cases[i].priority);
        check_time(&cases[i], &header);
        check_part(cases[i].record, "hostname", header.hostname, cases[i].hostname);
        check_part(cases[i].record, "tag", header.tag, cases[i].tag);
        check_part(cases[i].record, "pid", header.pid, cases[i].pid);
        check_part(cases[i].record, "message", header.message, cases[i].message);
    }
}

static void what_has_neither_priority_nor_time_is_no_syslog(void **state)
{
    (void)state;
    static const char *const others[] = {"",
                                         "words",
                                         "<192>x",
                                         "<>x",
                                         "<1x",
                                         "{\"a\":1}",
                                         "Nov 99 22:14:15 h",
                                         "Nov  : 22:14:15 host a: x",
                                         "Nov 31 22:14:15 host a: x",
                                         "Now 23 22:14:15 host a: x",
                                         "<",
                                         "2 - something",
                                         "12: x"};
    struct syslog_header header;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (syslog_parse(sv_of(others[i]), &header))
            fail_msg("\"%s\" is taken for syslog", others[i]);
}

/* Returns whether it was guessed. */
static bool check_moment(const char *arrival, const char *record, const struct zone *zone,
                         const char *expected)
{
    nanos now;
    bool assumed;
    char text[40];
    struct syslog_header header;
    assert_true(time_parse_rfc3339(sv_of(arrival), &now) > 0);
    assert_true(syslog_parse(sv_of(record), &header) && header.timed);
    time_rfc3339(syslog_time_moment(&header.time, now, zone, &assumed), text, sizeof text);
    assert_string_equal(text, expected);
    return assumed;
}

static void check_year(const char *arrival, const char *record, const char *expected)
{
    assert_true(check_moment(arrival, record, NULL, expected));
}

static void the_year_is_guessed_around_new_year(void **state)
{
    (void)state;
    check_year("2027-01-01T00:00:05Z", "<1>Dec 31 23:59:59 h a: x", "2026-12-31T23:59:59.000Z");
    check_year("2026-12-31T23:59:55Z", "<1>Jan  1 00:00:05 h a: x", "2027-01-01T00:00:05.000Z");
    check_year("2026-11-24T00:00:00Z", "<1>Nov 28 00:00:00 h a: x", "2025-11-28T00:00:00.000Z");
    check_year("2026-11-24T00:00:00Z", "<1>Feb 29 00:00:00 h a: x", "2024-02-29T00:00:00.000Z");
    check_year("2104-02-26T00:00:00Z", "<1>Feb 29 00:00:00 h a: x", "2096-02-29T00:00:00.000Z");
}

static void a_time_without_zone_is_moved_by_the_assumed_one(void **state)
{
    (void)state;
    static const char *const records[] = {"<1>Nov 23 22:00:00 h a: x", "<1>2026-11-23T22:00:00 h a: x"};
    for (size_t i = 0; i < sizeof records / sizeof *records; i++)
        assert_true(
            check_moment("2026-11-24T08:00:00Z", records[i], ZONE_FIXED(3600), "2026-11-23T21:00:00.000Z"));
}

/* An hour of summer time as in Paris in 2026: what zone_test.c has more of. */
static void a_time_without_zone_is_of_its_own_season(void **state)
{
    static const struct zone_change changes[] = {{0, 3600}, {1774746000, 7200}, {1792890000, 3600}};
    static const struct zone paris = {changes, 3};
    static const struct {
        const char *arrival, *record, *expected;
    } seasons[] = {
        {"2026-11-24T03:00:05Z", "<1>Jul  1 12:00:00 h a: x", "2026-07-01T10:00:00.000Z"},
        {"2026-11-24T03:00:05Z", "<1>2026-07-01T12:00:00.5 h a: x", "2026-07-01T10:00:00.500Z"},
        {"2026-11-24T03:00:05Z", "<1>Mar 29 02:30:00 h a: x", "2026-03-29T01:30:00.000Z"},
        {"2026-10-25T00:30:01Z", "<1>Oct 25 02:30:00.25 h a: x", "2026-10-25T00:30:00.250Z"},
        {"2026-10-25T01:30:01Z", "<1>Oct 25 02:30:00 h a: x", "2026-10-25T01:30:00.000Z"},
        {"2026-10-25T01:30:01Z", "<1>Oct 25 02:30:00 CEST h a: x", "2026-10-25T00:30:00.000Z"},
        {"2026-10-25T01:30:01Z", "<1>2026-10-25T02:30:00+02:00 h a: x", "2026-10-25T00:30:00.000Z"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof seasons / sizeof *seasons; i++)
        check_moment(seasons[i].arrival, seasons[i].record, &paris, seasons[i].expected);
}

static const struct decoded fields[] = {
    {"<38>1 2026-11-24T03:00:00Z h app 5 ID47 [timeQuality tzKnown=\"1\" isSynced=\"0\"][ex@32473 "
     "a=\"b\\\"c\\]\\\\d\\x\" e=\"\"] m",
     "rfc5424/text",
     "//",
     {{"timeQuality.tzKnown", "1"},
      {"timeQuality.isSynced", "0"},
      {"ex@32473.a", "b\"c]\\d\\x"},
      {"ex@32473.e", ""},
      {"host.name", "h"},
      {"process.name", "app"},
      {"process.pid", "5"},
      {"log.syslog.msgid", "ID47"},
      {"log.syslog.facility.name", "auth"},
      {"log.syslog.severity.name", "informational"},
      {"log.syslog.severity.code", "6"}}},
    {"<38>1 2026-11-24T03:00:00Z h app 5 ID47 [open a=\"b", "rfc5424/text", NULL, {{"host.name", "h"}}},
    {"<38>1 2026-11-24T03:00:00Z h app 5 ID47 [flag] m", "rfc5424/text", NULL, {{"host.name", "h"}}},
};

static void header_and_structured_data_become_fields(void **state)
{
    (void)state;
    CHECK_ALL(fields);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_are_read_as_devices_write_them),
        cmocka_unit_test(what_has_neither_priority_nor_time_is_no_syslog),
        cmocka_unit_test(the_year_is_guessed_around_new_year),
        cmocka_unit_test(a_time_without_zone_is_moved_by_the_assumed_one),
        cmocka_unit_test(a_time_without_zone_is_of_its_own_season),
        cmocka_unit_test(header_and_structured_data_become_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
