/* A client that says what a test has it say, in pieces of any size, and what the server made of it. Not part
 * of the program. */
#ifndef VEDETTE_WIRE_SMTP_SERVER_FIXTURE_H
#define VEDETTE_WIRE_SMTP_SERVER_FIXTURE_H

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

static inline void outcome_free(struct outcome *outcome)
{
    buf_free(&outcome->replies);
    buf_free(&outcome->messages);
    buf_free(&outcome->content);
}

static inline void note_replies(struct outcome *outcome, sv output)
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
static inline void answer_auth(struct smtp_server *server)
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

static inline void note_mail(struct outcome *outcome, const struct smtp_server_mail *mail)
{
    sv_copy(outcome->sender, sizeof outcome->sender, mail->sender);
    sv_copy(outcome->envid, sizeof outcome->envid, mail->envid);
    sv_copy(outcome->auth, sizeof outcome->auth, mail->auth);
    outcome->mail = *mail;
}

static inline void answer_rcpt(struct smtp_server *server, struct outcome *outcome)
{
    const struct smtp_server_recipient *recipient = smtp_server_recipient(server);
    sv_copy(outcome->orcpt, sizeof outcome->orcpt, recipient->orcpt);
    outcome->notify = recipient->notify;
    if (sv_eq(recipient->parts.domain, SV("evil.example")))
        smtp_server_refuse(server, 550, "5.7.1", "Not here\r\n250 ok");
    else
        smtp_server_accept(server, NULL);
}

static inline void answer(struct smtp_server *server, struct outcome *outcome, enum smtp_server_event event)
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

static inline void feed(struct smtp_server *server, struct outcome *outcome, sv bytes)
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
static inline void talk_to(unsigned with, struct outcome *outcome, const sv *turns, size_t count, size_t step)
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

static inline void talk(struct outcome *outcome, const sv *turns, size_t count, size_t step)
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

static inline void hold(const struct dialogue *dialogue)
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

#endif
