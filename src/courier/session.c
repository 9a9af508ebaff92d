#include "courier/session.h"

#include "courier/mask.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { OUTPUT_BYTES_MAX = 256 * 1024 }; /* handed to the stream at a time; more when it has drained */

static const nanos QUIT_TIMEOUT = 2 * NANOS_PER_SECOND;

struct session {
    struct session_setup setup;
    const struct session_handler *handler;
    void *arg;
    struct stream *stream;
    struct smtp_client *client;
    struct secret *secret; /* while it authenticates: what answers must not show */
    enum smtp_stage stage; /* of the last answer, or the one that is waited for */
    nanos stage_since, hop_since;
    bool connected, ready, was_ready;
    bool answered; /* something since the transaction began */
    bool advanced; /* an answer came, so that the clock starts anew */
    bool securing, secured, asking_keeper, eof;
    struct tls_info tls; /* once secured */
    bool busy, doomed;   /* a handler runs; free when it has returned */
};

char *session_answer_text(const struct smtp_answer *answer, char *text, size_t cap)
{
    char enhanced[40] = "";
    if (answer->enhanced[0]) {
        snprintf(enhanced, sizeof enhanced, "%d.%d.%d ", answer->enhanced[0], answer->enhanced[1],
                 answer->enhanced[2]);
        if (sv_starts(sv_of(answer->text), sv_first(sv_of(enhanced), strlen(enhanced) - 1)))
            enhanced[0] = '\0';
    }
    snprintf(text, cap, "%d %s%s", answer->code, enhanced, answer->text);
    for (char *p = text; *p; p++)
        if (*p == '\n')
            *p = ' ';
    return text;
}

static void set_deadline(struct session *session)
{
    nanos limit = session->stage == SMTP_STAGE_QUIT
                      ? QUIT_TIMEOUT
                      : session->handler->patience(session->arg, session->stage);
    nanos left = session->stage_since + limit - loop_monotonic();
    stream_deadline(session->stream, left > 0 ? left : 1);
}

/* Starts the clock of a stage. */
static void enter(struct session *session, enum smtp_stage stage)
{
    session->stage = stage;
    session->stage_since = loop_monotonic();
    if (session->stream)
        set_deadline(session);
}

static void tell_hop(struct session *session, const char *name, sv said)
{
    nanos now = loop_monotonic();
    session->handler->hop(session->arg, name, now - session->hop_since, said);
    session->hop_since = now;
}

/* Masks what the gateway echoes of the secret, and keeps SASL's challenges out of records. */
static void answer_words(struct session *session, const struct smtp_answer *answer, char *text, size_t cap)
{
    if (answer->code == 334) {
        sv_copy(text, cap, SV("334 (challenge)"));
        return;
    }
    session_answer_text(answer, text, cap);
    if (session->secret)
        mask(text, secret_reveal(session->secret));
}

static void release(struct session *session)
{
    if (session->asking_keeper)
        keeper_client_forget(session->setup.keeper, session);
    stream_close(session->stream);
    smtp_client_free(session->client);
    secret_free(session->secret);
    free(session);
}

void session_free(struct session *session)
{
    if (!session)
        return;
    session->doomed = true;
    if (!session->busy)
        release(session);
}

static void end(struct session *session, struct session_end *what)
{
    session->ready = false;
    what->stage = session->stage;
    what->was_ready = session->was_ready;
    what->uncertain = session->connected && smtp_client_uncertain(session->client);
    if (!what->hop)
        what->hop = smtp_stage_name(session->stage);
    if (session->secret)
        mask(what->said, secret_reveal(session->secret));
    if (what->failed)
        tell_hop(session, what->hop, sv_of(what->said));
    stream_close(session->stream);
    session->stream = NULL;
    session->handler->ended(session->arg, what);
}

static void end_with_error(struct session *session, const char *hop, struct cause_told cause,
                           const struct err *err)
{
    struct session_end what = {.hop = hop, .failed = true, .cause = cause};
    what.unheard = session->was_ready && !session->answered;
    sv_copy(what.said, sizeof what.said, sv_of(err->cause));
    end(session, &what);
}

static void end_in_time(struct session *session)
{
    if (session->ready || session->stage == SMTP_STAGE_QUIT) {
        end(session, &(struct session_end){.failed = false});
        return;
    }
    struct err err;
    char length[32];
    time_length(loop_monotonic() - session->stage_since, length, sizeof length);
    err_set(&err, ERR_UNAVAILABLE, NULL, "no answer for %s", length);
    struct session_end what = {.failed = true, .timed_out = true};
    what.cause = cause_of_break(session->stage, &err);
    sv_copy(what.said, sizeof what.said, sv_of(err.cause));
    end(session, &what);
}

/* The client says that it is over; broken is the stream's error, if that was why. */
static void end_by_client(struct session *session, const struct err *broken)
{
    const struct err *err = smtp_client_failure(session->client);
    session->stage = smtp_client_stage(session->client);
    if (session->ready || session->stage == SMTP_STAGE_QUIT) {
        end(session, &(struct session_end){.failed = false});
        return;
    }
    if (!smtp_client_failure_answered(session->client)) {
        const struct err *why = broken ? broken : err;
        end_with_error(session, NULL, cause_of_break(session->stage, why), why);
        return;
    }
    const struct smtp_answer *answer = smtp_client_answer(session->client);
    struct session_end what = {.failed = true, .answered = true, .code = answer->code};
    what.cause = cause_of_answer(session->stage, answer);
    answer_words(session, answer, what.said, sizeof what.said);
    end(session, &what);
}

static void on_secret(void *arg, const struct secret *secret, const struct err *err);

static void ask_keeper(struct session *session)
{
    enter(session, SMTP_STAGE_AUTH);
    if (!session->setup.gateway->password || !session->setup.keeper) {
        struct err err;
        err_set(&err, ERR_CONFIG, NULL, "there is no password for %s", session->setup.gateway->username);
        end_with_error(session, NULL, cause_of_break(SMTP_STAGE_AUTH, &err), &err);
        return;
    }
    if (session->secured && !stream_tls_trusted(session->stream)) {
        struct err err;
        err_set(&err, ERR_CONFIG, NULL, "a server that nobody has verified gets no password");
        end_with_error(session, NULL, cause_of_break(SMTP_STAGE_AUTH, &err), &err);
        return;
    }
    session->asking_keeper = true;
    keeper_client_get(session->setup.keeper, session->setup.gateway->password, on_secret, session);
}

static void on_answer(struct session *session)
{
    char text[SMTP_REPLY_TEXT_MAX + 64];
    enum smtp_stage stage = smtp_client_stage(session->client);
    answer_words(session, smtp_client_answer(session->client), text, sizeof text);
    session->answered = session->advanced = true;
    session->stage = stage;
    if (stage != SMTP_STAGE_RSET && stage != SMTP_STAGE_QUIT)
        tell_hop(session, smtp_stage_name(stage), sv_of(text));
}

static void start_tls(struct session *session)
{
    const struct config_gateway *gateway = session->setup.gateway;
    const char *name = gateway->verify_name ? gateway->verify_name : gateway->host;
    enter(session, SMTP_STAGE_TLS);
    session->securing = true;
    session->hop_since = session->stage_since;
    stream_secure_client(session->stream, session->setup.tls, name ? name : gateway->address);
}

/* One thing that the client says happened. False: nothing more to do now. */
static bool handle(struct session *session, enum smtp_client_event event)
{
    switch (event) {
    case SMTP_CLIENT_NEED_IO:
        return false;
    case SMTP_CLIENT_ANSWER:
        on_answer(session);
        return true;
    case SMTP_CLIENT_WANT_TLS:
        start_tls(session);
        return false;
    case SMTP_CLIENT_WANT_CREDENTIALS:
        ask_keeper(session);
        return false;
    case SMTP_CLIENT_READY:
        secret_free(session->secret);
        session->secret = NULL;
        session->ready = session->was_ready = true;
        stream_deadline(session->stream, 0);
        session->handler->ready(session->arg);
        return true;
    case SMTP_CLIENT_RECIPIENT:
        session->handler->recipient(session->arg, smtp_client_recipient(session->client),
                                    smtp_client_answer(session->client));
        return true;
    case SMTP_CLIENT_SENT:
        session->handler->sent(session->arg, smtp_client_answer(session->client),
                               smtp_client_stage(session->client));
        return true;
    case SMTP_CLIENT_FAILED:
        end_by_client(session, NULL);
        return false;
    case SMTP_CLIENT_CLOSED:
        end(session, &(struct session_end){.failed = false});
        return false;
    }
    return false;
}

/* Gives the stream what there is to send: all of a small message at once, a large one piece by piece. False:
 * nothing. */
static bool push(struct session *session)
{
    bool any = false;
    while (stream_unsent(session->stream) < OUTPUT_BYTES_MAX) {
        sv out = smtp_client_output(session->client);
        if (out.n == 0)
            break;
        out = sv_first(out, OUTPUT_BYTES_MAX);
        stream_write(session->stream, out);
        smtp_client_sent(session->client, out.n);
        any = true;
    }
    return any;
}

static bool is_over(const struct session *session)
{
    return session->doomed || !session->stream;
}

static void pump_client(struct session *session)
{
    do {
        while (!is_over(session) && handle(session, smtp_client_next(session->client)))
            ;
    } while (!is_over(session) && push(session));
    if (is_over(session))
        return;
    enum smtp_stage stage = smtp_client_stage(session->client);
    bool waits_for_peer = !session->ready && !session->asking_keeper && !session->securing;
    if (waits_for_peer && (session->advanced || stage != session->stage))
        enter(session, stage);
    session->advanced = false;
}

/* Every entry from outside goes through here, so that a handler may free the session. */
static void pump(struct session *session)
{
    if (session->busy)
        return; /* the outer call goes on */
    session->busy = true;
    pump_client(session);
    session->busy = false;
    if (session->doomed)
        release(session);
}

static void on_secret(void *arg, const struct secret *secret, const struct err *err)
{
    struct session *session = arg;
    session->asking_keeper = false;
    session->busy = true;
    if (!secret) {
        end_with_error(session, NULL, cause_of_break(SMTP_STAGE_AUTH, err), err);
    } else {
        const struct tls_info *info = stream_tls_info(session->stream);
        const struct config_gateway *gateway = session->setup.gateway;
        session->secret = secret_new(secret_reveal(secret));
        struct smtp_credentials credentials = {
            .username = sv_of(gateway->username),
            .secret = secret_reveal(secret),
            .mechanism = sv_of(gateway->auth),
            .channel_binding = info ? sv_make(info->exporter, info->exporter_length) : SV_NONE,
        };
        smtp_client_authenticate(session->client, &credentials);
        pump_client(session);
    }
    session->busy = false;
    if (session->doomed)
        release(session);
}

static void on_connected(struct session *session)
{
    struct address peer;
    char text[ADDRESS_TEXT_MAX];
    session->connected = true;
    stream_peer(session->stream, &peer);
    tell_hop(session, "connect", sv_of(address_text(&peer, text)));
    enter(session, SMTP_STAGE_BANNER);
}

static void on_secured(struct session *session)
{
    const struct tls_info *info = stream_tls_info(session->stream);
    char text[SESSION_SAID_MAX];
    snprintf(text, sizeof text, "%s %s, certificate %.120s of %.120s%s", info->version, info->cipher,
             info->subject, info->issuer, info->resumed ? ", verified earlier" : "");
    tell_hop(session, "tls", sv_of(text));
    session->securing = false;
    session->secured = true;
    session->tls = *info;
    smtp_client_tls_started(session->client);
}

static void on_data(struct session *session)
{
    sv in = stream_input(session->stream);
    smtp_client_feed(session->client, in);
    stream_consume(session->stream, in.n);
}

static void on_failed(struct session *session, const struct err *err)
{
    if (!session->connected) {
        end_with_error(session, "connect", cause_of_connect(err), err);
    } else if (session->securing) {
        bool distrusts = stream_distrusts(session->stream);
        end_with_error(session, "tls",
                       distrusts ? cause_of_distrust(err) : cause_of_break(SMTP_STAGE_TLS, err), err);
    } else {
        smtp_client_eof(session->client);
        while (!is_over(session)) {
            enum smtp_client_event event = smtp_client_next(session->client);
            if (event == SMTP_CLIENT_FAILED)
                end_by_client(session, err);
            else if (!handle(session, event))
                break;
        }
        /* A client that sees no end in it still has no connection any more. */
        if (!is_over(session))
            end_with_error(session, NULL, cause_of_break(session->stage, err), err);
    }
}

static void on_stream(void *arg, struct stream *stream, enum stream_event event, const struct err *err)
{
    struct session *session = arg;
    (void)stream;
    session->busy = true;
    switch (event) {
    case STREAM_CONNECTED:
        on_connected(session);
        break;
    case STREAM_SECURED:
        on_secured(session);
        break;
    case STREAM_DATA:
        on_data(session);
        break;
    case STREAM_DRAINED:
        /* A large message moves: its stage begins anew with every piece. */
        if (session->stage == SMTP_STAGE_BODY)
            enter(session, SMTP_STAGE_BODY);
        break;
    case STREAM_EOF:
        if (stream_input(session->stream).n)
            on_data(session);
        session->eof = true;
        smtp_client_eof(session->client);
        break;
    case STREAM_FAILED:
        on_failed(session, err);
        break;
    case STREAM_TIMEOUT:
        end_in_time(session);
        break;
    }
    session->busy = false;
    if (session->doomed)
        release(session);
    else if (session->stream && (session->connected || session->eof))
        pump(session);
}

struct session *session_open(const struct session_setup *setup, const struct session_handler *handler,
                             void *arg, struct err *err)
{
    struct address address;
    const struct config_gateway *gateway = setup->gateway;
    if (address_parse(sv_of(gateway->address), (uint16_t)gateway->port, &address, err) < 0)
        return NULL;
    struct session *session = calloc(1, sizeof *session);
    assert(session);
    session->setup = *setup;
    session->handler = handler;
    session->arg = arg;
    session->client = smtp_client_new(&(struct smtp_client_options){
        .security = gateway->security,
        .helo = sv_of(gateway->helo ? gateway->helo : setup->hostname),
        .auth = gateway->username != NULL,
        .opportunistic = setup->opportunistic,
        .lmtp = setup->lmtp,
    });
    session->stage_since = session->hop_since = loop_monotonic();
    session->stream = stream_dial(setup->loop, &address, setup->connect_timeout, on_stream, session);
    return session;
}

int session_send(struct session *session, const struct smtp_envelope *envelope, struct err *err)
{
    assert(session->ready);
    if (smtp_client_send(session->client, envelope, err) < 0)
        return -1;
    session->ready = session->answered = false;
    session->hop_since = loop_monotonic();
    enter(session, SMTP_STAGE_MAIL);
    pump(session);
    return 0;
}

const char *session_refusal(const struct session *session)
{
    return smtp_client_refusal(session->client);
}

void session_quit(struct session *session)
{
    assert(session->ready);
    session->ready = false;
    smtp_client_quit(session->client);
    enter(session, SMTP_STAGE_QUIT);
    pump(session);
}

bool session_is_ready(const struct session *session)
{
    return session->ready;
}

struct session_offer session_offered(const struct session *session)
{
    return (struct session_offer){
        .extensions = smtp_client_extensions(session->client),
        .size_limit = smtp_client_size_limit(session->client),
        .mechanisms = smtp_client_mechanisms(session->client),
    };
}

const struct tls_info *session_tls(const struct session *session)
{
    return session->secured ? &session->tls : NULL;
}

const struct tls_report *session_tls_report(const struct session *session)
{
    return session->stream ? stream_tls_report(session->stream) : NULL;
}

void session_hurry(struct session *session)
{
    if (session->stream && session->connected && !session->ready)
        set_deadline(session);
}
