#include "gateway/trace.h"

/* RFC 3848: an S for TLS, an A for AUTH; RFC 6531 §4.3 has names of its own for SMTPUTF8. */
static int put_protocol(struct buf *out, const struct trace *trace)
{
    if (!trace->extended)
        return buf_put(out, SV("SMTP"));
    return buf_printf(out, "%s%s%s", trace->utf8 ? "UTF8SMTP" : "ESMTP", trace->encrypted ? "S" : "",
                      trace->authenticated ? "A" : "");
}

int trace_write(struct buf *out, const struct trace *trace)
{
    char date[40];
    const char *family = sv_find_char(trace->client_ip, ':') == SV_NPOS ? "" : "IPv6:";
    int failed =
        buf_printf(out, "Received: from %.*s ([%s%.*s])\r\n\tby %.*s (Vedette) with ",
                   SV_ARG(trace->client_name), family, SV_ARG(trace->client_ip), SV_ARG(trace->our_name));
    failed |= put_protocol(out, trace);
    failed |= buf_printf(out, " id %.*s", SV_ARG(trace->id));
    /* With several, naming one would betray who else was told; one beyond ASCII would make the header need
     * SMTPUTF8 where a rule sends the message to somebody else. */
    if (trace->recipient_count == 1 && sv_ascii(trace->recipients[0]))
        failed |= buf_printf(out, "\r\n\tfor <%.*s>", SV_ARG(trace->recipients[0]));
    if (trace->cipher.n)
        failed |= buf_printf(out, "\r\n\ttls %.*s", SV_ARG(trace->cipher));
    failed |= buf_printf(out, ";\r\n\t%s\r\n", time_rfc5322(trace->now, date, sizeof date));
    return failed;
}
