#include "wire/smtp_reply.h"

#include <assert.h>

static enum smtp_reply_event invalid(struct smtp_reply *reply, const char *fault)
{
    reply->fault = fault;
    return SMTP_REPLY_INVALID;
}

/* Looks at the first bytes as soon as they are there: a peer that speaks something else may never end a line.
 */
static bool begins_like_a_reply(const struct smtp_reply *reply)
{
    static const char low[] = "200", high[] = "599";
    for (size_t i = 0; i < 3 && i < reply->length; i++)
        if (reply->line[i] < low[i] || reply->line[i] > high[i])
            return false;
    return reply->length < 4 || reply->line[3] == ' ' || reply->line[3] == '-' || reply->line[3] == '\r';
}

static enum smtp_reply_event end_line(struct smtp_reply *reply, sv *ret_text)
{
    sv line = {reply->line, reply->length};
    if (!sv_ends(line, SV("\r\n")))
        return invalid(reply, "ends a line with a bare LF");
    line.n -= 2;
    if (line.n < 3 || (line.n > 3 && line.p[3] == '\r'))
        return invalid(reply, "does not begin with a code");
    int code = (line.p[0] - '0') * 100 + (line.p[1] - '0') * 10 + (line.p[2] - '0');
    if (reply->line_count > 0 && code != reply->code)
        return invalid(reply, "changes its code from one line to the next");
    if (reply->line_count == SMTP_REPLY_LINES_MAX)
        return invalid(reply, "has more than 100 lines");
    reply->bytes += reply->length;
    if (reply->bytes > SMTP_REPLY_BYTES_MAX)
        return invalid(reply, "is longer than 64 KiB");
    reply->code = code;
    reply->line_count++;
    reply->length = 0;
    reply->ended = line.n == 3 || line.p[3] == ' ';
    *ret_text = sv_from(line, 4);
    return reply->ended ? SMTP_REPLY_END : SMTP_REPLY_LINE;
}

enum smtp_reply_event smtp_reply_feed(struct smtp_reply *reply, sv in, size_t *ret_used, sv *ret_text)
{
    assert(!reply->fault);
    *ret_used = 0;
    if (in.n == 0)
        return SMTP_REPLY_NEED_DATA;
    if (reply->ended) {
        reply->ended = false;
        reply->line_count = 0;
        reply->bytes = 0;
    }
    size_t lf = sv_find_char(in, '\n');
    size_t part = lf == SV_NPOS ? in.n : lf + 1, room = sizeof reply->line - reply->length;
    size_t fits = part < room ? part : room;
    memcpy(reply->line + reply->length, in.p, fits);
    reply->length += fits;
    *ret_used = fits;
    if (!begins_like_a_reply(reply))
        return invalid(reply, "does not begin with a code");
    if (fits < part || (lf == SV_NPOS && reply->length == sizeof reply->line))
        return invalid(reply, "has a line longer than 2 KiB");
    return lf == SV_NPOS ? SMTP_REPLY_NEED_DATA : end_line(reply, ret_text);
}
