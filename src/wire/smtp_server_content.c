#include "wire/smtp_server_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static void open_content(struct smtp_server *server)
{
    server->swallow = SMTP_SERVER_SWALLOW_NOTHING;
    server->content_bytes = 0;
    smtp_data_reader_open(&server->reader);
    if (server->forgives_lf)
        smtp_data_reader_forgive_lf(&server->reader);
}

void smtp_server_begin_data(struct smtp_server *server, const char *text)
{
    server->mode = SMTP_SERVER_MODE_CONTENT;
    open_content(server);
    if (buf_view(&server->input).n)
        smtp_server_early(server);
    else
        smtp_server_reply(server, 354, NULL, text ? text : "End with a dot on a line of its own");
}

/* The reply to what was read away; the transaction is over with it. */
static void answer_swallowed(struct smtp_server *server)
{
    switch (server->swallow) {
    case SMTP_SERVER_SWALLOW_NOTHING:
        break;
    case SMTP_SERVER_SWALLOW_SIZE:
        smtp_server_reply(server, 552, "5.3.4", "Message too large");
        break;
    case SMTP_SERVER_SWALLOW_LINE:
        smtp_server_reply(server, 554, "5.6.0", "A line is longer than 998 octets");
        break;
    case SMTP_SERVER_SWALLOW_ORDER:
        smtp_server_fault(server, 503, "5.5.1",
                          "BDAT out of order: MAIL and an accepted recipient come first");
        return; /* what is open stays open */
    case SMTP_SERVER_SWALLOW_REFUSED:
        smtp_server_reply(server, server->refused_code, server->refused_enhanced, server->refused_text);
        break;
    }
    smtp_server_abandon(server);
}

static enum smtp_server_event end_content(struct smtp_server *server)
{
    server->mode = SMTP_SERVER_MODE_COMMANDS;
    if (server->swallow == SMTP_SERVER_SWALLOW_NOTHING)
        return server->owed = SMTP_SERVER_END;
    answer_swallowed(server);
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

/* Reads on in input, at most `max` bytes of it; *ret_text is the next of the content, if there is some. */
static enum smtp_data_event read_some(struct smtp_server *server, uint64_t max, size_t *ret_used,
                                      sv *ret_text)
{
    enum smtp_data_event event =
        smtp_data_read(&server->reader, sv_first(buf_view(&server->input), max), ret_used, ret_text);
    buf_consume(&server->input, *ret_used);
    if (event == SMTP_DATA_TEXT)
        server->content_bytes += ret_text->n;
    return event;
}

static void note_limits(struct smtp_server *server)
{
    if (server->swallow != SMTP_SERVER_SWALLOW_NOTHING)
        return;
    if (server->reader.faults & SMTP_DATA_LONG_LINE)
        server->swallow = SMTP_SERVER_SWALLOW_LINE;
    else if (server->size_limit && server->content_bytes > server->size_limit)
        server->swallow = SMTP_SERVER_SWALLOW_SIZE;
}

static enum smtp_server_event give_text(struct smtp_server *server, sv text)
{
    server->content = text;
    return server->swallow || text.n == 0 ? SMTP_SERVER_NEED_IO : SMTP_SERVER_CONTENT;
}

enum smtp_server_event smtp_server_read_content(struct smtp_server *server)
{
    size_t used = 0;
    sv text = SV_NONE;
    enum smtp_data_event event = read_some(server, SIZE_MAX, &used, &text);
    if (content_is_hopeless(server))
        return SMTP_SERVER_NEED_IO;
    note_limits(server);
    switch (event) {
    case SMTP_DATA_NEED_DATA:
        return SMTP_SERVER_NEED_IO;
    case SMTP_DATA_TEXT:
        return give_text(server, text);
    case SMTP_DATA_END:
        return end_content(server);
    }
    return SMTP_SERVER_NEED_IO;
}

/* ---- BDAT (RFC 3030 §2) ---------------------------------------------------------------------------------
 */

/* "1000" or "1000 LAST". */
static bool parse_chunk(sv arguments, uint64_t *ret_octets, bool *ret_last)
{
    sv octets = sv_split(&arguments, ' ');
    *ret_last = arguments.p != NULL;
    return octets.n > 0 && octets.n <= 20 && sv_to_u64(octets, ret_octets) &&
           (!*ret_last || sv_ieq(arguments, SV("LAST")));
}

static bool is_past(const struct smtp_server *server, uint64_t octets, uint64_t limit)
{
    return octets > limit || server->content_bytes > limit - octets;
}

void smtp_server_begin_chunk(struct smtp_server *server, sv arguments)
{
    uint64_t octets = 0;
    bool last = false;
    if (!parse_chunk(arguments, &octets, &last)) {
        /* How many octets follow is not known, and none of them may be read as a command. */
        smtp_server_end(server, 501, "5.5.4", "Syntax: BDAT octets [LAST]; closing");
        return;
    }
    bool first = server->phase == SMTP_SERVER_PHASE_RCPT;
    bool ordered = first || server->phase == SMTP_SERVER_PHASE_CHUNK;
    if (first || !ordered) {
        open_content(server);
        smtp_data_reader_plain(&server->reader);
    }
    uint64_t most = (server->size_limit ? server->size_limit : UINT64_MAX / 2) + SMTP_SERVER_SWALLOW_MAX;
    if (is_past(server, octets, most)) {
        smtp_server_end(server, 552, "5.3.4", "Message far too large, closing");
        return;
    }
    if (!ordered)
        server->swallow = SMTP_SERVER_SWALLOW_ORDER;
    else if (server->size_limit && is_past(server, octets, server->size_limit))
        server->swallow = SMTP_SERVER_SWALLOW_SIZE;
    server->chunk_left = octets;
    server->chunk_last = last;
    server->mode = SMTP_SERVER_MODE_CHUNK;
    if (first) {
        server->phase = SMTP_SERVER_PHASE_CHUNK;
        if (server->swallow == SMTP_SERVER_SWALLOW_NOTHING)
            server->owed = SMTP_SERVER_DATA;
    }
}

void smtp_server_refuse_chunk(struct smtp_server *server, int code, const char *enhanced, const char *text)
{
    free(server->refused_text);
    server->refused_text = strndup(text, SMTP_SERVER_TEXT_MAX);
    assert(server->refused_text);
    server->refused_code = code;
    sv_copy(server->refused_enhanced, sizeof server->refused_enhanced, sv_of(enhanced));
    server->swallow = SMTP_SERVER_SWALLOW_REFUSED;
}

static enum smtp_server_event end_chunk(struct smtp_server *server)
{
    bool taken = server->swallow == SMTP_SERVER_SWALLOW_NOTHING;
    if (taken && server->chunk_last && smtp_data_reader_finish(&server->reader)) {
        if (content_is_hopeless(server))
            return SMTP_SERVER_NEED_IO;
        server->content_bytes += 2;
        return give_text(server, SV("\r\n"));
    }
    if (!taken || server->chunk_last)
        return end_content(server);
    server->mode = SMTP_SERVER_MODE_COMMANDS;
    smtp_server_reply(server, 250, "2.0.0", "Chunk taken");
    return SMTP_SERVER_NEED_IO;
}

enum smtp_server_event smtp_server_read_chunk(struct smtp_server *server)
{
    if (server->chunk_left == 0)
        return end_chunk(server);
    if (server->swallow != SMTP_SERVER_SWALLOW_NOTHING) {
        sv thrown = sv_first(buf_view(&server->input), server->chunk_left);
        server->chunk_left -= thrown.n;
        server->content_bytes += thrown.n;
        buf_consume(&server->input, thrown.n);
        return SMTP_SERVER_NEED_IO;
    }
    size_t used = 0;
    sv text = SV_NONE;
    read_some(server, server->chunk_left, &used, &text);
    server->chunk_left -= used;
    if (content_is_hopeless(server))
        return SMTP_SERVER_NEED_IO;
    note_limits(server);
    return give_text(server, text);
}
