#include "wire/smtp_data.h"

#include "base/bytes.h"

#include <assert.h>
#include <stdio.h>

static void add_fault(struct smtp_data_facts *facts, enum smtp_data_fault fault, size_t line)
{
    if (facts->faults == 0)
        facts->fault_line = line;
    facts->faults |= fault;
}

void smtp_data_check(sv content, struct smtp_data_facts *ret)
{
    struct smtp_data_facts facts = {0};
    size_t line = 1, line_start = 0;
    for (size_t i = 0; i < content.n; i++) {
        size_t usual = bytes_plain(sv_from(content, i), '\r' + 1);
        if (i - line_start <= SMTP_DATA_LINE_MAX && i + usual - line_start > SMTP_DATA_LINE_MAX)
            add_fault(&facts, SMTP_DATA_LONG_LINE, line);
        i += usual;
        if (i == content.n)
            break;
        unsigned char c = (unsigned char)content.p[i];
        if (c >= 0x80)
            facts.eight_bit = true;
        else if (c == '\0')
            add_fault(&facts, SMTP_DATA_NUL, line);
        else if (c == '\n')
            add_fault(&facts, SMTP_DATA_BARE_LF, line);
        if (c != '\r') {
            if (i - line_start == SMTP_DATA_LINE_MAX)
                add_fault(&facts, SMTP_DATA_LONG_LINE, line);
            continue;
        }
        if (i + 1 == content.n || content.p[i + 1] != '\n') {
            add_fault(&facts, SMTP_DATA_BARE_CR, line);
            continue;
        }
        i++;
        line++;
        line_start = i + 1;
    }
    *ret = facts;
}

const char *smtp_data_fault_text(const struct smtp_data_facts *facts, char *text, size_t cap)
{
    const char *what = facts->faults & SMTP_DATA_NUL         ? "a NUL byte"
                       : facts->faults & SMTP_DATA_BARE_LF   ? "an LF without a CR before it"
                       : facts->faults & SMTP_DATA_BARE_CR   ? "a CR without an LF after it"
                       : facts->faults & SMTP_DATA_LONG_LINE ? "more than 998 octets"
                                                             : "no fault";
    snprintf(text, cap, "line %zu has %s", facts->fault_line, what);
    return text;
}

void smtp_data_writer_open(struct smtp_data_writer *writer, sv content)
{
    *writer = (struct smtp_data_writer){.rest = content, .line_start = true};
}

void smtp_data_writer_front(struct smtp_data_writer *writer, sv front)
{
    if (!front.n)
        return;
    assert(sv_ends(front, SV("\r\n")));
    writer->then = writer->rest;
    writer->rest = front;
}

static bool has_more(struct smtp_data_writer *writer)
{
    if (!writer->rest.n) {
        writer->rest = writer->then;
        writer->then = SV_NONE;
    }
    return writer->rest.n > 0;
}

bool smtp_data_writer_done(const struct smtp_data_writer *writer)
{
    return writer->last;
}

/* Bytes up to the end of the line, or of what there is. */
static size_t line_part(sv s, bool *ret_ended)
{
    size_t at = sv_find_char(s, '\n');
    *ret_ended = at != SV_NPOS;
    return *ret_ended ? at + 1 : s.n;
}

size_t smtp_data_write(struct smtp_data_writer *writer, char *out, size_t cap)
{
    static const char end[] = "\r\n.\r\n";
    assert(cap >= SMTP_DATA_PIECE_MIN);
    if (writer->last)
        return 0;
    size_t n = 0, room = cap - (sizeof end - 1);
    while (n < room && has_more(writer)) {
        if (writer->line_start && writer->rest.p[0] == '.') {
            if (room - n < 2)
                break;
            out[n++] = '.';
        }
        bool ended;
        size_t part = line_part(sv_first(writer->rest, room - n), &ended);
        memcpy(out + n, writer->rest.p, part);
        n += part;
        writer->rest = sv_from(writer->rest, part);
        writer->line_start = ended;
    }
    if (has_more(writer))
        return n;
    sv tail = SV("\r\n.\r\n");
    if (writer->line_start)
        tail = sv_from(tail, 2);
    memcpy(out + n, tail.p, tail.n);
    writer->last = true;
    return n + tail.n;
}

enum reader_state {
    LINE_START,
    LINE_START_LF, /* behind an LF that was forgiven */
    IN_LINE,
    AFTER_CR,
    DOT,    /* a dot at the start of a line, not given out yet */
    DOT_LF, /* the same behind a forgiven LF, where it cannot begin the end */
    DOT_CR, /* a dot at the start of a line and the CR after it */
    ENDED,
};

void smtp_data_reader_open(struct smtp_data_reader *reader)
{
    *reader = (struct smtp_data_reader){.state = LINE_START};
}

void smtp_data_reader_plain(struct smtp_data_reader *reader)
{
    reader->plain = true;
}

void smtp_data_reader_forgive_lf(struct smtp_data_reader *reader)
{
    reader->forgives_lf = true;
}

bool smtp_data_reader_finish(struct smtp_data_reader *reader)
{
    bool open = reader->state != LINE_START && reader->state != LINE_START_LF;
    if (reader->state == AFTER_CR || reader->state == DOT_CR)
        reader->faults |= SMTP_DATA_BARE_CR;
    reader->state = LINE_START;
    reader->line_bytes = 0;
    return open;
}

/* One byte of content: notes its faults. */
static void note_byte(struct smtp_data_reader *reader, char c)
{
    if (reader->state == AFTER_CR && c != '\n')
        reader->faults |= SMTP_DATA_BARE_CR;
    if (reader->state == AFTER_CR && c == '\n') {
        reader->state = LINE_START;
        reader->line_bytes = 0;
        return;
    }
    if (c == '\n')
        reader->faults |= SMTP_DATA_BARE_LF;
    if (c == '\0')
        reader->faults |= SMTP_DATA_NUL;
    reader->state = c == '\r' ? AFTER_CR : IN_LINE;
    if (c != '\r' && ++reader->line_bytes > SMTP_DATA_LINE_MAX)
        reader->faults |= SMTP_DATA_LONG_LINE;
}

static bool starts_dot(const struct smtp_data_reader *reader, char c)
{
    return c == '.' && !reader->plain && (reader->state == LINE_START || reader->state == LINE_START_LF);
}

static bool forgiven_lf(const struct smtp_data_reader *reader, char c)
{
    return c == '\n' && reader->forgives_lf && reader->state != AFTER_CR;
}

/* The bytes from `at` on that are content as they stand: up to a dot that begins a line, or an LF to mend. A
 * new fault ends them too, so that which one is told first does not depend on how the bytes were cut. */
static size_t take_text(struct smtp_data_reader *reader, sv in, size_t at)
{
    unsigned faults = reader->faults;
    while (at < in.n && reader->faults == faults && !starts_dot(reader, in.p[at]) &&
           !forgiven_lf(reader, in.p[at]))
        note_byte(reader, in.p[at++]);
    return at;
}

/* What a withheld dot turns out to be. True when *ret_text is the next of the content: the dot itself, where
 * nothing but an end of line follows it and yet it is not the end. */
static bool settle_dot(struct smtp_data_reader *reader, char next, sv *ret_text)
{
    bool alone = next == '\n' ? reader->forgives_lf : next == '\r' && reader->state == DOT_LF;
    /* The first dot of a line is dropped, whatever follows (RFC 5321 §4.5.2). */
    reader->state = IN_LINE;
    reader->line_bytes = alone;
    *ret_text = SV(".");
    return alone;
}

/* Reads at a line's start whatever is withheld until it is known whether it begins the end. True: the event
 * is decided; false: what follows in[*ret_used] is text. */
static bool read_dot(struct smtp_data_reader *reader, sv in, size_t *ret_used, sv *ret_text,
                     enum smtp_data_event *ret_event)
{
    size_t at = 0;
    if (in.n && starts_dot(reader, in.p[0])) {
        reader->state = reader->state == LINE_START ? DOT : DOT_LF;
        at++;
    }
    *ret_event = SMTP_DATA_TEXT;
    if (reader->state == DOT && at < in.n && in.p[at] == '\r') {
        reader->state = DOT_CR;
        at++;
    } else if ((reader->state == DOT || reader->state == DOT_LF) && at < in.n &&
               settle_dot(reader, in.p[at], ret_text)) {
        *ret_used = at;
        return true;
    }
    *ret_used = at;
    if (reader->state == DOT_CR && at < in.n) {
        bool end = in.p[at] == '\n';
        reader->state = end ? ENDED : AFTER_CR;
        *ret_used = end ? at + 1 : at;
        *ret_text = end ? SV_NONE : SV("\r"); /* a false end: the CR withheld until now is content */
        *ret_event = end ? SMTP_DATA_END : SMTP_DATA_TEXT;
        return true;
    }
    *ret_event = SMTP_DATA_NEED_DATA;
    return reader->state == DOT || reader->state == DOT_LF || reader->state == DOT_CR;
}

enum smtp_data_event smtp_data_read(struct smtp_data_reader *reader, sv in, size_t *ret_used, sv *ret_text)
{
    enum smtp_data_event event = SMTP_DATA_NEED_DATA;
    assert(reader->state != ENDED);
    *ret_used = 0;
    *ret_text = SV_NONE;
    if (read_dot(reader, in, ret_used, ret_text, &event))
        return event;
    *ret_text = SV_NONE;
    size_t at = *ret_used, end = take_text(reader, in, at);
    if (end == at && at < in.n && forgiven_lf(reader, in.p[at])) {
        reader->state = LINE_START_LF;
        reader->line_bytes = 0;
        *ret_used = at + 1;
        *ret_text = SV("\r\n");
        return SMTP_DATA_TEXT;
    }
    *ret_used = end;
    *ret_text = (sv){in.p + at, end - at};
    return end > at ? SMTP_DATA_TEXT : SMTP_DATA_NEED_DATA;
}
