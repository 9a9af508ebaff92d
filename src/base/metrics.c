#include "base/metrics.h"

#include <inttypes.h>

void metrics_family(struct buf *out, const char *name, enum metrics_type type, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
               type == METRICS_COUNTER ? "counter" : "gauge");
}

static void put_value(struct buf *out, sv value)
{
    bool text = sv_utf8(value);
    for (size_t i = 0; i < value.n; i++) {
        char c = value.p[i];
        if (c == '\n')
            buf_put(out, SV("\\n"));
        else if (c == '\\' || c == '"')
            buf_printf(out, "\\%c", c);
        else
            buf_put_char(out, (unsigned char)c < 0x20 || (!text && (unsigned char)c >= 0x80) ? '?' : c);
    }
}

static void put_name(struct buf *out, const char *name, const struct metrics_label *labels, size_t count)
{
    buf_printf(out, "%s", name);
    for (size_t i = 0; i < count; i++) {
        buf_printf(out, "%s%s=\"", i ? "," : "{", labels[i].name);
        put_value(out, labels[i].value);
        buf_put_char(out, '"');
    }
    if (count)
        buf_put_char(out, '}');
}

void metrics_sample(struct buf *out, const char *name, const struct metrics_label *labels, size_t count,
                    int64_t value)
{
    put_name(out, name, labels, count);
    buf_printf(out, " %" PRId64 "\n", value);
}

void metrics_seconds(struct buf *out, const char *name, const struct metrics_label *labels, size_t count,
                     int64_t nanos)
{
    enum { SECOND = 1000000000 };
    int64_t whole = nanos / SECOND, rest = nanos % SECOND;
    put_name(out, name, labels, count);
    buf_printf(out, " %s%" PRId64 ".%09" PRId64 "\n", nanos < 0 ? "-" : "", whole < 0 ? -whole : whole,
               rest < 0 ? -rest : rest);
}

void metrics_one(struct buf *out, const char *name, enum metrics_type type, const char *help, int64_t value)
{
    metrics_family(out, name, type, help);
    metrics_sample(out, name, NULL, 0, value);
}
