#include "wire/mail_trace.h"

#include <assert.h>
#include <gmime/gmime.h>
#include <sodium.h>
#include <stdio.h>

enum { DIGEST_BYTES = 16, TEXT_BYTES_MAX = 1024 * 1024, PART_CHARS_MAX = 60 };

struct marking {
    struct buf out;
    size_t parts;
    bool too_many;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Text with each run of white space as one space, none at its ends. */
static void digest(sv text, unsigned char ret[static DIGEST_BYTES])
{
    crypto_generichash_state state;
    bool space = false, any = false;
    int done = crypto_generichash_init(&state, NULL, 0, DIGEST_BYTES);
    for (size_t i = 0; i < text.n;) {
        size_t run = i;
        while (run < text.n && !is_space(text.p[run]))
            run++;
        if (run > i) {
            if (space && any)
                done |= crypto_generichash_update(&state, (const unsigned char *)" ", 1);
            done |= crypto_generichash_update(&state, (const unsigned char *)text.p + i, run - i);
            any = true;
        }
        space = run < text.n;
        i = run + 1;
    }
    done |= crypto_generichash_final(&state, ret, DIGEST_BYTES);
    assert(done == 0);
}

/* The part's content, decoded; text in UTF-8 whatever its charset. */
static void put_content(GMimePart *part, struct buf *out)
{
    GMimeDataWrapper *content = g_mime_part_get_content(part);
    if (!content)
        return;
    GMimeStream *memory = g_mime_stream_mem_new();
    GMimeStream *stream = g_mime_stream_filter_new(memory);
    const char *charset = g_mime_object_get_content_type_parameter(GMIME_OBJECT(part), "charset");
    GMimeFilter *filter =
        charset && GMIME_IS_TEXT_PART(part) ? g_mime_filter_charset_new(charset, "utf-8") : NULL;
    if (filter) {
        g_mime_stream_filter_add(GMIME_STREAM_FILTER(stream), filter);
        g_object_unref(filter);
    }
    if (g_mime_data_wrapper_write_to_stream(content, stream) >= 0 && g_mime_stream_flush(stream) == 0) {
        const GByteArray *bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(memory));
        (void)buf_put(out, sv_first(sv_make(bytes->data, bytes->len), buf_room(out)));
    }
    g_object_unref(stream);
    g_object_unref(memory);
}

static void mark_part(struct marking *marking, GMimePart *part)
{
    GMimeContentType *type = g_mime_object_get_content_type(GMIME_OBJECT(part));
    unsigned char bytes[DIGEST_BYTES];
    char hex[2 * DIGEST_BYTES + 1];
    if (marking->parts++ >= MAIL_TRACE_PARTS_MAX) {
        marking->too_many = true;
        return;
    }
    struct buf text = BUF_INIT(TEXT_BYTES_MAX);
    put_content(part, &text);
    digest(buf_view(&text), bytes);
    buf_free(&text);
    sodium_bin2hex(hex, sizeof hex, bytes, sizeof bytes);
    (void)buf_printf(&marking->out, "%s%.10s/%.10s=%s", buf_view(&marking->out).n ? " " : "",
                     type ? g_mime_content_type_get_media_type(type) : "text",
                     type ? g_mime_content_type_get_media_subtype(type) : "plain", hex);
}

static void on_object(GMimeObject *parent, GMimeObject *object, gpointer arg)
{
    (void)parent;
    if (GMIME_IS_PART(object))
        mark_part(arg, GMIME_PART(object));
}

void mail_trace_mark(sv mail, char ret[static MAIL_TRACE_MARK_MAX])
{
    struct marking marking = {.out = BUF_INIT(MAIL_TRACE_MARK_MAX - 1)};
    _Static_assert(MAIL_TRACE_PARTS_MAX * PART_CHARS_MAX < MAIL_TRACE_MARK_MAX, "the parts fit");
    g_mime_init();
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(mail.p ? mail.p : "", mail.n);
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);
    if (message) {
        g_mime_message_foreach(message, on_object, &marking);
        g_object_unref(message);
    }
    g_object_unref(parser);
    g_object_unref(stream);
    if (marking.too_many)
        buf_clear(&marking.out);
    sv_copy(ret, MAIL_TRACE_MARK_MAX, marking.too_many ? SV("too-many-parts") : buf_view(&marking.out));
    buf_free(&marking.out);
}

int mail_trace_put_mark(struct buf *out, sv body)
{
    char mark[MAIL_TRACE_MARK_MAX];
    mail_trace_mark(body, mark);
    int put = buf_put(out, SV(MAIL_TRACE_BODY_FIELD ": "));
    for (const char *c = mark; *c; c++)
        put |= *c == ' ' ? buf_put(out, SV("\r\n ")) : buf_put_char(out, *c);
    return put | buf_put(out, SV("\r\n"));
}
