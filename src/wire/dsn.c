#include "wire/dsn_private.h"

#include "base/buf.h"
#include "wire/mime.h"

enum { TEXT_BYTES_MAX = 64 * 1024, PARTS_MAX = 200, STRAY_BYTES_MAX = 16 * 1024 };

const char *dsn_kind_name(enum dsn_kind kind)
{
    switch (kind) {
    case DSN_NOT_A_REPORT:
        return "not a report";
    case DSN_EXPANDED:
        return "expanded";
    case DSN_RELAYED:
        return "relayed";
    case DSN_DELIVERED:
        return "delivered";
    case DSN_DELAYED:
        return "delayed";
    case DSN_FAILED:
        return "failed";
    }
    return "not a report"; /* not reached: the switch has them all */
}

/* What was found in the parts. */
struct walk {
    struct dsn *dsn;
    struct buf plain, html;
    int parts;
    bool status, receipt;
};

static void put_text(struct buf *out, sv text)
{
    bool foreign = false; /* two bytes a character (ISO-2022): letters among them are none */
    for (size_t i = 0; text.p && i < text.n && buf_room(out); i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c == 0x1b && i + 2 < text.n) {
            foreign = text.p[i + 1] == '$';
            i += 2;
            continue;
        }
        if (foreign && c != '\n')
            continue;
        foreign = false;
        if (c != '\r')
            (void)buf_put_char(out, c == '\n' || c >= 0x20 ? (char)c : ' ');
    }
    (void)buf_put_char(out, '\n');
}

/* "&lt;" and the like at the start of text: the byte it stands for, and how long it is. */
static size_t entity(sv text, char *ret)
{
    static const struct {
        sv name;
        char c;
    } entities[] = {{SV_INIT("&lt;"), '<'},   {SV_INIT("&gt;"), '>'},   {SV_INIT("&amp;"), '&'},
                    {SV_INIT("&quot;"), '"'}, {SV_INIT("&nbsp;"), ' '}, {SV_INIT("&#39;"), '\''}};
    for (size_t i = 0; i < sizeof entities / sizeof *entities; i++) {
        if (!sv_istarts(text, entities[i].name))
            continue;
        *ret = entities[i].c;
        return entities[i].name.n;
    }
    return 0;
}

static bool breaks_line(sv tag)
{
    static const char *const tags[] = {"br",   "p",  "/p",  "/tr", "/td", "div",
                                       "/div", "li", "/li", "/h",  "pre", "/pre"};
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        if (sv_istarts(tag, sv_of(tags[i])))
            return true;
    return false;
}

/* A tag at the start of html: what it comes to in the text ('\0' for nothing) and how long it is; 0 if it is
 * an address in angle brackets. */
static size_t read_tag(sv html, char *ret)
{
    size_t end = sv_find_char(html, '>');
    sv tag = end == SV_NPOS ? SV_NONE : sv_first(sv_from(html, 1), end - 1);
    if (tag.n && sv_find_char(tag, '@') != SV_NPOS && sv_find_char(tag, ' ') == SV_NPOS)
        return 0;
    *ret = breaks_line(tag) ? '\n' : '\0';
    return end == SV_NPOS ? html.n : end + 1;
}

static void put_html(struct buf *out, sv html)
{
    while (html.p && html.n && buf_room(out)) {
        char c = html.p[0];
        size_t used = c == '<' ? read_tag(html, &c) : c == '&' ? entity(html, &c) : 0;
        if (c)
            (void)buf_put_char(out, c == '\n' || (unsigned char)c >= 0x20 ? c : ' ');
        html = sv_from(html, used ? used : 1);
    }
}

static void take_content(GMimePart *part, struct buf *out)
{
    GMimeDataWrapper *content = g_mime_part_get_content(part);
    if (!content)
        return;
    GMimeStream *memory = g_mime_stream_mem_new();
    if (g_mime_data_wrapper_write_to_stream(content, memory) >= 0) {
        const GByteArray *bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(memory));
        (void)buf_put(out, sv_first(sv_make(bytes->data, bytes->len), buf_room(out)));
    }
    g_object_unref(memory);
}

/* The returned mail's Message-ID, from its header as text. */
static void take_returned_header(struct walk *walk, sv header)
{
    while (header.n && !walk->dsn->message_id[0]) {
        sv line = sv_split(&header, '\n');
        if (sv_istarts(line, SV("Message-ID:")))
            dsn_copy(walk->dsn->message_id, DSN_ADDRESS_MAX, sv_from(line, 11));
    }
}

static void take_part(struct walk *walk, GMimePart *part)
{
    GMimeContentType *type = g_mime_object_get_content_type(GMIME_OBJECT(part));
    struct buf content = BUF_INIT(DSN_MAIL_BYTES_MAX);
    take_content(part, &content);
    sv bytes = buf_view(&content);
    if (g_mime_content_type_is_type(type, "message", "delivery-status") ||
        g_mime_content_type_is_type(type, "message", "global-delivery-status")) {
        walk->status = walk->dsn->conforming = true;
        dsn_read_status(bytes, walk->dsn);
    } else if (g_mime_content_type_is_type(type, "message", "disposition-notification") ||
               g_mime_content_type_is_type(type, "message", "feedback-report")) {
        walk->receipt = true;
    } else if (g_mime_content_type_is_type(type, "text", "rfc822-headers") ||
               g_mime_content_type_is_type(type, "message", "*")) {
        take_returned_header(walk, bytes);
    } else if (g_mime_content_type_is_type(type, "text", "html")) {
        put_html(&walk->html, bytes);
    } else if (g_mime_content_type_is_type(type, "text", "*")) {
        put_text(&walk->plain, bytes);
    }
    buf_free(&content);
}

/* The mail that came back. What it contains is not looked at: it may be a report itself. */
static void take_returned(struct walk *walk, GMimeMessagePart *part)
{
    GMimeMessage *message = g_mime_message_part_get_message(part);
    const char *id = message ? g_mime_message_get_message_id(message) : NULL;
    size_t n = id ? strlen(id) : 0;
    if (n == 0 || n + 3 > DSN_ADDRESS_MAX || walk->dsn->message_id[0])
        return;
    walk->dsn->message_id[0] = '<';
    dsn_copy(walk->dsn->message_id + 1, DSN_ADDRESS_MAX - 2, sv_of(id));
    n = strlen(walk->dsn->message_id);
    walk->dsn->message_id[n] = '>';
    walk->dsn->message_id[n + 1] = '\0';
}

/* Multiparts whose parts are being looked at. */
struct level {
    GMimeMultipart *multipart;
    int next;
};

/* The next part that was not looked at, and how deep it lies; NULL after the last. */
static GMimeObject *next_part(struct level *stack, int *depth)
{
    while (*depth) {
        struct level *level = &stack[*depth - 1];
        if (level->next < g_mime_multipart_get_count(level->multipart))
            return g_mime_multipart_get_part(level->multipart, level->next++);
        --*depth;
    }
    return NULL;
}

static void take_leaf(struct walk *walk, GMimeObject *object)
{
    if (GMIME_IS_MESSAGE_PART(object))
        take_returned(walk, GMIME_MESSAGE_PART(object));
    else if (GMIME_IS_PART(object))
        take_part(walk, GMIME_PART(object));
}

/* Every part once, without recursion. */
static void walk_parts(struct walk *walk, GMimeObject *root)
{
    struct level stack[DSN_DEPTH_MAX];
    int depth = 0;
    for (GMimeObject *object = root; object && walk->parts++ < PARTS_MAX; object = next_part(stack, &depth)) {
        if (GMIME_IS_MULTIPART(object) && depth < DSN_DEPTH_MAX)
            stack[depth++] = (struct level){GMIME_MULTIPART(object), 0};
        else
            take_leaf(walk, object);
    }
}

static void take_addresses(struct dsn *dsn, GMimeHeaderList *headers)
{
    static const char *const FIELDS[] = {
        "To", "Delivered-To",  "X-Original-To",      "Envelope-To", "X-Delivered-To",
        "Cc", "X-Envelope-To", "Original-Recipient", "X-Rcpt-To"};
    int count = g_mime_header_list_get_count(headers);
    for (int i = 0; i < count && dsn->address_count < DSN_ADDRESSES_MAX; i++) {
        GMimeHeader *header = g_mime_header_list_get_header_at(headers, i);
        for (size_t k = 0; k < sizeof FIELDS / sizeof *FIELDS; k++) {
            if (g_ascii_strcasecmp(g_mime_header_get_name(header), FIELDS[k]) != 0)
                continue;
            dsn_copy(dsn->addresses[dsn->address_count++], DSN_ADDRESS_MAX,
                     sv_of(g_mime_header_get_raw_value(header)));
            break;
        }
    }
}

static sv header_of(GMimeObject *mail, const char *name)
{
    return sv_trim(sv_of(g_mime_object_get_header(mail, name)));
}

static void take_header(struct dsn *dsn, GMimeMessage *message)
{
    GMimeObject *mail = GMIME_OBJECT(message);
    sv submitted = header_of(mail, "Auto-Submitted");
    dsn->auto_submitted = submitted.n > 0 && !sv_istarts(submitted, SV("no"));
    dsn->null_return_path = sv_istarts(header_of(mail, "Return-Path"), SV("<>"));
    take_addresses(dsn, g_mime_object_get_header_list(mail));
}

/* Whether the mail is a report at all: two of sender, subject and text say so. */
static enum dsn_kind judge(const struct walk *walk, GMimeMessage *message, sv text)
{
    GMimeObject *mail = GMIME_OBJECT(message);
    sv subject = sv_of(g_mime_message_get_subject(message));
    sv submitted = header_of(mail, "Auto-Submitted");
    if (walk->receipt || dsn_subject_is_answer(subject))
        return DSN_NOT_A_REPORT;
    bool failed = header_of(mail, "X-Failed-Recipients").n > 0;
    bool by_sender = dsn_sender_is_daemon(header_of(mail, "From")) || walk->dsn->null_return_path ||
                     dsn_sender_is_daemon(header_of(mail, "Return-Path"));
    bool by_subject = dsn_subject_is_report(subject);
    enum dsn_kind kind = dsn_text_kind(text);
    if (sv_istarts(submitted, SV("auto-replied")) && !(by_subject && by_sender) && !failed)
        return DSN_NOT_A_REPORT;
    if (!failed && by_sender + by_subject + (kind != DSN_NOT_A_REPORT) < 2)
        return DSN_NOT_A_REPORT;
    return kind == DSN_NOT_A_REPORT ? DSN_FAILED : kind;
}

/* A delivery-status part that MIME does not show: its boundary is broken, or it was put into the text. */
static void read_stray_status(struct walk *walk, sv text, sv mail)
{
    sv from[] = {text, mail};
    for (size_t i = 0; i < 2 && !walk->status; i++) {
        size_t at = sv_ifind(from[i], SV("\nFinal-Recipient:"));
        if (at == SV_NPOS)
            continue;
        size_t action = sv_ifind(sv_first(from[i], at), SV("\nAction:"));
        size_t begin = action != SV_NPOS && at - action < 200 ? action : at;
        sv fields = sv_first(sv_from(from[i], begin + 1), STRAY_BYTES_MAX);
        fields = sv_first(fields, sv_find(fields, SV("\n--")));
        dsn_read_status(fields, walk->dsn);
        walk->status = walk->dsn->recipient_count > 0;
    }
}

static void settle(struct dsn *dsn)
{
    for (size_t i = 0; i < dsn->recipient_count; i++) {
        dsn_complete(&dsn->recipients[i]);
        if (dsn->recipients[i].kind > dsn->kind)
            dsn->kind = dsn->recipients[i].kind;
    }
}

/* Some servers say why in the subject only: "Returned mail: User unknown". */
static void take_subject(struct dsn *dsn, sv subject)
{
    size_t n = strlen(dsn->recipients[0].told);
    if (dsn->recipient_count != 1 || dsn->recipients[0].final_recipient[0] || n + 3 > DSN_TEXT_MAX)
        return;
    memcpy(dsn->recipients[0].told + n, " ", 2);
    dsn_copy(dsn->recipients[0].told + n + 1, DSN_TEXT_MAX - n - 1, subject);
}

static void read_message(struct walk *walk, GMimeMessage *message, sv mail)
{
    struct dsn *dsn = walk->dsn;
    take_header(dsn, message);
    walk_parts(walk, g_mime_message_get_mime_part(message));
    sv all = buf_view(sv_trim(buf_view(&walk->plain)).n ? &walk->plain : &walk->html);
    if (all.n == 0)
        all = sv_first(sv_from(mail, sv_find(mail, SV("\n\n"))), TEXT_BYTES_MAX); /* a broken boundary */
    sv text = dsn_text_report(all);
    if (!walk->status && !walk->receipt)
        read_stray_status(walk, text, sv_trim(text).n ? SV_NONE : mail);
    if (walk->status && dsn->recipient_count) {
        dsn_read_text(text, SV_NONE, DSN_FAILED, dsn);
    } else if (!dsn_read_json(text, dsn)) {
        enum dsn_kind kind = judge(walk, message, text);
        if (kind == DSN_NOT_A_REPORT)
            return;
        take_returned_header(walk, sv_from(all, text.n));
        dsn_read_text(text, header_of(GMIME_OBJECT(message), "X-Failed-Recipients"), kind, dsn);
        take_subject(dsn, sv_of(g_mime_message_get_subject(message)));
    }
    settle(dsn);
}

enum dsn_kind dsn_read(sv mail, struct dsn *ret)
{
    mime_use();
    memset(ret, 0, sizeof *ret);
    mail = sv_first(mail, DSN_MAIL_BYTES_MAX);
    struct walk walk = {.dsn = ret, .plain = BUF_INIT(TEXT_BYTES_MAX), .html = BUF_INIT(TEXT_BYTES_MAX)};
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(mail.p ? mail.p : "", mail.n);
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);
    if (message) {
        read_message(&walk, message, mail);
        g_object_unref(message);
    }
    g_object_unref(parser);
    g_object_unref(stream);
    buf_free(&walk.plain);
    buf_free(&walk.html);
    return ret->kind;
}
