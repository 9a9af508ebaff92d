#include "wire/mail_recode.h"

#include "wire/mime.h"
#include "wire/smtp_data.h"

/* GMime counts and encodes lines that end in LF. */
static GMimeMessage *parse(sv content)
{
    struct buf lines = BUF_INIT(content.n + 1);
    for (sv rest = content; rest.n;) {
        size_t end = sv_find(rest, SV("\r\n"));
        buf_put(&lines, sv_first(rest, end == SV_NPOS ? rest.n : end));
        rest = end == SV_NPOS ? SV_NONE : sv_from(rest, end + 2);
        buf_put_char(&lines, '\n');
    }
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(buf_view(&lines).p, buf_view(&lines).n);
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    g_mime_parser_set_persist_stream(parser, FALSE);
    GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);
    g_object_unref(parser);
    g_object_unref(stream);
    buf_free(&lines);
    return message;
}

static bool needs_encoding(const char *raw)
{
    struct smtp_data_facts facts;
    smtp_data_check(sv_of(raw), &facts);
    return facts.eight_bit || facts.faults & SMTP_DATA_LONG_LINE;
}

static void encode_header(GMimeHeaderList *headers)
{
    for (int i = 0; i < g_mime_header_list_get_count(headers); i++) {
        GMimeHeader *header = g_mime_header_list_get_header_at(headers, i);
        const char *raw = g_mime_header_get_raw_value(header);
        if (!raw || !needs_encoding(raw))
            continue;
        char *value = g_strdup(g_mime_header_get_value(header));
        g_mime_header_set_value(header, NULL, value ? value : "", "utf-8");
        g_free(value);
    }
}

struct encoding {
    sv content;
    unsigned faults;
};

/* GMime finds no fault with a bare CR. */
static bool is_fit(GMimePart *part, const struct encoding *encoding)
{
    switch (g_mime_part_get_content_encoding(part)) {
    case GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE:
    case GMIME_CONTENT_ENCODING_BASE64:
        return true;
    default:
        break;
    }
    GMimeContentEncoding best = g_mime_part_get_best_content_encoding(part, GMIME_ENCODING_CONSTRAINT_7BIT);
    return (best == GMIME_CONTENT_ENCODING_DEFAULT || best == GMIME_CONTENT_ENCODING_7BIT) &&
           !(encoding->faults & SMTP_DATA_BARE_CR);
}

static void encode_part(GMimeObject *parent, GMimeObject *object, gpointer user_data)
{
    (void)parent;
    const struct encoding *encoding = user_data;
    encode_header(g_mime_object_get_header_list(object));
    if (!GMIME_IS_PART(object) || !g_mime_part_get_content(GMIME_PART(object)) ||
        is_fit(GMIME_PART(object), encoding))
        return;
    GMimePart *part = GMIME_PART(object);
    GMimeContentType *type = g_mime_object_get_content_type(object);
    bool text = g_mime_content_type_is_type(type, "text", "*");
    if (text && !g_mime_content_type_get_parameter(type, "charset"))
        g_mime_object_set_content_type_parameter(object, "charset",
                                                 sv_utf8(encoding->content) ? "utf-8" : "unknown-8bit");
    g_mime_part_set_content_encoding(part, text ? GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE
                                                : GMIME_CONTENT_ENCODING_BASE64);
}

static void encode(GMimeMessage *message, struct encoding encoding)
{
    GMimeObject *object = GMIME_OBJECT(message);
    encode_header(g_mime_object_get_header_list(object));
    g_mime_message_foreach(message, encode_part, &encoding);
    if (!g_mime_object_get_header(object, "MIME-Version"))
        g_mime_object_set_header(object, "MIME-Version", "1.0", NULL);
}

static int refuse(const struct smtp_data_facts *facts, struct err *err)
{
    char why[64];
    return err_set(err, ERR_DATA, "encode what is binary, and fold what is long", "the mail's %s",
                   smtp_data_fault_text(facts, why, sizeof why));
}

int mail_recode(sv content, struct buf *out, struct err *err)
{
    struct smtp_data_facts facts;
    smtp_data_check(content, &facts);
    if (!facts.faults && !facts.eight_bit)
        return buf_put(out, content) == 0 ? 0 : err_set(err, ERR_LIMIT, NULL, "the mail is too large");
    mime_use();
    GMimeMessage *message = parse(content);
    if (!message)
        return refuse(&facts, err);
    encode(message, (struct encoding){content, facts.faults});
    int put = mime_write(GMIME_OBJECT(message), out);
    g_object_unref(message);
    if (put < 0)
        return err_set(err, ERR_LIMIT, NULL, "the mail is too large");
    smtp_data_check(buf_view(out), &facts);
    return facts.faults ? refuse(&facts, err) : 0;
}
