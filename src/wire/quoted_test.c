#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/quoted.h"

#include <gmime/gmime.h>
#include <stdlib.h>

static void each_byte_is_put_as_it_must_be(void **state)
{
    (void)state;
    static const struct {
        sv text, quoted;
    } cases[] = {
        {SV_INIT(""), SV_INIT("")},
        {SV_INIT("\n"), SV_INIT("\r\n")},
        {SV_INIT("no end"), SV_INIT("no end")},
        {SV_INIT("a=b\n\nc\n"), SV_INIT("a=3Db\r\n\r\nc\r\n")},
        {SV_INIT("blank \n \nlast "), SV_INIT("blank=20\r\n=20\r\nlast=20")},
        {SV_INIT("Zo\xc3\xab\x7f\r\n"), SV_INIT("Zo=C3=AB=7F=0D\r\n")},
        {SV_INIT("tab\there\0"), SV_INIT("tab=09here=00")},
        {SV_INIT("0123456789012345678901234567890123456789012345678901234567890123456789 four\n"),
         SV_INIT("0123456789012345678901234567890123456789012345678901234567890123456789 four\r\n")},
        {SV_INIT("0123456789012345678901234567890123456789012345678901234567890123456789 five5\n"),
         SV_INIT("0123456789012345678901234567890123456789012345678901234567890123456789 five=\r\n5\r\n")},
        {SV_INIT("0123456789012345678901234567890123456789012345678901234567890123456789 ab= \n"),
         SV_INIT("0123456789012345678901234567890123456789012345678901234567890123456789 ab=\r\n=3D=20\r\n")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out = BUF_INIT(1000);
        assert_int_equal(quoted_put(&out, cases[i].text), 0);
        assert_int_equal(buf_view(&out).n, cases[i].quoted.n);
        assert_memory_equal(buf_view(&out).p ? buf_view(&out).p : "", cases[i].quoted.p, cases[i].quoted.n);
        buf_free(&out);
    }
}

/* Below n; the same in every run. */
static unsigned draw(unsigned n)
{
    static uint64_t state = 7;
    state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (unsigned)(state >> 33) % n;
}

static void check_lines(sv quoted)
{
    while (quoted.n) {
        sv line = sv_first(quoted, sv_find(quoted, SV("\r\n")));
        quoted = sv_from(quoted, line.n + 2);
        assert_true(line.n <= 76);
        assert_false(sv_ends(line, SV(" ")));
        for (size_t i = 0; i < line.n; i++)
            assert_true(line.p[i] >= ' ' && line.p[i] <= '~');
    }
}

/* As GMime reads it, whose lines end as they came. */
static void check_reads_back(sv quoted, sv text)
{
    GMimeEncoding decoder;
    char *read = malloc(quoted.n + 1), *lines = malloc(text.n * 2 + 1);
    size_t n = 0;
    assert_true(read && lines);
    g_mime_encoding_init_decode(&decoder, GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE);
    size_t got = g_mime_encoding_step(&decoder, quoted.p ? quoted.p : "", quoted.n, read);
    got += g_mime_encoding_flush(&decoder, "", 0, read + got);
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\n')
            lines[n++] = '\r';
        lines[n++] = text.p[i];
    }
    assert_int_equal(got, n);
    assert_memory_equal(read, lines, n);
    free(read);
    free(lines);
}

static void whatever_the_text_it_reads_back_from_short_lines(void **state)
{
    (void)state;
    static const char kinds[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa      =\n\n\r\t~\x7f";
    for (int round = 0; round < 20000; round++) {
        char text[300];
        size_t n = draw(sizeof text);
        unsigned strange = draw(3) ? 0 : draw(20);
        for (size_t i = 0; i < n; i++)
            text[i] = (char)(draw(100) < strange ? draw(256) : (unsigned char)kinds[draw(sizeof kinds - 1)]);
        struct buf out = BUF_INIT(4 * sizeof text);
        assert_int_equal(quoted_put(&out, sv_make(text, n)), 0);
        check_lines(buf_view(&out));
        check_reads_back(buf_view(&out), sv_make(text, n));
        buf_free(&out);
    }
}

static void a_full_buffer_is_said(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(200);
    char text[400];
    memset(text, 'x', sizeof text);
    assert_int_equal(quoted_put(&out, sv_make(text, sizeof text)), -1);
    assert_true(buf_view(&out).n <= 200);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_byte_is_put_as_it_must_be),
        cmocka_unit_test(whatever_the_text_it_reads_back_from_short_lines),
        cmocka_unit_test(a_full_buffer_is_said),
    };
    g_mime_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
