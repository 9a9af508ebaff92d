#include "wire/syslog_frame.h"

#include "base/ascii.h"

#include <assert.h>

enum { LINE_END_BYTES_MAX = 2 };

void syslog_framer_init(struct syslog_framer *framer, enum syslog_framing framing, size_t record_bytes_max)
{
    assert(record_bytes_max > 0);
    *framer = (struct syslog_framer){.framing = framing, .record_bytes_max = record_bytes_max};
}

static bool is_line_end(char c)
{
    return c == '\n' || c == '\0';
}

/* Index of the first LF or NUL from `from` on, or SV_NPOS. */
static size_t find_line_end(sv in, size_t from)
{
    sv rest = sv_from(in, from);
    size_t lf = sv_find_char(rest, '\n');
    size_t nul = sv_find_char(lf == SV_NPOS ? rest : sv_first(rest, lf), '\0');
    size_t end = nul != SV_NPOS ? nul : lf;
    return end == SV_NPOS ? SV_NPOS : from + end;
}

/* Drops what belongs to a record that was cut, and the line ends between frames. Returns the bytes dropped.
 */
static size_t skip_rest(struct syslog_framer *framer, sv in)
{
    size_t at = framer->skip < in.n ? framer->skip : in.n;
    framer->skip -= at;
    if (framer->skip_line) {
        size_t end = find_line_end(in, at);
        if (end == SV_NPOS)
            return in.n;
        framer->skip_line = false;
        at = end + 1;
    }
    if (framer->scanned == 0 && framer->skip == 0)
        while (at < in.n && is_line_end(in.p[at]))
            at++;
    return at;
}

enum count { COUNT_NONE, COUNT_SHORT, COUNT_BROKEN, COUNT_FOUND };

/* Reads "MSG-LEN SP" (RFC 6587 §3.4.1). */
static enum count read_count(const struct syslog_framer *framer, sv in, size_t *ret_count)
{
    size_t count = 0, n = 0;
    if (framer->framing == SYSLOG_FRAMING_LINES || in.p[0] < '1' || in.p[0] > '9')
        return framer->counting && in.p[0] == '0' ? COUNT_BROKEN : COUNT_NONE;
    while (n < in.n && n < SYSLOG_FRAME_PREFIX_BYTES_MAX && ascii_digit(in.p[n]))
        count = count * 10 + (size_t)(in.p[n++] - '0');
    if (n == SYSLOG_FRAME_PREFIX_BYTES_MAX)
        return framer->counting ? COUNT_BROKEN : COUNT_NONE;
    if (n == in.n)
        return COUNT_SHORT;
    if (in.p[n] != ' ')
        return framer->counting ? COUNT_BROKEN : COUNT_NONE;
    if (count > SYSLOG_FRAME_COUNT_MAX)
        return COUNT_BROKEN;
    *ret_count = count;
    return COUNT_FOUND;
}

static sv without_trailer(sv record)
{
    while (record.n && is_line_end(record.p[record.n - 1]))
        record.n--;
    if (record.n && record.p[record.n - 1] == '\r')
        record.n--;
    return record;
}

static enum syslog_frame_event take_counted(struct syslog_framer *framer, sv in, size_t count,
                                            struct syslog_frame *ret_frame, size_t *ret_used)
{
    size_t prefix = sv_find_char(in, ' ') + 1;
    bool cut = count > framer->record_bytes_max;
    size_t kept = cut ? framer->record_bytes_max : count;
    if (in.n - prefix < kept)
        return SYSLOG_FRAME_NEED_DATA;
    framer->counting = true;
    framer->cut += cut;
    framer->skip = count - kept;
    *ret_frame = (struct syslog_frame){without_trailer(sv_first(sv_from(in, prefix), kept)), cut};
    *ret_used = prefix + kept;
    return SYSLOG_FRAME_RECORD;
}

static enum syslog_frame_event take_line(struct syslog_framer *framer, sv in, struct syslog_frame *ret_frame,
                                         size_t *ret_used)
{
    size_t window = framer->record_bytes_max + LINE_END_BYTES_MAX;
    size_t end = find_line_end(sv_first(in, window), framer->scanned);
    if (end == SV_NPOS && in.n < window) {
        framer->scanned = in.n;
        return SYSLOG_FRAME_NEED_DATA;
    }
    sv record = end == SV_NPOS ? sv_first(in, window) : without_trailer(sv_first(in, end));
    bool cut = record.n > framer->record_bytes_max;
    framer->scanned = 0;
    framer->cut += cut;
    framer->skip_line = end == SV_NPOS;
    *ret_frame = (struct syslog_frame){sv_first(record, framer->record_bytes_max), cut};
    *ret_used = end == SV_NPOS ? window : end + 1;
    return SYSLOG_FRAME_RECORD;
}

/* One frame, which may turn out to be empty. */
static enum syslog_frame_event take_frame(struct syslog_framer *framer, sv in, struct syslog_frame *ret_frame,
                                          size_t *ret_used)
{
    size_t count = 0;
    switch (framer->scanned ? COUNT_NONE : read_count(framer, in, &count)) {
    case COUNT_NONE:
        return take_line(framer, in, ret_frame, ret_used);
    case COUNT_SHORT:
        return SYSLOG_FRAME_NEED_DATA;
    case COUNT_BROKEN:
        return SYSLOG_FRAME_INVALID;
    case COUNT_FOUND:
        return take_counted(framer, in, count, ret_frame, ret_used);
    }
    return SYSLOG_FRAME_INVALID;
}

enum syslog_frame_event syslog_frame_take(struct syslog_framer *framer, sv in, struct syslog_frame *ret_frame,
                                          size_t *ret_used)
{
    struct syslog_frame frame;
    size_t done = 0, used = 0;
    do {
        done += used;
        done += skip_rest(framer, sv_from(in, done));
        *ret_used = done;
        if (done == in.n)
            return SYSLOG_FRAME_NEED_DATA;
        enum syslog_frame_event event = take_frame(framer, sv_from(in, done), &frame, &used);
        if (event != SYSLOG_FRAME_RECORD)
            return event;
    } while (frame.record.n == 0);
    *ret_frame = frame;
    *ret_used = done + used;
    return SYSLOG_FRAME_RECORD;
}

enum syslog_frame_event syslog_frame_finish(struct syslog_framer *framer, sv in,
                                            struct syslog_frame *ret_frame)
{
    size_t count;
    bool counted = in.n && !framer->scanned && read_count(framer, in, &count) == COUNT_FOUND;
    sv record = without_trailer(counted ? sv_from(in, sv_find_char(in, ' ') + 1) : in);
    bool cut = counted || record.n > framer->record_bytes_max;
    framer->scanned = 0;
    if (record.n == 0)
        return SYSLOG_FRAME_NEED_DATA;
    framer->cut += cut;
    *ret_frame = (struct syslog_frame){sv_first(record, framer->record_bytes_max), cut};
    return SYSLOG_FRAME_RECORD;
}
