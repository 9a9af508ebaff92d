/* Whole sessions as dialogues, and what is known of the gateway from them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/smtp_client_fixture.h"

static const struct smtp_recipient two[] = {{.address = SV_INIT("a@example.org")},
                                            {.address = SV_INIT("b@example.org")}};
static const struct smtp_envelope pair = {
    .sender = SV_INIT("v@example.org"), .recipients = two, .recipient_count = 2, .content = SV_INIT("x\r\n")};
static const struct smtp_recipient with_dsn[] = {{.address = SV_INIT("soc@example.org"),
                                                  .notify = SV_INIT("SUCCESS,FAILURE"),
                                                  .orcpt = SV_INIT("s+c=@example.org")}};
static const struct smtp_envelope traced = {.sender = SV_INIT(""),
                                            .recipients = with_dsn,
                                            .recipient_count = 1,
                                            .envid = SV_INIT("alert 7"),
                                            .content = SV_INIT("caf\xc3\xa9\r\n")};
static const struct smtp_recipient from_elsewhere[] = {
    {.address = SV_INIT("soc@example.org"),
     .orcpt = SV_INIT("\\x{E4}@example.org"),
     .orcpt_type = SV_INIT("utf-8")},
    {.address = SV_INIT("b@example.org"), .orcpt = SV_INIT("x"), .orcpt_type = SV_INIT("a b")}};
static const struct smtp_envelope forwarded = {
    .sender = SV_INIT(""), .recipients = from_elsewhere, .recipient_count = 2, .content = SV_INIT("x\r\n")};
static const struct smtp_recipient umlaut[] = {{.address = SV_INIT("b\xc3\xbc@example.org")}};
static const struct smtp_envelope international = {.sender = SV_INIT("v@example.org"),
                                                   .recipients = umlaut,
                                                   .recipient_count = 1,
                                                   .content = SV_INIT("x\r\n")};

static const struct smtp_envelope question = {.sender = SV_INIT("v@example.org"),
                                              .recipients = two,
                                              .recipient_count = 2,
                                              .ask_only = true,
                                              .ask_size = 9000};

static const struct smtp_envelope sender_only = {.sender = SV_INIT("v@example.org"), .ask_only = true};

#define PAIR_GROUP C(MAIL "RCPT TO:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n")

static const struct dialogue dialogues[] = {
    {.name = "a message goes one by one where PIPELINING is not offered",
     .security = SMTP_SECURITY_TLS,
     .messages = {&note},
     .steps = {HELLO_PLAIN, C(MAIL), S("250 ok\r\n"), C("RCPT TO:<soc@example.org>\r\n"), S("250 ok\r\n"),
               C("DATA\r\n"), S("354 go\r\n"), NOTE_BODY, S("250 2.0.0 queued as 7\r\n"), GOODBYE},
     .story = "banner:220 ehlo:250 ready mail:250 rcpt:250 rcpt[0]:250 data:354 dot:250 sent:250/dot ready "
              "quit:221 closed"},
    {.name = "a message goes in one group where PIPELINING is offered",
     .security = SMTP_SECURITY_TLS,
     .messages = {&note},
     .steps = {HELLO_GROUPS, NOTE_GROUP, S("250 a\r\n250 b\r\n354 c\r\n"), NOTE_BODY, S("250 d\r\n"),
               GOODBYE},
     .story = "banner:220 ehlo:250 ready mail:250 rcpt:250 rcpt[0]:250 data:354 dot:250 sent:250/dot ready "
              "quit:221 closed"},
    {.name = "a session carries several messages",
     .security = SMTP_SECURITY_NONE,
     .messages = {&note, &pair},
     .steps = {HELLO_GROUPS, NOTE_GROUP, S("250 a\r\n250 b\r\n354 c\r\n"), NOTE_BODY, S("250 d\r\n"),
               PAIR_GROUP, S("250 a\r\n250 b\r\n250 b\r\n354 c\r\n"), C("x\r\n.\r\n"), S("250 d\r\n"),
               GOODBYE},
     .story = "banner:220 ehlo:250 ready mail:250 rcpt:250 rcpt[0]:250 data:354 dot:250 sent:250/dot ready "
              "mail:250 rcpt:250 rcpt[0]:250 rcpt:250 rcpt[1]:250 data:354 dot:250 sent:250/dot ready "
              "quit:221 closed"},
    {.name = "one of two recipients is refused and the other has the message",
     .security = SMTP_SECURITY_TLS,
     .messages = {&pair},
     .steps = {HELLO_GROUPS, PAIR_GROUP, S("250 a\r\n550 5.1.1 no\r\n250 b\r\n354 c\r\n"), C("x\r\n.\r\n"),
               S("250 d\r\n"), GOODBYE},
     .story = "banner:220 ehlo:250 ready mail:250 rcpt:550 rcpt[0]:550 rcpt:250 rcpt[1]:250 data:354 dot:250 "
              "sent:250/dot ready quit:221 closed"},
    {.name = "all recipients refused, DATA refused too: RSET, and the session goes on",
     .security = SMTP_SECURITY_TLS,
     .messages = {&note, &note},
     .steps = {HELLO_GROUPS, NOTE_GROUP, S("250 a\r\n550 no\r\n503 no\r\n"), C("RSET\r\n"), S("250 ok\r\n"),
               NOTE_GROUP, S("250 a\r\n250 b\r\n354 c\r\n"), NOTE_BODY, S("250 d\r\n"), GOODBYE},
     .story = "banner:220 ehlo:250 ready mail:250 rcpt:550 rcpt[0]:550 data:503 sent:550/rcpt rset:250 ready "
              "mail:250 rcpt:250 rcpt[0]:250 data:354 dot:250 sent:250/dot ready quit:221 closed"},
    {.name = "all recipients refused but DATA let through: the lone dot, and nobody has the message",
     .security = SMTP_SECURITY_TLS,
     .messages = {&pair},
     .steps = {HELLO_GROUPS, PAIR_GROUP, S("250 a\r\n550 no\r\n451 later\r\n354 go\r\n"), C(".\r\n"),
               S("250 ok\r\n"), C("RSET\r\n"), S("250 ok\r\n"), GOODBYE},
     .story = "banner:220 ehlo:250 ready mail:250 rcpt:550 rcpt[0]:550 rcpt:451 rcpt[1]:451 data:354 dot:250 "
              "sent:451/rcpt rset:250 ready quit:221 closed"},
    {.name = "the sender refused in a group: no recipient has an answer of its own",
     .security = SMTP_SECURITY_TLS,
     .messages = {&note},
     .steps = {HELLO_GROUPS, NOTE_GROUP, S("553 5.1.8 no\r\n503 b\r\n503 c\r\n"), C("RSET\r\n"),
               S("250 ok\r\n"), GOODBYE},
     .story =
         "banner:220 ehlo:250 ready mail:553 rcpt:503 data:503 sent:553/mail rset:250 ready quit:221 closed"},
    {.name = "the sender refused one by one",
     .security = SMTP_SECURITY_TLS,
     .messages = {&note},
     .steps = {HELLO_PLAIN, C(MAIL), S("451 4.3.0 later\r\n"), C("RSET\r\n"), S("250 ok\r\n"), GOODBYE},
     .story = "banner:220 ehlo:250 ready mail:451 sent:451/mail rset:250 ready quit:221 closed"},
    {.name = "DATA refused one by one",
     .security = SMTP_SECURITY_TLS,
     .messages = {&note},
     .steps = {HELLO_PLAIN, C(MAIL), S("250 a\r\n"), C("RCPT TO:<soc@example.org>\r\n"), S("251 b\r\n"),
               C("DATA\r\n"), S("451 no\r\n"), C("RSET\r\n"), S("250 ok\r\n"), GOODBYE},
     .story = "banner:220 ehlo:250 ready mail:250 rcpt:251 rcpt[0]:251 data:451 sent:451/data rset:250 ready "
              "quit:221 closed"},
    {.name = "the message refused after the dot",
     .security = SMTP_SECURITY_TLS,
     .messages = {&note},
     .steps = {HELLO_GROUPS, NOTE_GROUP, S("250 a\r\n250 b\r\n354 c\r\n"), NOTE_BODY, S("552 5.3.4 no\r\n"),
               C("RSET\r\n"), S("250 ok\r\n"), GOODBYE},
     .story = "banner:220 ehlo:250 ready mail:250 rcpt:250 rcpt[0]:250 data:354 dot:552 sent:552/dot "
              "rset:250 ready quit:221 closed"},
    {.name = "SIZE, BODY, RET, ENVID, NOTIFY and ORCPT are said where they are offered",
     .security = SMTP_SECURITY_TLS,
     .messages = {&traced},
     .steps = {HELLO, S("250-mx.example.org\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250-DSN\r\n250 x\r\n"),
               C("MAIL FROM:<> SIZE=7 BODY=8BITMIME RET=HDRS ENVID=alert+207\r\n"), S("250 a\r\n"),
               C("RCPT TO:<soc@example.org> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;s+2Bc+3D@example.org\r\n"),
               S("250 b\r\n"), C("DATA\r\n"), S("354 c\r\n"), C("caf\xc3\xa9\r\n.\r\n"), S("250 d\r\n"),
               GOODBYE},
     .story = "banner:220 ehlo:250 ready mail:250 rcpt:250 rcpt[0]:250 data:354 dot:250 sent:250/dot ready "
              "quit:221 closed"},
    {.name = "an original recipient of another type keeps it",
     .security = SMTP_SECURITY_TLS,
     .messages = {&forwarded},
     .steps = {HELLO, S("250-mx.example.org\r\n250 DSN\r\n"), C("MAIL FROM:<> RET=HDRS\r\n"), S("250 a\r\n"),
               C("RCPT TO:<soc@example.org> ORCPT=utf-8;\\x{E4}@example.org\r\n"), S("250 b\r\n"),
               C("RCPT TO:<b@example.org>\r\n"), S("250 b\r\n"), C("DATA\r\n"), S("354 c\r\n"),
               C("x\r\n.\r\n"), S("250 d\r\n"), GOODBYE},
     .story = "banner:220 ehlo:250 ready mail:250 rcpt:250 rcpt[0]:250 rcpt:250 rcpt[1]:250 data:354 dot:250 "
              "sent:250/dot ready quit:221 closed"},
    {.name = "SMTPUTF8 is said when an address needs it",
     .security = SMTP_SECURITY_TLS,
     .messages = {&international},
     .steps = {HELLO, S("250-mx.example.org\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n"),
               C("MAIL FROM:<v@example.org> BODY=8BITMIME SMTPUTF8\r\n"), S("250 a\r\n"),
               C("RCPT TO:<b\xc3\xbc@example.org>\r\n"), S("250 b\r\n"), C("DATA\r\n"), S("354 c\r\n"),
               C("x\r\n.\r\n"), S("250 d\r\n"), GOODBYE},
     .story = "banner:220 ehlo:250 ready mail:250 rcpt:250 rcpt[0]:250 data:354 dot:250 sent:250/dot ready "
              "quit:221 closed"},
    {.name = "what the gateway cannot carry is refused here, and the session stays ready",
     .security = SMTP_SECURITY_TLS,
     .messages = {&traced, &international, &note},
     .steps = {HELLO, S("250-mx.example.org\r\n250 SIZE 5\r\n"), GOODBYE},
     .story = "banner:220 ehlo:250 ready local local local quit:221 closed"},
    {.name = "only asked: one by one, never DATA, RSET even when all are accepted",
     .security = SMTP_SECURITY_TLS,
     .messages = {&question, &note},
     .steps = {HELLO, S("250-mx.example.org\r\n250-SIZE 10000\r\n250 PIPELINING\r\n"),
               C("MAIL FROM:<v@example.org> SIZE=9000\r\n"), S("250 a\r\n"), C("RCPT TO:<a@example.org>\r\n"),
               S("250 b\r\n"), C("RCPT TO:<b@example.org>\r\n"), S("251 c\r\n"), C("RSET\r\n"),
               S("250 ok\r\n"),
               C("MAIL FROM:<v@example.org> SIZE=17\r\nRCPT TO:<soc@example.org>\r\nDATA\r\n"),
               S("250 a\r\n250 b\r\n354 c\r\n"), NOTE_BODY, S("250 d\r\n"), GOODBYE},
     .story = "banner:220 ehlo:250 ready mail:250 rcpt:250 rcpt[0]:250 rcpt:251 rcpt[1]:251 sent:251/rcpt "
              "rset:250 ready mail:250 rcpt:250 rcpt[0]:250 data:354 dot:250 sent:250/dot ready quit:221 "
              "closed"},
    {.name = "only asked, one by one, and refused",
     .security = SMTP_SECURITY_TLS,
     .messages = {&question},
     .steps = {HELLO_PLAIN, C(MAIL), S("250 ok\r\n"), C("RCPT TO:<a@example.org>\r\n"), S("550 5.1.1 no\r\n"),
               C("RCPT TO:<b@example.org>\r\n"), S("250 ok\r\n"), C("RSET\r\n"), S("250 ok\r\n"), GOODBYE},
     .story = "banner:220 ehlo:250 ready mail:250 rcpt:550 rcpt[0]:550 rcpt:250 rcpt[1]:250 sent:550/rcpt "
              "rset:250 ready quit:221 closed"},
    {.name = "only asked, and the sender is refused",
     .security = SMTP_SECURITY_TLS,
     .messages = {&question},
     .steps = {HELLO_GROUPS, C(MAIL), S("553 5.1.8 no\r\n"), C("RSET\r\n"), S("250 ok\r\n"), GOODBYE},
     .story = "banner:220 ehlo:250 ready mail:553 sent:553/mail rset:250 ready quit:221 closed"},
    {.name = "only the sender is asked about",
     .security = SMTP_SECURITY_TLS,
     .messages = {&sender_only},
     .steps = {HELLO_GROUPS, C(MAIL), S("250 ok\r\n"), C("RSET\r\n"), S("250 ok\r\n"), GOODBYE},
     .story = "banner:220 ehlo:250 ready mail:250 sent:250/mail rset:250 ready quit:221 closed"},
    {.name = "HELO where EHLO is not known",
     .security = SMTP_SECURITY_NONE,
     .messages = {&note},
     .steps = {HELLO, S("502 what\r\n"), C("HELO me.example.org\r\n"),
               S("250-mx.example.org\r\n250 PIPELINING\r\n"), C(MAIL), S("250 ok\r\n"),
               C("RCPT TO:<soc@example.org>\r\n"), S("250 ok\r\n"), C("DATA\r\n"), S("354 go\r\n"), NOTE_BODY,
               S("250 ok\r\n"), GOODBYE},
     .story = "banner:220 ehlo:502 ehlo:250 ready mail:250 rcpt:250 rcpt[0]:250 data:354 dot:250 "
              "sent:250/dot ready quit:221 closed"},
    {.name = "QUIT cut short is no failure",
     .security = SMTP_SECURITY_NONE,
     .steps = {HELLO_PLAIN, C("QUIT\r\n"), CLOSE},
     .story = "banner:220 ehlo:250 ready closed"},
    {.name = "QUIT answered with nonsense is no failure",
     .security = SMTP_SECURITY_NONE,
     .steps = {HELLO_PLAIN, C("QUIT\r\n"), S("what\r\n")},
     .story = "banner:220 ehlo:250 ready closed"},

    /* Failures. */
    {.name = "a banner that refuses",
     .security = SMTP_SECURITY_NONE,
     .steps = {S("554 no\r\n")},
     .story = "banner:554 failed/banner/answered",
     .cause = "does not serve us: 554 no"},
    {.name = "closed without a word",
     .security = SMTP_SECURITY_NONE,
     .steps = {CLOSE},
     .story = "failed/banner",
     .cause = "closed in stage banner"},
    {.name = "another protocol",
     .security = SMTP_SECURITY_NONE,
     .steps = {S("SSH-2.0-x\r\n")},
     .story = "failed/banner",
     .cause = "does not begin with a code"},
    {.name = "421 in the middle of a group ends the session and nobody has the message",
     .security = SMTP_SECURITY_NONE,
     .messages = {&note},
     .steps = {HELLO_GROUPS, NOTE_GROUP, S("250 a\r\n421 4.3.2 down\r\n"), CLOSE},
     .story = "banner:220 ehlo:250 ready mail:250 rcpt:421 failed/rcpt/answered",
     .cause = "ends the session: 421 4.3.2 down"},
    {.name = "421 to the dot is certain: not sent",
     .security = SMTP_SECURITY_NONE,
     .messages = {&note},
     .steps = {HELLO_GROUPS, NOTE_GROUP, S("250 a\r\n250 b\r\n354 c\r\n"), NOTE_BODY, S("421 down\r\n")},
     .story = "banner:220 ehlo:250 ready mail:250 rcpt:250 rcpt[0]:250 data:354 dot:421 failed/dot/answered",
     .cause = "421 down"},
    {.name = "closed after the dot is uncertain",
     .security = SMTP_SECURITY_NONE,
     .messages = {&note},
     .steps = {HELLO_GROUPS, NOTE_GROUP, S("250 a\r\n250 b\r\n354 c\r\n"), NOTE_BODY, CLOSE},
     .story = "banner:220 ehlo:250 ready mail:250 rcpt:250 rcpt[0]:250 data:354 failed/dot",
     .cause = "closed in stage dot",
     .uncertain = true},
    {.name = "closed within the answer to the dot is uncertain",
     .security = SMTP_SECURITY_NONE,
     .messages = {&note},
     .steps = {HELLO_GROUPS, NOTE_GROUP, S("250 a\r\n250 b\r\n354 c\r\n"), NOTE_BODY, S("250 d"), CLOSE},
     .story = "banner:220 ehlo:250 ready mail:250 rcpt:250 rcpt[0]:250 data:354 failed/dot",
     .cause = "closed in stage dot",
     .uncertain = true},
    {.name = "closed in a group is certain",
     .security = SMTP_SECURITY_NONE,
     .messages = {&note},
     .steps = {HELLO_GROUPS, NOTE_GROUP, S("250 a\r\n"), CLOSE},
     .story = "banner:220 ehlo:250 ready mail:250 failed/rcpt",
     .cause = "closed in stage rcpt"},
    {.name = "a gateway that goes down while idle",
     .security = SMTP_SECURITY_NONE,
     .messages = {&note},
     .steps = {HELLO_PLAIN, C(MAIL), S("550 no\r\n"), C("RSET\r\n"), S("421 down\r\n")},
     .story = "banner:220 ehlo:250 ready mail:550 sent:550/mail rset:421 failed/rset/answered",
     .cause = "421 down"},
    {.name = "a code that changes within a reply",
     .security = SMTP_SECURITY_NONE,
     .steps = {HELLO, S("250-mx\r\n550 x\r\n")},
     .story = "banner:220 failed/ehlo",
     .cause = "changes its code"},
    {.name = "lines that end in a bare LF",
     .security = SMTP_SECURITY_NONE,
     .steps = {S("220 hi\n")},
     .story = "failed/banner",
     .cause = "bare LF"},
};

static void each_dialogue_goes_as_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof dialogues / sizeof *dialogues; i++)
        perform(&dialogues[i], 0);
}

static void each_dialogue_goes_the_same_a_byte_at_a_time(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof dialogues / sizeof *dialogues; i++)
        perform(&dialogues[i], 1);
}

static void a_reply_to_what_was_not_sent_yet_ends_the_session(void **state)
{
    (void)state;
    struct smtp_client_options options = {.security = SMTP_SECURITY_NONE, .helo = SV("me.example.org")};
    struct smtp_client *client = smtp_client_new(&options);
    smtp_client_feed(client, SV("220 hi\r\n250 x\r\n"));
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_ANSWER);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_ANSWER);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_FAILED);
    assert_non_null(strstr(smtp_client_failure(client)->cause, "250 x is no answer"));
    smtp_client_free(client);
}

static void what_ehlo_offers_is_known(void **state)
{
    (void)state;
    struct smtp_client *client =
        greeted(SV("250-mx.example.org at your service\r\n250-size 1048576\r\n"
                   "250-AUTH LOGIN PLAIN\r\n250-AUTH=LOGIN XOAUTH2 bad!word\r\n250-X-OTHER\r\n"
                   "250 EnhancedStatusCodes\r\n"));
    assert_int_equal(smtp_client_extensions(client),
                     SMTP_EXT_SIZE | SMTP_EXT_AUTH | SMTP_EXT_ENHANCEDSTATUSCODES);
    assert_int_equal(smtp_client_size_limit(client), 1048576);
    assert_true(sv_eq(smtp_client_mechanisms(client), SV("LOGIN PLAIN XOAUTH2")));
    assert_true(sv_eq(smtp_client_peer_name(client), SV("mx.example.org")));
    assert_true(smtp_client_encrypted(client));
    smtp_client_free(client);
}

static const struct {
    sv reply;
    int enhanced[3];
    const char *text;
} answers[] = {
    {SV_INIT("550 5.1.1 no\r\n"), {5, 1, 1}, "5.1.1 no"},
    {SV_INIT("550-5.1.1 no\r\n550 5.1.1 such\r\n"), {5, 1, 1}, "5.1.1 no\n5.1.1 such"},
    {SV_INIT("550 4.1.1 other class\r\n"), {0}, "4.1.1 other class"},
    {SV_INIT("550 5.1 short\r\n"), {0}, "5.1 short"},
    {SV_INIT("550 5.1.1.1 long\r\n"), {0}, "5.1.1.1 long"},
    {SV_INIT("550 5.1.9999 big\r\n"), {0}, "5.1.9999 big"},
    {SV_INIT("550\r\n"), {0}, ""},
    {SV_INIT("550 a\x1b[2Jb\0c\rd\r\n"), {0}, "a?[2Jb?c?d"},
    {SV_INIT("550 caf\xc3\xa9\r\n"), {0}, "caf\xc3\xa9"},
    {SV_INIT("550 caf\xe9\r\n"), {0}, "caf?"},
    {SV_INIT("550 a\xc2\x9b"
             "b\r\n"),
     {0},
     "a??b"},
};

static void an_answer_is_harmless_to_show(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct smtp_client *client = greeted(SV("250 mx\r\n"));
        struct err err;
        assert_int_equal(smtp_client_send(client, &note, &err), 0);
        smtp_client_sent(client, smtp_client_output(client).n);
        smtp_client_feed(client, answers[i].reply);
        assert_int_equal(smtp_client_next(client), SMTP_CLIENT_ANSWER);
        const struct smtp_answer *answer = smtp_client_answer(client);
        assert_int_equal(answer->code, 550);
        assert_memory_equal(answer->enhanced, answers[i].enhanced, sizeof answer->enhanced);
        assert_string_equal(answer->text, answers[i].text);
        smtp_client_free(client);
    }
}

static void a_long_answer_is_cut_at_a_character(void **state)
{
    (void)state;
    struct buf reply = BUF_INIT(8192);
    buf_put(&reply, SV("550 x"));
    for (size_t i = 0; i < 600; i++)
        buf_put(&reply, SV("\xc3\xa9"));
    buf_put(&reply, SV("\r\n"));
    struct smtp_client *client = greeted(SV("250 mx\r\n"));
    struct err err;
    assert_int_equal(smtp_client_send(client, &note, &err), 0);
    smtp_client_sent(client, smtp_client_output(client).n);
    smtp_client_feed(client, buf_view(&reply));
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_ANSWER);
    const char *text = smtp_client_answer(client)->text;
    assert_int_equal(strlen(text), SMTP_REPLY_TEXT_MAX - 1);
    assert_true(sv_utf8(sv_of(text)));
    smtp_client_free(client);
    buf_free(&reply);
}

static void an_idle_session_that_the_gateway_ends_has_failed(void **state)
{
    (void)state;
    struct smtp_client *client = greeted(SV("250 mx\r\n"));
    smtp_client_feed(client, SV("421 4.4.2 idle too long\r\n"));
    smtp_client_eof(client);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_ANSWER);
    assert_int_equal(smtp_client_stage(client), SMTP_STAGE_READY);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_FAILED);
    assert_true(smtp_client_failure_answered(client));
    assert_int_equal(smtp_client_answer(client)->code, 421);
    struct err err;
    assert_int_equal(smtp_client_send(client, &note, &err), -1);
    assert_non_null(strstr(err.cause, "421"));
    smtp_client_quit(client);
    assert_int_equal(smtp_client_output(client).n, 0);
    smtp_client_free(client);
}

static void a_name_for_ehlo_that_is_no_name_fails_the_session(void **state)
{
    (void)state;
    static const sv names[] = {SV_INIT(""), SV_INIT("a b"), SV_INIT("a\r\nMAIL FROM:<>")};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct smtp_client_options options = {.security = SMTP_SECURITY_NONE, .helo = names[i]};
        struct smtp_client *client = smtp_client_new(&options);
        assert_int_equal(smtp_client_next(client), SMTP_CLIENT_FAILED);
        assert_int_equal(smtp_client_output(client).n, 0);
        smtp_client_free(client);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_dialogue_goes_as_written),
        cmocka_unit_test(each_dialogue_goes_the_same_a_byte_at_a_time),
        cmocka_unit_test(a_reply_to_what_was_not_sent_yet_ends_the_session),
        cmocka_unit_test(what_ehlo_offers_is_known),
        cmocka_unit_test(an_answer_is_harmless_to_show),
        cmocka_unit_test(a_long_answer_is_cut_at_a_character),
        cmocka_unit_test(an_idle_session_that_the_gateway_ends_has_failed),
        cmocka_unit_test(a_name_for_ehlo_that_is_no_name_fails_the_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
