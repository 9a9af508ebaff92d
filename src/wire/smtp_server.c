#include "wire/smtp_server.h"

#include "wire/smtp_server_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { REPLY_TEXT_MAX = 400 };

struct smtp_server *smtp_server_new(const struct smtp_server_options *options)
{
    struct smtp_server *server = calloc(1, sizeof *server);
    assert(server && options->recipients_max > 0 && options->errors_max > 0);
    sv_copy(server->name, sizeof server->name, options->name);
    server->size_limit = options->size_limit;
    server->recipients_max = options->recipients_max;
    server->errors_max = options->errors_max;
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
    free(server);
}

void smtp_server_reply(struct smtp_server *server, int code, const char *enhanced, const char *text)
{
    char line[REPLY_TEXT_MAX + 1];
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

void smtp_server_end(struct smtp_server *server, int code, const char *enhanced, const char *text)
{
    if (server->mode == SMTP_SERVER_MODE_OVER)
        return;
    smtp_server_reply(server, code, enhanced, text);
    smtp_server_abandon(server);
    server->mode = SMTP_SERVER_MODE_OVER;
    server->owed = SMTP_SERVER_NEED_IO;
    buf_clear(&server->input);
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
    if (server->phase & (SMTP_SERVER_PHASE_MAIL | SMTP_SERVER_PHASE_RCPT)) {
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
    snprintf(text, sizeof text, "%s ESMTP", server->name);
    server->mode = SMTP_SERVER_MODE_COMMANDS;
    server->hush = true;
    smtp_server_reply(server, 220, NULL, text);
}

size_t smtp_server_feed(struct smtp_server *server, sv bytes)
{
    if (server->mode == SMTP_SERVER_MODE_OVER || bytes.n == 0)
        return 0;
    if (server->hush) {
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
    if (server->phase & (SMTP_SERVER_PHASE_MAIL | SMTP_SERVER_PHASE_RCPT))
        err_set(&server->failure, ERR_UNAVAILABLE, NULL, "the client left in the middle of a transaction");
    smtp_server_abandon(server);
    server->mode = SMTP_SERVER_MODE_OVER;
    server->owed = SMTP_SERVER_NEED_IO;
    buf_clear(&server->input);
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

/* Looks for CRLF. A bare CR or LF is told as soon as it is seen, however the bytes were cut. */
static enum line find_line(struct smtp_server *server, sv *ret)
{
    sv in = buf_view(&server->input);
    assert(in.p || in.n == 0);
    for (; server->scanned < in.n; server->scanned++) {
        char c = in.p[server->scanned];
        size_t length = server->overlong + server->scanned + 1;
        if ((c == '\n') != (server->before == '\r'))
            return LINE_BARE;
        if (length > SMTP_SERVER_DISCARD_MAX)
            return LINE_ENDLESS;
        if (c == '\n') {
            *ret = sv_first(in, server->scanned ? server->scanned - 1 : 0);
            buf_consume(&server->input, server->scanned + 1);
            server->scanned = server->overlong = 0;
            server->before = 0;
            return length > SMTP_SERVER_COMMAND_MAX ? LINE_LONG : LINE_WHOLE;
        }
        server->before = c;
    }
    if (server->overlong + in.n >= SMTP_SERVER_COMMAND_MAX) {
        server->overlong += in.n;
        server->scanned = 0;
        buf_clear(&server->input);
    }
    return LINE_NEED_DATA;
}

/* The first byte of a TLS handshake record, which no command begins with. */
static bool tls_knocks(const struct smtp_server *server)
{
    return server->scanned == 0 && server->overlong == 0 && sv_starts(buf_view(&server->input), SV("\x16"));
}

/* False when there is no whole command yet. */
static bool read_command(struct smtp_server *server)
{
    sv line = SV_NONE;
    if (tls_knocks(server)) {
        smtp_server_end(server, 554, "5.5.1", "TLS is not spoken on this port, closing");
        return true;
    }
    switch (find_line(server, &line)) {
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
        smtp_server_fault(server, 500, "5.5.2", "Line too long");
        return true;
    case LINE_WHOLE:
        server->commands++;
        smtp_server_command(server, line);
        return true;
    }
    return false;
}

static enum smtp_server_event end_content(struct smtp_server *server)
{
    server->mode = SMTP_SERVER_MODE_COMMANDS;
    switch (server->swallow) {
    case SMTP_SERVER_SWALLOW_NOTHING:
        return server->owed = SMTP_SERVER_END;
    case SMTP_SERVER_SWALLOW_SIZE:
        smtp_server_reply(server, 552, "5.3.4", "Message too large");
        break;
    case SMTP_SERVER_SWALLOW_LINE:
        smtp_server_reply(server, 554, "5.6.0", "A line is longer than 998 octets");
        break;
    }
    smtp_server_abandon(server);
    return SMTP_SERVER_NEED_IO;
}

static bool content_is_hopeless(struct smtp_server *server)
{
    if (server->reader.faults & (SMTP_DATA_BARE_CR | SMTP_DATA_BARE_LF | SMTP_DATA_NUL)) {
        /* Peers do not agree where such a message ends, so nothing after it may be believed. */
        smtp_server_end(server, 550, "5.5.2",
                        server->reader.faults & SMTP_DATA_NUL
                            ? "The message has a NUL byte"
                            : "The message has a bare CR or LF: lines end in CR LF");
        return true;
    }
    if (server->size_limit && server->content_bytes > server->size_limit &&
        server->content_bytes - server->size_limit > SMTP_SERVER_SWALLOW_MAX) {
        smtp_server_end(server, 552, "5.3.4", "Message far too large, closing");
        return true;
    }
    return false;
}

/* CONTENT, END, or NEED_IO to go round once more. */
static enum smtp_server_event read_content(struct smtp_server *server)
{
    size_t used = 0;
    sv text = SV_NONE;
    enum smtp_data_event event = smtp_data_read(&server->reader, buf_view(&server->input), &used, &text);
    buf_consume(&server->input, used);
    if (event == SMTP_DATA_TEXT)
        server->content_bytes += text.n;
    if (content_is_hopeless(server))
        return SMTP_SERVER_NEED_IO;
    if (server->swallow == SMTP_SERVER_SWALLOW_NOTHING) {
        if (server->reader.faults & SMTP_DATA_LONG_LINE)
            server->swallow = SMTP_SERVER_SWALLOW_LINE;
        else if (server->size_limit && server->content_bytes > server->size_limit)
            server->swallow = SMTP_SERVER_SWALLOW_SIZE;
    }
    switch (event) {
    case SMTP_DATA_NEED_DATA:
        return SMTP_SERVER_NEED_IO;
    case SMTP_DATA_TEXT:
        server->content = text;
        return server->swallow || text.n == 0 ? SMTP_SERVER_NEED_IO : SMTP_SERVER_CONTENT;
    case SMTP_DATA_END:
        return end_content(server);
    }
    return SMTP_SERVER_NEED_IO;
}

enum smtp_server_event smtp_server_next(struct smtp_server *server)
{
    for (;;) {
        if (server->reset_due) {
            server->reset_due = false;
            return SMTP_SERVER_RESET;
        }
        if (server->mode == SMTP_SERVER_MODE_OVER)
            return SMTP_SERVER_CLOSED;
        if (server->mode == SMTP_SERVER_MODE_GREETING || server->owed != SMTP_SERVER_NEED_IO ||
            buf_view(&server->output).n >= SMTP_SERVER_OUTPUT_MAX || buf_view(&server->input).n == 0)
            return SMTP_SERVER_NEED_IO;
        enum smtp_server_event event = SMTP_SERVER_NEED_IO;
        if (server->mode == SMTP_SERVER_MODE_CONTENT)
            event = read_content(server);
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
    if (event == SMTP_SERVER_END)
        server->phase = SMTP_SERVER_PHASE_READY;
    if (code >= 500)
        smtp_server_fault(server, code, enhanced, text);
    else
        smtp_server_reply(server, code, enhanced, text);
}

void smtp_server_close(struct smtp_server *server, int code, const char *enhanced, const char *text)
{
    smtp_server_end(server, code, enhanced, text);
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
    return server->mode == SMTP_SERVER_MODE_CONTENT;
}

uint64_t smtp_server_commands(const struct smtp_server *server)
{
    return server->commands;
}

const struct err *smtp_server_failure(const struct smtp_server *server)
{
    return &server->failure;
}
