#include "wire/smtp_server.h"

#include "wire/smtp_server_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

struct smtp_server *smtp_server_new(const struct smtp_server_options *options)
{
    struct smtp_server *server = calloc(1, sizeof *server);
    assert(server && options->recipients_max > 0 && options->errors_max > 0);
    sv_copy(server->name, sizeof server->name, options->name);
    server->size_limit = options->size_limit;
    server->recipients_max = options->recipients_max;
    server->errors_max = options->errors_max;
    server->starttls = options->starttls;
    server->encrypted = options->secured;
    server->response = BUF_INIT(SMTP_SERVER_AUTH_LINE_MAX);
    server->input = BUF_INIT(SMTP_SERVER_INPUT_MAX);
    /* A command is read while less than OUTPUT_MAX waits; its own replies still fit. */
    server->output = BUF_INIT(SMTP_SERVER_OUTPUT_MAX + 4096);
    server->phase = SMTP_SERVER_PHASE_HELLO;
    return server;
}

void smtp_server_free(struct smtp_server *server)
{
    if (!server)
        return;
    buf_free(&server->input);
    buf_free(&server->output);
    buf_free(&server->response);
    free(server->refused_text);
    free(server);
}

void smtp_server_reply(struct smtp_server *server, int code, const char *enhanced, const char *text)
{
    char line[SMTP_SERVER_TEXT_MAX + 1];
    size_t n = sv_copy(line, sizeof line, sv_of(text));
    for (size_t i = 0; i < n; i++)
        if (line[i] < 0x20 || line[i] > 0x7e)
            line[i] = '?';
    size_t before = buf_view(&server->output).n;
    int failed = buf_printf(&server->output, "%d %s%s%s\r\n", code, enhanced ? enhanced : "",
                            enhanced ? " " : "", line);
    assert(!failed);
    if (server->hush)
        server->hushed += buf_view(&server->output).n - before;
}

/* Nothing more is read, and nobody is owed an answer. */
static void over(struct smtp_server *server)
{
    smtp_server_abandon(server);
    server->auth_over = server->auth_over || server->mode == SMTP_SERVER_MODE_AUTH;
    smtp_server_end_auth(server);
    server->tls_due = false;
    server->mode = SMTP_SERVER_MODE_OVER;
    server->owed = SMTP_SERVER_NEED_IO;
    buf_free(&server->input);
}

void smtp_server_end(struct smtp_server *server, int code, const char *enhanced, const char *text)
{
    if (server->mode == SMTP_SERVER_MODE_OVER)
        return;
    smtp_server_reply(server, code, enhanced, text);
    over(server);
    if (code >= 400)
        err_set(&server->failure, ERR_PROTOCOL, NULL, "%s", text);
}

void smtp_server_fault(struct smtp_server *server, int code, const char *enhanced, const char *text)
{
    smtp_server_reply(server, code, enhanced, text);
    if (++server->errors >= server->errors_max)
        smtp_server_end(server, 421, "4.7.0", "Too many errors, closing");
}

void smtp_server_abandon(struct smtp_server *server)
{
    if (server->phase & SMTP_SERVER_TRANSACTION) {
        server->phase = SMTP_SERVER_PHASE_READY;
        server->reset_due = true;
    }
}

void smtp_server_early(struct smtp_server *server)
{
    if (server->hushed <= buf_view(&server->output).n)
        server->output.end -= server->hushed;
    smtp_server_end(server, 554, "5.5.0", "You spoke before it was your turn");
}

void smtp_server_greet(struct smtp_server *server)
{
    if (server->mode != SMTP_SERVER_MODE_GREETING)
        return;
    if (buf_view(&server->input).n) {
        smtp_server_early(server);
        return;
    }
    char text[SMTP_DOMAIN_MAX + 8];
    snprintf(text, sizeof text, "%s ESMTP", server->name); /* no enhanced code: RFC 2034 §3 */
    server->mode = SMTP_SERVER_MODE_COMMANDS;
    server->hush = true;
    smtp_server_reply(server, 220, NULL, text);
}

size_t smtp_server_feed(struct smtp_server *server, sv bytes)
{
    if (server->mode == SMTP_SERVER_MODE_OVER || bytes.n == 0)
        return 0;
    if (server->hush || server->mode == SMTP_SERVER_MODE_TLS) {
        smtp_server_early(server);
        return 0;
    }
    size_t room = buf_room(&server->input);
    bytes = sv_first(bytes, room);
    int failed = buf_put(&server->input, bytes);
    assert(!failed);
    return bytes.n;
}

void smtp_server_eof(struct smtp_server *server)
{
    if (server->mode == SMTP_SERVER_MODE_OVER)
        return;
    if (server->phase & SMTP_SERVER_TRANSACTION)
        err_set(&server->failure, ERR_UNAVAILABLE, NULL, "the client left in the middle of a transaction");
    over(server);
}

sv smtp_server_output(const struct smtp_server *server)
{
    return buf_view(&server->output);
}

void smtp_server_sent(struct smtp_server *server, size_t n)
{
    buf_consume(&server->output, n);
    if (buf_view(&server->output).n == 0 && server->owed == SMTP_SERVER_NEED_IO) {
        server->hush = false;
        server->hushed = 0;
    }
}

enum line { LINE_NEED_DATA, LINE_WHOLE, LINE_LONG, LINE_ENDLESS, LINE_BARE };

static bool begins_auth(const struct smtp_server *server)
{
    if (server->overlong)
        return server->overlong_auth;
    return server->mode == SMTP_SERVER_MODE_AUTH || sv_istarts(buf_view(&server->input), SV("AUTH "));
}

/* Takes the line off that ends at input's byte `at`. */
static enum line take_line(struct smtp_server *server, size_t at, size_t max, sv *ret)
{
    size_t length = server->overlong + at + 1, end = at;
    sv in = buf_view(&server->input);
    assert(in.p);
    if (end && in.p[end - 1] == '\r')
        end--;
    *ret = sv_first(in, end);
    buf_consume(&server->input, at + 1);
    server->scanned = server->overlong = 0;
    server->before = 0;
    return length > max ? LINE_LONG : LINE_WHOLE;
}

/* Looks for CRLF. A bare CR or LF is told as soon as it is seen, however the bytes were cut. */
static enum line find_line(struct smtp_server *server, size_t max, sv *ret)
{
    sv in = buf_view(&server->input);
    assert(in.p || in.n == 0);
    for (; server->scanned < in.n; server->scanned++) {
        char c = in.p[server->scanned];
        bool forgiven = c == '\n' && server->forgives_lf;
        if ((c == '\n') != (server->before == '\r') && !forgiven)
            return LINE_BARE;
        if (server->overlong + server->scanned + 1 > SMTP_SERVER_DISCARD_MAX)
            return LINE_ENDLESS;
        if (c == '\n')
            return take_line(server, server->scanned, max, ret);
        server->before = c;
    }
    if (server->overlong + in.n >= max) {
        server->overlong += in.n;
        server->overlong_auth = max == SMTP_SERVER_AUTH_LINE_MAX;
        server->scanned = 0;
        buf_clear(&server->input);
    }
    return LINE_NEED_DATA;
}

/* The first byte of a TLS handshake record, which no command begins with. */
static bool tls_knocks(const struct smtp_server *server)
{
    sv input = buf_view(&server->input);
    return server->scanned == 0 && server->overlong == 0 && input.p && input.n > 0 && input.p[0] == 0x16;
}

static void too_long(struct smtp_server *server, bool auth)
{
    if (auth)
        smtp_server_auth_too_long(server);
    else
        smtp_server_fault(server, 500, "5.5.2", "Line too long");
}

/* False when there is no whole command yet. */
static bool read_command(struct smtp_server *server)
{
    sv line = SV_NONE;
    bool auth = begins_auth(server);
    if (tls_knocks(server)) {
        smtp_server_end(server, 554, "5.5.1",
                        server->encrypted ? "TLS within TLS, closing"
                                          : "TLS from the first byte is not spoken on this port, closing");
        return true;
    }
    switch (find_line(server, auth ? SMTP_SERVER_AUTH_LINE_MAX : SMTP_SERVER_COMMAND_MAX, &line)) {
    case LINE_NEED_DATA:
        return false;
    case LINE_BARE:
        smtp_server_end(server, 500, "5.5.2", "A bare CR or LF: lines end in CR LF");
        return true;
    case LINE_ENDLESS:
        smtp_server_end(server, 500, "5.5.2", "A line without end");
        return true;
    case LINE_LONG:
        server->commands++;
        too_long(server, auth);
        return true;
    case LINE_WHOLE:
        server->commands++;
        if (server->mode == SMTP_SERVER_MODE_AUTH)
            smtp_server_auth_response(server, line);
        else
            smtp_server_command(server, line);
        return true;
    }
    return false;
}

/* What was left to be told; NEED_IO when nothing was. */
static enum smtp_server_event take_due(struct smtp_server *server)
{
    if (server->auth_over) {
        server->auth_over = false;
        return SMTP_SERVER_AUTH_OVER;
    }
    if (server->reset_due) {
        server->reset_due = false;
        return SMTP_SERVER_RESET;
    }
    if (server->tls_due) {
        server->tls_due = false;
        return SMTP_SERVER_WANT_TLS;
    }
    return server->mode == SMTP_SERVER_MODE_OVER ? SMTP_SERVER_CLOSED : SMTP_SERVER_NEED_IO;
}

/* Nothing can be read now: the caller's or the client's turn. */
static bool stalled(const struct smtp_server *server)
{
    bool chunk_read = server->mode == SMTP_SERVER_MODE_CHUNK && server->chunk_left == 0;
    return server->mode == SMTP_SERVER_MODE_GREETING || server->mode == SMTP_SERVER_MODE_TLS ||
           server->owed != SMTP_SERVER_NEED_IO || buf_view(&server->output).n >= SMTP_SERVER_OUTPUT_MAX ||
           (buf_view(&server->input).n == 0 && !chunk_read);
}

enum smtp_server_event smtp_server_next(struct smtp_server *server)
{
    for (;;) {
        enum smtp_server_event event = take_due(server);
        if (event != SMTP_SERVER_NEED_IO)
            return event;
        if (stalled(server))
            return SMTP_SERVER_NEED_IO;
        if (server->mode == SMTP_SERVER_MODE_CONTENT)
            event = smtp_server_read_content(server);
        else if (server->mode == SMTP_SERVER_MODE_CHUNK)
            event = smtp_server_read_chunk(server);
        else if (!read_command(server))
            return SMTP_SERVER_NEED_IO;
        else
            event = server->owed;
        if (event != SMTP_SERVER_NEED_IO)
            return event;
    }
}

void smtp_server_accept(struct smtp_server *server, const char *text)
{
    enum smtp_server_event event = server->owed;
    if (server->mode == SMTP_SERVER_MODE_OVER)
        return;
    assert(event != SMTP_SERVER_NEED_IO);
    server->owed = SMTP_SERVER_NEED_IO;
    smtp_server_proceed(server, event, text);
}

void smtp_server_refuse(struct smtp_server *server, int code, const char *enhanced, const char *text)
{
    enum smtp_server_event event = server->owed;
    if (server->mode == SMTP_SERVER_MODE_OVER)
        return;
    assert(event != SMTP_SERVER_NEED_IO && code >= 400 && code < 600);
    server->owed = SMTP_SERVER_NEED_IO;
    if (event == SMTP_SERVER_DATA && server->mode == SMTP_SERVER_MODE_CHUNK) {
        smtp_server_refuse_chunk(server, code, enhanced, text);
        return;
    }
    if (event == SMTP_SERVER_END)
        server->phase = SMTP_SERVER_PHASE_READY;
    if (event == SMTP_SERVER_AUTH)
        smtp_server_end_auth(server);
    if (code >= 500)
        smtp_server_fault(server, code, enhanced, text);
    else
        smtp_server_reply(server, code, enhanced, text);
}

void smtp_server_close(struct smtp_server *server, int code, const char *enhanced, const char *text)
{
    smtp_server_end(server, code, enhanced, text);
}

void smtp_server_forgive_bare_lf(struct smtp_server *server, bool on)
{
    server->forgives_lf = on;
    if (on && server->mode == SMTP_SERVER_MODE_CHUNK) /* whose octets are on their way when DATA is asked */
        smtp_data_reader_forgive_lf(&server->reader);
}

void smtp_server_rest(struct smtp_server *server)
{
    if (buf_view(&server->input).n == 0 && server->owed == SMTP_SERVER_NEED_IO)
        buf_free(&server->input);
    if (buf_view(&server->output).n == 0)
        buf_free(&server->output);
}

sv smtp_server_hello(const struct smtp_server *server)
{
    return sv_of(server->owed == SMTP_SERVER_HELLO ? server->hello_asked : server->hello);
}

bool smtp_server_extended(const struct smtp_server *server)
{
    return server->owed == SMTP_SERVER_HELLO ? server->extended_asked : server->extended;
}

const struct smtp_server_mail *smtp_server_mail(const struct smtp_server *server)
{
    return &server->mail;
}

const struct smtp_server_recipient *smtp_server_recipient(const struct smtp_server *server)
{
    return &server->recipient;
}

sv smtp_server_content(const struct smtp_server *server)
{
    return server->content;
}

uint64_t smtp_server_content_bytes(const struct smtp_server *server)
{
    return server->content_bytes;
}

bool smtp_server_in_content(const struct smtp_server *server)
{
    return server->mode == SMTP_SERVER_MODE_CONTENT || server->mode == SMTP_SERVER_MODE_CHUNK;
}

uint64_t smtp_server_commands(const struct smtp_server *server)
{
    return server->commands;
}

const struct err *smtp_server_failure(const struct smtp_server *server)
{
    return &server->failure;
}
