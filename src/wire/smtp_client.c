#include "wire/smtp_client.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "wire/smtp_client_private.h"

static const char advice_retry[] = "it is tried again later; ask the gateway's administrator if it stays so";
static const char advice_stripped[] =
    "mail is not sent in the clear: let the gateway offer STARTTLS, or use security: tls; if it did offer it "
    "until now, someone on the way may be removing it";

const char *smtp_stage_name(enum smtp_stage stage)
{
    switch (stage) {
#define X(name, text)       \
    case SMTP_STAGE_##name: \
        return text;
        SMTP_STAGES(X)
#undef X
    }
    return "unknown";
}

void smtp_client_drop_sasl(struct smtp_client *client)
{
    sasl_close(client->sasl);
    client->sasl = NULL;
}

void smtp_client_free(struct smtp_client *client)
{
    if (!client)
        return;
    smtp_client_drop_sasl(client);
    buf_free(&client->in);
    buf_free(&client->out);
    explicit_bzero(client, sizeof *client);
    free(client);
}

/* --- What both files of the client build on --- */

static void enter(struct smtp_client *client, enum smtp_stage stage)
{
    client->stage = stage;
}

void smtp_client_push(struct smtp_client *client, enum smtp_client_event event, enum smtp_stage stage)
{
    assert(client->event_count < CLIENT_EVENTS_MAX);
    client->events[client->event_count++] = (struct queued_event){event, stage};
}

static bool is_over(const struct smtp_client *client)
{
    return client->failed || client->stage == SMTP_STAGE_CLOSED;
}

/* Nothing is under way any more: secrets, commands and owed replies go. */
static void end_session(struct smtp_client *client)
{
    smtp_client_drop_sasl(client);
    buf_free(&client->out);
    buf_clear(&client->in);
    client->expected_count = client->expected_at = 0;
}

static void close_session(struct smtp_client *client)
{
    end_session(client);
    enter(client, SMTP_STAGE_CLOSED);
    smtp_client_push(client, SMTP_CLIENT_CLOSED, SMTP_STAGE_CLOSED);
}

void smtp_client_fail_with(struct smtp_client *client, const struct err *err)
{
    if (is_over(client))
        return;
    client->failed = true;
    client->failure = *err;
    end_session(client);
    smtp_client_push(client, SMTP_CLIENT_FAILED, client->stage);
}

void smtp_client_fail(struct smtp_client *client, enum err_class class, const char *advice, const char *fmt,
                      ...)
{
    char cause[sizeof((struct err *)0)->cause];
    va_list args;
    va_start(args, fmt);
    vsnprintf(cause, sizeof cause, fmt, args);
    va_end(args);
    struct err err;
    err_set(&err, class, advice, "%s", cause);
    smtp_client_fail_with(client, &err);
}

void smtp_client_fail_answered(struct smtp_client *client, const char *advice, const char *what)
{
    char words[300];
    bool temporary = client->answer.code / 100 == 4;
    client->failure_answered = !is_over(client);
    smtp_client_fail(client, temporary ? ERR_TEMPORARY : ERR_UNAVAILABLE, temporary ? advice_retry : advice,
                     "%s: %s", what, smtp_answer_quote(&client->answer, words, sizeof words));
}

void smtp_client_fail_unexpected(struct smtp_client *client, const char *command)
{
    char words[200];
    smtp_client_fail(client, ERR_PROTOCOL, "the gateway breaks SMTP's rules: ask its administrator",
                     "%s is no answer to %s", smtp_answer_quote(&client->answer, words, sizeof words),
                     command);
}

void smtp_client_expect(struct smtp_client *client, enum smtp_stage stage)
{
    if (client->expected_at == client->expected_count)
        client->expected_at = client->expected_count = 0;
    assert(client->expected_count < CLIENT_EXPECTED_MAX);
    client->expected[client->expected_count++] =
        (struct expected){.stage = stage, .due = client->queued_bytes};
}

void smtp_client_say(struct smtp_client *client, enum smtp_stage stage, sv line)
{
    if (is_over(client))
        return;
    int failed = buf_put(&client->out, line) | buf_put(&client->out, SV("\r\n"));
    assert(!failed);
    client->queued_bytes += line.n + 2;
    smtp_client_expect(client, stage);
    enter(client, client->expected[client->expected_at].stage);
}

void smtp_client_command(struct smtp_client *client, enum smtp_stage stage, const char *fmt, ...)
{
    char line[2048];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    assert(n > 0 && (size_t)n < sizeof line);
    smtp_client_say(client, stage, (sv){line, (size_t)n});
}

static void send_quit(struct smtp_client *client)
{
    smtp_client_drop_sasl(client);
    smtp_client_command(client, SMTP_STAGE_QUIT, "QUIT");
}

void smtp_client_enter_ready(struct smtp_client *client)
{
    if (client->quit_wanted) {
        send_quit(client);
        return;
    }
    enter(client, SMTP_STAGE_READY);
    smtp_client_push(client, SMTP_CLIENT_READY, SMTP_STAGE_READY);
}

/* --- From the banner to READY --- */

static void want_tls(struct smtp_client *client)
{
    enter(client, SMTP_STAGE_TLS);
    smtp_client_push(client, SMTP_CLIENT_WANT_TLS, SMTP_STAGE_TLS);
}

static void await_banner(struct smtp_client *client)
{
    enter(client, SMTP_STAGE_BANNER);
    smtp_client_expect(client, SMTP_STAGE_BANNER);
}

struct smtp_client *smtp_client_new(const struct smtp_client_options *options)
{
    struct smtp_client *client = calloc(1, sizeof *client);
    assert(client && !(options->opportunistic && options->auth));
    client->options = *options;
    client->in = BUF_INIT(CLIENT_IN_MAX);
    client->out = BUF_INIT(CLIENT_OUT_MAX);
    client->shown_answer = &client->answer;
    if (options->security == SMTP_SECURITY_TLS)
        want_tls(client);
    else
        await_banner(client);
    sv helo = options->helo;
    bool ok = helo.n && helo.n < sizeof client->helo && sv_printable(helo) && !memchr(helo.p, ' ', helo.n);
    if (ok)
        sv_copy(client->helo, sizeof client->helo, helo);
    else
        smtp_client_fail(client, ERR_CONFIG, "set helo to this machine's full name",
                         "our name for EHLO is empty, too long or has a space or control character");
    client->options.helo = SV_NONE;
    return client;
}

static void say_hello(struct smtp_client *client)
{
    client->offer = (struct smtp_offer){0};
    client->helo_tried = false;
    smtp_client_command(client, SMTP_STAGE_EHLO, "%s %s", client->options.lmtp ? "LHLO" : "EHLO",
                        client->helo);
}

static void on_banner(struct smtp_client *client)
{
    if (client->answer.code == 220)
        say_hello(client);
    else
        smtp_client_fail_answered(client, "ask the gateway's administrator to permit this machine's address",
                                  "the gateway does not serve us");
}

static void want_credentials(struct smtp_client *client)
{
    if (!(client->offer.extensions & SMTP_EXT_AUTH)) {
        smtp_client_fail(client, ERR_UNAVAILABLE,
                         "use the submission port (587 or 465), or leave out username if none is needed",
                         client->encrypted ? "the gateway does not offer AUTH"
                                           : "the gateway does not offer AUTH outside TLS");
        return;
    }
    enter(client, SMTP_STAGE_AUTH);
    smtp_client_push(client, SMTP_CLIENT_WANT_CREDENTIALS, SMTP_STAGE_AUTH);
}

static void after_hello(struct smtp_client *client)
{
    bool secure =
        client->options.security != SMTP_SECURITY_STARTTLS || client->encrypted || client->without_tls;
    if (client->quit_wanted || (secure && !client->options.auth))
        smtp_client_enter_ready(client);
    else if (secure)
        want_credentials(client);
    else if (client->offer.extensions & SMTP_EXT_STARTTLS)
        smtp_client_command(client, SMTP_STAGE_STARTTLS, "STARTTLS");
    else if (client->options.opportunistic)
        smtp_client_enter_ready(client);
    else
        smtp_client_fail(client, ERR_UNAVAILABLE, advice_stripped, "the gateway does not offer STARTTLS");
}

/* A gateway without EHLO has no extensions (RFC 5321 §3.2): what needs one ends here, the rest goes on with
 * HELO. */
static void on_hello_refused(struct smtp_client *client)
{
    bool permanent = client->answer.code / 100 == 5;
    bool needs_tls = client->options.security == SMTP_SECURITY_STARTTLS && !client->encrypted &&
                     !client->options.opportunistic;
    if (permanent && client->options.lmtp) {
        smtp_client_fail_answered(client, "check the port: it must be the LMTP service, and no SMTP server's",
                                  "the server refuses LHLO");
    } else if (permanent && needs_tls) {
        smtp_client_fail_answered(client, advice_stripped, "the gateway refuses EHLO, so it has no STARTTLS");
    } else if (permanent && !client->helo_tried && !client->options.auth) {
        client->helo_tried = true;
        smtp_client_command(client, SMTP_STAGE_EHLO, "HELO %s", client->helo);
    } else {
        smtp_client_fail_answered(client, "set helo to this machine's full name; gateways refuse others",
                                  "the gateway refuses our greeting");
    }
}

static void on_hello(struct smtp_client *client)
{
    if (client->answer.code == 250)
        after_hello(client);
    else if (client->answer.code >= 400)
        on_hello_refused(client);
    else
        smtp_client_fail_unexpected(client, "EHLO");
}

static void fail_injected(struct smtp_client *client)
{
    smtp_client_fail(client, ERR_PROTOCOL,
                     "something on the way may put in replies of its own; find it before sending mail",
                     "bytes came in the clear when TLS was to begin");
}

static void on_starttls(struct smtp_client *client)
{
    if (client->answer.code == 220 && buf_view(&client->in).n > 0) {
        fail_injected(client);
    } else if (client->answer.code == 220) {
        want_tls(client);
    } else if (client->answer.code >= 400 && client->options.opportunistic) {
        client->without_tls = true;
        after_hello(client);
    } else if (client->answer.code >= 400) {
        smtp_client_fail_answered(client, advice_stripped, "the gateway offers STARTTLS and refuses it");
    } else {
        smtp_client_fail_unexpected(client, "STARTTLS");
    }
}

void smtp_client_tls_started(struct smtp_client *client)
{
    if (is_over(client))
        return;
    assert(client->stage == SMTP_STAGE_TLS);
    client->encrypted = true;
    if (client->options.security == SMTP_SECURITY_TLS)
        await_banner(client);
    else
        say_hello(client);
}

/* --- Replies --- */

/* Something that we did not ask for, or that came before the question was sent. */
static void on_early(struct smtp_client *client)
{
    bool refusal = client->answer.code >= 400;
    if (refusal)
        client->uncertain = false;
    if (client->stage == SMTP_STAGE_QUIT)
        close_session(client);
    else if (refusal)
        smtp_client_fail_answered(client, NULL, "the gateway broke off");
    else
        smtp_client_fail_unexpected(client, "anything that we asked");
}

static void dispatch(struct smtp_client *client, enum smtp_stage stage, sv last_line)
{
    switch (stage) {
    case SMTP_STAGE_BANNER:
        on_banner(client);
        break;
    case SMTP_STAGE_EHLO:
        on_hello(client);
        break;
    case SMTP_STAGE_STARTTLS:
        on_starttls(client);
        break;
    case SMTP_STAGE_AUTH:
        smtp_client_on_auth(client, last_line);
        break;
    case SMTP_STAGE_MAIL:
        smtp_client_on_mail(client);
        break;
    case SMTP_STAGE_RCPT:
        smtp_client_on_rcpt(client);
        break;
    case SMTP_STAGE_DATA:
        smtp_client_on_data(client);
        break;
    case SMTP_STAGE_DOT:
        smtp_client_on_dot(client);
        break;
    case SMTP_STAGE_RSET:
        if (client->answer.code / 100 == 2)
            smtp_client_enter_ready(client);
        else
            smtp_client_fail_answered(client, advice_retry, "the gateway does not forget a message");
        break;
    case SMTP_STAGE_QUIT:
        close_session(client);
        break;
    case SMTP_STAGE_TLS:
    case SMTP_STAGE_READY:
    case SMTP_STAGE_BODY:
    case SMTP_STAGE_CLOSED:
        assert(false && "no command has its answer in these");
    }
}

static void on_reply(struct smtp_client *client, sv last_line)
{
    enum smtp_stage stage = client->stage;
    bool owed = client->expected_at < client->expected_count &&
                client->expected[client->expected_at].due <= client->sent_bytes;
    if (owed)
        stage = client->expected[client->expected_at++].stage;
    smtp_client_push(client, SMTP_CLIENT_ANSWER, stage);
    if (!owed) {
        on_early(client);
        return;
    }
    if (stage == SMTP_STAGE_DOT && client->expected_at == client->expected_count)
        client->uncertain = false;
    if (client->answer.code == 421 && stage != SMTP_STAGE_QUIT) {
        enter(client, stage);
        smtp_client_fail_answered(client, NULL, "the gateway ends the session");
        return;
    }
    enter(client, stage);
    dispatch(client, stage, last_line);
    if (!is_over(client) && client->expected_at < client->expected_count)
        enter(client, client->expected[client->expected_at].stage);
}

/* What the gateway says while we authenticate may repeat what it was told. */
static void take_answer_line(struct smtp_client *client, sv text)
{
    bool hello = client->stage == SMTP_STAGE_EHLO || client->stage == SMTP_STAGE_BANNER;
    if (client->reader.code == 334)
        text = SV("(challenge)");
    smtp_answer_line(&client->answer, client->reader.code, client->reader.line_count, text, !hello);
    if (client->sasl)
        sasl_mask(client->sasl, client->answer.text);
    bool offers = !client->helo_tried || client->reader.line_count == 1;
    if (client->stage == SMTP_STAGE_EHLO && client->reader.code == 250 && offers)
        smtp_offer_line(&client->offer, client->reader.line_count - 1, text);
}

static void on_invalid(struct smtp_client *client)
{
    if (client->stage == SMTP_STAGE_QUIT)
        close_session(client);
    else
        smtp_client_fail(client, ERR_PROTOCOL,
                         client->stage == SMTP_STAGE_BANNER
                             ? "check port and security: 465 wants tls, 25 and 587 want starttls; the port "
                               "may not be SMTP's"
                             : "the gateway, or something on the way, breaks SMTP's rules",
                         "the gateway's reply %s", client->reader.fault);
}

/* Reads up to the end of one reply and acts on it. False if the bytes do not go so far. */
static bool read_reply(struct smtp_client *client)
{
    for (;;) {
        sv in = buf_view(&client->in), text;
        size_t used;
        enum smtp_reply_event event = smtp_reply_feed(&client->reader, in, &used, &text);
        buf_consume(&client->in, used);
        switch (event) {
        case SMTP_REPLY_NEED_DATA:
            return false;
        case SMTP_REPLY_LINE:
            take_answer_line(client, text);
            break;
        case SMTP_REPLY_END:
            take_answer_line(client, text);
            on_reply(client, text);
            return true;
        case SMTP_REPLY_INVALID:
            on_invalid(client);
            return true;
        }
    }
}

static void on_eof(struct smtp_client *client)
{
    if (client->stage == SMTP_STAGE_QUIT) {
        close_session(client);
        return;
    }
    smtp_client_fail(
        client, ERR_TEMPORARY,
        client->stage == SMTP_STAGE_BANNER
            ? "check that the gateway permits this machine's address, and the port: 465 wants security: tls"
            : advice_retry,
        "the connection was closed in stage %s", smtp_stage_name(client->stage));
}

/* --- Moving bytes and events --- */

void smtp_client_feed(struct smtp_client *client, sv bytes)
{
    if (is_over(client) || bytes.n == 0)
        return;
    if (client->stage == SMTP_STAGE_TLS)
        fail_injected(client);
    else if (buf_put(&client->in, bytes) < 0)
        smtp_client_fail(client, ERR_PROTOCOL, "the gateway breaks SMTP's rules: ask its administrator",
                         "the gateway sends far more than was asked");
}

void smtp_client_eof(struct smtp_client *client)
{
    client->eof = true;
}

sv smtp_client_output(struct smtp_client *client)
{
    if (is_over(client))
        return SV_NONE;
    smtp_client_fill_content(client);
    return buf_view(&client->out);
}

void smtp_client_sent(struct smtp_client *client, size_t n)
{
    if (is_over(client) || n == 0)
        return;
    buf_consume(&client->out, n);
    client->sent_bytes += n;
    struct transaction *transaction = &client->transaction;
    bool last_piece = client->stage == SMTP_STAGE_BODY && smtp_data_writer_done(&transaction->writer);
    if (last_piece)
        client->uncertain = true;
    if (last_piece && buf_view(&client->out).n == 0)
        enter(client, SMTP_STAGE_DOT);
}

enum smtp_client_event smtp_client_next(struct smtp_client *client)
{
    for (;;) {
        if (client->event_at < client->event_count) {
            struct queued_event event = client->events[client->event_at++];
            bool final = event.event == SMTP_CLIENT_SENT;
            client->shown_answer = final ? &client->transaction.verdict : &client->answer;
            client->shown_stage = event.stage;
            return event.event;
        }
        client->event_at = client->event_count = 0;
        client->shown_stage = client->stage;
        if (client->failed)
            return SMTP_CLIENT_FAILED;
        if (client->stage == SMTP_STAGE_CLOSED)
            return SMTP_CLIENT_CLOSED;
        if (read_reply(client))
            continue;
        if (!client->eof)
            return SMTP_CLIENT_NEED_IO;
        on_eof(client);
    }
}

void smtp_client_quit(struct smtp_client *client)
{
    bool asked = client->expected_at < client->expected_count || client->stage == SMTP_STAGE_BODY;
    client->quit_wanted = true;
    if (!is_over(client) && !asked && client->stage != SMTP_STAGE_TLS)
        send_quit(client);
}

/* --- What is known --- */

enum smtp_stage smtp_client_stage(const struct smtp_client *client)
{
    return client->shown_stage;
}

bool smtp_client_uncertain(const struct smtp_client *client)
{
    return client->uncertain;
}

const struct smtp_answer *smtp_client_answer(const struct smtp_client *client)
{
    return client->shown_answer;
}

size_t smtp_client_recipient(const struct smtp_client *client)
{
    return client->shown_recipient;
}

const char *smtp_client_refusal(const struct smtp_client *client)
{
    return client->refusal;
}

const struct err *smtp_client_failure(const struct smtp_client *client)
{
    return &client->failure;
}

bool smtp_client_failure_answered(const struct smtp_client *client)
{
    return client->failure_answered;
}

unsigned smtp_client_extensions(const struct smtp_client *client)
{
    return client->offer.extensions;
}

uint64_t smtp_client_size_limit(const struct smtp_client *client)
{
    return client->offer.size_limit;
}

sv smtp_client_mechanisms(const struct smtp_client *client)
{
    return (sv){client->offer.mechanisms, client->offer.mechanisms_length};
}

sv smtp_client_peer_name(const struct smtp_client *client)
{
    return sv_of(client->offer.peer_name);
}

bool smtp_client_encrypted(const struct smtp_client *client)
{
    return client->encrypted;
}
