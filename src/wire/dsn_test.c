#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "wire/dsn.h"
#include "wire/smtp_client.h"

#define REPORT_HEAD                                                 \
    "Return-Path: <>\r\n"                                           \
    "Delivered-To: bounces+1.abc@example.org\r\n"                   \
    "From: MAILER-DAEMON@mx.example.net (Mail Delivery System)\r\n" \
    "To: bounces+1.abc@example.org\r\n"                             \
    "Subject: Undelivered Mail Returned to Sender\r\n"              \
    "Auto-Submitted: auto-replied\r\n"                              \
    "MIME-Version: 1.0\r\n"                                         \
    "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
#define REPORT_TEXT   "--b\r\nContent-Type: text/plain\r\n\r\n<a@example.net>: it did not work\r\n\r\n"
#define REPORT_STATUS "--b\r\nContent-Type: message/delivery-status\r\n\r\n"
#define REPORT_RETURNED                                                                        \
    "\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <alert.1@example.org>\r\nTo: " \
    "a@example.net\r\n"                                                                        \
    "\r\nhello\r\n--b--\r\n"

static struct dsn *read_text(sv text)
{
    struct dsn *dsn = malloc(sizeof *dsn);
    assert_non_null(dsn);
    memset(dsn, 0xa5, sizeof *dsn);
    dsn_read(text, dsn);
    return dsn;
}

static void a_report_of_rfc_3464_gives_all_it_has(void **state)
{
    (void)state;
    struct dsn *dsn = read_text(
        SV(REPORT_HEAD REPORT_TEXT REPORT_STATUS
           "Reporting-MTA: dns; mx.example.net\r\nOriginal-Envelope-Id: 4711\r\n\r\n"
           "Original-Recipient: rfc822;alias@example.net\r\nFinal-Recipient: rfc822; a@example.net\r\n"
           "Action: failed\r\nStatus: 5.0.0\r\nRemote-MTA: dns; inner.example.net\r\n"
           "Diagnostic-Code: smtp; 550 5.2.2 <a@example.net>:\r\n mailbox full (in reply to RCPT TO "
           "command)\r\n\r\n"
           "Final-Recipient: utf-8; b@example.net\r\nAction: delayed\r\nStatus: 4.4.1\r\n" REPORT_RETURNED));
    assert_int_equal(dsn->kind, DSN_FAILED);
    assert_true(dsn->conforming && dsn->auto_submitted && dsn->null_return_path);
    assert_string_equal(dsn->reporting_mta, "mx.example.net");
    assert_string_equal(dsn->envelope_id, "4711");
    assert_string_equal(dsn->message_id, "<alert.1@example.org>");
    assert_int_equal(dsn->address_count, 2);
    assert_int_equal(dsn->recipient_count, 2);
    const struct dsn_recipient *first = &dsn->recipients[0], *second = &dsn->recipients[1];
    assert_string_equal(first->final_recipient, "a@example.net");
    assert_string_equal(first->original_recipient, "alias@example.net");
    assert_string_equal(first->remote_mta, "inner.example.net");
    assert_string_equal(first->said, "550 5.2.2 <a@example.net>: mailbox full (in reply to RCPT TO command)");
    assert_int_equal(first->code, 550);
    assert_int_equal(first->status[1] * 10 + first->status[2], 22);
    assert_int_equal(first->stage, SMTP_STAGE_RCPT);
    assert_int_equal(second->kind, DSN_DELAYED);
    assert_string_equal(second->final_recipient, "b@example.net");
    free(dsn);
}

static void each_action_is_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *action;
        enum dsn_kind kind;
    } cases[] = {{"failed", DSN_FAILED},   {"delayed", DSN_DELAYED},   {"Delivered", DSN_DELIVERED},
                 {"relayed", DSN_RELAYED}, {"expanded", DSN_EXPANDED}, {"failed (x)", DSN_FAILED}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[2000];
        snprintf(text, sizeof text,
                 REPORT_HEAD REPORT_STATUS
                 "Final-Recipient: rfc822; a@example.net\r\nAction: %s\r\n\r\n--b--\r\n",
                 cases[i].action);
        struct dsn *dsn = read_text(sv_of(text));
        assert_int_equal(dsn->kind, cases[i].kind);
        free(dsn);
    }
}

/* Forms of servers that know nothing of RFC 3464, in our own words where they have no fixed ones. */
static const struct {
    const char *text;
    enum dsn_kind kind;
    const char *recipient;
    int code;
    const char *said; /* stands in what was said */
} FORMS[] = {
    {"From: MAILER-DAEMON@mx.example.net\r\nSubject: failure notice\r\n\r\n"
     "Hi. This is the qmail-send program at mx.example.net.\r\n"
     "I'm afraid I wasn't able to deliver your message to the following addresses.\r\n\r\n"
     "<a@example.net>:\r\n192.0.2.9 does not like recipient.\r\nRemote host said: 550 no such user\r\n\r\n"
     "--- Below this line is a copy of the message.\r\n\r\nMessage-ID: <x@example.org>\r\nTo: "
     "z@example.net\r\n",
     DSN_FAILED, "a@example.net", 550, "no such user"},
    {"From: Mail Delivery System <Mailer-Daemon@mx.example.net>\r\nX-Failed-Recipients: a@example.net\r\n"
     "Subject: Mail delivery failed: returning message to sender\r\n\r\n"
     "A message that you sent could not be delivered.\r\n\r\n  a@example.net\r\n"
     "    SMTP error from remote mail server after end of data:\r\n    host mx.example.net: 552 too "
     "large\r\n\r\n"
     "------ This is a copy of the message, including all the headers. ------\r\n",
     DSN_FAILED, "a@example.net", 552, "too large"},
    {"From: MAILER-DAEMON@mx.example.net\r\nSubject: Returned mail: see transcript\r\n\r\n"
     "   ----- The following addresses had permanent fatal errors -----\r\n<a@example.net>\r\n\r\n"
     "   ----- Transcript of session follows -----\r\n>>> RCPT To:<a@example.net>\r\n<<< 550 user "
     "unknown\r\n",
     DSN_FAILED, "a@example.net", 550, "user unknown"},
    {"From: postmaster@example.net\r\nSubject: Warning: could not send message for past 4 hours\r\n\r\n"
     "This is a warning message only. You do not need to resend your message.\r\n<a@example.net>... "
     "Deferred\r\n",
     DSN_DELAYED, "a@example.net", 0, "Deferred"},
    {"From: no-reply@sns.example.net\r\nSubject: Notification\r\n\r\n"
     "{\"notificationType\":\"Bounce\",\"bounce\":{\"bouncedRecipients\":[{\"emailAddress\":\"a@example."
     "net\","
     "\"status\":\"5.1.1\",\"diagnosticCode\":\"smtp; 550 5.1.1 user unknown\"}]}}\r\n",
     DSN_FAILED, "a@example.net", 550, "user unknown"},
    {"From: postmaster@example.net\r\nSubject: Undeliverable: alert\r\nContent-Type: text/html\r\n\r\n"
     "<html><p>Your message could not be delivered to:</p><br><b>a@example.net</b><br>550 5.7.1 no "
     "&lt;x&gt;</html>",
     DSN_FAILED, "a@example.net", 550, "no <x>"},
    {"From: a@example.net\r\nSubject: Re: your alert\r\n\r\nThanks, user unknown again?\r\n",
     DSN_NOT_A_REPORT, NULL, 0, NULL},
    {"From: a@example.net\r\nReturn-Path: <>\r\nSubject: Out of office\r\n\r\nMail was not delivered to my "
     "desk.\r\n",
     DSN_NOT_A_REPORT, NULL, 0, NULL},
    {"", DSN_NOT_A_REPORT, NULL, 0, NULL},
};

static void older_forms_are_read_from_their_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof FORMS / sizeof *FORMS; i++) {
        struct dsn *dsn = read_text(sv_of(FORMS[i].text));
        if (dsn->kind != FORMS[i].kind)
            print_error("form %zu\n", i);
        assert_int_equal(dsn->kind, FORMS[i].kind);
        assert_false(dsn->conforming);
        if (FORMS[i].recipient) {
            assert_int_equal(dsn->recipient_count, 1);
            assert_string_equal(dsn->recipients[0].final_recipient, FORMS[i].recipient);
            assert_int_equal(dsn->recipients[0].code, FORMS[i].code);
            assert_true(sv_find(sv_of(dsn->recipients[0].said), sv_of(FORMS[i].said)) != SV_NPOS);
        }
        free(dsn);
    }
}

static void nothing_in_a_field_can_break_a_line(void **state)
{
    (void)state;
    struct dsn *dsn = read_text(SV(REPORT_HEAD REPORT_STATUS
                                   "Final-Recipient: rfc822; a@example.net\r\nAction: failed\r\n"
                                   "Diagnostic-Code: smtp; 550 x\rBcc: v@example.com\r\n\n\x01y\r\n"
                                   "\r\n--b--\r\n"));
    assert_int_equal(dsn->kind, DSN_FAILED);
    assert_true(sv_printable(sv_of(dsn->recipients[0].said)));
    assert_true(sv_printable(sv_of(dsn->recipients[0].told)));
    assert_string_equal(dsn->recipients[0].final_recipient, "a@example.net");
    free(dsn);
}

static void a_report_within_a_returned_mail_is_not_looked_at(void **state)
{
    (void)state;
    struct dsn *dsn =
        read_text(SV(REPORT_HEAD REPORT_STATUS
                     "Final-Recipient: rfc822; a@example.net\r\nAction: delayed\r\n\r\n"
                     "--b\r\nContent-Type: message/rfc822\r\n\r\nTo: "
                     "bounces+2.abc@example.org\r\nMessage-ID: <i@example.org>\r\n"
                     "Content-Type: multipart/report; boundary=c\r\n\r\n--c\r\nContent-Type: "
                     "message/delivery-status\r\n\r\n"
                     "Final-Recipient: rfc822; b@example.net\r\nAction: failed\r\n\r\n--c--\r\n--b--\r\n"));
    assert_int_equal(dsn->kind, DSN_DELAYED);
    assert_int_equal(dsn->recipient_count, 1);
    assert_string_equal(dsn->message_id, "<i@example.org>");
    for (size_t i = 0; i < dsn->address_count; i++)
        assert_true(sv_find(sv_of(dsn->addresses[i]), SV("bounces+2")) == SV_NPOS);
    free(dsn);
}

static void every_truncation_of_a_report_is_survived(void **state)
{
    (void)state;
    static const char text[] = REPORT_HEAD REPORT_TEXT REPORT_STATUS
        "Reporting-MTA: dns; mx.example.net\r\n\r\nFinal-Recipient: rfc822; a@example.net\r\nAction: "
        "failed\r\n"
        "Status: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 no\r\n" REPORT_RETURNED;
    for (size_t n = 0; n <= sizeof text - 1; n++) {
        char *piece = malloc(n + 1);
        assert_non_null(piece);
        memcpy(piece, text, n);
        struct dsn *dsn = read_text(sv_make(piece, n));
        assert_true(dsn->recipient_count <= 1);
        free(dsn);
        free(piece);
    }
}

static void ten_thousand_parts_in_each_other_are_survived(void **state)
{
    (void)state;
    struct buf mail = BUF_INIT(16 * 1024 * 1024);
    int put =
        buf_put(&mail, SV("From: MAILER-DAEMON@x.example\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"));
    for (int i = 0; i < 10000; i++)
        put |= buf_printf(&mail, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i);
    put |= buf_put(&mail, SV("Content-Type: message/delivery-status\r\n\r\nAction: failed\r\n"));
    assert_int_equal(put, 0);
    free(read_text(buf_view(&mail)));
    buf_clear(&mail);
    put = buf_put(&mail, SV("From: MAILER-DAEMON@x.example\r\nSubject: Undelivered\r\n"));
    for (int i = 0; i < 10000; i++)
        put |= buf_put(&mail, SV("Content-Type: message/rfc822\r\n\r\n"));
    assert_int_equal(put, 0);
    free(read_text(buf_view(&mail)));
    buf_free(&mail);
}

static void more_recipients_than_fit_are_left_out(void **state)
{
    (void)state;
    struct buf mail = BUF_INIT(1024 * 1024);
    int put = buf_put(&mail, SV(REPORT_HEAD REPORT_STATUS));
    for (int i = 0; i < 1000; i++)
        put |= buf_printf(&mail, "Final-Recipient: rfc822; a%d@example.net\r\nAction: failed\r\n\r\n", i);
    put |= buf_put(&mail, SV("--b--\r\n"));
    assert_int_equal(put, 0);
    struct dsn *dsn = read_text(buf_view(&mail));
    assert_int_equal(dsn->recipient_count, DSN_RECIPIENTS_MAX);
    free(dsn);
    buf_free(&mail);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_report_of_rfc_3464_gives_all_it_has),
        cmocka_unit_test(each_action_is_told_apart),
        cmocka_unit_test(older_forms_are_read_from_their_text),
        cmocka_unit_test(nothing_in_a_field_can_break_a_line),
        cmocka_unit_test(a_report_within_a_returned_mail_is_not_looked_at),
        cmocka_unit_test(every_truncation_of_a_report_is_survived),
        cmocka_unit_test(ten_thousand_parts_in_each_other_are_survived),
        cmocka_unit_test(more_recipients_than_fit_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
