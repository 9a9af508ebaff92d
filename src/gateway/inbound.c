#include "gateway/inbound.h"

#include "base/buf.h"
#include "base/log.h"
#include "gateway/trace.h"
#include "wire/smtp_server.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    ERRORS_MAX = 20,
    UNSENT_MAX = 64 * 1024,         /* replies that the client does not read */
    CONTENT_PER_DEADLINE = 4096,    /* the least rate: so much per command_timeout */
    HEAD_BYTES_MAX = 64 * 1024,     /* the trace fields with SMTP_RECIPIENTS_MAX recipients */
    ENVELOPE_BYTES_MAX = 64 * 1024, /* the addresses of a transaction */
};

#define LINGER (2 * NANOS_PER_SECOND)

struct inbound {
    struct inbound *next;
    struct inbound_house *house;
    inbound_ended_fn *fn;
    void *arg;
    struct stream *stream;
    struct smtp_server *server;
    char client_ip[ADDRESS_TEXT_MAX];
    uint64_t progress; /* of commands and content, as the deadline sees it */

    bool transaction;
    struct arena *envelope;
    sv sender;
    sv recipients[SMTP_RECIPIENTS_MAX];
    size_t recipient_count;
    struct intake_recipient wishes[SMTP_RECIPIENTS_MAX];
    struct intake_message *message, *committing; /* being received, being made durable */
    char id[INTAKE_ID_MAX];
};

static void forget_transaction(struct inbound *session)
{
    intake_abort(session->message);
    session->message = NULL;
    session->transaction = false;
    session->sender = SV_NONE;
    session->recipient_count = 0;
    arena_reset(session->envelope);
}

static void refuse(struct inbound *session, int code, const char *enhanced, const char *text)
{
    LOG_INFO("gateway refuses", LOG_STR("client", session->client_ip), LOG_INT("code", code),
             LOG_STR("enhanced", enhanced), LOG_STR("why", text));
    smtp_server_refuse(session->server, code, enhanced, text);
}

static void answer_mail(struct inbound *session)
{
    const struct smtp_server_mail *mail = smtp_server_mail(session->server);
    forget_transaction(session);
    if (session->house->draining) {
        smtp_server_close(session->server, 421, "4.3.2", "Shutting down, try again later");
        return;
    }
    session->sender = arena_sv(session->envelope, mail->sender);
    session->transaction = true;
    smtp_server_accept(session->server, NULL);
}

/* "u%v@gw", "v!u@gw" and "\"u@v\"@gw" ask to be passed on behind our back. */
static bool has_route(sv local)
{
    for (size_t i = 0; i < local.n; i++)
        if (local.p[i] == '%' || local.p[i] == '!' || local.p[i] == '@')
            return true;
    return false;
}

static void answer_rcpt(struct inbound *session)
{
    const struct smtp_server_recipient *recipient = smtp_server_recipient(session->server);
    if (has_route(recipient->parts.local)) {
        refuse(session, 554, "5.7.1", "Relay access denied: a route is hidden in the address");
        return;
    }
    if (recipient->parts.domain.n && !relay_has_route(session->house->relay, recipient->parts.domain)) {
        refuse(session, 550, "5.7.1", "Relay access denied: no route leads to this domain");
        return;
    }
    sv kept = arena_sv(session->envelope, recipient->whole);
    if (!kept.p || session->recipient_count == SMTP_RECIPIENTS_MAX) {
        smtp_server_refuse(session->server, 452, "4.5.3", "Too many recipients");
        return;
    }
    session->wishes[session->recipient_count] =
        (struct intake_recipient){.address = kept, .notify = recipient->notify};
    session->recipients[session->recipient_count++] = kept;
    smtp_server_accept(session->server, NULL);
}

static void refuse_for(struct inbound *session, const struct err *err)
{
    LOG_ERROR("gateway cannot take a message", LOG_STR("id", session->id), LOG_ERR(err));
    if (err->class == ERR_TEMPORARY)
        smtp_server_refuse(session->server, 452, "4.3.1", "The disk is full, try again later");
    else
        smtp_server_refuse(session->server, 451, "4.3.0", "The queue cannot be written, try again later");
}

static sv our_name(const struct inbound *session)
{
    const char *name = session->house->config->hostname;
    return name ? sv_of(name) : SV("localhost");
}

static void answer_data(struct inbound *session)
{
    struct buf head = BUF_INIT(HEAD_BYTES_MAX);
    struct err err = {.class = ERR_NONE};
    nanos now = loop_now();
    struct intake *intake = relay_intake(session->house->relay);
    intake_id(intake, session->id);
    struct trace trace = {
        .recipients = session->recipients,
        .recipient_count = session->recipient_count,
        .client_name = smtp_server_hello(session->server),
        .client_ip = sv_of(session->client_ip),
        .our_name = our_name(session),
        .extended = smtp_server_extended(session->server),
        .utf8 = smtp_server_mail(session->server)->utf8,
        .id = sv_of(session->id),
        .now = now,
    };
    int failed = trace_write(&head, &trace);
    assert(!failed);
    if (intake_begin(intake, &session->message, &err) == 0) {
        intake_put(session->message, buf_view(&head));
        smtp_server_accept(session->server, NULL);
    } else {
        refuse_for(session, &err);
    }
    buf_free(&head);
}

static bool pump(struct inbound *session);

/* The message is on disk, or not to be had. */
static void on_committed(void *arg, const struct err *err)
{
    struct inbound *session = arg;
    session->committing = NULL;
    if (!err) {
        char text[64];
        snprintf(text, sizeof text, "Ok: queued as %s", session->id);
        LOG_INFO("gateway took a message", LOG_STR("id", session->id), LOG_STR("client", session->client_ip),
                 LOG_SV("sender", session->sender), LOG_INT("recipients", session->recipient_count),
                 LOG_SV("recipient", session->recipients[0]),
                 LOG_INT("bytes", smtp_server_content_bytes(session->server)));
        smtp_server_accept(session->server, text);
    } else {
        refuse_for(session, err);
    }
    forget_transaction(session);
    if (session->house->draining)
        smtp_server_close(session->server, 421, "4.3.2", "Shutting down");
    pump(session);
}

static void answer_end(struct inbound *session)
{
    const struct smtp_server_mail *mail = smtp_server_mail(session->server);
    struct intake_envelope envelope = {
        .id = sv_of(session->id),
        .sender = session->sender,
        .recipients = session->wishes,
        .recipient_count = session->recipient_count,
        .eight_bit = mail->eightbit,
        .utf8 = mail->utf8,
        .requiretls = mail->requiretls,
        .client_ip = sv_of(session->client_ip),
        .client_name = smtp_server_hello(session->server),
    };
    session->committing = session->message;
    session->message = NULL;
    intake_commit(session->committing, &envelope, on_committed, session);
}

static void answer(struct inbound *session, enum smtp_server_event event)
{
    switch (event) {
    case SMTP_SERVER_HELLO:
        smtp_server_accept(session->server, NULL);
        break;
    case SMTP_SERVER_MAIL:
        answer_mail(session);
        break;
    case SMTP_SERVER_RCPT:
        answer_rcpt(session);
        break;
    case SMTP_SERVER_DATA:
        answer_data(session);
        break;
    case SMTP_SERVER_CONTENT:
        intake_put(session->message, smtp_server_content(session->server));
        break;
    case SMTP_SERVER_END:
        answer_end(session);
        break;
    case SMTP_SERVER_RESET:
        forget_transaction(session);
        break;
    case SMTP_SERVER_WANT_TLS:
    case SMTP_SERVER_AUTH:
    case SMTP_SERVER_AUTH_OVER:
    case SMTP_SERVER_NEED_IO:
    case SMTP_SERVER_CLOSED:
        break;
    }
}

static bool send_replies(struct inbound *session)
{
    sv output = smtp_server_output(session->server);
    if (output.n == 0 || stream_unsent(session->stream) >= UNSENT_MAX)
        return false;
    stream_write(session->stream, output);
    smtp_server_sent(session->server, output.n);
    return true;
}

/* Only whole commands, and content in earnest, move the deadline: a byte now and then does not. */
static void move_deadline(struct inbound *session)
{
    uint64_t progress = smtp_server_commands(session->server);
    if (smtp_server_in_content(session->server))
        progress += smtp_server_content_bytes(session->server) / CONTENT_PER_DEADLINE;
    if (progress == session->progress)
        return;
    session->progress = progress;
    stream_deadline(session->stream, session->house->command_timeout);
}

static void end(struct inbound *session)
{
    const struct err *why = smtp_server_failure(session->server);
    if (why->class)
        LOG_INFO("gateway ends a session", LOG_STR("client", session->client_ip), LOG_STR("why", why->cause));
    send_replies(session);
    stream_finish(session->stream, LINGER);
    session->stream = NULL;
    session->fn(session->arg, session);
    inbound_free(session);
}

/* Feeds, answers and sends until the client must speak or read. False when the session is over, and gone. */
static bool pump(struct inbound *session)
{
    bool moved = true;
    while (moved) {
        size_t used = smtp_server_feed(session->server, stream_input(session->stream));
        stream_consume(session->stream, used);
        enum smtp_server_event event;
        while ((event = smtp_server_next(session->server)) != SMTP_SERVER_NEED_IO) {
            if (event == SMTP_SERVER_CLOSED) {
                end(session);
                return false;
            }
            answer(session, event);
        }
        moved = send_replies(session) || used;
    }
    move_deadline(session);
    return true;
}

static void on_stream(void *arg, struct stream *stream, enum stream_event event, const struct err *err)
{
    struct inbound *session = arg;
    (void)stream;
    (void)err;
    switch (event) {
    case STREAM_EOF:
        if (!pump(session))
            return;
        smtp_server_eof(session->server);
        break;
    case STREAM_TIMEOUT:
        smtp_server_close(session->server, 421, "4.4.2", "You took too long, closing");
        break;
    case STREAM_FAILED:
        smtp_server_eof(session->server);
        break;
    case STREAM_CONNECTED:
    case STREAM_SECURED:
    case STREAM_DATA:
    case STREAM_DRAINED:
        break;
    }
    pump(session);
}

struct inbound *inbound_new(struct loop *loop, int fd, struct inbound_house *house, inbound_ended_fn *fn,
                            void *arg)
{
    struct inbound *session = calloc(1, sizeof *session);
    assert(session);
    struct address peer;
    session->house = house;
    session->fn = fn;
    session->arg = arg;
    session->envelope = arena_new(ENVELOPE_BYTES_MAX);
    session->stream = stream_accepted(loop, fd, on_stream, session);
    stream_peer(session->stream, &peer);
    address_ip_text(&peer, session->client_ip);
    struct smtp_server_options options = {
        .name = our_name(session),
        .size_limit = (uint64_t)house->config->relay.message_bytes_max,
        .recipients_max = SMTP_RECIPIENTS_MAX,
        .errors_max = ERRORS_MAX,
    };
    session->server = smtp_server_new(&options);
    smtp_server_greet(session->server);
    send_replies(session);
    stream_deadline(session->stream, house->command_timeout);
    return session;
}

void inbound_drain(struct inbound *session, bool now)
{
    if (session->transaction && !now)
        return;
    smtp_server_close(session->server, 421, "4.3.2", "Shutting down, try again later");
    pump(session);
}

struct inbound *inbound_next(const struct inbound *session)
{
    return session->next;
}

void inbound_link(struct inbound *session, struct inbound *next)
{
    session->next = next;
}

void inbound_free(struct inbound *session)
{
    if (!session)
        return;
    if (session->committing)
        intake_forget(session->committing);
    intake_abort(session->message);
    stream_close(session->stream);
    smtp_server_free(session->server);
    arena_free(session->envelope);
    free(session);
}
