/* Replies as they come from a gateway, or from whoever pretends to be one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "wire/smtp_reply.h"

/* Writes what came out of `in`, fed in steps, as "-220 one\n.220 two\n", ending in "!fault\n". */
static void transcribe(sv in, size_t step, struct buf *out)
{
    struct smtp_reply *reply = calloc(1, sizeof *reply);
    for (size_t at = 0; at < in.n && !reply->fault;) {
        sv text, chunk = sv_first(sv_from(in, at), step);
        size_t used;
        switch (smtp_reply_feed(reply, chunk, &used, &text)) {
        case SMTP_REPLY_NEED_DATA:
            break;
        case SMTP_REPLY_LINE:
            buf_printf(out, "-%d %.*s\n", reply->code, SV_ARG(text));
            break;
        case SMTP_REPLY_END:
            buf_printf(out, ".%d %.*s\n", reply->code, SV_ARG(text));
            break;
        case SMTP_REPLY_INVALID:
            buf_printf(out, "!%s\n", reply->fault);
            break;
        }
        at += used;
    }
    free(reply);
}

static const struct {
    sv in;
    const char *out;
} cases[] = {
    {SV_INIT("220 mail.example.org ESMTP\r\n"), ".220 mail.example.org ESMTP\n"},
    {SV_INIT("250-one\r\n250-two\r\n250 three\r\n"), "-250 one\n-250 two\n.250 three\n"},
    {SV_INIT("250\r\n"), ".250 \n"},
    {SV_INIT("553-\r\n553\r\n"), "-553 \n.553 \n"},
    {SV_INIT("250 \r\n354 go\r\n"), ".250 \n.354 go\n"},
    {SV_INIT("250-a\r\n250 b\r\n550-c\r\n550 d\r\n"), "-250 a\n.250 b\n-550 c\n.550 d\n"},
    {SV_INIT("250 a\rb\r\n"), ".250 a\rb\n"},
    {SV_INIT("250 a\r\r\n"), ".250 a\r\n"},
    {SV_INIT("250-a\r\n550 b\r\n"), "-250 a\n!changes its code from one line to the next\n"},
    {SV_INIT("553-\r\n553-\r\n250 ok\r\n"), "-553 \n-553 \n!changes its code from one line to the next\n"},
    {SV_INIT("250 ok\n"), "!ends a line with a bare LF\n"},
    {SV_INIT("250 ok\n250 ok\r\n"), "!ends a line with a bare LF\n"},
    {SV_INIT("SSH-2.0-example\r\n"), "!does not begin with a code\n"},
    {SV_INIT("\x15\x03\x01\x00\x02"), "!does not begin with a code\n"},
    {SV_INIT("199 x\r\n"), "!does not begin with a code\n"},
    {SV_INIT("600 x\r\n"), "!does not begin with a code\n"},
    {SV_INIT("25 x\r\n"), "!does not begin with a code\n"},
    {SV_INIT("2500 x\r\n"), "!does not begin with a code\n"},
    {SV_INIT("250\rx\r\n"), "!does not begin with a code\n"},
    {SV_INIT("\r\n"), "!does not begin with a code\n"},
    {SV_INIT("25"), ""},
    {SV_INIT("250-a\r\n250 b\r"), "-250 a\n"},
};

static void each_reply_is_read_as_it_stands(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out = BUF_INIT(4096);
        transcribe(cases[i].in, cases[i].in.n, &out);
        buf_put_char(&out, '\0');
        assert_string_equal(buf_view(&out).p, cases[i].out);
        buf_free(&out);
    }
}

static void one_byte_at_a_time_gives_the_same_as_the_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out = BUF_INIT(4096);
        transcribe(cases[i].in, 1, &out);
        buf_put_char(&out, '\0');
        assert_string_equal(buf_view(&out).p, cases[i].out);
        buf_free(&out);
    }
}

/* Feeds unit over and over, and expects the fault before `most` bytes were taken. */
static void flood(sv unit, size_t most, const char *fault)
{
    struct smtp_reply *reply = calloc(1, sizeof *reply);
    enum smtp_reply_event event = SMTP_REPLY_NEED_DATA;
    for (size_t fed = 0; fed <= most && event != SMTP_REPLY_INVALID;) {
        sv rest = unit, text;
        while (rest.n && event != SMTP_REPLY_INVALID) {
            size_t used;
            event = smtp_reply_feed(reply, rest, &used, &text);
            assert_int_not_equal(event, SMTP_REPLY_END);
            fed += used;
            rest = sv_from(rest, used);
        }
    }
    assert_int_equal(event, SMTP_REPLY_INVALID);
    assert_string_equal(reply->fault, fault);
    free(reply);
}

static void an_endless_reply_ends_at_its_bounds(void **state)
{
    (void)state;
    char line[1500];
    memset(line, 'x', sizeof line);
    memcpy(line, "250-", 4);
    memcpy(line + sizeof line - 2, "\r\n", 2);
    flood(SV("250-x\r\n"), (size_t)101 * 7, "has more than 100 lines");
    flood((sv){line, sizeof line}, 64 * 1024 + sizeof line, "is longer than 64 KiB");
}

static void a_line_of_a_megabyte_is_refused_at_two_kilobytes(void **state)
{
    (void)state;
    size_t n = 1 << 20, used;
    char *line = malloc(n);
    memset(line, 'x', n);
    memcpy(line, "250 ", 4);
    struct smtp_reply *reply = calloc(1, sizeof *reply);
    sv text;
    assert_int_equal(smtp_reply_feed(reply, (sv){line, n}, &used, &text), SMTP_REPLY_INVALID);
    assert_int_equal(used, SMTP_REPLY_LINE_BYTES_MAX);
    assert_string_equal(reply->fault, "has a line longer than 2 KiB");
    free(reply);
    free(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_reply_is_read_as_it_stands),
        cmocka_unit_test(one_byte_at_a_time_gives_the_same_as_the_whole),
        cmocka_unit_test(an_endless_reply_ends_at_its_bounds),
        cmocka_unit_test(a_line_of_a_megabyte_is_refused_at_two_kilobytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
