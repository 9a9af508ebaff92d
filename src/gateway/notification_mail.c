#include "gateway/notification_mail.h"

#include "wire/mime.h"
#include "wire/smtp_address.h"
#include "wire/smtp_xtext.h"

#include <assert.h>
#include <stdio.h>

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

/* Words from outside in a header: printable ASCII alone. */
static void put_words(struct buf *out, sv words)
{
    for (size_t i = 0; i < words.n; i++) {
        unsigned char c = (unsigned char)words.p[i];
        buf_put_char(out, c < 0x20 || c > 0x7e ? '?' : (char)c);
    }
}

/* A line of its own; none where there are no words. */
static void put_line(struct buf *out, sv begin, sv words)
{
    if (!words.n)
        return;
    buf_put(out, begin);
    put_words(out, words);
    buf_put(out, SV("\r\n"));
}

/* An address of the type utf-8. */
static void put_utf8_line(struct buf *out, sv begin, sv address, const char *escaped)
{
    struct buf ascii = BUF_INIT(8 * SMTP_PATH_MAX);
    if (smtp_utf8_xtext(address, escaped, &ascii) == 0)
        put_line(out, begin, buf_view(&ascii));
    else
        put_line(out, begin, address);
    buf_free(&ascii);
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
        put_line(out, SV("    "), recipient->said);
    }
    if (kind == NOTIFICATION_DELAYED)
        buf_printf(out, "\r\nIt is given up on %s.\r\n",
                   time_rfc5322(notification->until, when, sizeof when));
    buf_printf(out, "\r\nQueue id: %.*s\r\n", SV_ARG(notification->about->said.id));
}

static void put_recipient(struct buf *out, const struct notification *notification, size_t i)
{
    char when[40];
    const struct notification_recipient *recipient = &notification->recipients[i];
    const struct intake_recipient *said = &notification->about->said.recipients[recipient->index];
    buf_put(out, SV("\r\n"));
    put_line(out, SV("Original-Recipient: "), said->orcpt);
    if (sv_ascii(said->address))
        put_line(out, SV("Final-Recipient: rfc822; "), said->address);
    else
        put_utf8_line(out, SV("Final-Recipient: utf-8; "), said->address, "+=\\");
    buf_printf(out, "Action: %s\r\nStatus: %s\r\n", kinds[recipient->kind].action, recipient->status);
    put_line(out, SV("Remote-MTA: dns; "), recipient->remote);
    put_line(out, SV("Diagnostic-Code: smtp; "), recipient->said);
    if (recipient->kind == NOTIFICATION_DELAYED)
        buf_printf(out, "Will-Retry-Until: %s\r\n", time_rfc5322(notification->until, when, sizeof when));
}

/* RFC 3464 §2. */
static void put_status(struct buf *out, const struct notification *notification)
{
    char when[40];
    const struct intake_envelope *said = &notification->about->said;
    buf_printf(out, "Reporting-MTA: dns; %.*s\r\n", SV_ARG(notification->hostname));
    put_line(out, SV("Original-Envelope-Id: "), said->envid);
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

/* All of it in ASCII: a report goes back over hops that may have neither 8BITMIME nor SMTPUTF8. */
static void add_part(GMimeMultipart *multipart, const char *type, const char *subtype, sv body)
{
    bool text = strcmp(type, "text") == 0;
    GMimeContentEncoding encoding = sv_ascii(body) ? GMIME_CONTENT_ENCODING_7BIT
                                    : text         ? GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE
                                                   : GMIME_CONTENT_ENCODING_BASE64;
    mime_add(multipart, type, subtype, strcmp(subtype, "plain") == 0 ? "utf-8" : NULL, encoding, body);
}

/* message/rfc822 may not be encoded (RFC 2046 §5.2.1), message/global may (RFC 6532 §3.7). */
static void add_message(GMimeMultipart *multipart, sv content)
{
    add_part(multipart, "message", sv_ascii(content) ? "rfc822" : "global", content);
}

static GMimeMultipart *report_new(const struct notification *notification)
{
    char boundary[70];
    snprintf(boundary, sizeof boundary, "=_%.*s.%llx", SV_ARG(sv_first(notification->id, 24)),
             (unsigned long long)notification->now);
    GMimeMultipart *multipart = mime_multipart("report", boundary);
    g_mime_object_set_content_type_parameter(GMIME_OBJECT(multipart), "report-type", "delivery-status");
    return multipart;
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
    mime_use();
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
        add_message(multipart, notification->content);
    else
        add_part(multipart, "text", "rfc822-headers", header_of(notification->content));
    int put = mime_write(GMIME_OBJECT(multipart), out);
    g_object_unref(multipart);
    buf_free(&plain);
    buf_free(&status);
    return put;
}
