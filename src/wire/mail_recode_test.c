#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "wire/mail_recode.h"
#include "wire/mime.h"
#include "wire/smtp_data.h"

enum { OUT_MAX = 1024 * 1024, LONG = 5000 };

static char long_line[LONG + 1];

static sv recoded(sv content, struct buf *out)
{
    struct err err;
    struct smtp_data_facts facts;
    *out = BUF_INIT(OUT_MAX);
    assert_int_equal(mail_recode(content, out, &err), 0);
    smtp_data_check(buf_view(out), &facts);
    assert_int_equal(facts.faults, 0);
    assert_false(facts.eight_bit);
    return buf_view(out);
}

static void a_mail_that_any_gateway_takes_is_left_as_it_is(void **state)
{
    (void)state;
    static const char *const mails[] = {
        "",
        "Subject: a\r\n\r\nbody\r\n",
        "Subject: a\r\n\r\nno end",
        "Subject: a\r\n  folded\r\n\r\nbody\r\n",
    };
    for (size_t i = 0; i < sizeof mails / sizeof *mails; i++) {
        struct buf out;
        assert_true(sv_eq(recoded(sv_of(mails[i]), &out), sv_of(mails[i])));
        buf_free(&out);
    }
}

/* What a reader makes of the first part's text. */
static sv text_read(sv mail, GMimeStream **ret_stream)
{
    mime_use();
    GMimeStream *in = g_mime_stream_mem_new_with_buffer(mail.p, mail.n);
    GMimeParser *parser = g_mime_parser_new_with_stream(in);
    GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);
    GMimeObject *part = g_mime_message_get_mime_part(message);
    if (GMIME_IS_MULTIPART(part))
        part = g_mime_multipart_get_part(GMIME_MULTIPART(part), 0);
    *ret_stream = g_mime_stream_mem_new();
    g_mime_data_wrapper_write_to_stream(g_mime_part_get_content(GMIME_PART(part)), *ret_stream);
    GByteArray *bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(*ret_stream));
    g_object_unref(message);
    g_object_unref(parser);
    g_object_unref(in);
    return sv_make(bytes->data, bytes->len);
}

#define BODY(text)                                               \
    {                                                            \
        SV_INIT("Subject: a\r\n\r\n" text "\r\n"), SV_INIT(text) \
    }
#define TYPED(type, text)                                                   \
    {                                                                       \
        SV_INIT("Subject: a\r\nMIME-Version: 1.0\r\n" type                  \
                "\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" text "\r\n"), \
            SV_INIT(text)                                                   \
    }

static void a_body_reads_as_it_was_written(void **state)
{
    (void)state;
    static const struct {
        sv mail, text;
    } cases[] = {
        BODY("progress 10%\rprogress 20%"),
        BODY("a\0b"),
        BODY("gr\303\274n"),
        BODY("not UTF-8: \377"),
        TYPED("Content-Type: text/plain; charset=UTF-8", "gr\303\274n\rover"),
        TYPED("Content-Type: application/octet-stream", "\0\1\2\377"),
        {SV_INIT(
             "Subject: a\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n"
             "gr\303\274n\0\r\n--b--\r\n"),
         SV_INIT("gr\303\274n\0")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out;
        GMimeStream *stream;
        sv text = text_read(recoded(cases[i].mail, &out), &stream);
        assert_true(sv_eq(sv_first(text, cases[i].text.n), cases[i].text));
        g_object_unref(stream);
        buf_free(&out);
    }
}

static void a_line_of_any_length_fits(void **state)
{
    (void)state;
    struct buf mail = BUF_INIT(OUT_MAX), out;
    GMimeStream *stream;
    buf_printf(&mail, "Subject: %s\r\nTo: %s <a@example.org>\r\n\r\nfirst\r\n%s\r\n", long_line, long_line,
               long_line);
    sv got = recoded(buf_view(&mail), &out);
    sv text = text_read(got, &stream);
    assert_true(sv_starts(text, SV("first\r\n")));
    assert_true(sv_eq(sv_first(sv_from(text, 7), LONG), sv_of(long_line)));
    g_object_unref(stream);
    buf_free(&out);
    buf_free(&mail);
}

static void header_fields_past_ascii_become_encoded_words(void **state)
{
    (void)state;
    struct buf out;
    sv got = recoded(
        SV("From: J\303\266rg <j@example.org>\r\nSubject: gr\303\274n\r\nX-Odd: \377\r\n\r\nplain\r\n"),
        &out);
    assert_true(sv_find(got, SV("<j@example.org>")) != SV_NPOS);
    assert_true(sv_find(got, SV("Subject: =?")) != SV_NPOS);
    assert_true(sv_find(got, SV("From: =?")) != SV_NPOS);
    assert_true(sv_find(got, SV("X-Odd: =?")) != SV_NPOS);
    assert_true(sv_ends(got, SV("\r\n\r\nplain\r\n")));
    buf_free(&out);
}

static void what_cannot_be_made_fit_is_refused_with_its_place(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(OUT_MAX), mail = BUF_INIT(OUT_MAX);
    struct err err;
    buf_printf(&mail,
               "Subject: a\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n%s\r\n",
               long_line);
    assert_int_equal(mail_recode(buf_view(&mail), &out, &err), -1);
    assert_int_equal(err.class, ERR_DATA);
    buf_free(&out);
    buf_free(&mail);
}

static void a_mail_that_has_no_room_is_refused(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(40);
    struct err err;
    assert_int_equal(mail_recode(SV("Subject: a\r\n\r\ngr\303\274n\r\n"), &out, &err), -1);
    assert_int_equal(err.class, ERR_LIMIT);
    buf_free(&out);
}

int main(void)
{
    memset(long_line, 'x', LONG);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mail_that_any_gateway_takes_is_left_as_it_is),
        cmocka_unit_test(a_body_reads_as_it_was_written),
        cmocka_unit_test(a_line_of_any_length_fits),
        cmocka_unit_test(header_fields_past_ascii_become_encoded_words),
        cmocka_unit_test(what_cannot_be_made_fit_is_refused_with_its_place),
        cmocka_unit_test(a_mail_that_has_no_room_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
