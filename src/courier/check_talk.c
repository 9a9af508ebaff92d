#include "courier/check_talk.h"

#include "courier/mask.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { LINE_MAX_SHOWN = 1200 };

static const nanos PARTING = 400 * NANOS_PER_MS;
static const nanos QUIT_TIMEOUT = 1 * NANOS_PER_SECOND;

struct talk {
    struct talk_setup setup;
    const struct talk_handler *handler;
    void *arg;
    struct stream *stream;
    struct smtp_client *client;
    enum smtp_stage stage;
    nanos since, step_since;
    bool connected, heard, securing, ready, authenticating, leaving, over;
    bool parting; /* the time was up; we said that we have nothing to say */
    bool busy, doomed;
    char first[TALK_FIRST_BYTES_MAX];
    size_t first_length;
};

static void release(struct talk *talk)
{
    stream_close(talk->stream);
    smtp_client_free(talk->client);
    free(talk);
}

void talk_free(struct talk *talk)
{
    if (!talk)
        return;
    talk->doomed = true;
    if (!talk->busy)
        release(talk);
}

const struct smtp_client *talk_client(const struct talk *talk)
{
    return talk->client;
}

bool talk_unanswered(const struct talk *talk)
{
    return talk->connected && !talk->heard && !talk->over;
}

/* --- Transcript --- */

static void tell_line(struct talk *talk, char who, sv line)
{
    if (talk->handler->line && !talk->doomed)
        talk->handler->line(talk->arg, who, line);
}

/* What follows AUTH's mechanism, and every response, is a secret or may lead to one. */
static void tell_said(struct talk *talk, sv out)
{
    if (smtp_client_stage(talk->client) == SMTP_STAGE_BODY ||
        smtp_client_stage(talk->client) == SMTP_STAGE_DOT) {
        char text[60];
        snprintf(text, sizeof text, "(%zu bytes of the message)", out.n);
        tell_line(talk, 'C', sv_of(text));
        return;
    }
    while (out.n) {
        sv line = sv_trim(sv_split(&out, '\n'));
        char masked[64];
        if (sv_istarts(line, SV("AUTH "))) {
            sv rest = sv_from(line, 5), mechanism = sv_word(&rest);
            snprintf(masked, sizeof masked, "AUTH %.*s%s", SV_ARG(sv_first(mechanism, 30)),
                     rest.n ? " ********" : "");
            talk->authenticating = true;
            line = sv_of(masked);
        } else if (talk->authenticating) {
            line = SV("********");
        }
        tell_line(talk, 'C', line);
    }
}

static void tell_heard(struct talk *talk, const struct smtp_answer *answer)
{
    char text[LINE_MAX_SHOWN];
    sv rest = sv_of(answer->text);
    do {
        sv line = sv_split(&rest, '\n');
        if (answer->code == 334)
            line = SV("(challenge)");
        snprintf(text, sizeof text, "%d%c%.*s", answer->code, rest.p ? '-' : ' ', SV_ARG(line));
        if (talk->setup.secret)
            mask(text, secret_reveal(talk->setup.secret));
        tell_line(talk, 'S', sv_of(text));
    } while (rest.p);
}

/* --- The end --- */

static void end(struct talk *talk, struct talk_end *what)
{
    if (talk->over)
        return;
    talk->over = true;
    talk->ready = false;
    what->waited = loop_monotonic() - talk->since;
    what->first = sv_make(talk->first, talk->first_length);
    if (talk->connected && talk->stream)
        stream_flow(talk->stream, &what->flow);
    if (!what->answer)
        what->answer = smtp_client_answer(talk->client);
    stream_finish(talk->stream,
                  what->outcome == TALK_DONE || what->outcome == TALK_REFUSED ? QUIT_TIMEOUT : 0);
    talk->stream = NULL;
    if (!talk->doomed)
        talk->handler->ended(talk->arg, what);
}

static void end_with(struct talk *talk, enum talk_outcome outcome, const struct err *err)
{
    end(talk, &(struct talk_end){.outcome = outcome, .stage = talk->stage, .err = err});
}

static void end_in_time(struct talk *talk)
{
    struct err err;
    char length[32];
    if (talk->leaving || talk->stage == SMTP_STAGE_QUIT) {
        end_with(talk, TALK_DONE, NULL);
        return;
    }
    /* A greeting may have been sent and lost: told that we have nothing to say, the peer closes, and that
     * comes through with a gap before it. */
    if (talk->stage == SMTP_STAGE_BANNER && !talk->heard && !talk->parting) {
        talk->parting = true;
        stream_part(talk->stream);
        stream_deadline(talk->stream, PARTING);
        return;
    }
    err_set(&err, ERR_UNAVAILABLE, NULL, "no answer for %s",
            time_length(loop_monotonic() - talk->since, length, sizeof length));
    end_with(talk, TALK_SILENT, &err);
}

/* What the client's failure was, when no reply said it. */
static enum talk_outcome outcome_of(const struct talk *talk, const struct err *err)
{
    bool greeting_tls = talk->stage == SMTP_STAGE_STARTTLS || talk->stage == SMTP_STAGE_TLS;
    if (err->class == ERR_TEMPORARY)
        return TALK_CLOSED;
    if (err->class != ERR_PROTOCOL)
        return TALK_OURS;
    return greeting_tls && smtp_client_answer(talk->client)->code == 220 ? TALK_INJECTED : TALK_MALFORMED;
}

static void end_by_client(struct talk *talk, const struct err *broken, enum tls_failure failure)
{
    const struct err *err = smtp_client_failure(talk->client);
    talk->stage = smtp_client_stage(talk->client);
    if (talk->leaving || talk->ready || talk->stage == SMTP_STAGE_QUIT) {
        end_with(talk, TALK_DONE, NULL);
        return;
    }
    struct talk_end what = {.outcome = TALK_REFUSED, .stage = talk->stage, .err = broken ? broken : err};
    if (!smtp_client_failure_answered(talk->client))
        what.outcome = outcome_of(talk, err);
    bool by_tls =
        failure != TLS_FAILURE_NONE && failure != TLS_FAILURE_BROKEN && failure != TLS_FAILURE_HUNG_UP;
    if (what.outcome == TALK_CLOSED && by_tls) {
        what.outcome = TALK_TLS;
        what.failure = failure;
    }
    end(talk, &what);
}

/* --- Moving --- */

static void enter(struct talk *talk, enum smtp_stage stage)
{
    talk->stage = stage;
    talk->since = loop_monotonic();
    if (talk->stream)
        stream_deadline(talk->stream, stage == SMTP_STAGE_QUIT ? QUIT_TIMEOUT : talk->setup.stage_timeout);
}

static nanos step_took(struct talk *talk)
{
    nanos now = loop_monotonic(), took = now - talk->step_since;
    talk->step_since = now;
    return took;
}

static void leave(struct talk *talk)
{
    talk->leaving = true;
    talk->ready = false;
    smtp_client_quit(talk->client);
    enter(talk, SMTP_STAGE_QUIT);
}

static void on_answer(struct talk *talk)
{
    const struct smtp_answer *answer = smtp_client_answer(talk->client);
    enum smtp_stage stage = smtp_client_stage(talk->client);
    tell_heard(talk, answer);
    if (answer->code != 334)
        talk->authenticating = false;
    if (talk->leaving || stage == SMTP_STAGE_RSET || stage == SMTP_STAGE_QUIT)
        return;
    nanos took = step_took(talk);
    bool on = talk->doomed || !talk->handler->answer || talk->handler->answer(talk->arg, stage, answer, took);
    if (!on)
        leave(talk);
    else if (!talk->doomed)
        enter(talk, stage);
}

static void authenticate(struct talk *talk)
{
    const struct tls_info *info = stream_tls_info(talk->stream);
    assert(talk->setup.secret && stream_tls_trusted(talk->stream));
    smtp_client_authenticate(
        talk->client, &(struct smtp_credentials){
                          .username = sv_of(talk->setup.username),
                          .secret = secret_reveal(talk->setup.secret),
                          .mechanism = sv_of(talk->setup.mechanism),
                          .channel_binding = info ? sv_make(info->exporter, info->exporter_length) : SV_NONE,
                      });
}

/* One thing that the client says happened. False: nothing more to do now. */
static bool handle(struct talk *talk, enum smtp_client_event event)
{
    switch (event) {
    case SMTP_CLIENT_NEED_IO:
        return false;
    case SMTP_CLIENT_ANSWER:
        on_answer(talk);
        return true;
    case SMTP_CLIENT_WANT_TLS:
        enter(talk, SMTP_STAGE_TLS);
        talk->securing = true;
        stream_secure_client(talk->stream, talk->setup.tls, talk->setup.tls_name);
        return false;
    case SMTP_CLIENT_WANT_CREDENTIALS:
        authenticate(talk);
        return true;
    case SMTP_CLIENT_READY:
        talk->ready = true;
        stream_deadline(talk->stream, 0);
        if (talk->handler->ready && !talk->leaving)
            talk->handler->ready(talk->arg);
        return true;
    case SMTP_CLIENT_RECIPIENT:
        if (talk->handler->recipient)
            talk->handler->recipient(talk->arg, smtp_client_recipient(talk->client),
                                     smtp_client_answer(talk->client));
        return true;
    case SMTP_CLIENT_SENT:
        if (talk->handler->sent)
            talk->handler->sent(talk->arg, smtp_client_answer(talk->client), smtp_client_stage(talk->client));
        return true;
    case SMTP_CLIENT_FAILED:
        end_by_client(talk, NULL, TLS_FAILURE_NONE);
        return false;
    case SMTP_CLIENT_CLOSED:
        end_with(talk, TALK_DONE, NULL);
        return false;
    }
    return false;
}

static bool is_over(const struct talk *talk)
{
    return talk->doomed || talk->over;
}

static bool push(struct talk *talk)
{
    bool any = false;
    for (sv out = smtp_client_output(talk->client); out.n && !is_over(talk);
         out = smtp_client_output(talk->client)) {
        tell_said(talk, out);
        stream_write(talk->stream, out);
        smtp_client_sent(talk->client, out.n);
        any = true;
    }
    return any;
}

static void pump_client(struct talk *talk)
{
    do {
        while (!is_over(talk) && handle(talk, smtp_client_next(talk->client)))
            ;
    } while (!is_over(talk) && push(talk));
    if (is_over(talk) || talk->ready || talk->securing || talk->leaving)
        return;
    enum smtp_stage stage = smtp_client_stage(talk->client);
    if (stage != talk->stage)
        enter(talk, stage);
}

/* Every entry from outside ends here, so that a handler may free the talk. */
static void leave_busy(struct talk *talk)
{
    talk->busy = false;
    if (talk->doomed)
        release(talk);
}

static void pump(struct talk *talk)
{
    if (talk->busy)
        return; /* the outer call goes on */
    talk->busy = true;
    pump_client(talk);
    leave_busy(talk);
}

/* --- The stream --- */

static void on_connected(struct talk *talk)
{
    talk->connected = true;
    nanos took = step_took(talk);
    if (talk->handler->connected)
        talk->handler->connected(talk->arg, took);
    if (!is_over(talk))
        enter(talk, SMTP_STAGE_BANNER);
}

static void on_secured(struct talk *talk)
{
    const struct tls_info *info = stream_tls_info(talk->stream);
    char text[160];
    talk->securing = false;
    talk->heard = true;
    snprintf(text, sizeof text, "%s, %s", info->version, info->cipher);
    tell_line(talk, '*', sv_of(text));
    nanos took = step_took(talk);
    bool on = !talk->handler->secured ||
              talk->handler->secured(talk->arg, info, stream_tls_report(talk->stream), took);
    if (is_over(talk))
        return;
    if (on) {
        smtp_client_tls_started(talk->client);
    } else {
        stream_finish(talk->stream, 0);
        talk->stream = NULL;
        end_with(talk, TALK_DONE, NULL);
    }
}

static void on_data(struct talk *talk)
{
    sv in = stream_input(talk->stream);
    if (talk->first_length < sizeof talk->first && !talk->securing) {
        sv part = sv_first(in, sizeof talk->first - talk->first_length);
        memcpy(talk->first + talk->first_length, part.p, part.n);
        talk->first_length += part.n;
    }
    talk->heard = true;
    smtp_client_feed(talk->client, in);
    stream_consume(talk->stream, in.n);
}

static void on_failed(struct talk *talk, const struct err *err)
{
    enum tls_failure failure = stream_tls_failure(talk->stream);
    if (!talk->connected) {
        end_with(talk, TALK_UNCONNECTED, err);
        return;
    }
    if (talk->securing) {
        end(talk,
            &(struct talk_end){.outcome = TALK_TLS, .stage = SMTP_STAGE_TLS, .err = err, .failure = failure});
        return;
    }
    smtp_client_eof(talk->client);
    while (!is_over(talk)) {
        enum smtp_client_event event = smtp_client_next(talk->client);
        if (event == SMTP_CLIENT_FAILED)
            end_by_client(talk, err, failure);
        else if (!handle(talk, event))
            break;
    }
    if (!is_over(talk))
        end_with(talk, talk->leaving ? TALK_DONE : TALK_CLOSED, err);
}

static void on_stream(void *arg, struct stream *stream, enum stream_event event, const struct err *err)
{
    struct talk *talk = arg;
    (void)stream;
    talk->busy = true;
    switch (event) {
    case STREAM_CONNECTED:
        on_connected(talk);
        break;
    case STREAM_SECURED:
        on_secured(talk);
        break;
    case STREAM_DATA:
        on_data(talk);
        break;
    case STREAM_DRAINED:
        break;
    case STREAM_EOF:
        if (talk->parting && !stream_input(talk->stream).n) {
            end_in_time(talk);
            break;
        }
        if (stream_input(talk->stream).n)
            on_data(talk);
        smtp_client_eof(talk->client);
        break;
    case STREAM_FAILED:
        on_failed(talk, err);
        break;
    case STREAM_TIMEOUT:
        end_in_time(talk);
        break;
    }
    if (!is_over(talk) && talk->connected)
        pump_client(talk);
    leave_busy(talk);
}

struct talk *talk_new(const struct talk_setup *setup, const struct talk_handler *handler, void *arg)
{
    struct talk *talk = calloc(1, sizeof *talk);
    assert(talk);
    *talk = (struct talk){.setup = *setup, .handler = handler, .arg = arg};
    talk->client = smtp_client_new(&(struct smtp_client_options){
        .security = setup->security, .helo = sv_of(setup->helo), .auth = setup->secret != NULL});
    talk->since = talk->step_since = loop_monotonic();
    talk->stream = stream_dial(setup->loop, setup->to, setup->connect_timeout, on_stream, talk);
    return talk;
}

int talk_send(struct talk *talk, const struct smtp_envelope *envelope, struct err *err)
{
    assert(talk->ready);
    if (smtp_client_send(talk->client, envelope, err) < 0)
        return -1;
    talk->ready = false;
    talk->step_since = loop_monotonic();
    enter(talk, SMTP_STAGE_MAIL);
    pump(talk);
    return 0;
}

void talk_quit(struct talk *talk)
{
    if (is_over(talk))
        return;
    leave(talk);
    pump(talk);
}
