/* One message in our client's hands: its envelope, its content, and what is certain of it at each moment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/smtp_client_fixture.h"

/* Up to BODY with a content, one recipient and no PIPELINING. */
static struct smtp_client *ready_for_body(const struct smtp_envelope *envelope)
{
    struct smtp_client *client = greeted(SV("250 mx\r\n"));
    struct err err;
    assert_int_equal(smtp_client_send(client, envelope, &err), 0);
    for (const char *const *reply = (const char *const[]){"250 a\r\n", "250 b\r\n", "354 c\r\n", NULL};
         *reply; reply++) {
        smtp_client_sent(client, smtp_client_output(client).n);
        smtp_client_feed(client, sv_of(*reply));
        while (smtp_client_next(client) != SMTP_CLIENT_NEED_IO)
            ;
    }
    assert_int_equal(smtp_client_stage(client), SMTP_STAGE_BODY);
    return client;
}

/* RFC 2033 §4.2. */
static void lmtp_answers_for_each_recipient_after_the_dot(void **state)
{
    (void)state;
    struct smtp_client *client = smtp_client_new(&(struct smtp_client_options){
        .security = SMTP_SECURITY_NONE, .helo = SV("me.example.org"), .lmtp = true});
    smtp_client_feed(client, SV("220 mx LMTP\r\n"));
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_ANSWER);
    assert_true(sv_eq(smtp_client_output(client), SV("LHLO me.example.org\r\n")));
    smtp_client_sent(client, smtp_client_output(client).n);
    smtp_client_feed(client, SV("250-mx\r\n250 PIPELINING\r\n"));
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_ANSWER);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_READY);
    static const struct smtp_recipient three[] = {{.address = SV_INIT("a@example.org")},
                                                  {.address = SV_INIT("b@example.org")},
                                                  {.address = SV_INIT("c@example.org")}};
    struct smtp_envelope envelope = {
        .sender = SV("v@example.org"), .recipients = three, .recipient_count = 3, .content = SV("x\r\n")};
    assert_int_equal(smtp_client_send(client, &envelope, NULL), 0);
    smtp_client_sent(client, smtp_client_output(client).n);
    smtp_client_feed(client, SV("250 ok\r\n250 a\r\n550 b\r\n250 c\r\n354 go\r\n"));
    enum smtp_client_event event;
    while ((event = smtp_client_next(client)) != SMTP_CLIENT_NEED_IO)
        assert_true(event == SMTP_CLIENT_ANSWER || event == SMTP_CLIENT_RECIPIENT);
    smtp_client_sent(client, smtp_client_output(client).n);
    assert_true(smtp_client_uncertain(client));
    smtp_client_feed(client, SV("452 4.2.2 full\r\n"));
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_ANSWER);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_RECIPIENT);
    assert_int_equal(smtp_client_recipient(client), 0);
    assert_int_equal(smtp_client_answer(client)->code, 452);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_NEED_IO);
    assert_true(smtp_client_uncertain(client)); /* the other one's answer is still owed */
    smtp_client_feed(client, SV("250 2.0.0 kept\r\n"));
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_ANSWER);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_RECIPIENT);
    assert_int_equal(smtp_client_recipient(client), 2);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_SENT);
    assert_int_equal(smtp_client_answer(client)->code, 250);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_READY);
    assert_false(smtp_client_uncertain(client));
    smtp_client_free(client);
}

static void a_long_content_goes_in_pieces_and_only_the_last_makes_it_uncertain(void **state)
{
    (void)state;
    struct buf content = BUF_INIT(1 << 20), sent = BUF_INIT(1 << 20);
    for (size_t i = 0; i < 20000; i++)
        buf_put(&content, SV(".0123456789 line\r\n"));
    struct smtp_envelope envelope = note;
    envelope.content = buf_view(&content);
    struct smtp_client *client = ready_for_body(&envelope);
    for (sv piece; (piece = smtp_client_output(client)).n;) {
        bool last = sv_ends(piece, SV("\r\n.\r\n"));
        assert_true(piece.n <= 64 * 1024 && !smtp_client_uncertain(client));
        buf_put(&sent, piece);
        smtp_client_sent(client, 1);
        assert_int_equal(smtp_client_uncertain(client), last);
        smtp_client_sent(client, piece.n - 1);
    }
    assert_int_equal(buf_view(&sent).n, buf_view(&content).n + 20000 + 3);
    assert_true(smtp_client_uncertain(client));
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_NEED_IO);
    assert_int_equal(smtp_client_stage(client), SMTP_STAGE_DOT);
    smtp_client_feed(client, SV("250 ok\r\n"));
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_ANSWER);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_SENT);
    assert_false(smtp_client_uncertain(client));
    smtp_client_free(client);
    buf_free(&content);
    buf_free(&sent);
}

static void a_refusal_in_the_middle_of_the_content_is_a_certain_failure(void **state)
{
    (void)state;
    static const struct {
        sv reply;
        bool answered;
    } cases[] = {{SV_INIT("552 5.3.4 enough\r\n"), true},
                 {SV_INIT("421 bye\r\n"), true},
                 {SV_INIT("250 ok\r\n"), false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct smtp_client *client = ready_for_body(&note);
        smtp_client_sent(client, 0);
        smtp_client_feed(client, cases[i].reply);
        assert_int_equal(smtp_client_next(client), SMTP_CLIENT_ANSWER);
        assert_int_equal(smtp_client_next(client), SMTP_CLIENT_FAILED);
        assert_int_equal(smtp_client_failure_answered(client), cases[i].answered);
        assert_int_equal(smtp_client_stage(client), SMTP_STAGE_BODY);
        assert_false(smtp_client_uncertain(client));
        smtp_client_free(client);
    }
}

/* Each would be an attack or a broken message at the other end. */
static const struct {
    struct smtp_envelope envelope;
    const char *cause;
} unfit[] = {
    {{.sender = SV_INIT("a@b>\r\nRCPT TO:<c@d"), .recipients = one, .recipient_count = 1}, "angle bracket"},
    {{.sender = SV_INIT("a@b\nc"), .recipients = one, .recipient_count = 1}, "control character"},
    {{.sender = SV_INIT("v@example.org"), .recipients = one, .recipient_count = 0},
     "1 to 100 recipients, not 0"},
    {{.recipients = (const struct smtp_recipient[]){{.address = SV_INIT("a@b>\r\nRCPT TO:<c@d")}},
      .recipient_count = 1},
     "angle bracket"},
    {{.recipients = (const struct smtp_recipient[]){{.address = SV_INIT("")}}, .recipient_count = 1},
     "is empty"},
    {{.recipients =
          (const struct smtp_recipient[]){{.address = SV_INIT("a@b"), .notify = SV_INIT("NEVER,FAILURE")}},
      .recipient_count = 1},
     "delivery reports"},
    {{.recipients =
          (const struct smtp_recipient[]){{.address = SV_INIT("a@b"), .notify = SV_INIT("DELAY SIZE=1")}},
      .recipient_count = 1},
     "delivery reports"},
    {{.recipients = (const struct smtp_recipient[]){{.address = SV_INIT("a@b"), .orcpt = SV_INIT("a\r\nb")}},
      .recipient_count = 1},
     "control character"},
    {{.recipients = one, .recipient_count = 1, .envid = SV_INIT("a\nb")}, "control character"},
    {{.recipients = one, .recipient_count = 1, .content = SV_INIT("x\r\n.\n")}, "line 2 has an LF"},
    {{.recipients = one, .recipient_count = 1, .content = SV_INIT("x\r.\r\n")}, "line 1 has a CR"},
    {{.recipients = one, .recipient_count = 1, .content = SV_INIT("x\0\r\n")}, "NUL"},
    {{.recipients = one, .recipient_count = 1, .content = SV_INIT("caf\xc3\xa9\r\n")}, "8BITMIME"},
};

static void an_envelope_that_is_unfit_is_refused_before_a_byte_is_said(void **state)
{
    (void)state;
    struct smtp_client *client = greeted(SV("250-mx\r\n250-PIPELINING\r\n250 DSN\r\n"));
    for (size_t i = 0; i < sizeof unfit / sizeof *unfit; i++) {
        struct err err = {0};
        assert_int_equal(smtp_client_send(client, &unfit[i].envelope, &err), -1);
        if (!strstr(err.cause, unfit[i].cause))
            fail_msg("%zu: %s", i, err.cause);
        assert_true(sv_printable(sv_of(err.cause)));
        assert_int_equal(smtp_client_output(client).n, 0);
        assert_int_equal(smtp_client_next(client), SMTP_CLIENT_NEED_IO);
        assert_int_equal(smtp_client_stage(client), SMTP_STAGE_READY);
    }
    smtp_client_free(client);
}

static void a_hundred_recipients_of_full_length_fit_one_group(void **state)
{
    (void)state;
    struct smtp_client *client = greeted(SV("250-mx\r\n250-PIPELINING\r\n250 DSN\r\n"));
    char address[254], orcpt[160];
    memset(address, 'a', sizeof address);
    address[1] = '@';
    for (size_t i = 50; i < sizeof address; i += 50)
        address[i] = '.';
    memset(orcpt, '+', sizeof orcpt);
    struct smtp_recipient recipients[SMTP_RECIPIENTS_MAX];
    for (size_t i = 0; i < SMTP_RECIPIENTS_MAX; i++)
        recipients[i] = (struct smtp_recipient){.address = {address, sizeof address},
                                                .notify = SV("SUCCESS,FAILURE,DELAY"),
                                                .orcpt = {orcpt, sizeof orcpt}};
    struct smtp_envelope envelope = {.sender = {address, sizeof address},
                                     .recipients = recipients,
                                     .recipient_count = SMTP_RECIPIENTS_MAX};
    struct err err;
    assert_int_equal(smtp_client_send(client, &envelope, &err), 0);
    sv out = smtp_client_output(client);
    assert_true(sv_ends(out, SV("\r\nDATA\r\n")) && out.n > SMTP_RECIPIENTS_MAX * sizeof address);
    smtp_client_sent(client, out.n);
    for (size_t i = 0; i < SMTP_RECIPIENTS_MAX + 1; i++)
        smtp_client_feed(client, SV("250 ok\r\n"));
    smtp_client_feed(client, SV("354 go\r\n"));
    size_t told = 0;
    for (enum smtp_client_event event; (event = smtp_client_next(client)) != SMTP_CLIENT_NEED_IO;)
        if (event == SMTP_CLIENT_RECIPIENT)
            assert_int_equal(smtp_client_recipient(client), told++);
    assert_int_equal(told, SMTP_RECIPIENTS_MAX);
    assert_true(sv_eq(smtp_client_output(client), SV(".\r\n")));
    smtp_client_free(client);
}

static void quit_waits_until_nothing_is_under_way(void **state)
{
    (void)state;
    struct smtp_client *client = ready_for_body(&note);
    smtp_client_quit(client);
    struct err err;
    assert_int_equal(smtp_client_send(client, &note, &err), -1);
    sv out = smtp_client_output(client);
    assert_true(sv_ends(out, SV("\r\n.\r\n")));
    smtp_client_sent(client, out.n);
    smtp_client_feed(client, SV("250 queued\r\n"));
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_ANSWER);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_SENT);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_NEED_IO);
    assert_true(sv_eq(smtp_client_output(client), SV("QUIT\r\n")));
    smtp_client_eof(client);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_CLOSED);
    smtp_client_free(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lmtp_answers_for_each_recipient_after_the_dot),
        cmocka_unit_test(a_long_content_goes_in_pieces_and_only_the_last_makes_it_uncertain),
        cmocka_unit_test(a_refusal_in_the_middle_of_the_content_is_a_certain_failure),
        cmocka_unit_test(an_envelope_that_is_unfit_is_refused_before_a_byte_is_said),
        cmocka_unit_test(a_hundred_recipients_of_full_length_fit_one_group),
        cmocka_unit_test(quit_waits_until_nothing_is_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
