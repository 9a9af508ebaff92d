#include "gateway/inbound_private.h"

#include "base/log.h"
#include "gateway/ledger.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    ERRORS_MAX = 20,
    UNSENT_MAX = 64 * 1024,           /* replies that the client does not read */
    CONTENT_PER_DEADLINE = 64 * 1024, /* the least rate: so much per command_timeout */
};

#define LINGER (2 * NANOS_PER_SECOND)

void inbound_refuse(struct inbound *session, const char *stage, int code, const char *enhanced,
                    const char *text)
{
    const struct smtp_server_recipient *asked =
        strcmp(stage, "rcpt") == 0 ? smtp_server_recipient(session->server) : NULL;
    const struct inbound_mail *mail = session->mail;
    const struct ledger line = {
        .stage = sv_of(stage),
        .client = sv_of(session->client_ip),
        .helo = smtp_server_hello(session->server),
        .listener = sv_of(session->listener),
        .account = sv_of(session->account),
        .sender = mail ? mail->sender : smtp_server_mail(session->server)->sender,
        .recipient = asked ? asked->whole : SV_NONE,
        .code = code,
        .enhanced = sv_of(enhanced),
        .why = sv_of(text),
    };
    ledger_log("gateway refuses", &line);
    smtp_server_refuse(session->server, code, enhanced, text);
}

sv inbound_name(const struct inbound *session)
{
    const char *name = session->house->config->hostname;
    return name ? sv_of(name) : SV("localhost");
}

void inbound_ask(const struct inbound *session, enum guard_stage stage, struct guard_question *ret)
{
    const struct tls_info *tls = stream_tls_info(session->stream);
    *ret = (struct guard_question){.stage = stage,
                                   .now = loop_now(),
                                   .client_ip = sv_of(session->client_ip),
                                   .listener = sv_of(session->listener),
                                   .helo = smtp_server_hello(session->server),
                                   .account = sv_of(session->account)};
    if (!tls)
        return;
    ret->tls = strcmp(tls->version, "TLSv1.3") == 0 ? 0x0304 : 0x0303;
    ret->certificate_subject = sv_of(tls->subject);
    ret->certificate_fingerprint = sv_of(tls->fingerprint);
}

static bool send_replies(struct inbound *session)
{
    sv output = smtp_server_output(session->server);
    if (output.n == 0 || session->shaking_hands || stream_unsent(session->stream) >= UNSENT_MAX)
        return false;
    stream_write(session->stream, output);
    smtp_server_sent(session->server, output.n);
    return true;
}

/* Bytes that are there already were sent in the clear: the server takes them for the attack that they are. */
static void begin_tls(struct inbound *session)
{
    if (stream_input(session->stream).n) {
        smtp_server_feed(session->server, stream_input(session->stream));
        return;
    }
    send_replies(session);
    session->shaking_hands = true;
    stream_secure_server(session->stream, session->house->tls);
}

static void answer(struct inbound *session, enum smtp_server_event event)
{
    switch (event) {
    case SMTP_SERVER_HELLO:
        inbound_offer_auth(session);
        smtp_server_accept(session->server, NULL);
        break;
    case SMTP_SERVER_WANT_TLS:
        begin_tls(session);
        break;
    case SMTP_SERVER_AUTH:
        inbound_answer_auth(session);
        break;
    case SMTP_SERVER_AUTH_OVER:
        inbound_forget_auth(session);
        break;
    case SMTP_SERVER_MAIL:
        inbound_answer_mail(session);
        break;
    case SMTP_SERVER_RCPT:
        inbound_answer_rcpt(session);
        break;
    case SMTP_SERVER_DATA:
        inbound_answer_data(session);
        break;
    case SMTP_SERVER_CONTENT:
        inbound_answer_content(session);
        break;
    case SMTP_SERVER_END:
        inbound_answer_end(session);
        break;
    case SMTP_SERVER_RESET:
        inbound_forget_mail(session);
        break;
    case SMTP_SERVER_NEED_IO:
    case SMTP_SERVER_CLOSED:
        break;
    }
}

/* Only whole commands, and content in earnest, move the deadline: a byte now and then does not. */
static void move_deadline(struct inbound *session)
{
    uint64_t progress = smtp_server_commands(session->server) + smtp_server_encrypted(session->server);
    if (smtp_server_in_content(session->server))
        progress += smtp_server_content_bytes(session->server) / CONTENT_PER_DEADLINE;
    if (progress == session->progress)
        return;
    session->progress = progress;
    stream_deadline(session->stream, session->house->command_timeout);
}

/* fn and the freeing come last. */
static void end(struct inbound *session)
{
    const struct err *why = smtp_server_failure(session->server);
    if (why->class)
        LOG_INFO("gateway ends a session", LOG_STR("client", session->client_ip), LOG_STR("why", why->cause));
    send_replies(session);
    if (session->shaking_hands)
        stream_close(session->stream);
    else
        stream_finish(session->stream, LINGER);
    session->stream = NULL;
    session->fn(session->arg, session);
    inbound_free(session);
}

bool inbound_pump(struct inbound *session)
{
    bool moved = true;
    while (moved) {
        size_t used = 0;
        if (!session->shaking_hands) {
            used = smtp_server_feed(session->server, stream_input(session->stream));
            stream_consume(session->stream, used);
        }
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
    smtp_server_rest(session->server);
    move_deadline(session);
    return true;
}

static void on_secured(struct inbound *session)
{
    session->shaking_hands = false;
    if (stream_tls_info(session->stream)->resumed)
        session->house->resumed_handshakes++;
    else
        session->house->whole_handshakes++;
    if (session->implicit_tls)
        smtp_server_greet(session->server);
    else
        smtp_server_secured(session->server);
}

/* While the disk or the keeper is waited for, the client is not the slow one. */
static void on_timeout(struct inbound *session)
{
    if (session->waiting)
        stream_deadline(session->stream, session->house->command_timeout);
    else
        smtp_server_close(session->server, 421, "4.4.2", "You took too long, closing");
}

static void on_failed(struct inbound *session, const struct err *err)
{
    if (session->shaking_hands)
        LOG_INFO("gateway has no TLS with a client", LOG_STR("client", session->client_ip), LOG_ERR(err));
    smtp_server_eof(session->server);
}

static void on_stream(void *arg, struct stream *stream, enum stream_event event, const struct err *err)
{
    struct inbound *session = arg;
    (void)stream;
    switch (event) {
    case STREAM_EOF:
        if (!inbound_pump(session))
            return;
        smtp_server_eof(session->server);
        break;
    case STREAM_TIMEOUT:
        on_timeout(session);
        break;
    case STREAM_FAILED:
        on_failed(session, err);
        break;
    case STREAM_SECURED:
        on_secured(session);
        break;
    case STREAM_CONNECTED:
    case STREAM_DATA:
    case STREAM_DRAINED:
        break;
    }
    inbound_pump(session);
}

struct inbound *inbound_new(const struct inbound_setup *setup, int fd)
{
    struct inbound *session = calloc(1, sizeof *session);
    const struct config_listener *listener = setup->listener;
    bool tls = listener->security == CONFIG_LISTENING_TLS;
    assert(session && (setup->house->tls || !tls));
    session->house = setup->house;
    session->fn = setup->fn;
    session->arg = setup->arg;
    session->peer = *setup->peer;
    sv_copy(session->listener, sizeof session->listener, sv_of(listener->address));
    session->implicit_tls = session->shaking_hands = tls;
    session->stream = stream_accepted(setup->loop, fd, on_stream, session);
    address_ip_text(&session->peer, session->client_ip);
    struct smtp_server_options options = {
        .name = listener->hostname ? sv_of(listener->hostname) : inbound_name(session),
        .size_limit = (uint64_t)listener->message_bytes_max,
        .recipients_max = SMTP_RECIPIENTS_MAX,
        .errors_max = ERRORS_MAX,
        .starttls = setup->house->tls && !tls && listener->security != CONFIG_LISTENING_NONE,
        .secured = tls,
    };
    session->server = smtp_server_new(&options);
    inbound_offer_auth(session);
    if (tls) {
        stream_secure_server(session->stream, setup->house->tls);
    } else {
        smtp_server_greet(session->server);
        send_replies(session);
    }
    stream_deadline(session->stream, setup->house->command_timeout);
    return session;
}

void inbound_drain(struct inbound *session, bool now)
{
    if (session->mail && !now)
        return;
    smtp_server_close(session->server, 421, "4.3.2", "Shutting down, try again later");
    inbound_pump(session);
}

struct inbound_links *inbound_links(struct inbound *session)
{
    return &session->links;
}

const struct address *inbound_peer(const struct inbound *session)
{
    return &session->peer;
}

void inbound_free(struct inbound *session)
{
    if (!session)
        return;
    inbound_forget_auth(session);
    inbound_forget_mail(session);
    stream_close(session->stream);
    smtp_server_free(session->server);
    free(session->account);
    free(session);
}
