/* The pure parts of the relay: envelopes as bytes, routes by domain, and what a notification says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/config_fixture.h"
#include "gateway/envelope.h"
#include "gateway/notification_mail.h"
#include "gateway/route_table.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static const nanos NOW = 1795500000 * NANOS_PER_SECOND;

static const struct intake_recipient recipients[] = {
    {.address = SV_INIT("b@example.net"),
     .orcpt = SV_INIT("rfc822;list@example.org"),
     .notify = INTAKE_NOTIFY_FAILURE},
    {.address = SV_INIT("c@example.net")},
};

static struct envelope example(void)
{
    return (struct envelope){.arrived = NOW,
                             .said = {.id = SV("6617219A143BE"),
                                      .sender = SV("a@example.org"),
                                      .recipients = recipients,
                                      .recipient_count = 2,
                                      .envid = SV("QQ314159"),
                                      .ret = INTAKE_RETURN_HEADERS,
                                      .utf8 = true,
                                      .requiretls = true,
                                      .tls_optional = true,
                                      .route = SV("out"),
                                      .rule = SV("printers")}};
}

static void an_envelope_comes_back_as_it_was(void **state)
{
    (void)state;
    struct buf packed = BUF_INIT(4096);
    struct arena *arena = arena_new(64 * 1024);
    struct envelope in = example(), out;
    assert_int_equal(envelope_pack(&packed, &in), 0);
    assert_int_equal(envelope_unpack(buf_view(&packed), arena, &out), 0);
    assert_true(sv_eq(out.said.id, in.said.id) && sv_eq(out.said.sender, in.said.sender));
    assert_true(sv_eq(out.said.envid, in.said.envid) && sv_eq(out.said.rule, in.said.rule));
    assert_true(out.said.utf8 && out.said.requiretls && !out.said.eight_bit && !out.said.held);
    assert_true(out.said.tls_optional);
    assert_int_equal(out.said.ret, INTAKE_RETURN_HEADERS);
    assert_true(out.arrived == NOW && out.said.recipient_count == 2);
    assert_true(sv_eq(out.said.recipients[0].orcpt, SV("rfc822;list@example.org")));
    assert_int_equal(out.said.recipients[0].notify, INTAKE_NOTIFY_FAILURE);
    sv whole = buf_view(&packed);
    for (size_t n = 0; n < whole.n; n++)
        assert_int_equal(envelope_unpack(sv_first(whole, n), arena, &out), -1);
    arena_free(arena);
    buf_free(&packed);
}

static void a_state_comes_back_and_no_bytes_are_a_state(void **state)
{
    (void)state;
    struct buf packed = BUF_INIT(4096);
    struct envelope_state in = {.attempts = 3, .warned = true, .trouble = SV("connect: refused")}, out;
    recipient_add(&in.finished, 0);
    recipient_add(&in.finished, SMTP_RECIPIENTS_MAX - 1);
    assert_int_equal(envelope_state_pack(&packed, &in), 0);
    assert_int_equal(envelope_state_unpack(buf_view(&packed), &out), 0);
    assert_true(out.attempts == 3 && out.warned && !out.held && sv_eq(out.trouble, in.trouble));
    assert_true(recipient_has(&out.finished, SMTP_RECIPIENTS_MAX - 1) && !recipient_has(&out.finished, 1));
    assert_int_equal(recipient_count(&out.finished), 2);
    assert_int_equal(envelope_state_unpack(SV_NONE, &out), 0);
    assert_int_equal(out.attempts, 0);
    assert_int_equal(envelope_state_unpack(SV("not one of ours"), &out), -1);
    buf_free(&packed);
}

/* --- Routes --- */

static struct config *config_of(const char *relay)
{
    char text[2048];
    snprintf(text, sizeof text, "hostname: gw.example.org\nrelay:\n  listen: ['127.0.0.1:25']\n%s", relay);
    return config_of_text(text);
}

static void the_most_exact_domain_decides_the_route(void **state)
{
    (void)state;
    struct config *config =
        config_of("  domains: [local.example]\n  maildir: /inbox\n"
                  "  routes:\n"
                  "    - {name: rest, maildir: /rest}\n"
                  "    - {name: below, domains: [.example.org], maildir: /below}\n"
                  "    - {name: deep, domains: [.a.example.org], maildir: /deep}\n"
                  "    - {name: one, domains: [x.a.example.org, example.org], maildir: /one}\n"
                  "    - {name: idn, domains: [bücher.example, .xn--bcher-kva.example], maildir: /idn}\n");
    static const struct {
        const char *domain, *route;
    } cases[] = {{"local.example", "local"},  {"LOCAL.example", "local"},       {"example.org", "one"},
                 {"b.example.org", "below"},  {"y.a.example.org", "deep"},      {"x.a.example.org", "one"},
                 {"notexample.org", "rest"},  {"example.com", "rest"},          {"a.example.org", "below"},
                 {"bücher.example", "idn"},   {"xn--bcher-kva.example", "idn"}, {"BÜCHER.Example", "idn"},
                 {"a.bücher.example", "idn"}, {"buecher.example", "rest"}};
    struct route_table *table = NULL;
    assert_int_equal(route_table_new(config, &table, NULL), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(route_for(table, sv_of(cases[i].domain))->name, cases[i].route);
    assert_string_equal(route_named(table, SV("deep"))->maildir, "/deep");
    assert_null(route_named(table, SV("nowhere")));
    assert_null(route_for(table, SV("☃.example")));
    assert_null(route_for(table, SV("")));
    config_free(config); /* the table has copies */
    assert_string_equal(route_for(table, SV("example.com"))->name, "rest");
    route_table_free(table);
}

static void without_a_route_for_all_some_domains_have_none(void **state)
{
    (void)state;
    struct config *config = config_of("  routes: [{name: a, domains: [a.example], maildir: /a}]\n");
    struct route_table *table = NULL;
    assert_int_equal(route_table_new(config, &table, NULL), 0);
    assert_null(route_for(table, SV("b.example")));
    assert_non_null(route_for(table, SV("a.example")));
    route_table_free(table);
    config_free(config);
}

/* --- Notifications --- */

static char *compose(const struct notification *notification)
{
    struct buf mail = BUF_INIT(1 << 20);
    assert_int_equal(notification_compose(&mail, notification), 0);
    sv text = buf_view(&mail);
    assert(text.p);
    for (size_t i = 0; i < text.n; i++)
        assert_true((text.p[i] == '\n') == (i > 0 && text.p[i - 1] == '\r'));
    char *copy = strndup(text.p, text.n);
    buf_free(&mail);
    return copy;
}

static struct notification on_one(const struct envelope *about, const struct notification_recipient *told)
{
    return (struct notification){.about = about,
                                 .recipients = told,
                                 .count = 1,
                                 .content = SV("Subject: secret plans\r\nX: y\r\n\r\nthe body\r\n"),
                                 .to = SV("a@example.org"),
                                 .id = SV("ABC"),
                                 .hostname = SV("gw.example.org"),
                                 .now = NOW,
                                 .until = NOW + 86400 * NANOS_PER_SECOND};
}

static void a_notification_says_what_machines_and_people_need(void **state)
{
    (void)state;
    struct envelope about = example();
    struct notification_recipient told = {0, NOTIFICATION_FAILED, "5.1.1",
                                          SV("550 5.1.1 no such\r\nBcc: user here"), SV("mx.example.net")};
    struct notification notification = on_one(&about, &told);
    char *text = compose(&notification);
    static const char *const parts[] = {
        "From: Mail gateway <MAILER-DAEMON@gw.example.org>\r\nTo: <a@example.org>\r\n",
        "Auto-Submitted: auto-replied\r\n",
        "Message-ID: <ABC@gw.example.org>\r\n",
        "Reporting-MTA: dns; gw.example.org\r\nOriginal-Envelope-Id: QQ314159\r\n",
        "Original-Recipient: rfc822;list@example.org\r\nFinal-Recipient: rfc822; b@example.net\r\n",
        "Action: failed\r\nStatus: 5.1.1\r\nRemote-MTA: dns; mx.example.net\r\n",
        "\r\nDiagnostic-Code: smtp; 550 5.1.1 no such??Bcc: user here\r\n",
        "Content-Type: text/rfc822-headers",
        "Subject: secret plans\r\n"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!strstr(text, parts[i]))
            fail_msg("no %s in %s", parts[i], text);
    assert_null(strstr(text, "the body"));
    assert_null(strstr(text, "c@example.net"));
    free(text);
    about.said.ret = INTAKE_RETURN_FULL;
    about.said.requiretls = false;
    text = compose(&notification);
    assert_non_null(strstr(text, "the body"));
    assert_non_null(strstr(text, "Content-Type: message/rfc822"));
    free(text);
}

static void what_requires_tls_does_not_come_back_whole(void **state)
{
    (void)state;
    struct envelope about = example();
    about.said.ret = INTAKE_RETURN_FULL;
    about.said.requiretls = true;
    struct notification_recipient told = {0, NOTIFICATION_FAILED, "5.7.30", SV("no REQUIRETLS"), SV_NONE};
    struct notification notification = on_one(&about, &told);
    char *text = compose(&notification);
    assert_null(strstr(text, "the body"));
    assert_non_null(strstr(text, "Content-Type: text/rfc822-headers"));
    free(text);
}

static void a_report_is_in_ascii_whatever_it_is_about(void **state)
{
    (void)state;
    static const struct intake_recipient beyond[] = {
        {.address = SV_INIT("\"a b\\+\"@bücher.example"), .orcpt = SV_INIT("utf-8;\\x{E4}@example.org")}};
    struct envelope about = example();
    about.said.recipients = beyond;
    about.said.recipient_count = 1;
    about.said.ret = INTAKE_RETURN_FULL;
    about.said.requiretls = false;
    struct notification_recipient told = {0, NOTIFICATION_FAILED, "5.6.7", SV("weg damit: ü"), SV_NONE};
    struct notification notification = on_one(&about, &told);
    notification.content = SV("Subject: für dich\r\n\r\ndaß\r\n");
    char *full = compose(&notification);
    assert_true(sv_ascii(sv_of(full)));
    assert_non_null(strstr(full,
                           "\r\nOriginal-Recipient: utf-8;\\x{E4}@example.org\r\n"
                           "Final-Recipient: utf-8; \"a\\x{20}b\\x{5C}\\x{2B}\"@b\\x{FC}cher.example\r\n"));
    assert_non_null(strstr(full, "  <\"a b\\+\"@b=C3=BCcher.example>\r\n"));
    assert_non_null(strstr(full, "Content-Type: message/global\r\nContent-Transfer-Encoding: base64\r\n\r\n"
                                 "U3ViamVjdDogZsO8ciBkaWNoDQoNCmRhw58NCg==\r\n"));
    about.said.ret = INTAKE_RETURN_HEADERS;
    char *header = compose(&notification);
    assert_true(sv_ascii(sv_of(header)));
    assert_non_null(strstr(header, "Content-Type: text/rfc822-headers\r\n"
                                   "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
                                   "Subject: f=C3=BCr dich\r\n"));
    free(full);
    free(header);
}

static void a_delay_says_until_when_it_is_tried_and_gives_no_body_back(void **state)
{
    (void)state;
    struct envelope about = example();
    about.said.ret = INTAKE_RETURN_FULL;
    struct notification_recipient told = {1, NOTIFICATION_DELAYED, "4.4.7", SV("connect: refused"), SV_NONE};
    struct notification notification = on_one(&about, &told);
    char *text = compose(&notification);
    assert_non_null(strstr(text, "Action: delayed\r\nStatus: 4.4.7\r\n"));
    assert_non_null(strstr(text, "given up on Wed, 25 Nov 2026 06:00:00 +0000"));
    assert_null(strstr(text, "the body"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_envelope_comes_back_as_it_was),
        cmocka_unit_test(a_state_comes_back_and_no_bytes_are_a_state),
        cmocka_unit_test(the_most_exact_domain_decides_the_route),
        cmocka_unit_test(without_a_route_for_all_some_domains_have_none),
        cmocka_unit_test(what_requires_tls_does_not_come_back_whole),
        cmocka_unit_test(a_notification_says_what_machines_and_people_need),
        cmocka_unit_test(a_report_is_in_ascii_whatever_it_is_about),
        cmocka_unit_test(a_delay_says_until_when_it_is_tried_and_gives_no_body_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
