/* What is read out of, and kept out of, the words that go into records: queue ids, Message-IDs, secrets,
 * hops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "courier/hops.h"
#include "courier/mask.h"
#include "courier/message_id.h"
#include "courier/patience.h"
#include "courier/queue_id.h"
#include "courier/refusals.h"
#include "courier/report.h"

#include <stdio.h>
#include <stdlib.h>

static void check(sv got, const char *expected)
{
    char text[256];
    snprintf(text, sizeof text, "%.*s", SV_ARG(got));
    assert_string_equal(text, expected);
}

static void a_queue_id_is_found_in_every_gateways_form(void **state)
{
    (void)state;
    static const struct {
        const char *answer, *id;
    } cases[] = {
        {"250 2.0.0 Ok: queued as 4XyZ1234abz9Q", "4XyZ1234abz9Q"},
        {"250 2.0.0 Ok: queued as 7C1F52A0B3", "7C1F52A0B3"},
        {"250 OK id=1tF3aB-000000001Xy-2abc", "1tF3aB-000000001Xy-2abc"},
        {"250 2.0.0 5f3c9a1e Message accepted for delivery", "5f3c9a1e"},
        {"250 2.0.0 4AO8Fq3x012345 Message accepted for delivery", "4AO8Fq3x012345"},
        {"250 2.6.0 <17.1@example.org> [InternalId=4711, Hostname=x] 1234 bytes Queued mail for delivery",
         "17.1@example.org"},
        {"250 2.0.0 queued as 0192f-1a.", "0192f-1a"},
        {"250 2.0.0 Ok", ""},
        {"250 Message accepted for delivery", ""},
        {"250 2.0.0 Message accepted for delivery", ""},
        {"250 Great success", ""},
        {"250 queued as ", ""},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(queue_id_find(sv_of(cases[i].answer)), cases[i].id);
}

static void a_message_id_is_found_in_the_head_and_nowhere_else(void **state)
{
    (void)state;
    static const struct {
        const char *mail, *id;
    } cases[] = {
        {"From: a\r\nMessage-ID: <1@h>\r\n\r\nbody", "<1@h>"},
        {"message-id:<1@h>\nFrom: a\n\n", "<1@h>"},
        {"Message-Id:\r\n <folded@h>\r\n\r\n", "<folded@h>"},
        {"Subject: x\r\n Message-ID: <inside@h>\r\n\r\n", ""},
        {"Subject: x\r\n\r\nMessage-ID: <body@h>\r\n", ""},
        {"X-Message-ID: <x@h>\r\n\r\n", ""},
        {"Message-ID: <un closed@h>\r\n\r\n", ""},
        {"Message-ID: <unclosed@h\r\n\r\n", ""},
        {"Message-ID: none\r\n", ""},
        {"", ""},
        {"\r\n", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(message_id_find(sv_of(cases[i].mail)), cases[i].id);
}

static void a_secret_is_masked_bare_and_in_base64(void **state)
{
    (void)state;
    static const struct {
        const char *text, *masked;
    } cases[] = {
        {"535 no: hunter2secret was wrong", "535 no: ************* was wrong"},
        {"535 hunter2secrethunter2secret", "535 **************************"},
        {"535 AGFsaWNlAGh1bnRlcjJzZWNyZXQ= rejected", "535 ***************************= rejected"},
        {"535 aHVudGVyMnNlY3JldA==", "535 ******************=="},
        {"535 SmtpClientAuthentication is disabled", "535 SmtpClientAuthentication is disabled"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[128];
        snprintf(text, sizeof text, "%s", cases[i].text);
        mask(text, SV("hunter2secret"));
        assert_string_equal(text, cases[i].masked);
    }
    char text[] = "a short one";
    mask(text, SV("a"));
    assert_string_equal(text, "a short one");
}

static void hops_become_json_whatever_was_said(void **state)
{
    (void)state;
    static struct hops hops;
    hops_add(&hops, "banner", 1500000, SV("220 \"x\\y\"\nz"));
    hops_add(&hops, "ehlo", 0, SV("\x01\xff h\xc3\xa9"));
    struct buf out = BUF_INIT(HOPS_JSON_MAX);
    hops_json(&hops, &out);
    check(buf_view(&out), "[{\"hop\": \"banner\", \"ms\": 1.500, \"said\": \"220 \\\"x\\\\y\\\"\\nz\"}, "
                          "{\"hop\": \"ehlo\", \"ms\": 0.000, \"said\": \"?? h??\"}]");
    buf_free(&out);
}

static void hops_are_bounded_and_keep_the_end_of_the_dialogue(void **state)
{
    (void)state;
    static struct hops hops;
    char long_text[2000];
    memset(long_text, '"', sizeof long_text);
    for (int i = 0; i < 100; i++)
        hops_add(&hops, "rcpt", 1, sv_make(long_text, sizeof long_text));
    hops_add(&hops, "dot", 1, SV("250 ok"));
    assert_int_equal(hops.count, HOPS_REPEATED_MAX + 1);
    assert_string_equal(hops.items[hops.count - 1].name, "dot");
    for (int i = 0; i < 100; i++)
        hops_add(&hops, i % 2 ? "a" : "b", 1, sv_make(long_text, sizeof long_text));
    assert_int_equal(hops.count, HOPS_MAX);
    struct buf out = BUF_INIT(HOPS_JSON_MAX);
    hops_json(&hops, &out);
    buf_free(&out);
}

static void patience_is_short_only_while_there_is_another_way(void **state)
{
    (void)state;
    assert_true(patience_to_connect(true) == 5 * NANOS_PER_SECOND);
    assert_true(patience_to_connect(false) == 300 * NANOS_PER_SECOND);
    for (int stage = SMTP_STAGE_BANNER; stage <= SMTP_STAGE_DOT; stage++) {
        nanos short_one = patience_for((enum smtp_stage)stage, 0, true);
        assert_true(short_one >= 9 * NANOS_PER_SECOND && short_one < 10 * NANOS_PER_SECOND);
        assert_true(patience_for((enum smtp_stage)stage, 7, true) == 7);
        assert_true(patience_for((enum smtp_stage)stage, 0, false) >= 120 * NANOS_PER_SECOND);
    }
    assert_true(patience_for(SMTP_STAGE_DOT, 0, false) == 600 * NANOS_PER_SECOND);
    assert_true(patience_for(SMTP_STAGE_DATA, 0, false) == 120 * NANOS_PER_SECOND);
    assert_true(patience_for(SMTP_STAGE_BODY, 0, false) == 180 * NANOS_PER_SECOND);
}

static void the_oldest_refusal_is_forgotten_first(void **state)
{
    (void)state;
    struct refusals *refusals = calloc(1, sizeof *refusals);
    assert_non_null(refusals);
    for (int64_t id = 1; id <= REFUSALS_MAX; id++)
        refusals_add(refusals, id, 1);
    refusals_add(refusals, REFUSALS_MAX, 1);
    assert_true(refusals_has(refusals, 1, 1));
    assert_false(refusals_has(refusals, 1, 2));
    refusals_add(refusals, 1, 2);
    assert_false(refusals_has(refusals, 1, 1));
    assert_true(refusals_has(refusals, 2, 1));
    assert_true(refusals_has(refusals, 1, 2));
    free(refusals);
}

static void reports_come_once_a_minute_and_name_the_rest(void **state)
{
    (void)state;
    struct report_gate gate = {0};
    nanos now = 1000 * NANOS_PER_SECOND;
    assert_int_equal(report_gate_pass(&gate, now), 0);
    assert_int_equal(report_gate_pass(&gate, now + NANOS_PER_SECOND), -1);
    assert_int_equal(report_gate_pass(&gate, now + 59 * NANOS_PER_SECOND), -1);
    assert_int_equal(report_gate_pass(&gate, now + 61 * NANOS_PER_SECOND), 2);
    assert_int_equal(report_gate_pass(&gate, now + 200 * NANOS_PER_SECOND), 0);
    assert_true(report_is_one(SV("<report.17.99@example.org>")));
    assert_false(report_is_one(SV("<vedette.17.1.99@example.org>")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_queue_id_is_found_in_every_gateways_form),
        cmocka_unit_test(a_message_id_is_found_in_the_head_and_nowhere_else),
        cmocka_unit_test(a_secret_is_masked_bare_and_in_base64),
        cmocka_unit_test(hops_become_json_whatever_was_said),
        cmocka_unit_test(hops_are_bounded_and_keep_the_end_of_the_dialogue),
        cmocka_unit_test(patience_is_short_only_while_there_is_another_way),
        cmocka_unit_test(the_oldest_refusal_is_forgotten_first),
        cmocka_unit_test(reports_come_once_a_minute_and_name_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
