#include "base/log.h"

#include "base/buf.h"
#include "base/timefmt.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { LINE_BYTES_MAX = 8 * 1024 };

/* The one mutable global of the program: a process has one log. */
static struct {
    const char *process;
    enum log_level level;
    enum log_format format;
    bool to_journal;
} logger = {.process = "vedette", .level = LOG_LEVEL_INFO};

static const char *const level_names[] = {"error", "warning", "info", "debug"};
static const char *const level_priorities[] = {"<3>", "<4>", "<6>", "<7>"};

void log_setup(const char *process, enum log_level level, enum log_format format)
{
    logger.process = process;
    logger.level = level;
    logger.format = format;
    logger.to_journal = getenv("JOURNAL_STREAM") != NULL && !isatty(STDERR_FILENO);
}

/* s in double quotes, with what JSON escapes escaped; logfmt readers take the same form. */
static void put_quoted(struct buf *line, sv s)
{
    buf_put_char(line, '"');
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '"' || c == '\\')
            buf_printf(line, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            buf_printf(line, "\\u%04x", c);
        else
            buf_put_char(line, (char)c);
    }
    buf_put_char(line, '"');
}

static bool is_plain(sv s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] <= ' ' || strchr("\"=\\\x7f", s.p[i]))
            return false;
    return s.n > 0;
}

static void put_pair(struct buf *line, bool json, const char *key, sv value)
{
    if (json) {
        buf_printf(line, "%s\"%s\":", line->end > 1 ? "," : "", key);
        put_quoted(line, value);
        return;
    }
    buf_printf(line, "%s%s=", line->end > 3 ? " " : "", key);
    if (is_plain(value))
        buf_put(line, value);
    else
        put_quoted(line, value);
}

static void put_number(struct buf *line, bool json, const char *key, int64_t number)
{
    buf_printf(line, json ? ",\"%s\":%lld" : " %s=%lld", key, (long long)number);
}

void log_write(enum log_level level, const char *what, const struct log_field *fields, size_t n)
{
    if (level > logger.level)
        return;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    char stamp[32];
    bool json = logger.format == LOG_FORMAT_JSON;
    struct buf line = BUF_INIT(LINE_BYTES_MAX);
    if (json)
        buf_put_char(&line, '{');
    else if (logger.to_journal)
        buf_put(&line, sv_of(level_priorities[level]));
    put_pair(&line, json, "time",
             sv_of(time_rfc3339(now.tv_sec * NANOS_PER_SECOND + now.tv_nsec, stamp, sizeof stamp)));
    put_pair(&line, json, "level", sv_of(level_names[level]));
    put_pair(&line, json, "process", sv_of(logger.process));
    put_pair(&line, json, "msg", sv_of(what));
    for (size_t i = 0; i < n; i++)
        if (fields[i].text.p && fields[i].text.n)
            put_pair(&line, json, fields[i].key, fields[i].text);
        else if (!fields[i].text.p)
            put_number(&line, json, fields[i].key, fields[i].number);
    buf_put(&line, json ? SV("}\n") : SV("\n"));
    sv text = buf_view(&line);
    ssize_t written = write(STDERR_FILENO, text.p, text.n);
    (void)written; /* there is nowhere left to complain */
    buf_free(&line);
}
