/* What a person is sent: readable, complete, the same every time, and nothing an event says can act in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alert/compose_fixture.h"
#include "wire/mail_trace.h"

#include <gmime/gmime.h>
#include <stdlib.h>

struct parsed {
    GMimeMessage *message;
    char *plain, *html;
};

static char *part_text(GMimeMultipart *multipart, int index, const char *subtype)
{
    GMimeObject *part = g_mime_multipart_get_part(multipart, index);
    assert_true(GMIME_IS_TEXT_PART(part));
    assert_true(g_mime_content_type_is_type(g_mime_object_get_content_type(part), "text", subtype));
    char *text = g_mime_text_part_get_text(GMIME_TEXT_PART(part));
    assert_non_null(text);
    assert_true(sv_utf8(sv_of(text)));
    return text;
}

static struct parsed parse(const struct composed *c)
{
    sv bytes = buf_view(&c->out);
    struct parsed parsed;
    assert_true(composed_lines_sound(bytes));
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(bytes.p, bytes.n);
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    parsed.message = g_mime_parser_construct_message(parser, NULL);
    assert_non_null(parsed.message);
    GMimeObject *top = g_mime_message_get_mime_part(parsed.message);
    assert_true(g_mime_content_type_is_type(g_mime_object_get_content_type(top), "multipart", "alternative"));
    assert_int_equal(g_mime_multipart_get_count(GMIME_MULTIPART(top)), 2);
    parsed.plain = part_text(GMIME_MULTIPART(top), 0, "plain");
    parsed.html = part_text(GMIME_MULTIPART(top), 1, "html");
    g_object_unref(parser);
    g_object_unref(stream);
    return parsed;
}

static void parsed_free(struct parsed *parsed)
{
    g_free(parsed->plain);
    g_free(parsed->html);
    g_object_unref(parsed->message);
}

static const char *header(const struct parsed *parsed, const char *name)
{
    return g_mime_object_get_header(GMIME_OBJECT(parsed->message), name);
}

static int composed_open(void **state)
{
    struct composed *c = calloc(1, sizeof *c);
    assert_non_null(c);
    g_mime_init();
    composed_init(c);
    *state = c;
    return 0;
}

static int composed_close(void **state)
{
    composed_free(*state);
    free(*state);
    return 0;
}

static void run(struct composed *c)
{
    struct err err;
    assert_int_equal(composed_run(c, &err), 0);
}

static void the_first_screen_says_who_did_what_where_and_what_to_do(void **state)
{
    struct composed *c = *state;
    c->mail.count = 9;
    c->mail.suppressed = 7;
    c->mail.sequence = 2;
    run(c);
    struct parsed parsed = parse(c);
    static const char expected[] = "HIGH: Root password retrieved outside working hours\n"
                                   "\n"
                                   "Who: alice\n"
                                   "Target: root\n"
                                   "Action: Retrieve password\n"
                                   "Outcome: success\n"
                                   "From: 192.0.2.7\n"
                                   "On: vault01.example.org\n"
                                   "When: 2025-11-24T15:59:58.123Z\n"
                                   "Seen: 9 times, 7 more since the last mail\n"
                                   "Risk: 75 of 100\n"
                                   "First: 2025-11-24T16:00:00.123Z\n"
                                   "\n"
                                   "What to do\n"
                                   "1. Ask the person by telephone, not by mail, whether it was them.\n";
    char *plain = parsed.plain;
    for (char *cr; (cr = strchr(plain, '\r'));)
        memmove(cr, cr + 1, strlen(cr));
    assert_memory_equal(plain, expected, sizeof expected - 1);
    parsed_free(&parsed);
}

static void an_event_that_is_told_late_or_of_the_future_says_by_how_much(void **state)
{
    struct composed *c = *state;
    static const struct {
        int64_t minutes;
        const char *words;
    } cases[] = {{-130, "15:59:58.123Z, told 2 h later"},
                 {-2, "15:59:58.123Z, told 2 min later"},
                 {0, "15:59:58.123Z\n"},
                 {180, "15:59:58.123Z, by a clock that is 3 h ahead"}};
    nanos received = c->finding.received_at;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        c->finding.received_at = c->finding.event_time - cases[i].minutes * 60 * NANOS_PER_SECOND;
        run(c);
        struct parsed parsed = parse(c);
        for (char *cr; (cr = strchr(parsed.plain, '\r'));)
            memmove(cr, cr + 1, strlen(cr));
        assert_non_null(strstr(parsed.plain, cases[i].words));
        if (cases[i].minutes)
            assert_non_null(strstr(parsed.html, cases[i].words));
        parsed_free(&parsed);
        buf_clear(&c->out);
    }
    c->finding.received_at = received;
}

static void a_time_from_before_1970_is_shown_as_it_is(void **state)
{
    struct composed *c = *state;
    nanos usual = c->finding.event_time;
    c->finding.event_time = INT64_C(-8520336000) * NANOS_PER_SECOND;
    run(c);
    struct parsed parsed = parse(c);
    assert_non_null(strstr(parsed.plain, "1700-01-01T00:00:00.000Z\r\n"));
    parsed_free(&parsed);
    c->finding.event_time = usual;
}

static void both_forms_name_the_rule_its_author_and_the_way_to_look_it_up(void **state)
{
    struct composed *c = *state;
    static const char *const words[] = {
        "5c1d9a4e-0f0f-4f7e-9a43-1d1b0c5f7f01",
        "The Vedette authors",
        "vedette alerts --id 17",
        "Linux-Root",
        "On-call work",
        "https://attack.example.org/techniques/T1555",
        "attack.t1555",
        "15:59:59.123Z",
        "syslog udp://127.0.0.1:5514",
        "suser=alice",
        "misused",
        "suspend the account",
    };
    run(c);
    struct parsed parsed = parse(c);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        assert_non_null(strstr(parsed.plain, words[i]));
        assert_non_null(strstr(parsed.html, words[i]));
    }
    parsed_free(&parsed);
}

static void short_labels_stay_whole_beside_long_values_and_long_ones_leave_room(void **state)
{
    struct composed *c = *state;
    static const char name[] = "a.name.that.is.longer.than.a.phone.is.wide";
    c->fields[c->finding.field_count++] = (struct event_field){sv_of(name), SV("value"), EVENT_STRING};
    run(c);
    struct parsed parsed = parse(c);
    assert_non_null(strstr(parsed.html, ";white-space:nowrap\">Who<"));
    const char *cell = strstr(parsed.html, name);
    assert_non_null(cell);
    assert_int_equal(strncmp(cell - strlen("#64748b\">"), "#64748b\">", strlen("#64748b\">")), 0);
    parsed_free(&parsed);
}

static void headers_tell_machines_what_it_is(void **state)
{
    struct composed *c = *state;
    static const struct {
        const char *name, *value;
    } cases[] = {
        {"Subject",
         "[HIGH] Root password retrieved outside working hours: alice@vault01.example.org (alert 17)"},
        {"Date", "Mon, 24 Nov 2025 16:00:00 +0000"},
        {"Message-ID", "<vedette.17.1.187afca76f1ed4c0@vedette.example.org>"},
        {"From", "Vedette <vedette@example.org>"},
        {"To", "soc@example.org, Zoë <oncall@example.org>"},
        {"Auto-Submitted", "auto-generated"},
        {"X-Auto-Response-Suppress", "All"},
        {"Importance", "high"},
        {"X-Priority", "2"},
        {"X-Vedette-Alert", "17"},
        {"X-Vedette-Rule", "5c1d9a4e-0f0f-4f7e-9a43-1d1b0c5f7f01"},
        {"X-Vedette-Severity", "high"},
        {"MIME-Version", "1.0"},
        {"References", NULL},
        {"In-Reply-To", NULL},
        {"X-Vedette-Test", NULL},
    };
    run(c);
    struct parsed parsed = parse(c);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *value = header(&parsed, cases[i].name);
        if (cases[i].value)
            assert_string_equal(value, cases[i].value);
        else
            assert_null(value);
    }
    parsed_free(&parsed);
}

static void the_mails_of_one_alert_are_one_thread(void **state)
{
    struct composed *c = *state;
    char subject[300], id[ALERT_MESSAGE_ID_BYTES];
    run(c);
    struct parsed first = parse(c);
    snprintf(subject, sizeof subject, "%s", header(&first, "Subject"));
    snprintf(id, sizeof id, "%s", header(&first, "Message-ID"));
    parsed_free(&first);
    c->mail.sequence = 3;
    c->mail.created_at += 3600 * NANOS_PER_SECOND;
    run(c);
    struct parsed third = parse(c);
    assert_string_equal(header(&third, "Subject"), subject);
    assert_string_equal(header(&third, "References"), id);
    assert_string_equal(header(&third, "In-Reply-To"), id);
    assert_string_not_equal(header(&third, "Message-ID"), id);
    parsed_free(&third);
}

static void the_same_mail_gives_the_same_bytes(void **state)
{
    struct composed *c = *state;
    run(c);
    sv bytes = buf_view(&c->out);
    char *before = malloc(bytes.n);
    assert_non_null(before);
    memcpy(before, bytes.p, bytes.n);
    size_t n = bytes.n;
    run(c);
    assert_int_equal(buf_view(&c->out).n, n);
    assert_memory_equal(buf_view(&c->out).p, before, n);
    free(before);
}

static const sv hostile[] = {
    SV_INIT("x\r\nBcc: v@evil.example"),
    SV_INIT("x\nBcc: v@evil.example\n\nbody"),
    SV_INIT("x\rBcc: v@evil.example"),
    SV_INIT("\r\n.\r\nMAIL FROM:<v@evil.example>\r\n"),
    SV_INIT("=?utf-8?B?eA0KQmNjOiB2QGV2aWwuZXhhbXBsZQ==?="),
    SV_INIT("=?utf-8?Q?x=0D=0ABcc:_v@evil.example?="),
    SV_INIT("a\0b\0\r\nBcc: v@evil.example"),
    SV_INIT("\xff\xfe\x80 8-bit \xc3 garbage\xe2\x80"),
    SV_INIT("<script>alert(1)</script><img src=x onerror=\"alert('1')\">"),
    SV_INIT("--=_11.1.187afca76f1ed4c0\r\nContent-Type: text/html\r\n\r\n<script>"),
    SV_INIT("\xe2\x80\xaegpj.exe\xc2\x85"
            "Bcc: v@evil.example\xe2\x80\xa8"),
    SV_INIT("\x1b[2J\x07\x08"),
};

static void whatever_an_event_says_it_says_it_as_text(void **state)
{
    struct composed *c = *state;
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        composed_free(c);
        composed_init(c);
        for (size_t k = 0; k < c->finding.field_count; k++)
            c->fields[k].value = hostile[i];
        c->fields[7].name = hostile[i];
        c->finding.rule_title = c->finding.rule_id = c->finding.author = c->finding.raw = hostile[i];
        c->finding.description = c->finding.tags = c->finding.input = c->finding.references = hostile[i];
        run(c);
        struct parsed parsed = parse(c);
        assert_null(header(&parsed, "Bcc"));
        assert_non_null(header(&parsed, "Subject"));
        assert_int_equal(strcspn(header(&parsed, "Subject"), "\r\n"), strlen(header(&parsed, "Subject")));
        assert_null(strstr(parsed.html, "<script"));
        assert_null(strstr(parsed.html, "<img"));
        assert_null(strchr(parsed.plain, '\x1b'));
        assert_null(strstr(parsed.html, "\xe2\x80\xae"));
        parsed_free(&parsed);
    }
}

static void a_finding_as_large_as_can_be_still_makes_a_mail_of_bounded_size(void **state)
{
    struct composed *c = *state;
    static char words[16 * 1024];
    for (size_t i = 0; i + 3 <= sizeof words; i += 3)
        memcpy(words + i, "\xe7\xae\xa1", 3);
    sv huge = sv_make(words, sizeof words / 3 * 3);
    for (size_t i = 0; i < FINDING_FIELDS_MAX; i++)
        c->fields[i] = (struct event_field){sv_first(huge, 240), sv_first(huge, 2000), EVENT_STRING};
    c->finding.field_count = FINDING_FIELDS_MAX;
    c->finding.rule_title = c->finding.rule_id = c->finding.author = c->finding.description = huge;
    c->finding.response = c->finding.false_positives = c->finding.references = c->finding.tags = huge;
    c->finding.raw = c->finding.input = huge;
    run(c);
    struct parsed parsed = parse(c);
    assert_non_null(strstr(parsed.plain, "… and 24 more"));
    assert_non_null(strstr(parsed.html, "… and 24 more"));
    assert_in_range(buf_view(&c->out).n, 1, 512 * 1024);
    parsed_free(&parsed);
}

static void a_finding_of_nothing_still_makes_a_mail(void **state)
{
    struct composed *c = *state;
    c->finding = (struct finding){.severity = SEVERITY_LOW};
    c->mail.alert_id = 0;
    c->mail.severity = SEVERITY_LOW;
    run(c);
    struct parsed parsed = parse(c);
    assert_string_equal(header(&parsed, "Subject"), "[LOW]");
    assert_null(header(&parsed, "X-Vedette-Alert"));
    assert_null(header(&parsed, "X-Vedette-Rule"));
    assert_null(header(&parsed, "Importance"));
    parsed_free(&parsed);
}

static void a_test_says_that_nothing_happened(void **state)
{
    struct composed *c = *state;
    c->mail.test = true;
    run(c);
    struct parsed parsed = parse(c);
    assert_true(g_str_has_prefix(header(&parsed, "Subject"), "[TEST] "));
    assert_string_equal(header(&parsed, "X-Vedette-Test"), "yes");
    assert_non_null(strstr(parsed.plain, "This is a test of Vedette: nothing happened"));
    assert_non_null(strstr(parsed.html, "This is a test of Vedette:</b> nothing happened"));
    parsed_free(&parsed);
}

static void a_test_bears_the_mark_of_its_text(void **state)
{
    struct composed *c = *state;
    struct mail_trace trace;
    c->mail.test = true;
    run(c);
    mail_trace_read(buf_view(&c->out), &trace);
    assert_int_equal(trace.body, MAIL_TRACE_BODY_UNCHANGED);
    assert_int_equal(buf_put(&c->out, SV("\r\nA footer\r\n")), 0); /* past the last boundary: no part of it */
    mail_trace_read(buf_view(&c->out), &trace);
    assert_int_equal(trace.body, MAIL_TRACE_BODY_UNCHANGED);
}

static void a_raw_mail_is_given_as_it_is(void **state)
{
    struct composed *c = *state;
    struct err err;
    c->mail.content = SV("Subject: x\r\n\r\n\xff\r\n");
    assert_int_equal(composed_run(c, &err), 0);
    assert_true(sv_eq(buf_view(&c->out), c->mail.content));
}

static void a_damaged_finding_is_an_error_that_names_the_mail(void **state)
{
    struct composed *c = *state;
    struct err err;
    const struct config_strings to = {(const char **)(uintptr_t)composed_recipients, 2};
    run(c);
    buf_clear(&c->out);
    c->mail.finding.n--;
    assert_int_equal(compose(&c->mail, "v@example.org", &to, composed_hostname, &c->out, &err), -1);
    assert_int_equal(err.class, ERR_DATA);
    assert_non_null(strstr(err.cause, "mail 23"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, composed_open, composed_close)
    const struct CMUnitTest tests[] = {
        TEST(the_first_screen_says_who_did_what_where_and_what_to_do),
        TEST(an_event_that_is_told_late_or_of_the_future_says_by_how_much),
        TEST(a_time_from_before_1970_is_shown_as_it_is),
        TEST(both_forms_name_the_rule_its_author_and_the_way_to_look_it_up),
        TEST(short_labels_stay_whole_beside_long_values_and_long_ones_leave_room),
        TEST(headers_tell_machines_what_it_is),
        TEST(the_mails_of_one_alert_are_one_thread),
        TEST(the_same_mail_gives_the_same_bytes),
        TEST(whatever_an_event_says_it_says_it_as_text),
        TEST(a_finding_as_large_as_can_be_still_makes_a_mail_of_bounded_size),
        TEST(a_finding_of_nothing_still_makes_a_mail),
        TEST(a_test_says_that_nothing_happened),
        TEST(a_test_bears_the_mark_of_its_text),
        TEST(a_raw_mail_is_given_as_it_is),
        TEST(a_damaged_finding_is_an_error_that_names_the_mail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
