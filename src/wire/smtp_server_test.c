/* What the server's side of SMTP promises: scripted dialogues, each also fed a byte at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "wire/smtp_server.h"

#include <stdio.h>
#include <stdlib.h>

enum { TURNS_MAX = 16, SIZE_LIMIT = 2000 };

/* What the server of a dialogue is like. */
enum { STARTTLS = 1 << 0, INSIDE_TLS = 1 << 1, AUTH = 1 << 2, FORGIVING = 1 << 3 };

/* What came of a dialogue: replies in short ("220 250 550-5.7.1"), messages taken, how it ended. */
struct outcome {
    struct buf replies, messages, content;
    size_t resets, auths_over;
    bool closed, wants_tls;
    char sender[256];
    struct smtp_server_mail mail;
    unsigned notify;
    char envid[120], auth[120], orcpt[120];
};

static void outcome_free(struct outcome *outcome)
{
    buf_free(&outcome->replies);
    buf_free(&outcome->messages);
    buf_free(&outcome->content);
}

static void note_replies(struct outcome *outcome, sv output)
{
    while (output.n) {
        sv line = sv_split(&output, '\n');
        assert_true(line.n > 4 && line.p[line.n - 1] == '\r');
        assert_true(sv_printable(sv_first(line, line.n - 1)));
        if (line.p[3] == '-')
            continue;
        sv rest = sv_from(line, 4), word = sv_word(&rest);
        bool enhanced = word.n >= 5 && word.p[1] == '.' && line.p[0] == word.p[0];
        buf_printf(&outcome->replies, "%s%.3s%s%.*s", buf_view(&outcome->replies).n ? " " : "", line.p,
                   enhanced ? "-" : "", SV_ARG(enhanced ? word : SV("")));
    }
}

/* "ann" with the password "open" may in; a real server asks the keeper. */
static void answer_auth(struct smtp_server *server)
{
    const struct smtp_server_auth *auth = smtp_server_auth(server);
    if (sv_eq(auth->mechanism, SV("LOGIN")) && !auth->given)
        smtp_server_challenge(server, SV("Username:"));
    else if (sv_eq(auth->mechanism, SV("LOGIN")) && sv_eq(auth->response, SV("ann")))
        smtp_server_challenge(server, SV("Password:"));
    else if (!auth->given)
        smtp_server_challenge(server, SV_NONE);
    else if (sv_eq(auth->response, SV("\0ann\0open")) || sv_eq(auth->response, SV("open")))
        smtp_server_accept(server, NULL);
    else
        smtp_server_refuse(server, 535, "5.7.8", "Wrong name or password");
}

static void note_mail(struct outcome *outcome, const struct smtp_server_mail *mail)
{
    sv_copy(outcome->sender, sizeof outcome->sender, mail->sender);
    sv_copy(outcome->envid, sizeof outcome->envid, mail->envid);
    sv_copy(outcome->auth, sizeof outcome->auth, mail->auth);
    outcome->mail = *mail;
}

static void answer_rcpt(struct smtp_server *server, struct outcome *outcome)
{
    const struct smtp_server_recipient *recipient = smtp_server_recipient(server);
    sv_copy(outcome->orcpt, sizeof outcome->orcpt, recipient->orcpt);
    outcome->notify = recipient->notify;
    if (sv_eq(recipient->parts.domain, SV("evil.example")))
        smtp_server_refuse(server, 550, "5.7.1", "Not here\r\n250 ok");
    else
        smtp_server_accept(server, NULL);
}

static void answer(struct smtp_server *server, struct outcome *outcome, enum smtp_server_event event)
{
    switch (event) {
    case SMTP_SERVER_HELLO:
        assert_true(smtp_server_hello(server).n > 0);
        smtp_server_accept(server, NULL);
        break;
    case SMTP_SERVER_MAIL:
        note_mail(outcome, smtp_server_mail(server));
        smtp_server_accept(server, NULL);
        break;
    case SMTP_SERVER_RCPT:
        answer_rcpt(server, outcome);
        break;
    case SMTP_SERVER_DATA:
        buf_clear(&outcome->content);
        if (strcmp(outcome->sender, "full@example.org") == 0)
            smtp_server_refuse(server, 452, "4.3.1", "No room");
        else
            smtp_server_accept(server, NULL);
        break;
    case SMTP_SERVER_WANT_TLS:
        outcome->wants_tls = true;
        break;
    case SMTP_SERVER_AUTH:
        answer_auth(server);
        break;
    case SMTP_SERVER_AUTH_OVER:
        outcome->auths_over++;
        break;
    case SMTP_SERVER_END:
        assert_true(smtp_server_content_bytes(server) == buf_view(&outcome->content).n);
        buf_printf(&outcome->messages, "<%s>", outcome->sender);
        buf_put(&outcome->messages, buf_view(&outcome->content));
        smtp_server_accept(server, "Ok: queued as 1");
        break;
    case SMTP_SERVER_CONTENT:
        buf_put(&outcome->content, smtp_server_content(server));
        break;
    case SMTP_SERVER_RESET:
        outcome->resets++;
        break;
    case SMTP_SERVER_NEED_IO:
    case SMTP_SERVER_CLOSED:
        break;
    }
}

static void feed(struct smtp_server *server, struct outcome *outcome, sv bytes)
{
    enum smtp_server_event event = SMTP_SERVER_NEED_IO;
    do {
        size_t used = smtp_server_feed(server, bytes);
        bytes = sv_from(bytes, used);
        while ((event = smtp_server_next(server)) != SMTP_SERVER_NEED_IO && event != SMTP_SERVER_CLOSED)
            answer(server, outcome, event);
        outcome->closed = event == SMTP_SERVER_CLOSED;
    } while (bytes.n && !outcome->closed);
}

/* Speaks the turns, in pieces of `step` bytes; output is taken at the end of each turn. */
static void talk_to(unsigned with, struct outcome *outcome, const sv *turns, size_t count, size_t step)
{
    *outcome = (struct outcome){
        .replies = BUF_INIT(1 << 20), .messages = BUF_INIT(1 << 24), .content = BUF_INIT(1 << 24)};
    struct smtp_server_options options = {.name = SV("gw.example.org"),
                                          .size_limit = SIZE_LIMIT,
                                          .recipients_max = 3,
                                          .errors_max = 5,
                                          .starttls = with & STARTTLS,
                                          .secured = with & INSIDE_TLS};
    struct smtp_server *server = smtp_server_new(&options);
    if (with & AUTH)
        smtp_server_offer_auth(server, SV("SCRAM-SHA-256 PLAIN LOGIN"));
    if (with & FORGIVING)
        smtp_server_forgive_bare_lf(server, true);
    smtp_server_greet(server);
    for (size_t i = 0; i <= count; i++) {
        sv output = smtp_server_output(server);
        note_replies(outcome, output);
        smtp_server_sent(server, output.n);
        smtp_server_rest(server);
        if (i == count)
            break;
        if (outcome->wants_tls && !outcome->closed) {
            outcome->wants_tls = false;
            buf_put(&outcome->replies, SV(" TLS"));
            smtp_server_secured(server);
        }
        for (sv rest = turns[i]; rest.n && !outcome->closed; rest = sv_from(rest, step))
            feed(server, outcome, sv_first(rest, step));
    }
    if (!outcome->closed) {
        smtp_server_eof(server);
        feed(server, outcome, SV_NONE);
    }
    assert_true(outcome->closed);
    assert_int_equal(smtp_server_next(server), SMTP_SERVER_CLOSED);
    smtp_server_free(server);
}

static void talk(struct outcome *outcome, const sv *turns, size_t count, size_t step)
{
    talk_to(0, outcome, turns, count, step);
}

#define HELLO SV_INIT("EHLO client.example.org\r\n")
#define TO    SV_INIT("MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n")

struct dialogue {
    const char *what;
    sv turns[TURNS_MAX]; /* p NULL ends them */
    const char *replies, *messages;
    unsigned with;
};

static void hold(const struct dialogue *dialogue)
{
    size_t count = 0;
    while (count < TURNS_MAX && dialogue->turns[count].p)
        count++;
    static const size_t steps[] = {SIZE_MAX / 2, 1, 2, 3, 7};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct outcome outcome;
        talk_to(dialogue->with, &outcome, dialogue->turns, count, steps[i]);
        sv replies = buf_view(&outcome.replies), messages = buf_view(&outcome.messages);
        if (!sv_eq(replies, sv_of(dialogue->replies)) || !sv_eq(messages, sv_of(dialogue->messages)))
            fail_msg("%s, %zu bytes at a time: got %.*s and message %.*s", dialogue->what, steps[i],
                     SV_ARG(replies), SV_ARG(messages));
        outcome_free(&outcome);
    }
}

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
          "MAIL FROM:a@example.org\r\nMAIL FROM: <a@example.org>\r\nMAIL\r\nMAIL FROM:<a@example.org\r\n")},
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

#define FROM SV_INIT("MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\n")

static const struct dialogue chunks[] = {
    {"one chunk, pipelined with all before it, dots as they are",
     {HELLO,
      SV_INIT("MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nBDAT 8 LAST\r\n.\r\n..b\r\nQUIT\r\n")},
     "220 250 250-2.1.0 250-2.1.5 250-2.0.0 221-2.0.0",
     "<a@example.org>.\r\n..b\r\n"},
    {"several chunks, one cut within a CRLF, and the next message",
     {HELLO, FROM, SV_INIT("BDAT 4\r\nab\r"), SV_INIT("\nBDAT 3\r\ncd\rBDAT 3 last\r\n\nef"), FROM,
      SV_INIT("BDAT 0 LAST\r\n")},
     "220 250 250-2.1.0 250-2.1.5 250-2.0.0 250-2.0.0 250-2.0.0 250-2.1.0 250-2.1.5 250-2.0.0",
     "<a@example.org>ab\r\ncd\r\nef\r\n<a@example.org>"},
    {"what is within the octets is content, were it QUIT",
     {HELLO, FROM, SV_INIT("BDAT 6\r\nQUIT\r\nBDAT 0 LAST\r\n")},
     "220 250 250-2.1.0 250-2.1.5 250-2.0.0 250-2.0.0",
     "<a@example.org>QUIT\r\n"},
    {
        "BDAT 1 and BDAT of a byte that is no number: exact octets (CVE-2017-16943)",
        {HELLO, FROM, SV_INIT("BDAT 1\r\nBDAT \x7f\r\n")},
        "220 250 250-2.1.0 250-2.1.5 250-2.0.0 500-5.5.2",
        "",
    },
    {"BDAT 10 with a dot (CVE-2017-16944): ten octets, whatever they are",
     {HELLO, FROM, SV_INIT("BDAT 10\r\n.\r\n1234567BDAT 0 LAST\r\n")},
     "220 250 250-2.1.0 250-2.1.5 250-2.0.0 250-2.0.0",
     "<a@example.org>.\r\n1234567\r\n"},
    {"BDAT -1", {HELLO, FROM, SV_INIT("BDAT -1\r\nRSET\r\n")}, "220 250 250-2.1.0 250-2.1.5 501-5.5.4", ""},
    {"BDAT 2^64",
     {HELLO, FROM, SV_INIT("BDAT 18446744073709551616\r\nRSET\r\n")},
     "220 250 250-2.1.0 250-2.1.5 501-5.5.4",
     ""},
    {"BDAT 2^64 - 1",
     {HELLO, FROM, SV_INIT("BDAT 18446744073709551615\r\nRSET\r\n")},
     "220 250 250-2.1.0 250-2.1.5 552-5.3.4",
     ""},
    {"BDAT without a number",
     {HELLO, FROM, SV_INIT("BDAT\r\n")},
     "220 250 250-2.1.0 250-2.1.5 501-5.5.4",
     ""},
    {"BDAT with another word",
     {HELLO, FROM, SV_INIT("BDAT 5 LAS\r\nRSET\r\n")},
     "220 250 250-2.1.0 250-2.1.5 501-5.5.4",
     ""},
    {"BDAT before MAIL, before a recipient, and in the clear of any greeting: read away and refused",
     {SV_INIT("BDAT 6 LAST\r\nQUIT\r\n"), HELLO, SV_INIT("BDAT 0 LAST\r\nMAIL FROM:<>\r\nBDAT 6\r\nQUIT\r\n"),
      SV_INIT("RCPT TO:<b@example.org>\r\n")},
     "220 503-5.5.1 250 503-5.5.1 250-2.1.0 503-5.5.1 250-2.1.5",
     ""},
    {"nothing but chunks within a message of chunks, until RSET",
     {HELLO, FROM, SV_INIT("BDAT 3\r\nabc"), SV_INIT("DATA\r\n"),
      SV_INIT("RCPT TO:<c@example.org>\r\nMAIL FROM:<>\r\nRSET\r\n"), FROM, SV_INIT("DATA\r\n"),
      SV_INIT("x\r\n.\r\n")},
     "220 250 250-2.1.0 250-2.1.5 250-2.0.0 503-5.5.1 503-5.5.1 503-5.5.1 250-2.0.0 250-2.1.0 250-2.1.5 354 "
     "250-2.0.0",
     "<a@example.org>x\r\n"},
    {"refused content: its octets are read away, then comes the refusal, and no chunk after it counts",
     {HELLO,
      SV_INIT("MAIL FROM:<full@example.org>\r\nRCPT TO:<b@example.org>\r\nBDAT 6\r\nQUIT\r\nBDAT 6 "
              "LAST\r\nQUIT\r\n"),
      FROM, SV_INIT("BDAT 1 LAST\r\nx")},
     "220 250 250-2.1.0 250-2.1.5 452-4.3.1 503-5.5.1 250-2.1.0 250-2.1.5 250-2.0.0",
     "<a@example.org>x\r\n"},
    {"a NUL in a chunk",
     {HELLO, FROM, SV_INIT("BDAT 3\r\na\0b")},
     "220 250 250-2.1.0 250-2.1.5 550-5.5.2",
     ""},
    {"gone in the middle of a chunk",
     {HELLO, FROM, SV_INIT("BDAT 9 LAST\r\nabc")},
     "220 250 250-2.1.0 250-2.1.5",
     ""},
};

static void bdat_counts_octets_exactly(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++)
        hold(&chunks[i]);
}

static void bdat_past_the_limit_is_read_away_and_refused(void **state)
{
    (void)state;
    struct buf whole = BUF_INIT(8192);
    buf_printf(&whole, "BDAT %d\r\n", SIZE_LIMIT + 2);
    for (int i = 0; i < SIZE_LIMIT + 2; i++)
        buf_put_char(&whole, 'z');
    buf_put(&whole, SV("BDAT 2 LAST\r\n\r\nNOOP\r\n"));
    struct dialogue large = {"one large chunk",
                             {HELLO, FROM, buf_view(&whole)},
                             "220 250 250-2.1.0 250-2.1.5 552-5.3.4 503-5.5.1 250-2.0.0",
                             ""};
    hold(&large);
    buf_free(&whole);
}

static void every_smuggling_sequence_within_bdat_ends_the_session_with_nothing_taken(void **state)
{
    (void)state;
    static const sv ends[] = {
        SV_INIT("\n.\n"),       SV_INIT("\n.\r\n"),     SV_INIT("\r.\r\n"),
        SV_INIT("\r.\r"),       SV_INIT("\r\n.\n"),     SV_INIT("\r\n.\r"),
        SV_INIT("\r\n\0.\r\n"), SV_INIT("\r\n.\0\r\n"), SV_INIT("\r\n.\r\r\n"),
    };
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct buf wire = BUF_INIT(4096);
        buf_printf(&wire, "BDAT %zu LAST\r\none", 3 + ends[i].n + 26);
        buf_put(&wire, ends[i]);
        buf_put(&wire, SV("MAIL FROM:<admin@x.test>\r\n"));
        struct dialogue dialogue = {
            "smuggling", {HELLO, FROM, buf_view(&wire)}, "220 250 250-2.1.0 250-2.1.5 550-5.5.2", ""};
        hold(&dialogue);
        buf_free(&wire);
    }
}

static const struct dialogue secured[] = {
    {"STARTTLS, and all is forgotten",
     {HELLO, SV_INIT("STARTTLS\r\n"), SV_INIT("MAIL FROM:<>\r\n"), HELLO,
      SV_INIT("MAIL FROM:<> REQUIRETLS\r\nSTARTTLS\r\n")},
     "220 250 220-2.0.0 TLS 503-5.5.1 250 250-2.1.0 503-5.5.1",
     "",
     STARTTLS},
    {"STARTTLS ends a transaction, and is read in any case of letters",
     {HELLO, SV_INIT("MAIL FROM:<>\r\nstarttls\r\n"), SV_INIT("RCPT TO:<b@example.org>\r\n"), HELLO,
      SV_INIT("RCPT TO:<b@example.org>\r\n")},
     "220 250 250-2.1.0 220-2.0.0 TLS 503-5.5.1 250 503-5.5.1",
     "",
     STARTTLS},
    {"STARTTLS takes no argument", {HELLO, SV_INIT("STARTTLS now\r\n")}, "220 250 501-5.5.4", "", STARTTLS},
    {"a command injected behind STARTTLS (CVE-2011-0411)",
     {HELLO, SV_INIT("STARTTLS\r\nRSET\r\n"), SV_INIT("NOOP\r\n")},
     "220 250 554-5.5.0",
     "",
     STARTTLS},
    {"STARTTLS inside TLS", {HELLO, SV_INIT("STARTTLS\r\n")}, "220 250 503-5.5.1", "", STARTTLS | INSIDE_TLS},
    {"a TLS record inside TLS", {SV_INIT("\x16\x03\x01\x02")}, "220 554-5.5.1", "", INSIDE_TLS},
    {"REQUIRETLS in the clear, and with a value",
     {HELLO, SV_INIT("MAIL FROM:<> REQUIRETLS\r\n"), SV_INIT("STARTTLS\r\n"), HELLO,
      SV_INIT("MAIL FROM:<> REQUIRETLS=1\r\n")},
     "220 250 555-5.5.4 220-2.0.0 TLS 250 501-5.5.4",
     "",
     STARTTLS},
};

static void starttls_forgets_and_takes_no_byte_that_came_before_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof secured / sizeof *secured; i++)
        hold(&secured[i]);
}

static const struct dialogue logins[] = {
    {"PLAIN with an initial response, and then none other",
     {HELLO, SV_INIT("AUTH PLAIN AGFubgBvcGVu\r\n"), SV_INIT("AUTH PLAIN AGFubgBvcGVu\r\n")},
     "220 250 235-2.7.0 503-5.5.1",
     "",
     INSIDE_TLS | AUTH},
    {"PLAIN with its response after a challenge, in any case of letters",
     {HELLO, SV_INIT("auth plain\r\n"), SV_INIT("AGFubgBvcGVu\r\n"), SV_INIT("NOOP\r\n")},
     "220 250 334 235-2.7.0 250-2.0.0",
     "",
     INSIDE_TLS | AUTH},
    {"LOGIN",
     {HELLO, SV_INIT("AUTH LOGIN\r\n"), SV_INIT("YW5u\r\n"), SV_INIT("b3Blbg==\r\n")},
     "220 250 334 334 235-2.7.0",
     "",
     INSIDE_TLS | AUTH},
    {"a wrong password, and then the right one",
     {HELLO, SV_INIT("AUTH PLAIN AGFubgBzaHV0\r\n"), SV_INIT("AUTH PLAIN AGFubgBvcGVu\r\n")},
     "220 250 535-5.7.8 235-2.7.0",
     "",
     INSIDE_TLS | AUTH},
    {"before TLS",
     {HELLO, SV_INIT("AUTH PLAIN AGFubgBvcGVu\r\n")},
     "220 250 538-5.7.11",
     "",
     STARTTLS | AUTH},
    {"not offered at all",
     {HELLO, SV_INIT("AUTH PLAIN AGFubgBvcGVu\r\n")},
     "220 250 502-5.5.1",
     "",
     INSIDE_TLS},
    {"before EHLO, and within a transaction",
     {SV_INIT("AUTH PLAIN AGFubgBvcGVu\r\n"), HELLO, SV_INIT("MAIL FROM:<>\r\n"),
      SV_INIT("AUTH PLAIN AGFubgBvcGVu\r\n")},
     "220 503-5.5.1 250 250-2.1.0 503-5.5.1",
     "",
     INSIDE_TLS | AUTH},
    {"another mechanism, and none",
     {HELLO, SV_INIT("AUTH CRAM-MD5\r\n"), SV_INIT("AUTH\r\n")},
     "220 250 504-5.5.4 504-5.5.4",
     "",
     INSIDE_TLS | AUTH},
    {"given up with *, and a command is a command again",
     {HELLO, SV_INIT("AUTH PLAIN\r\n"), SV_INIT("*\r\n"), SV_INIT("NOOP\r\n")},
     "220 250 334 501-5.7.0 250-2.0.0",
     "",
     INSIDE_TLS | AUTH},
    {"not base64, at once and after a challenge",
     {HELLO, SV_INIT("AUTH PLAIN !\r\n"), SV_INIT("AUTH PLAIN\r\n"), SV_INIT("AGFubgBvcGVu=\r\n"),
      SV_INIT("NOOP\r\n")},
     "220 250 501-5.5.2 334 501-5.5.2 250-2.0.0",
     "",
     INSIDE_TLS | AUTH},
    {"an empty response as = (RFC 4954 4)",
     {HELLO, SV_INIT("AUTH PLAIN =\r\n")},
     "220 250 535-5.7.8",
     "",
     INSIDE_TLS | AUTH},
    {"a command pipelined behind AUTH",
     {HELLO, SV_INIT("AUTH PLAIN AGFubgBvcGVu\r\nNOOP\r\n")},
     "220 250 554-5.5.0",
     "",
     INSIDE_TLS | AUTH},
    {"a line end within the exchange that is none",
     {HELLO, SV_INIT("AUTH PLAIN\r\n"), SV_INIT("AGFu\nbgBvcGVu\r\n")},
     "220 250 334 500-5.5.2",
     "",
     INSIDE_TLS | AUTH},
    {"gone in the middle of an exchange",
     {HELLO, SV_INIT("AUTH PLAIN\r\n")},
     "220 250 334",
     "",
     INSIDE_TLS | AUTH},
    {"AUTH= of MAIL where AUTH is offered, with xtext checked",
     {HELLO, SV_INIT("MAIL FROM:<> AUTH=<>\r\nRSET\r\nMAIL FROM:<> AUTH=e+3Dmc2@example.org\r\nRSET\r\nMAIL "
                     "FROM:<> AUTH=x+0Aroot\r\n")},
     "220 250 250-2.1.0 250-2.0.0 250-2.1.0 250-2.0.0 501-5.5.4",
     "",
     INSIDE_TLS | AUTH},
    {"AUTH= of MAIL where AUTH is not offered",
     {HELLO, SV_INIT("MAIL FROM:<> AUTH=<>\r\n")},
     "220 250 555-5.5.4",
     "",
     STARTTLS | AUTH},
};

static void auth_goes_as_rfc_4954_has_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof logins / sizeof *logins; i++)
        hold(&logins[i]);
}

static void a_line_of_auth_may_have_12288_octets_and_no_more(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT(1 << 16);
    struct dialogue dialogue = {"long", {HELLO, SV("AUTH PLAIN\r\n"), SV_NONE}, NULL, "", INSIDE_TLS | AUTH};
    for (size_t n = 12284; n <= 12288; n += 4) {
        buf_clear(&buf);
        for (size_t i = 0; i < n; i++)
            buf_put_char(&buf, 'A');
        buf_put(&buf, SV("\r\n"));
        dialogue.turns[2] = buf_view(&buf);
        dialogue.replies = n == 12284 ? "220 250 334 535-5.7.8" : "220 250 334 500-5.5.6";
        hold(&dialogue);
    }
    buf_clear(&buf);
    buf_put(&buf, SV("AUTH PLAIN "));
    for (size_t i = 0; i < 13000; i++)
        buf_put_char(&buf, 'A');
    buf_put(&buf, SV("\r\n"));
    struct dialogue initial = {"13 KB at once",
                               {HELLO, buf_view(&buf), SV("NOOP\r\n")},
                               "220 250 500-5.5.6 250-2.0.0",
                               "",
                               INSIDE_TLS | AUTH};
    hold(&initial);
    buf_free(&buf);
}

static void who_gives_up_or_leaves_in_an_exchange_is_told_of_once(void **state)
{
    (void)state;
    static const sv ways_out[] = {SV_INIT("*\r\n"), SV_INIT("!\r\n"), SV_INIT("A")};
    for (size_t i = 0; i < sizeof ways_out / sizeof *ways_out; i++) {
        struct outcome outcome;
        sv turns[] = {HELLO, SV_INIT("AUTH PLAIN\r\n"), ways_out[i]};
        talk_to(INSIDE_TLS | AUTH, &outcome, turns, 3, SIZE_MAX / 2);
        assert_int_equal(outcome.auths_over, 1);
        outcome_free(&outcome);
    }
}

static void parameters_of_dsn_reach_the_caller(void **state)
{
    (void)state;
    struct outcome outcome;
    sv turns[] = {HELLO,
                  SV_INIT("MAIL FROM:<a@example.org> RET=HDRS ENVID=QQ+2B314 SIZE=77 BODY=8BITMIME AUTH=<> "
                          "REQUIRETLS SMTPUTF8\r\n"
                          "RCPT TO:<b@example.org> NOTIFY=SUCCESS,delay ORCPT=rfc822;Bob@example.com\r\n")};
    talk_to(INSIDE_TLS | AUTH, &outcome, turns, 2, 5);
    assert_true(sv_eq(buf_view(&outcome.replies), SV("220 250 250-2.1.0 250-2.1.5")));
    assert_int_equal(outcome.mail.ret, SMTP_RETURN_HEADERS);
    assert_true(outcome.mail.requiretls && outcome.mail.eightbit && outcome.mail.utf8 &&
                outcome.mail.size == 77);
    assert_string_equal(outcome.envid, "QQ+2B314");
    assert_string_equal(outcome.auth, "<>");
    assert_string_equal(outcome.orcpt, "rfc822;Bob@example.com");
    assert_int_equal(outcome.notify, SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_DELAY);
    outcome_free(&outcome);
}

static void parameters_of_dsn_are_checked(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "MAIL FROM:<> RET=ALL\r\n",
        "MAIL FROM:<> RET\r\n",
        "MAIL FROM:<> ENVID\r\n",
        "MAIL FROM:<> ENVID=a+0Db\r\n",
        "MAIL FROM:<> ENVID=a+2g\r\n",
        "MAIL FROM:<> ENVID=a+2\r\n",
        "MAIL FROM:<> RET=FULL RET=FULL\r\n",
        "MAIL FROM:<> ENVID="
        "1234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"
        "1\r\n",
    };
    static const char *const wrong_recipient[] = {
        "RCPT TO:<b@example.org> NOTIFY=NEVER,DELAY\r\n",
        "RCPT TO:<b@example.org> NOTIFY=\r\n",
        "RCPT TO:<b@example.org> NOTIFY=DELAY,DELAY\r\n",
        "RCPT TO:<b@example.org> NOTIFY=DELAY,\r\n",
        "RCPT TO:<b@example.org> NOTIFY=ALWAYS\r\n",
        "RCPT TO:<b@example.org> ORCPT=b@example.org\r\n",
        "RCPT TO:<b@example.org> ORCPT=;b@example.org\r\n",
        "RCPT TO:<b@example.org> ORCPT=rfc822;\r\n",
        "RCPT TO:<b@example.org> RET=FULL\r\n",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct dialogue dialogue = {wrong[i], {HELLO, sv_of(wrong[i])}, "220 250 501-5.5.4", ""};
        hold(&dialogue);
    }
    for (size_t i = 0; i < sizeof wrong_recipient / sizeof *wrong_recipient; i++) {
        struct outcome outcome;
        sv turns[] = {HELLO, SV_INIT("MAIL FROM:<>\r\n"), sv_of(wrong_recipient[i])};
        talk(&outcome, turns, 3, 3);
        sv replies = buf_view(&outcome.replies);
        if (!sv_ends(replies, SV("250-2.1.0 501-5.5.4")) && !sv_ends(replies, SV("250-2.1.0 555-5.5.4")))
            fail_msg("%s: %.*s", wrong_recipient[i], SV_ARG(replies));
        outcome_free(&outcome);
    }
}

static const struct dialogue old_devices[] = {
    {"lines that end in LF, the end of the message as it should be",
     {SV_INIT("EHLO x\n"), SV_INIT("MAIL FROM:<a@example.org>\nRCPT TO:<b@example.org>\r\n"),
      SV_INIT("DATA\n"), SV_INIT("S: x\n\n..a\n.b\r\nc\n\r\n.\r\n")},
     "220 250 250-2.1.0 250-2.1.5 354 250-2.0.0",
     "<a@example.org>S: x\r\n\r\n.a\r\nb\r\nc\r\n\r\n",
     FORGIVING},
    {"a dot between an LF and anything, or before one, is content and no end",
     {HELLO, TO, SV_INIT("1\n.\n2\n.\r\n3\r\n.\n4\r\n.\r\n")},
     "220 250 250-2.1.0 250-2.1.5 354 250-2.0.0",
     "<a@example.org>1\r\n.\r\n2\r\n.\r\n3\r\n.\r\n4\r\n",
     FORGIVING},
    {"a bare CR is not forgiven",
     {HELLO, TO, SV_INIT("1\r.\r\n.\r\n")},
     "220 250 250-2.1.0 250-2.1.5 354 550-5.5.2",
     "",
     FORGIVING},
    {"nor is a NUL",
     {HELLO, TO, SV_INIT("1\0\r\n.\r\n")},
     "220 250 250-2.1.0 250-2.1.5 354 550-5.5.2",
     "",
     FORGIVING},
    {"the octets of a chunk are mended too",
     {HELLO, FROM, SV_INIT("BDAT 6 LAST\r\na\n.\nb\n")},
     "220 250 250-2.1.0 250-2.1.5 250-2.0.0",
     "<a@example.org>a\r\n.\r\nb\r\n",
     FORGIVING},
};

static void a_bare_lf_is_mended_where_it_is_forgiven_and_ends_no_message(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof old_devices / sizeof *old_devices; i++)
        hold(&old_devices[i]);
}

static bool offers(unsigned with, sv word)
{
    struct smtp_server_options options = {.name = SV("gw.example.org"),
                                          .size_limit = 10,
                                          .recipients_max = 3,
                                          .errors_max = 5,
                                          .starttls = with & STARTTLS,
                                          .secured = with & INSIDE_TLS};
    struct smtp_server *server = smtp_server_new(&options);
    if (with & AUTH)
        smtp_server_offer_auth(server, SV("PLAIN LOGIN"));
    smtp_server_greet(server);
    smtp_server_sent(server, smtp_server_output(server).n);
    smtp_server_feed(server, SV("EHLO x\r\n"));
    assert_int_equal(smtp_server_next(server), SMTP_SERVER_HELLO);
    smtp_server_accept(server, NULL);
    bool found = sv_find(smtp_server_output(server), word) != SV_NPOS;
    smtp_server_free(server);
    return found;
}

static void ehlo_offers_what_holds_now_and_binarymime_never(void **state)
{
    (void)state;
    static const sv always[] = {
        SV_INIT("-PIPELINING\r\n"),         SV_INIT("-SIZE 10\r\n"), SV_INIT("-8BITMIME\r\n"),
        SV_INIT("-SMTPUTF8\r\n"),           SV_INIT("-DSN\r\n"),     SV_INIT("-CHUNKING\r\n"),
        SV_INIT(" ENHANCEDSTATUSCODES\r\n")};
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        assert_true(offers(0, always[i]) && offers(INSIDE_TLS | AUTH, always[i]));
    assert_true(offers(STARTTLS, SV("STARTTLS")));
    assert_false(offers(0, SV("STARTTLS")));
    assert_false(offers(STARTTLS | INSIDE_TLS, SV("STARTTLS")));
    assert_true(offers(INSIDE_TLS | AUTH, SV("-AUTH PLAIN LOGIN\r\n")));
    assert_false(offers(STARTTLS | AUTH, SV("AUTH")));
    assert_false(offers(INSIDE_TLS, SV("AUTH")));
    assert_true(offers(INSIDE_TLS, SV("REQUIRETLS")));
    assert_false(offers(STARTTLS, SV("REQUIRETLS")));
    assert_false(offers(INSIDE_TLS, SV("BINARYMIME")));
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
        cmocka_unit_test(bdat_counts_octets_exactly),
        cmocka_unit_test(bdat_past_the_limit_is_read_away_and_refused),
        cmocka_unit_test(every_smuggling_sequence_within_bdat_ends_the_session_with_nothing_taken),
        cmocka_unit_test(starttls_forgets_and_takes_no_byte_that_came_before_it),
        cmocka_unit_test(auth_goes_as_rfc_4954_has_it),
        cmocka_unit_test(a_line_of_auth_may_have_12288_octets_and_no_more),
        cmocka_unit_test(who_gives_up_or_leaves_in_an_exchange_is_told_of_once),
        cmocka_unit_test(parameters_of_dsn_reach_the_caller),
        cmocka_unit_test(parameters_of_dsn_are_checked),
        cmocka_unit_test(a_bare_lf_is_mended_where_it_is_forgiven_and_ends_no_message),
        cmocka_unit_test(ehlo_offers_what_holds_now_and_binarymime_never),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
