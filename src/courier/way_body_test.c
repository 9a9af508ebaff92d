#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "courier/way_body.h"

#include <jansson.h>

static const char trouble[] = "{\"kind\":\"trouble\",\"severity\":\"critical\",\"key\":\"primary/"
                              "gateway-down\",\"title\":\"A gateway <does> "
                              "not | take = mail\",\"text\":\"Nobody & nothing answers.\",\"advice\":\"See "
                              "to it.\",\"cause\":\"firewall\","
                              "\"gateway\":\"primary\",\"reply\":\"421 "
                              "a|b=c\\\\d\",\"recipient\":null,\"host\":\"relay.example.org\",\"alert\":7,"
                              "\"message\":null,\"at\":\"2026-11-24T08:15:30.000Z\"}";

static const char over[] =
    "{\"kind\":\"resolved\",\"severity\":\"critical\",\"key\":\"primary/gateway-down\",\"title\":"
    "\"It is well again\",\"text\":\"\",\"host\":\"h\",\"at\":\"2026-11-24T08:15:30.000Z\"}";

static void webhook(enum config_template template, const char *notice, const char *wanted)
{
    struct buf out = BUF_INIT(WAY_BODY_BYTES_MAX);
    struct err err;
    assert_int_equal(way_body_webhook(template, sv_of(notice), SV("R0UT1NG"), &out, &err), 0);
    json_t *got = json_loadb(buf_view(&out).p, buf_view(&out).n, 0, NULL);
    json_t *want = json_loads(wanted, 0, NULL);
    assert_non_null(want);
    if (!json_equal(got, want))
        fail_msg("%.*s", SV_ARG(buf_view(&out)));
    json_decref(got);
    json_decref(want);
    buf_free(&out);
}

static void each_receiver_gets_its_own_form(void **state)
{
    (void)state;
    webhook(CONFIG_TEMPLATE_GENERIC, trouble, trouble);
    webhook(
        CONFIG_TEMPLATE_SLACK, trouble,
        "{\"text\":\"A gateway &lt;does&gt; not | take = mail\",\"blocks\":[{\"type\":\"header\",\"text\":{"
        "\"type\":\"plain_text\",\"text\":\"A gateway <does> not | take = mail\"}},{\"type\":\"section\","
        "\"text\":{\"type\":\"mrkdwn\",\"text\":\"Nobody &amp; nothing answers.\\n*What to do:* See to it."
        "\\n*Gateway:* primary\\n*Cause:* firewall\\n*It said:* 421 a|b=c\\\\d\\n*Reported by:* "
        "relay.example.org\\n*At:* 2026-11-24T08:15:30.000Z\"}}]}");
    webhook(
        CONFIG_TEMPLATE_PAGERDUTY, over,
        "{\"routing_key\":\"R0UT1NG\",\"event_action\":\"resolve\",\"dedup_key\":\"primary/gateway-down\"}");
    webhook(CONFIG_TEMPLATE_TEAMS, over,
            "{\"type\":\"message\",\"attachments\":[{\"contentType\":\"application/"
            "vnd.microsoft.card.adaptive\",\"contentUrl\":null,\"content\":{\"$schema\":\"http://"
            "adaptivecards.io/"
            "schemas/adaptive-card.json\",\"type\":\"AdaptiveCard\",\"version\":\"1.4\",\"body\":["
            "{\"type\":\"RichTextBlock\",\"inlines\":[{\"type\":\"TextRun\",\"text\":\"It is well again\","
            "\"weight\":\"Bolder\"}]},"
            "{\"type\":\"RichTextBlock\",\"inlines\":[{\"type\":\"TextRun\",\"text\":\"\",\"weight\":"
            "\"Default\"}]},"
            "{\"type\":\"RichTextBlock\",\"inlines\":[{\"type\":\"TextRun\",\"text\":\"Reported by: h\","
            "\"weight\":\"Default\"}]},"
            "{\"type\":\"RichTextBlock\",\"inlines\":[{\"type\":\"TextRun\",\"text\":\"At: "
            "2026-11-24T08:15:30.000Z\",\"weight\":\"Default\"}]}]}}]}");
}

static void pagerduty_gets_the_severity_and_what_belongs_together(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(WAY_BODY_BYTES_MAX);
    struct err err;
    assert_int_equal(way_body_webhook(CONFIG_TEMPLATE_PAGERDUTY, sv_of(trouble), SV("R0UT1NG"), &out, &err),
                     0);
    json_t *got = json_loadb(buf_view(&out).p, buf_view(&out).n, 0, NULL);
    const char *action, *key, *severity, *summary, *source, *reply;
    assert_int_equal(json_unpack(got, "{s:s, s:s, s:{s:s, s:s, s:s, s:{s:s}}}", "event_action", &action,
                                 "dedup_key", &key, "payload", "severity", &severity, "summary", &summary,
                                 "source", &source, "custom_details", "reply", &reply),
                     0);
    assert_string_equal(action, "trigger");
    assert_string_equal(key, "primary/gateway-down");
    assert_string_equal(severity, "critical");
    assert_string_equal(summary, "A gateway <does> not | take = mail");
    assert_string_equal(source, "relay.example.org");
    assert_string_equal(reply, "421 a|b=c\\d");
    json_decref(got);
    buf_free(&out);
}

static void cef_is_escaped_where_its_rules_say_so(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(WAY_BODY_BYTES_MAX);
    struct err err;
    assert_int_equal(way_body_syslog(true, sv_of(trouble), &out, &err), 0);
    buf_put_char(&out, '\0');
    assert_string_equal(
        buf_view(&out).p,
        "<82>1 2026-11-24T08:15:30.000Z relay.example.org vedette - trouble - "
        "CEF:0|Vedette|Vedette|" VEDETTE_VERSION
        "|trouble|A gateway <does> not \\| take = mail|10|cat=mail-path "
        "msg=Nobody & nothing answers. dvchost=relay.example.org reason=421 a|b\\=c\\\\d externalId=7 "
        "cs1Label=Gateway cs1=primary cs2Label=Cause cs2=firewall cs3Label=Advice cs3=See to it. "
        "cs4Label=Key "
        "cs4=primary/gateway-down");
    buf_free(&out);
}

static void no_line_end_of_an_event_gets_into_a_line(void **state)
{
    (void)state;
    static const char nasty[] =
        "{\"kind\":\"tr\\noub le\",\"title\":\"a\\r\\nb\",\"text\":\"c\\u0000d\\n<13>1 - - e\","
        "\"host\":\"h\\no st\",\"at\":\"x y\",\"reply\":\"r\\ns\",\"advice\":\"t\\rv\"}";
    struct err err;
    for (int form = 0; form < 3; form++) {
        struct buf out = BUF_INIT(WAY_BODY_BYTES_MAX);
        sv body = sv_of(nasty);
        int done = form == 2 ? way_body_line(body, &out, &err) : way_body_syslog(form, body, &out, &err);
        if (done == 0)
            assert_true(sv_printable(buf_view(&out)));
        buf_free(&out);
    }
    static const char lines[] =
        "{\"kind\":\"tr\\noub le\",\"title\":\"a\\r\\nb\",\"text\":\"d\\n<13>1 - - e\","
        "\"host\":\"h\\no st\",\"at\":\"x y\",\"reply\":\"r\\ns\",\"advice\":\"t\\rv\"}";
    struct buf out = BUF_INIT(WAY_BODY_BYTES_MAX);
    assert_int_equal(way_body_syslog(false, sv_of(lines), &out, &err), 0);
    buf_put_char(&out, '\0');
    assert_string_equal(buf_view(&out).p, "<83>1 x_y h_o_st vedette - tr_oub_le - a  b: d <13>1 - - e t v");
    buf_free(&out);
}

static void what_is_no_notice_is_refused(void **state)
{
    (void)state;
    struct err err;
    struct buf out = BUF_INIT(WAY_BODY_BYTES_MAX);
    assert_int_equal(way_body_webhook(CONFIG_TEMPLATE_SLACK, SV("[]"), SV_NONE, &out, &err), -1);
    assert_int_equal(way_body_line(SV(""), &out, &err), -1);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_receiver_gets_its_own_form),
        cmocka_unit_test(pagerduty_gets_the_severity_and_what_belongs_together),
        cmocka_unit_test(cef_is_escaped_where_its_rules_say_so),
        cmocka_unit_test(no_line_end_of_an_event_gets_into_a_line),
        cmocka_unit_test(what_is_no_notice_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
