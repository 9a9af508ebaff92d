/* Sessions of our client as dialogues: what a gateway says, what the client must say to it, and what came of
 * it. Not part of the program. */
#ifndef VEDETTE_WIRE_SMTP_CLIENT_FIXTURE_H
#define VEDETTE_WIRE_SMTP_CLIENT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "wire/smtp_client.h"

enum { STEPS_MAX = 40 };

struct step {
    char kind; /* S the gateway says, C the client must have said, T the TLS handshake ends, X the gateway
                  closes */
    sv text;
};

#define S(lit)            \
    {                     \
        'S', SV_INIT(lit) \
    }
#define C(lit)            \
    {                     \
        'C', SV_INIT(lit) \
    }
#define TLS              \
    {                    \
        'T', SV_INIT("") \
    }
#define CLOSE            \
    {                    \
        'X', SV_INIT("") \
    }

struct dialogue {
    const char *name;
    enum smtp_security security;
    bool opportunistic;
    const char *mechanism; /* NULL: no authentication */
    const struct smtp_envelope *messages[3];
    struct step steps[STEPS_MAX];
    const char *story; /* every event */
    const char *cause; /* what the failure's cause has in it */
    bool uncertain;
};

static const char secret[] = "tr0ub4dor";

static const struct smtp_recipient one[] = {{.address = SV_INIT("soc@example.org")}};
static const struct smtp_envelope note = {.sender = SV_INIT("v@example.org"),
                                          .recipients = one,
                                          .recipient_count = 1,
                                          .content = SV_INIT("Subject: x\r\n\r\n.\r\n")};

#define HELLO        S("220 mx.example.org ESMTP\r\n"), C("EHLO me.example.org\r\n")
#define HELLO_PLAIN  HELLO, S("250 mx.example.org\r\n")
#define HELLO_GROUPS HELLO, S("250-mx.example.org\r\n250 PIPELINING\r\n")
#define MAIL         "MAIL FROM:<v@example.org>\r\n"
#define NOTE_GROUP   C(MAIL "RCPT TO:<soc@example.org>\r\nDATA\r\n")
#define NOTE_BODY    C("Subject: x\r\n\r\n..\r\n.\r\n")
#define GOODBYE      C("QUIT\r\n"), S("221 bye\r\n")

struct run {
    const struct dialogue *dialogue;
    struct smtp_client *client;
    struct buf story, said;
    size_t next_message;
};

static inline void tell_story(struct run *run, const char *word)
{
    assert_int_equal(buf_printf(&run->story, "%s%s", buf_view(&run->story).n ? " " : "", word), 0);
}

static inline void on_ready(struct run *run)
{
    tell_story(run, "ready");
    while (run->next_message < 3 && run->dialogue->messages[run->next_message]) {
        struct err err;
        if (smtp_client_send(run->client, run->dialogue->messages[run->next_message++], &err) == 0)
            return;
        assert_true(strlen(err.cause) > 0 && strlen(err.advice) > 0);
        tell_story(run, "local");
    }
    smtp_client_quit(run->client);
}

static inline void on_failed(struct run *run)
{
    char word[64];
    snprintf(word, sizeof word, "failed/%s%s", smtp_stage_name(smtp_client_stage(run->client)),
             smtp_client_failure_answered(run->client) ? "/answered" : "");
    tell_story(run, word);
}

/* False when there is nothing more to do without input. */
static inline bool act(struct run *run)
{
    struct smtp_client *client = run->client;
    enum smtp_client_event event = smtp_client_next(client);
    const struct smtp_answer *answer = smtp_client_answer(client);
    const char *stage = smtp_stage_name(smtp_client_stage(client));
    char word[64];
    assert_null(strstr(answer->text, secret));
    switch (event) {
    case SMTP_CLIENT_NEED_IO:
        return false;
    case SMTP_CLIENT_ANSWER:
        snprintf(word, sizeof word, "%s:%d", stage, answer->code);
        tell_story(run, word);
        return true;
    case SMTP_CLIENT_WANT_TLS:
        if (run->dialogue->security == SMTP_SECURITY_TLS)
            smtp_client_tls_started(client);
        else
            tell_story(run, "want-tls");
        return true;
    case SMTP_CLIENT_WANT_CREDENTIALS:
        tell_story(run, "want-credentials");
        smtp_client_authenticate(client,
                                 &(struct smtp_credentials){.username = SV("user"),
                                                            .secret = sv_of(secret),
                                                            .mechanism = sv_of(run->dialogue->mechanism)});
        return true;
    case SMTP_CLIENT_READY:
        on_ready(run);
        return true;
    case SMTP_CLIENT_RECIPIENT:
        snprintf(word, sizeof word, "rcpt[%zu]:%d", smtp_client_recipient(client), answer->code);
        tell_story(run, word);
        return true;
    case SMTP_CLIENT_SENT:
        snprintf(word, sizeof word, "sent:%d/%s", answer->code, stage);
        tell_story(run, word);
        return true;
    case SMTP_CLIENT_FAILED:
    case SMTP_CLIENT_CLOSED:
        return false;
    }
    return false;
}

static inline void settle(struct run *run)
{
    do {
        while (act(run))
            ;
        sv out = smtp_client_output(run->client);
        if (out.n == 0)
            return;
        sv part = sv_first(out, 7); /* the kernel takes what it likes */
        assert_int_equal(buf_put(&run->said, part), 0);
        smtp_client_sent(run->client, part.n);
    } while (true);
}

static inline void say(struct run *run, sv text, size_t size)
{
    for (size_t at = 0; at < text.n; at += size) {
        smtp_client_feed(run->client, sv_first(sv_from(text, at), size));
        settle(run);
    }
}

static inline void take_step(struct run *run, const struct step *step, size_t size)
{
    settle(run);
    switch (step->kind) {
    case 'C':
        if (!sv_starts(buf_view(&run->said), step->text))
            fail_msg("%s: expected \"%.*s\", said \"%.*s\"", run->dialogue->name, SV_ARG(step->text),
                     SV_ARG(buf_view(&run->said)));
        buf_consume(&run->said, step->text.n);
        return;
    case 'S':
        say(run, step->text, size ? size : step->text.n);
        return;
    case 'T':
        smtp_client_tls_started(run->client);
        break;
    case 'X':
        smtp_client_eof(run->client);
        break;
    }
    settle(run);
}

static inline void end_story(struct run *run)
{
    enum smtp_client_event last = smtp_client_next(run->client);
    assert_true(last == SMTP_CLIENT_FAILED || last == SMTP_CLIENT_CLOSED);
    assert_int_equal(smtp_client_next(run->client), last);
    assert_int_equal(smtp_client_output(run->client).n, 0);
    if (last == SMTP_CLIENT_FAILED)
        on_failed(run);
    else
        tell_story(run, "closed");
}

static inline void perform(const struct dialogue *dialogue, size_t size)
{
    struct smtp_client_options options = {.security = dialogue->security,
                                          .opportunistic = dialogue->opportunistic,
                                          .helo = SV("me.example.org"),
                                          .auth = dialogue->mechanism != NULL};
    struct run run = {.dialogue = dialogue,
                      .client = smtp_client_new(&options),
                      .story = BUF_INIT(4096),
                      .said = BUF_INIT(65536)};
    for (size_t i = 0; i < STEPS_MAX && dialogue->steps[i].kind; i++)
        take_step(&run, &dialogue->steps[i], size);
    end_story(&run);
    buf_put_char(&run.story, '\0');
    if (dialogue->story && strcmp(buf_view(&run.story).p, dialogue->story) != 0)
        fail_msg("%s (%zu):\n  expected %s\n  got      %s\n  %s", dialogue->name, size, dialogue->story,
                 buf_view(&run.story).p, smtp_client_failure(run.client)->cause);
    /* With no story the two ways of feeding may end at different points, but never later than MAIL. */
    if (!dialogue->story)
        assert_null(strstr(buf_view(&run.story).p, "mail"));
    else if (buf_view(&run.said).n > 0)
        fail_msg("%s: said more: \"%.*s\"", dialogue->name, SV_ARG(buf_view(&run.said)));
    const struct err *failure = smtp_client_failure(run.client);
    if (dialogue->cause && !strstr(failure->cause, dialogue->cause))
        fail_msg("%s: the cause is \"%s\"", dialogue->name, failure->cause);
    assert_null(strstr(failure->cause, secret));
    assert_int_equal(smtp_client_uncertain(run.client), dialogue->uncertain);
    smtp_client_free(run.client);
    buf_free(&run.story);
    buf_free(&run.said);
}

static inline struct smtp_client *greeted(sv hello)
{
    struct smtp_client_options options = {.security = SMTP_SECURITY_TLS, .helo = SV("me.example.org")};
    struct smtp_client *client = smtp_client_new(&options);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_WANT_TLS);
    smtp_client_tls_started(client);
    smtp_client_feed(client, SV("220 hi\r\n"));
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_ANSWER);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_NEED_IO);
    smtp_client_sent(client, smtp_client_output(client).n);
    smtp_client_feed(client, hello);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_ANSWER);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_READY);
    return client;
}

#endif
