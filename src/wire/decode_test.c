/* decode() as a whole: it tells the forms apart, never fails, and stays in its bounds. */
#include "wire/decoding_test.h"

#include <stdlib.h>

static void format_names_are_read(void **state)
{
    (void)state;
    static const char *const names[] = {"auto", "json", "cef", "leef", "syslog", "text"};
    enum decode_format format;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_true(decode_format_parse(sv_of(names[i]), &format));
        assert_int_equal(format, i);
    }
    assert_false(decode_format_parse(SV("JSON"), &format));
}

static void a_format_that_was_asked_for_is_insisted_on(void **state)
{
    (void)state;
    static const struct {
        enum decode_format format;
        struct decoded decoded;
    } cases[] = {
        {DECODE_JSON, {"words", "text", NULL, {{"vedette.decode_error", "the record is no JSON object"}}}},
        {DECODE_JSON,
         {"[{\"a\":1},{\"a\":2}]", "json", NULL, {{"a", "1"}, {"vedette.decode_error", ABSENT}}}},
        {DECODE_AUTO, {"[{\"a\":1}]", "text", NULL, {{"a", ABSENT}}}},
        {DECODE_CEF,
         {"{\"a\":1}",
          "json",
          NULL,
          {{"vedette.decode_error", "the record has no CEF header (CEF:0|vendor|product|…)"}}}},
        {DECODE_CEF,
         {"relay said - CEF:0|a|b|1|2|n|1|k=v", "cef", NULL, {{"k", "v"}, {"vedette.decode_error", ABSENT}}}},
        {DECODE_LEEF,
         {"x",
          "text",
          NULL,
          {{"vedette.decode_error", "the record has no LEEF header (LEEF:1.0|vendor|product|…)"}}}},
        {DECODE_LEEF, {"said - LEEF:1.0|a|b|1|2|k=v", "leef", NULL, {{"k", "v"}}}},
        {DECODE_SYSLOG,
         {"x",
          "text",
          NULL,
          {{"vedette.decode_error", "the record has no syslog header (a priority or a time)"}}}},
        {DECODE_SYSLOG, {"<1>x", "rfc3164/text", NULL, {{"vedette.decode_error", ABSENT}}}},
        {DECODE_TEXT,
         {"CEF:0|a|b|1|2|n|1|k=v", "text", NULL, {{"k", ABSENT}, {"vedette.decode_error", ABSENT}}}},
        {DECODE_TEXT,
         {"sshd[5]: Failed password for root from 192.0.2.1 port 1 ssh2",
          "text/sshd",
          NULL,
          {{"user.name", "root"}}}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_decoded_as(&cases[i].decoded, cases[i].format);
}

static void a_record_of_no_form_is_its_own_message(void **state)
{
    (void)state;
    struct arena *arena = arena_new(4096);
    struct event event;
    sv raw = SV("just words");
    decode(&event, raw, DECODE_AUTO, TEST_ARRIVAL, NULL, arena);
    assert_true(sv_eq(event.message, raw) && sv_eq(event.raw, raw));
    assert_ptr_equal(event.raw.p, raw.p);
    assert_int_equal(event.field_count, 0);
    assert_true(event.time == TEST_ARRIVAL && event.arrival == TEST_ARRIVAL);
    assert_int_equal(event.flags, EVENT_TIME_ASSUMED);
    decode(&event, SV_NONE, DECODE_AUTO, TEST_ARRIVAL, NULL, arena);
    assert_int_equal(event.raw.n, 0);
    assert_string_equal(event.format, "text");
    arena_free(arena);
}

static void a_record_over_the_maximum_is_cut_and_told(void **state)
{
    (void)state;
    char *text = malloc(EVENT_BYTES_MAX + 10);
    memset(text, 'x', EVENT_BYTES_MAX + 10);
    memcpy(text, "<13>a: ", 7);
    struct arena *arena = arena_new(4096);
    struct event event;
    decode(&event, sv_make(text, EVENT_BYTES_MAX), DECODE_AUTO, TEST_ARRIVAL, NULL, arena);
    assert_false(event.flags & EVENT_TRUNCATED);
    decode(&event, sv_make(text, EVENT_BYTES_MAX + 10), DECODE_AUTO, TEST_ARRIVAL, NULL, arena);
    assert_true(event.flags & EVENT_TRUNCATED);
    assert_int_equal(event.raw.n, EVENT_BYTES_MAX);
    arena_free(arena);
    free(text);
}

static const char *const records[] = {
    "<5>1 2026-11-24T03:00:00Z V CEF:0|Cyber-Ark|Vault|12|295|Retrieve \\| x|5|act=\"a b\" suser=alice "
    "cs2Label=\"S\" "
    "cs2=\"P\" cs5Label=\"Other info\" cs5=\"SrcHost=192.0.2.8;Command=ls \\; x\\=1;\" msg=a\\nb\\=c",
    "LEEF:2.0|a|b|1|2|^|k=v^src=192.0.2.1^msg=a\\=b",
    "{\"a\":{\"b\":[\"\\u00e9\",{\"c\":\"d\\n\"}]},\"Channel\":\"Security\",\"EventID\":4625}",
    ("<syslog><audit_record><MessageID>4</MessageID><Issuer>a&amp;b</Issuer><New>x</New></audit_record>"
     "</syslog>"),
    "<38>1 2026-11-24T03:00:00Z h app 5 ID47 [ex@1 a=\"b\\\"c\"] m",
    "<38>Nov 24 03:00:00 h sshd[5]: Failed password for invalid user x from 192.0.2.1 port 5 ssh2",
    "Nov 24 03:00:00 h sudo: a : TTY=x ; PWD=/ ; USER=root ; COMMAND=/bin/sh",
    "type=EXECVE msg=audit(1795000000.123:45): argc=2 a0=\"cat\" a1=2F6574632F736861646F77",
};

enum { RECORD_COUNT = sizeof records / sizeof *records };

static void read_all(const struct event *event)
{
    size_t bytes = event->message.n;
    for (size_t i = 0; i < event->field_count; i++)
        bytes += event->fields[i].name.n + event->fields[i].value.n;
    assert_true(bytes <= 64 * EVENT_BYTES_MAX);
}

static void memory_used_up_drops_fields_and_tells(void **state)
{
    (void)state;
    for (size_t i = 0; i < RECORD_COUNT; i++) {
        bool dropped = false;
        for (size_t bytes = 0; bytes <= 16 * 1024; bytes += 64) {
            struct arena *arena = arena_new(bytes);
            struct event event;
            decode(&event, sv_of(records[i]), DECODE_AUTO, TEST_ARRIVAL, NULL, arena);
            read_all(&event);
            if (bytes == 0)
                assert_int_equal(event.field_count, 0);
            dropped |= (event.flags & EVENT_FIELDS_DROPPED) != 0;
            if (bytes == 16 * 1024)
                assert_false(event.flags & EVENT_FIELDS_DROPPED);
            arena_free(arena);
        }
        assert_true(dropped);
    }
}

/* xorshift; the same bytes in every run. */
static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static void garbage_never_breaks_it(void **state)
{
    (void)state;
    uint32_t seed = 2463534242U;
    struct arena *arena = arena_new(64 * 1024);
    for (size_t round = 0; round < 20000; round++) {
        const char *base = records[round % RECORD_COUNT];
        size_t n = strlen(base);
        char *text = malloc(n);
        memcpy(text, base, n);
        for (unsigned i = next_random(&seed) % 8; i > 0; i--)
            text[next_random(&seed) % n] = (char)next_random(&seed);
        size_t kept = next_random(&seed) % (n + 1);
        /* Moved to its own end, so that a read past it is seen by the sanitizer. */
        memmove(text + (n - kept), text, kept);
        struct event event;
        arena_reset(arena);
        decode(&event, sv_make(text + (n - kept), kept), (enum decode_format)(round % 6), TEST_ARRIVAL, NULL,
               arena);
        read_all(&event);
        free(text);
    }
    arena_free(arena);
}

/* "product/category/service", or "" where nothing is sure; and what is told is what decode says. */
static void check_source(const char *record, const char *expected)
{
    struct arena *arena = arena_new(1 << 20);
    struct logsource told;
    struct event event;
    char text[128] = "";
    if (decode_source(sv_of(record), DECODE_AUTO, &told)) {
        snprintf(text, sizeof text, "%.*s/%.*s/%.*s", SV_ARG(told.product), SV_ARG(told.category),
                 SV_ARG(told.service));
        decode(&event, sv_of(record), DECODE_AUTO, TEST_ARRIVAL, NULL, arena);
        assert_true(sv_eq(event.source.product, told.product));
        assert_true(told.category.n == 0 || sv_eq(event.source.category, told.category));
        assert_true(told.service.n == 0 || sv_eq(event.source.service, told.service));
    }
    if (strcmp(text, expected) != 0)
        fail_msg("%s\nthe source is told as \"%s\", not \"%s\"", record, text, expected);
    arena_free(arena);
}

#define SYSMON     "\"Channel\":\"Microsoft-Windows-Sysmon/Operational\""
#define VAULT_TYPE "\"type\":\"request\",\"auth\":{\"a\":[1,\"C:\\\\x\"]}"

static void the_names_and_values_of_json_tell_its_source(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{\"Event\":{\"System\":{\"Provider\":{\"Name\":\"x\"},\"EventID\":1," SYSMON
         "},\"EventData\":{\"Image\":\"C:\\\\x\"}}}",
         "windows/process_creation/sysmon"},
        {"{\"Event\":{\"System\":{\"EventID\":12," SYSMON "},\"EventData\":{\"EventType\":\"CreateKey\"}}}",
         "windows//sysmon"},
        {"{\"Event\":{\"System\":{\"EventID\":1,\"Channel\":\"no channel of ours\"}}}", "windows//"},
        {"{\"Event\":{\"EventData\":{\"Image\":\"x\",\"Data\":[{\"Name\":\"User\",\"#text\":\"y\"}]},"
         "\"System\":{\"EventID\":1," SYSMON "}}}",
         "windows/process_creation/sysmon"},
        {"{\"EventID\":1," SYSMON ",\"CommandLine\":\"EventID \\\\\\u0061 \\\\u syslog \\\"Channel\\\":\"}",
         "windows/process_creation/sysmon"},
        {"{\"EventID\":1," SYSMON ",\"Image\":\"C:\\\\Users\\\\u1\\\\svchost.exe\",\"a\":\"tI t_ nn sl\"}",
         "windows/process_creation/sysmon"},
        {"{\"EventID\":1," SYSMON ",\"User\":\"CORP\\\\user\"}", "windows/process_creation/sysmon"},
        {"{\"EventID\":4688,\"Channel\":\"Security\",\"Image\":\"x\"}", "windows/process_creation/security"},
        {"{\"@timestamp\":\"t\",\"winlog\":{\"channel\":\"Security\",\"event_id\":4624}}",
         "windows//security"},
        {"<86>Nov 24 08:00:00 h x: {\"EventID\":4624,\"Channel\":\"Security\"", "windows//security"},
        {"{\"time\":\"t\"," VAULT_TYPE ",\"request\":{\"operation\":\"read\",\"path\":\"secret/x\"}}",
         "hashicorp//vault"},
        {"{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",\"auditID\":\"x\",\"auditCode\":\"y\"}",
         "kubernetes//audit"},
        {"{\"auditCode\":\"PAM00004\",\"apiVersion\":\"v1\",\"auditType\":\"Failure\",\"type\":\"t\"}",
         "cyberark//audit"},
        {"{\"Event\":{\"System\":{\"EventID\":1," SYSMON "}},\"syslog\":{\"audit_record\":{\"a\":1}}}",
         "cyberark//vault"},
        {"{\"raw\":\"a\\\\u\",\"syslog\":{\"audit_record\":{\"Severity\":\"Info\"}}}", "cyberark//vault"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_source(cases[i][0], cases[i][1]);
}

static void what_may_change_the_source_of_json_leaves_it_open(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "{\"Event\":{\"System\":{\"EventID\":1," SYSMON "}},\"Channel\":\"Security\"}",
        "{\"Event\":{\"System\":{\"EventID\":1," SYSMON "}},\"EventID\":\"3\"}",
        "{\"Event\":{\"System\":{\"EventID\":1," SYSMON "}},\"Ch\\u0061nnel\":\"Security\"}",
        "{\"EventID\":1," SYSMON ",\"\\\\\\u0061\":\"x\"}",
        "{\"EventID\":1," SYSMON ",\"s\\u0079slog\":{\"audit_record\":{\"a\":1}}}",
        "{\"s\\u0079slog\":{\"audit_record\":{\"a\":1}}," SYSMON ",\"EventID\":1}",
        "{\"Event\":{\"EventData\":{\"Data\":[{\"Name\":\"Channel\",\"#text\":\"Security\"}]},"
        "\"System\":{\"EventID\":1," SYSMON "}}}",
        "{\"Event\":{\"System\":{\"EventID\":1," SYSMON "},\"EventData\":{\"EventID\":2}}}",
        "{\"Event\":{\"System\":{\"EventID\":1," SYSMON "},\"UserData\":{\"a\":{\"Channel\":\"Security\"}}}}",
        "{\"Event\":{\"EventData\":{\"Data\":[{\"Name\":\"Ch\\u0061nnel\",\"#text\":\"Security\"}]},"
        "\"System\":{\"EventID\":1," SYSMON "}}}",
        "{\"winlog\":{\"channel\":\"Security\",\"event_data\":{\"EventID\":2},\"event_id\":1}}",
        "{\"Event\":{\"System\":{\"EventID\":{\"#text\":4624}," SYSMON ",\"EventID\":1}}}",
        "{\"Event\":{\"System\":{\"EventID\":\"\"," SYSMON "}}}",
        "{\"Ev\\u0065ntID\":2,\"EventID\":1," SYSMON "}",
        "{\"EventID\":1,\"a\":b," SYSMON "}",
        "{" VAULT_TYPE ",\"request\":{\"operation\":\"read\",\"path\":\"x\"}," SYSMON "}",
        "{" VAULT_TYPE
        ",\"request\":{\"operation\":\"read\",\"path\":\"x\"},\"Event\":{\"System\":{\"a\":1}}}",
        "{" VAULT_TYPE
        ",\"MESSAGE\":\"x\",\"_COMM\":\"su\",\"request\":{\"operation\":\"read\",\"path\":\"x\"}}",
        "{" VAULT_TYPE ",\"request\":{\"operation\":\"read\",\"path\":\"\"}}",
        "{\"syslog\":{\"other\":1}," SYSMON ",\"EventID\":1}",
        "{\"a\":1}",
        "[{\"EventID\":1," SYSMON "}]",
        "<86>1 2026-11-24T08:00:00Z h a 1 - [a b=\"c\"] {\"EventID\":4624,\"Channel\":\"Security\"}",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_source(cases[i], "");
}

static void many_values_leave_the_source_of_json_open(void **state)
{
    (void)state;
    static char record[8192];
    size_t n = (size_t)snprintf(record, sizeof record, "{\"EventID\":1," SYSMON ",\"a\":[1");
    for (size_t i = 0; i < EVENT_FIELDS_MAX; i++)
        n += (size_t)snprintf(record + n, sizeof record - n, ",2");
    snprintf(record + n, sizeof record - n, "]}");
    check_source(record, "");
    n = (size_t)snprintf(record, sizeof record, "{\"a\":[1");
    for (size_t i = 0; i < EVENT_FIELDS_MAX; i++)
        n += (size_t)snprintf(record + n, sizeof record - n, ",2");
    snprintf(record + n, sizeof record - n, "],\"EventID\":1," SYSMON "}");
    check_source(record, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(format_names_are_read),
        cmocka_unit_test(a_format_that_was_asked_for_is_insisted_on),
        cmocka_unit_test(a_record_of_no_form_is_its_own_message),
        cmocka_unit_test(a_record_over_the_maximum_is_cut_and_told),
        cmocka_unit_test(memory_used_up_drops_fields_and_tells),
        cmocka_unit_test(garbage_never_breaks_it),
        cmocka_unit_test(the_names_and_values_of_json_tell_its_source),
        cmocka_unit_test(what_may_change_the_source_of_json_leaves_it_open),
        cmocka_unit_test(many_values_leave_the_source_of_json_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
