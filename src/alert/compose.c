#include "alert/compose.h"

#include "alert/alert.h"
#include "alert/letter.h"
#include "alert/text.h"
#include "wire/mail_trace.h"
#include "wire/mime.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

enum {
    BODY_BYTES_MAX = 256 * 1024, /* of one form before encoding; the bounds of letter.h keep it far below */
    BODY_BYTES_USUAL = 8 * 1024,
    UNPACKED_BYTES_MAX = 64 * 1024,
};

static void put_priority(struct buf *out, enum severity severity)
{
    switch (severity) {
    case SEVERITY_CRITICAL:
        buf_put(out, SV("Importance: high\r\nX-Priority: 1\r\n"));
        break;
    case SEVERITY_HIGH:
        buf_put(out, SV("Importance: high\r\nX-Priority: 2\r\n"));
        break;
    case SEVERITY_MEDIUM:
    case SEVERITY_LOW:
    case SEVERITY_INFORMATIONAL:
        break;
    }
}

static void put_subject(struct buf *out, const struct letter *letter)
{
    struct buf subject = BUF_INIT(8 * 1024);
    letter_put_subject(&subject, letter);
    text_put_header(out, "Subject", buf_view(&subject));
    buf_free(&subject);
}

static void put_ours(struct buf *out, const struct letter *letter)
{
    struct buf rule = BUF_INIT(8 * 1024);
    if (letter->mail->alert_id > 0)
        buf_printf(out, "X-Vedette-Alert: %" PRId64 "\r\n", letter->mail->alert_id);
    text_put(&rule, letter->finding->rule_id, LETTER_NAME_BYTES_MAX, TEXT_HEADER);
    if (sv_trim(buf_view(&rule)).n)
        text_put_header(out, "X-Vedette-Rule", buf_view(&rule));
    buf_printf(out, "X-Vedette-Severity: %s\r\n", severity_name(letter->mail->severity));
    if (letter->mail->test)
        buf_put(out, SV("X-Vedette-Test: yes\r\n"));
    buf_free(&rule);
}

static void put_headers(struct buf *out, const struct letter *letter, const char *from,
                        const struct config_strings *to)
{
    const struct store_mail *mail = letter->mail;
    char date[40], first[ALERT_MESSAGE_ID_BYTES];
    buf_printf(out, "Date: %s\r\n", time_rfc5322(mail->created_at, date, sizeof date));
    text_put_mailboxes(out, "From", &from, 1);
    text_put_mailboxes(out, "To", to->items, to->count);
    put_subject(out, letter);
    buf_printf(out, "Message-ID: %.*s\r\n", SV_ARG(mail->message_id));
    if (mail->sequence > 1) {
        alert_message_id(mail->alert_id, 1, mail->raised_at, letter->hostname, first);
        buf_printf(out, "In-Reply-To: %s\r\nReferences: %s\r\n", first, first);
    }
    buf_put(out, SV("Auto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: All\r\n"));
    put_priority(out, mail->severity);
    put_ours(out, letter);
    buf_put(out, SV("MIME-Version: 1.0\r\n"));
}

/* Quoted-printable on purpose for everything: it is ASCII with short lines whatever the event holds, and
 * still readable in the raw. */
static void add_part(GMimeMultipart *multipart, const char *subtype, const struct buf *body)
{
    mime_add(multipart, "text", subtype, "utf-8", GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE, buf_view(body));
}

/* "=_" cannot occur in quoted-printable text, so no event can hold the boundary. */
static int put_bodies(struct buf *out, const struct letter *letter)
{
    const struct store_mail *mail = letter->mail;
    char boundary[70];
    struct buf plain = BUF_INIT(BODY_BYTES_MAX), html = BUF_INIT(BODY_BYTES_MAX);
    buf_reserve(&plain, BODY_BYTES_USUAL);
    buf_reserve(&html, BODY_BYTES_USUAL);
    letter_put_plain(&plain, letter);
    letter_put_html(&html, letter);
    snprintf(boundary, sizeof boundary, "=_%" PRIx64 ".%" PRIx64 ".%" PRIx64, (uint64_t)mail->alert_id,
             (uint64_t)mail->sequence, (uint64_t)mail->created_at);
    GMimeMultipart *multipart = mime_multipart("alternative", boundary);
    add_part(multipart, "plain", &plain);
    add_part(multipart, "html", &html);
    int put = mime_write(GMIME_OBJECT(multipart), out);
    g_object_unref(multipart);
    buf_free(&plain);
    buf_free(&html);
    return put;
}

/* A test says how its text left us, so that it is noticed when somebody on the way changes it. */
static int put_marked_bodies(struct buf *out, const struct letter *letter)
{
    if (!letter->mail->test)
        return put_bodies(out, letter);
    struct buf bodies = BUF_INIT(COMPOSE_BYTES_MAX);
    int put = put_bodies(&bodies, letter);
    if (put == 0)
        put = mail_trace_put_mark(out, buf_view(&bodies));
    if (put == 0)
        put = buf_put(out, buf_view(&bodies));
    buf_free(&bodies);
    return put;
}

static bool severity_known(enum severity severity)
{
    return severity >= SEVERITY_INFORMATIONAL && severity <= SEVERITY_CRITICAL;
}

static int compose_finding(const struct store_mail *mail, const char *from, const struct config_strings *to,
                           const char *hostname, struct arena *arena, struct buf *out, struct err *err)
{
    struct unpack unpack = UNPACK_FROM(mail->finding);
    struct finding finding;
    struct letter letter;
    if (!finding_unpack(&unpack, &finding, arena) || !unpack_done(&unpack) ||
        !severity_known(mail->severity) || !sv_printable(mail->message_id))
        return err_set(err, ERR_DATA, NULL, "mail %" PRId64 " is damaged in the store", mail->id);
    letter_init(&letter, mail, &finding, hostname);
    put_headers(out, &letter, from, to);
    if (put_marked_bodies(out, &letter) < 0)
        return err_set(err, ERR_LIMIT, NULL, "mail %" PRId64 " does not fit into a message", mail->id);
    return 0;
}

int compose(const struct store_mail *mail, const char *from, const struct config_strings *to,
            const char *hostname, struct buf *out, struct err *err)
{
    if (mail->content.n)
        return buf_put(out, mail->content) == 0
                   ? 0
                   : err_set(err, ERR_LIMIT, NULL, "mail %" PRId64 " is larger than the room for it",
                             mail->id);
    mime_use();
    struct arena *arena = arena_new(UNPACKED_BYTES_MAX);
    int composed = compose_finding(mail, from, to, hostname, arena, out, err);
    arena_free(arena);
    return composed;
}
