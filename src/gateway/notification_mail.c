#include "gateway/notification_mail.h"

#include <assert.h>
#include <gmime/gmime.h>

enum { HEADER_BACK_MAX = 64 * 1024, TEXT_BYTES_MAX = 128 * 1024 };

static const struct {
    const char *action, *subject, *sentence;
} kinds[] = {
    [NOTIFICATION_FAILED] = {"failed", "Undelivered mail: it could not be delivered",
                             "could not be delivered, and will not be tried again:"},
    [NOTIFICATION_DELAYED] = {"delayed", "Delayed mail: it is still being tried",
                              "has not been delivered yet. It is tried further; nothing needs to be done:"},
    [NOTIFICATION_DELIVERED] = {"delivered", "Delivered mail: as you asked to be told", "was delivered:"},
    [NOTIFICATION_RELAYED] = {"relayed", "Relayed mail: as you asked to be told",
                              "was passed on to a system that does not report deliveries:"},
};

/* GMime's own start-up is not to be done twice. */
static void use_gmime(void)
{
    static bool started;
    if (!started)
        g_mime_init();
    started = true;
}

/* Words from outside in a header: printable ASCII alone. */
static void put_words(struct buf *out, sv words)
{
    for (size_t i = 0; i < words.n; i++) {
        unsigned char c = (unsigned char)words.p[i];
        buf_put_char(out, c < 0x20 || c > 0x7e ? '?' : (char)c);
    }
}

static bool is_ascii(sv text)
{
    assert(text.p || text.n == 0);
    for (size_t i = 0; i < text.n; i++)
        if ((unsigned char)text.p[i] > 0x7e)
            return false;
    return true;
}

static void put_plain(struct buf *out, const struct notification *notification)
{
    char when[40];
    enum notification_kind kind = notification->recipients[0].kind;
    buf_printf(out, "This is the mail gateway %.*s.\r\n\r\nThe message that it took on %s\r\n%s\r\n",
               SV_ARG(notification->hostname), time_rfc5322(notification->about->arrived, when, sizeof when),
               kinds[kind].sentence);
    for (size_t i = 0; i < notification->count; i++) {
        const struct notification_recipient *recipient = &notification->recipients[i];
        buf_printf(out, "\r\n  <%.*s>\r\n",
                   SV_ARG(notification->about->said.recipients[recipient->index].address));
        if (recipient->said.n) {
            buf_put(out, SV("    "));
            put_words(out, recipient->said);
            buf_put(out, SV("\r\n"));
        }
    }
    if (kind == NOTIFICATION_DELAYED)
        buf_printf(out, "\r\nIt is given up on %s.\r\n",
                   time_rfc5322(notification->until, when, sizeof when));
    buf_printf(out, "\r\nQueue id: %.*s\r\n", SV_ARG(notification->about->said.id));
}

static void put_recipient(struct buf *out, const struct notification *notification, size_t i)
{
    const struct notification_recipient *recipient = &notification->recipients[i];
    const struct intake_recipient *said = &notification->about->said.recipients[recipient->index];
    buf_put(out, SV("\r\n"));
    if (said->orcpt.n) {
        buf_put(out, SV("Original-Recipient: "));
        put_words(out, said->orcpt);
        buf_put(out, SV("\r\n"));
    }
    buf_put(out, SV("Final-Recipient: rfc822; "));
    put_words(out, said->address);
    buf_printf(out, "\r\nAction: %s\r\nStatus: %s\r\n", kinds[recipient->kind].action, recipient->status);
    if (recipient->said.n) {
        buf_put(out, SV("Diagnostic-Code: smtp; "));
        put_words(out, recipient->said);
        buf_put(out, SV("\r\n"));
    }
}

/* RFC 3464 §2. */
static void put_status(struct buf *out, const struct notification *notification)
{
    char when[40];
    const struct intake_envelope *said = &notification->about->said;
    buf_printf(out, "Reporting-MTA: dns; %.*s\r\n", SV_ARG(notification->hostname));
    if (said->envid.n) {
        buf_put(out, SV("Original-Envelope-Id: "));
        put_words(out, said->envid);
        buf_put(out, SV("\r\n"));
    }
    buf_printf(out, "Arrival-Date: %s\r\n", time_rfc5322(notification->about->arrived, when, sizeof when));
    for (size_t i = 0; i < notification->count; i++)
        put_recipient(out, notification, i);
}

/* The header section, cut at a line's end. */
static sv header_of(sv content)
{
    size_t end = sv_find(content, SV("\r\n\r\n"));
    sv header = end == SV_NPOS ? content : sv_first(content, end + 2);
    if (header.n <= HEADER_BACK_MAX)
        return header;
    header = sv_first(header, HEADER_BACK_MAX);
    while (header.n && header.p[header.n - 1] != '\n')
        header.n--;
    return header;
}

static void add_part(GMimeMultipart *multipart, const char *type, const char *subtype, sv body)
{
    GMimeContentEncoding encoding =
        is_ascii(body) ? GMIME_CONTENT_ENCODING_7BIT : GMIME_CONTENT_ENCODING_8BIT;
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(body.p ? body.p : "", body.n);
    GMimeDataWrapper *content = g_mime_data_wrapper_new_with_stream(stream, encoding);
    GMimePart *part = g_mime_part_new_with_type(type, subtype);
    if (strcmp(subtype, "plain") == 0)
        g_mime_object_set_content_type_parameter(GMIME_OBJECT(part), "charset", "utf-8");
    g_mime_part_set_content(part, content);
    g_mime_part_set_content_encoding(part, encoding);
    g_mime_multipart_add(multipart, GMIME_OBJECT(part));
    g_object_unref(part);
    g_object_unref(content);
    g_object_unref(stream);
}

/* With the boundary in its type from the start: otherwise GMime opens /dev/urandom to make one up. */
static GMimeMultipart *report_new(const struct notification *notification)
{
    char boundary[70];
    g_snprintf(boundary, sizeof boundary, "=_%.*s.%llx", SV_ARG(sv_first(notification->id, 24)),
               (unsigned long long)notification->now);
    GMimeMultipart *multipart = g_object_new(GMIME_TYPE_MULTIPART, NULL);
    GMimeContentType *type = g_mime_content_type_new("multipart", "report");
    g_mime_content_type_set_parameter(type, "report-type", "delivery-status");
    g_mime_content_type_set_parameter(type, "boundary", boundary);
    g_mime_object_set_content_type(GMIME_OBJECT(multipart), type);
    g_object_unref(type);
    return multipart;
}

static int write_report(GMimeMultipart *multipart, struct buf *out)
{
    GMimeFormatOptions *options = g_mime_format_options_new();
    g_mime_format_options_set_newline_format(options, GMIME_NEWLINE_FORMAT_DOS);
    GMimeStream *stream = g_mime_stream_mem_new();
    ssize_t written = g_mime_object_write_to_stream(GMIME_OBJECT(multipart), options, stream);
    assert(written > 0);
    const GByteArray *bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
    int put = buf_put(out, sv_make(bytes->data, bytes->len));
    g_object_unref(stream);
    g_mime_format_options_free(options);
    return put;
}

int notification_compose(struct buf *out, const struct notification *notification)
{
    char when[40];
    struct buf plain = BUF_INIT(TEXT_BYTES_MAX), status = BUF_INIT(TEXT_BYTES_MAX);
    /* RFC 8689 §5: what may only travel encrypted does not come back whole. */
    bool full = notification->about->said.ret == INTAKE_RETURN_FULL &&
                !notification->about->said.requiretls &&
                notification->recipients[0].kind == NOTIFICATION_FAILED;
    assert(notification->count > 0);
    use_gmime();
    buf_printf(out, "From: Mail gateway <MAILER-DAEMON@%.*s>\r\nTo: <%.*s>\r\nSubject: %s\r\nDate: %s\r\n",
               SV_ARG(notification->hostname), SV_ARG(notification->to),
               kinds[notification->recipients[0].kind].subject,
               time_rfc5322(notification->now, when, sizeof when));
    buf_printf(out, "Message-ID: <%.*s@%.*s>\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n",
               SV_ARG(notification->id), SV_ARG(notification->hostname));
    put_plain(&plain, notification);
    put_status(&status, notification);
    GMimeMultipart *multipart = report_new(notification);
    add_part(multipart, "text", "plain", buf_view(&plain));
    add_part(multipart, "message", "delivery-status", buf_view(&status));
    if (full)
        add_part(multipart, "message", "rfc822", notification->content);
    else
        add_part(multipart, "text", "rfc822-headers", header_of(notification->content));
    int put = write_report(multipart, out);
    g_object_unref(multipart);
    buf_free(&plain);
    buf_free(&status);
    return put;
}
