/* What the server's side of SMTP promises: scripted dialogues, each also fed a byte at a time. */
#include "wire/smtp_server_fixture.h"

static const struct dialogue plain[] = {
    {"a message is taken, its dots unstuffed",
     {HELLO, TO, SV_INIT("S: x\r\n\r\n..a\r\n.b\r\n.\r\n"), SV_INIT("QUIT\r\n")},
     "220 250 250-2.1.0 250-2.1.5 354 250-2.0.0 221-2.0.0",
     "<a@example.org>S: x\r\n\r\n.a\r\nb\r\n"},
    {"an empty message",
     {HELLO, TO, SV_INIT(".\r\n")},
     "220 250 250-2.1.0 250-2.1.5 354 250-2.0.0",
     "<a@example.org>"},
    {"two messages in a session, commands behind the dot are read",
     {HELLO, TO, SV_INIT("1\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<Postmaster>\r\nDATA\r\n"),
      SV_INIT("2\r\n.\r\nQUIT\r\n")},
     "220 250 250-2.1.0 250-2.1.5 354 250-2.0.0 250-2.1.0 250-2.1.5 354 250-2.0.0 221-2.0.0",
     "<a@example.org>1\r\n<>2\r\n"},
    {"HELO will do, in any case of letters",
     {SV_INIT("helo [192.0.2.1]\r\n"),
      SV_INIT("mail from:<a@example.org>\r\nrcpt to:<b@example.org>\r\ndata\r\n"), SV_INIT("x\r\n.\r\n")},
     "220 250 250-2.1.0 250-2.1.5 354 250-2.0.0",
     "<a@example.org>x\r\n"},
    {"a space before the address, as many devices write it",
     {HELLO, SV_INIT("MAIL FROM: <a@example.org> SIZE=1\r\nRCPT TO:  <b@example.org>\r\nDATA\r\n"),
      SV_INIT("x\r\n.\r\n")},
     "220 250 250-2.1.0 250-2.1.5 354 250-2.0.0",
     "<a@example.org>x\r\n"},
    {"one recipient of two refused",
     {HELLO,
      SV_INIT("MAIL FROM:<a@example.org>\r\nRCPT TO:<b@evil.example>\r\nRCPT TO:<c@example.org>\r\nDATA\r\n"),
      SV_INIT("x\r\n.\r\n")},
     "220 250 250-2.1.0 550-5.7.1 250-2.1.5 354 250-2.0.0",
     "<a@example.org>x\r\n"},
    {"all refused, DATA too, and the next message goes",
     {HELLO, SV_INIT("MAIL FROM:<a@example.org>\r\nRCPT TO:<b@evil.example>\r\nDATA\r\n"),
      SV_INIT("RSET\r\n"), TO, SV_INIT("x\r\n.\r\n")},
     "220 250 250-2.1.0 550-5.7.1 503-5.5.1 250-2.0.0 250-2.1.0 250-2.1.5 354 250-2.0.0",
     "<a@example.org>x\r\n"},
    {"parameters that we offer",
     {HELLO, SV_INIT("MAIL FROM:<\xc3\xa9@example.org> SIZE=2000 BODY=8BITMIME SMTPUTF8\r\nRCPT "
                     "TO:<\xc3\xb1@example.org>\r\n")},
     "220 250 250-2.1.0 250-2.1.5",
     ""},
    {"too many recipients are put off",
     {HELLO, SV_INIT("MAIL FROM:<>\r\nRCPT TO:<a@example.org>\r\nRCPT TO:<b@example.org>\r\n"
                     "RCPT TO:<c@example.org>\r\nRCPT TO:<d@example.org>\r\n")},
     "220 250 250-2.1.0 250-2.1.5 250-2.1.5 250-2.1.5 452-4.5.3",
     ""},
    {"the small commands",
     {SV_INIT("NOOP x\r\nHELP\r\n"), HELLO, SV_INIT("VRFY b\r\nEXPN b\r\nNOOP \r\nRSET\r\n")},
     "220 250-2.0.0 214-2.0.0 250 252-2.5.0 502-5.5.1 250-2.0.0 250-2.0.0",
     ""},
    {"EHLO ends a transaction",
     {HELLO, SV_INIT("MAIL FROM:<>\r\n"), HELLO, SV_INIT("RCPT TO:<b@example.org>\r\n")},
     "220 250 250-2.1.0 250 503-5.5.1",
     ""},
};

static void dialogues_go_as_rfc_5321_has_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        hold(&plain[i]);
}

static const struct dialogue refused[] = {
    {"out of order",
     {SV_INIT("MAIL FROM:<a@example.org>\r\n"), HELLO,
      SV_INIT("RCPT TO:<b@example.org>\r\nMAIL FROM:<>\r\nMAIL FROM:<>\r\nDATA\r\n")},
     "220 503-5.5.1 250 503-5.5.1 250-2.1.0 503-5.5.1 503-5.5.1",
     ""},
    {"too many errors",
     {HELLO, SV_INIT("A\r\nB\r\nC\r\nD\r\nE\r\nNOOP\r\n")},
     "220 250 500-5.5.1 500-5.5.1 500-5.5.1 500-5.5.1 500-5.5.1 421-4.7.0",
     ""},
    {"a shell's sender", {HELLO, SV_INIT("MAIL FROM:<;sleep 66;>\r\n")}, "220 250 501-5.1.7", ""},
    {"senders without form",
     {HELLO,
      SV_INIT(
          "MAIL FROM:a@example.org\r\nMAIL FROM :<a@example.org>\r\nMAIL\r\nMAIL FROM:<a@example.org\r\n")},
     "220 250 501-5.5.4 501-5.5.4 501-5.5.4 501-5.5.4",
     ""},
    {"recipients without form",
     {HELLO, SV_INIT("MAIL FROM:<>\r\nRCPT TO:<>\r\nRCPT TO:<@gw.example.org:u@example.org>\r\nRCPT "
                     "TO:<u@v@example.org>\r\nRCPT TO:<b>\r\n")},
     "220 250 250-2.1.0 501-5.1.3 554-5.7.1 501-5.1.3 501-5.1.3",
     ""},
    {"parameters without form",
     {HELLO,
      SV_INIT(
          "MAIL FROM:<> =\r\nMAIL FROM:<> AUTH=x+0Aroot\r\nMAIL FROM:<>  SIZE=1\r\nMAIL FROM:<> SIZE=x\r\n")},
     "220 250 501-5.5.4 501-5.5.4 501-5.5.4 501-5.5.4",
     ""},
    {"parameters without form, again",
     {HELLO, SV_INIT("MAIL FROM:<> SIZE=1 SIZE=1\r\nMAIL FROM:<>SIZE=1\r\nMAIL FROM:<> "
                     "BODY=BINARYMIME\r\nMAIL FROM:<> SMTPUTF8=1\r\n")},
     "220 250 501-5.5.4 501-5.5.4 501-5.5.4 501-5.5.4",
     ""},
    {"a newline hidden in ORCPT",
     {HELLO, SV_INIT("MAIL FROM:<>\r\nRCPT TO:<b@example.org> ORCPT=rfc822;a+0Ab\r\nRCPT TO:<b@example.org> "
                     "ORCPT=rfc822;a+2Bb\r\n")},
     "220 250 250-2.1.0 501-5.5.4 250-2.1.5",
     ""},
    {"parameters not offered",
     {HELLO, SV_INIT("MAIL FROM:<> BY=1;R\r\n"), SV_INIT("HELO x\r\nMAIL FROM:<> SIZE=1\r\n")},
     "220 250 555-5.5.4 250 555-5.5.4",
     ""},
    {"larger than SIZE by its own word",
     {HELLO, SV_INIT("MAIL FROM:<> SIZE=2001\r\n")},
     "220 250 552-5.3.4",
     ""},
    {"an address beyond ASCII without SMTPUTF8",
     {HELLO, SV_INIT("MAIL FROM:<\xc3\xa9@example.org>\r\n")},
     "220 250 553-5.6.7",
     ""},
    {"domains beyond ASCII that cannot be",
     {HELLO, SV_INIT("MAIL FROM:<a@☃.example> SMTPUTF8\r\nMAIL FROM:<a@ü.example> SMTPUTF8\r\n"
                     "RCPT TO:<b@☃.example>\r\nRCPT TO:<b@ü.example>\r\n")},
     "220 250 553-5.1.8 250-2.1.0 553-5.1.2 250-2.1.5",
     ""},
    {"bytes beyond ASCII elsewhere",
     {SV_INIT("EHLO \xc3\xa9\r\nN\xc3\xb6\r\n"), HELLO, SV_INIT("MAIL FROM:<\xff@example.org> SMTPUTF8\r\n")},
     "220 501-5.5.2 500-5.5.2 250 501-5.5.2",
     ""},
    {"NUL in a command",
     {HELLO, SV_INIT("MAIL FROM:<a\0b@example.org>\r\nNOOP\r\n")},
     "220 250 500-5.5.2 250-2.0.0",
     ""},
    {"a bare LF in a command", {HELLO, SV_INIT("NOOP\nNOOP\r\n")}, "220 250 500-5.5.2", ""},
    {"a bare CR in a command", {HELLO, SV_INIT("NOOP\rNOOP\r\n")}, "220 250 500-5.5.2", ""},
    {"no name", {SV_INIT("EHLO\r\nEHLO a b\r\nEHLO a<b\r\n")}, "220 501-5.5.4 501-5.5.4 501-5.5.4", ""},
    {"STARTTLS with a command behind it", {HELLO, SV_INIT("STARTTLS\r\nRSET\r\n")}, "220 250 554-5.5.0", ""},
    {"STARTTLS and AUTH, not offered",
     {HELLO, SV_INIT("STARTTLS\r\n"), SV_INIT("AUTH PLAIN AGEAYg==\r\n")},
     "220 250 502-5.5.1 502-5.5.1",
     ""},
    {"HTTP", {SV_INIT("POST / HTTP/1.1\r\nHost: x\r\n\r\n")}, "220 554-5.5.1", ""},
    {"TLS", {SV_INIT("\x16\x03\x01\x02")}, "220 554-5.5.1", ""},
    {"content before 354",
     {HELLO, SV_INIT("MAIL FROM:<>\r\nRCPT TO:<b@example.org>\r\nDATA\r\nx\r\n.\r\n")},
     "220 250 250-2.1.0 250-2.1.5 554-5.5.0",
     ""},
    {"content behind a DATA that is refused",
     {HELLO, SV_INIT("DATA\r\nMAIL FROM:<>\r\n")},
     "220 250 554-5.5.0",
     ""},
    {"gone in the middle of a message", {HELLO, TO, SV_INIT("x\r\n")}, "220 250 250-2.1.0 250-2.1.5 354", ""},
    {"gone before the dot's line ends",
     {HELLO, TO, SV_INIT("x\r\n.")},
     "220 250 250-2.1.0 250-2.1.5 354",
     ""},
};

static void what_is_out_of_order_or_form_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        hold(&refused[i]);
}

/* A second message hides behind each; were the end seen there, it would be taken as ours. */
static void every_known_smuggling_sequence_ends_the_session_with_nothing_taken(void **state)
{
    (void)state;
    static const sv ends[] = {
        SV_INIT("\n.\n"),       SV_INIT("\n.\r\n"),   SV_INIT("\r.\r\n"),     SV_INIT("\r.\r"),
        SV_INIT("\r\n.\n"),     SV_INIT("\r\n.\r"),   SV_INIT("\r\n\0.\r\n"), SV_INIT("\r\n.\0\r\n"),
        SV_INIT("\r\n.\r\r\n"), SV_INIT("\n\n.\r\n"), SV_INIT("\r\r\n.\r\n"),
    };
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct buf content = BUF_INIT(4096);
        buf_put(&content, SV("one"));
        buf_put(&content, ends[i]);
        buf_put(&content,
                SV("MAIL FROM:<admin@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\ntwo\r\n.\r\n"));
        struct dialogue dialogue = {
            "smuggling", {HELLO, TO, buf_view(&content)}, "220 250 250-2.1.0 250-2.1.5 354 550-5.5.2", ""};
        hold(&dialogue);
        /* The sequence in a segment of its own. */
        for (size_t cut = 1; cut < 12; cut++) {
            struct dialogue split = dialogue;
            split.turns[2] = sv_first(buf_view(&content), cut);
            split.turns[3] = sv_from(buf_view(&content), cut);
            hold(&split);
        }
        buf_free(&content);
    }
}

static sv repeat(struct buf *buf, char c, size_t n, const char *end)
{
    buf_clear(buf);
    for (size_t i = 0; i < n; i++)
        buf_put_char(buf, c);
    buf_put(buf, sv_of(end));
    return buf_view(buf);
}

static void lines_that_are_too_long_are_read_away_and_refused_whole(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT(1 << 21);
    struct dialogue command = {
        "2 KB", {HELLO, repeat(&buf, 'X', 2047, "\r\n"), SV("NOOP\r\n")}, "220 250 500-5.5.2 250-2.0.0", ""};
    hold(&command);
    command.turns[1] = repeat(&buf, 'X', 2046, "\r\n");
    command.replies = "220 250 500-5.5.1 250-2.0.0";
    hold(&command);
    command.turns[1] = repeat(&buf, 'X', 50000, "\r\n");
    command.replies = "220 250 500-5.5.2 250-2.0.0";
    hold(&command);
    command.turns[1] = repeat(&buf, 'X', 70000, "\r\n");
    command.replies = "220 250 500-5.5.2";
    hold(&command);
    struct dialogue content = {"1 MB in a line",
                               {HELLO, TO, repeat(&buf, 'x', 1 << 20, "\r\n.\r\nNOOP\r\n")},
                               "220 250 250-2.1.0 250-2.1.5 354 554-5.6.0 250-2.0.0",
                               ""};
    hold(&content);
    buf_free(&buf);
}

static void a_message_past_the_limit_is_refused_and_the_next_one_taken(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT(1 << 21);
    for (int i = 0; i < 40; i++)
        buf_put(&buf, SV("forty-eight octets and the two that end the line\r\n"));
    struct buf big = BUF_INIT(1 << 21);
    buf_put(&big, buf_view(&buf));
    assert_int_equal(buf_view(&buf).n, SIZE_LIMIT);
    buf_put(&buf, SV(".\r\n"));
    buf_put(&big, SV("x\r\n.\r\n"));
    struct outcome outcome;
    sv turns[] = {HELLO, TO, buf_view(&big), TO, buf_view(&buf)};
    talk(&outcome, turns, 5, SIZE_MAX / 2);
    assert_true(sv_eq(buf_view(&outcome.replies),
                      SV("220 250 250-2.1.0 250-2.1.5 354 552-5.3.4 250-2.1.0 250-2.1.5 354 250-2.0.0")));
    assert_int_equal(outcome.resets, 1);
    assert_int_equal(buf_view(&outcome.messages).n, SIZE_LIMIT + strlen("<a@example.org>"));
    outcome_free(&outcome);
    buf_free(&buf);
    buf_free(&big);
}

static struct smtp_server *fresh(void)
{
    struct smtp_server_options options = {.name = SV("gw.example.org"), .recipients_max = 3, .errors_max = 5};
    return smtp_server_new(&options);
}

static void who_talks_before_the_greeting_is_sent_away(void **state)
{
    (void)state;
    struct smtp_server *server = fresh();
    assert_int_equal(smtp_server_feed(server, SV("EHLO x\r\n")), 8);
    smtp_server_greet(server);
    assert_true(sv_starts(smtp_server_output(server), SV("554 5.5.0 ")));
    assert_int_equal(smtp_server_next(server), SMTP_SERVER_CLOSED);
    smtp_server_free(server);

    server = fresh();
    smtp_server_greet(server);
    assert_int_equal(smtp_server_feed(server, SV("E")), 0);
    assert_int_equal(smtp_server_next(server), SMTP_SERVER_CLOSED);
    assert_int_equal(smtp_server_failure(server)->class, ERR_PROTOCOL);
    smtp_server_free(server);
}

static void an_answer_may_come_late_and_what_was_fed_meanwhile_waits(void **state)
{
    (void)state;
    struct smtp_server *server = fresh();
    smtp_server_greet(server);
    smtp_server_sent(server, smtp_server_output(server).n);
    smtp_server_feed(server, SV("EHLO x\r\nMAIL FROM:<a@example.org>\r\n"));
    assert_int_equal(smtp_server_next(server), SMTP_SERVER_HELLO);
    assert_int_equal(smtp_server_next(server), SMTP_SERVER_NEED_IO);
    assert_int_equal(smtp_server_output(server).n, 0);
    char many[SMTP_SERVER_INPUT_MAX] = "";
    assert_true(smtp_server_feed(server, sv_make(many, sizeof many)) < sizeof many);
    assert_int_equal(smtp_server_feed(server, sv_make(many, sizeof many)), 0);
    smtp_server_accept(server, NULL);
    assert_int_equal(smtp_server_next(server), SMTP_SERVER_MAIL);
    assert_true(sv_eq(smtp_server_mail(server)->sender, SV("a@example.org")));
    smtp_server_close(server, 421, "4.3.2", "Shutting down");
    assert_int_equal(smtp_server_next(server), SMTP_SERVER_CLOSED);
    smtp_server_free(server);
}

static void commands_without_a_message_are_counted(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT(1 << 16);
    for (int i = 0; i < SMTP_SERVER_IDLE_MAX + 10; i++)
        buf_put(&buf, SV("NOOP\r\n"));
    struct outcome outcome;
    sv turn = buf_view(&buf);
    talk(&outcome, &turn, 1, 100);
    assert_true(sv_ends(buf_view(&outcome.replies),
                        SV("250-2.0.0 450-4.7.0 450-4.7.0 450-4.7.0 450-4.7.0 450-4.7.0 421-4.7.0")));
    outcome_free(&outcome);
    buf_free(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dialogues_go_as_rfc_5321_has_them),
        cmocka_unit_test(what_is_out_of_order_or_form_is_refused),
        cmocka_unit_test(every_known_smuggling_sequence_ends_the_session_with_nothing_taken),
        cmocka_unit_test(lines_that_are_too_long_are_read_away_and_refused_whole),
        cmocka_unit_test(a_message_past_the_limit_is_refused_and_the_next_one_taken),
        cmocka_unit_test(who_talks_before_the_greeting_is_sent_away),
        cmocka_unit_test(an_answer_may_come_late_and_what_was_fed_meanwhile_waits),
        cmocka_unit_test(commands_without_a_message_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
