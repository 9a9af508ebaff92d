#include "wire/quoted.h"

#include "base/bytes.h"

enum {
    COLUMNS = 75, /* and then the "=" of a line that goes on */
    ROW_BYTES_MAX = COLUMNS + 3,
};

static char *quote(char *to, char c)
{
    static const char hex[] = "0123456789ABCDEF";
    *to++ = '=';
    *to++ = hex[(unsigned char)c >> 4];
    *to++ = hex[(unsigned char)c & 15];
    return to;
}

/* As much of the line as goes into one of ours. A blank at its very end would not survive every way. */
static char *put_row(char *to, sv *line)
{
    const char *end = to + COLUMNS;
    while (line->n) {
        size_t n = bytes_plain(sv_first(*line, (size_t)(end - to)), ' ', '=', 0x7f);
        if (n && n == line->n && line->p[n - 1] == ' ')
            n--;
        if (n == 0 && end - to < 3)
            break;
        if (n == 0)
            to = quote(to, line->p[0]);
        else
            to = (char *)memcpy(to, line->p, n) + n;
        *line = sv_from(*line, n ? n : 1);
    }
    return to;
}

static int put_line(struct buf *out, sv line)
{
    do {
        char *start = buf_reserve(out, ROW_BYTES_MAX);
        if (!start)
            return -1;
        char *to = put_row(start, &line);
        if (line.n)
            to = (char *)memcpy(to, "=\r\n", 3) + 3;
        buf_added(out, (size_t)(to - start));
    } while (line.n);
    return 0;
}

int quoted_put(struct buf *out, sv text)
{
    while (text.n) {
        sv line = sv_first(text, sv_find_char(text, '\n'));
        bool ends = line.n < text.n;
        text = sv_from(text, line.n + 1);
        if (put_line(out, line) < 0 || (ends && buf_put(out, SV("\r\n")) < 0))
            return -1;
    }
    return 0;
}
