/* Framing: lines and octet counting, told apart per frame; the same records however the bytes arrive. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "wire/syslog_frame.h"

enum { MAX = 16 };

/* Feeds in by pieces of `step` bytes; writes each record and "|" to out ("~|" if cut), "!" when invalid. */
static void feed(sv in, size_t step, enum syslog_framing framing, struct buf *out)
{
    struct syslog_framer framer;
    syslog_framer_init(&framer, framing, MAX);
    struct buf held = BUF_INIT(MAX + SYSLOG_FRAME_PREFIX_BYTES_MAX + 4096);
    struct syslog_frame frame;
    for (size_t at = 0; at < in.n; at += step) {
        assert_int_equal(buf_put(&held, sv_first(sv_from(in, at), step)), 0);
        enum syslog_frame_event event;
        do {
            size_t used = 0;
            event = syslog_frame_take(&framer, buf_view(&held), &frame, &used);
            if (event == SYSLOG_FRAME_RECORD)
                assert_int_equal(buf_printf(out, "%.*s%s|", SV_ARG(frame.record), frame.cut ? "~" : ""), 0);
            buf_consume(&held, used);
        } while (event == SYSLOG_FRAME_RECORD);
        if (event == SYSLOG_FRAME_INVALID) {
            assert_int_equal(buf_put(out, SV("!")), 0);
            buf_free(&held);
            return;
        }
        assert_true(buf_view(&held).n <= MAX + SYSLOG_FRAME_PREFIX_BYTES_MAX);
    }
    if (syslog_frame_finish(&framer, buf_view(&held), &frame) == SYSLOG_FRAME_RECORD)
        assert_int_equal(buf_printf(out, "%.*s%s|", SV_ARG(frame.record), frame.cut ? "~" : ""), 0);
    buf_free(&held);
}

static const struct {
    sv in;
    const char *any, *lines;
} cases[] = {
    {SV_INIT("<1>a\n<2>b\n"), "<1>a|<2>b|", "<1>a|<2>b|"},
    {SV_INIT("<1>a\r\n<2>b"), "<1>a|<2>b|", "<1>a|<2>b|"},
    {SV_INIT("a\0b\0\n\nc\n"), "a|b|c|", "a|b|c|"},
    {SV_INIT("5 <1>ab6 <2>abc"), "<1>ab|<2>abc|", "5 <1>ab6 <2>abc|"},
    {SV_INIT("5 <1>ab<2>line\n4 <3>d\n<4>e\n"), "<1>ab|<2>line|<3>d|<4>e|", "5 <1>ab<2>line|4 <3>d|<4>e|"},
    {SV_INIT("6 <1>a\nb<2>c\n"), "<1>a\nb|<2>c|", "6 <1>a|b<2>c|"},
    {SV_INIT("20 <1>45678901234567890<2>b\n"), "<1>4567890123456~|<2>b|", "20 <1>4567890123~|"},
    {SV_INIT("<1>4567890123456\r\nb\n"), "<1>4567890123456|b|", "<1>4567890123456|b|"},
    {SV_INIT("<1>45678901234567\nb\n"), "<1>4567890123456~|b|", "<1>4567890123456~|b|"},
    {SV_INIT("<1>456789012345678901234567890\nb\n"), "<1>4567890123456~|b|", "<1>4567890123456~|b|"},
    {SV_INIT("2026-11-24 x\nb\n"), "2026-11-24 x|b|", "2026-11-24 x|b|"},
    {SV_INIT("3 <1>5x <2>"), "<1>|!", "3 <1>5x <2>|"},
    {SV_INIT("3 <1>0 a"), "<1>|!", "3 <1>0 a|"},
    {SV_INIT("99999999 <1>a\n"), "!", "99999999 <1>a|"},
    {SV_INIT("9 <1>ab"), "<1>ab~|", "9 <1>ab|"},
    {SV_INIT("123456789012345\n"), "123456789012345|", "123456789012345|"},
    {SV_INIT("\r\n\r\n\na"), "a|", "a|"},
    {SV_INIT(""), "", ""},
};

static void check(size_t i, size_t step, enum syslog_framing framing, const char *expected)
{
    struct buf out = BUF_INIT(4096);
    feed(cases[i].in, step, framing, &out);
    if (!sv_eq(buf_view(&out), sv_of(expected)))
        fail_msg("case %zu by %zu: got %.*s, expected %s", i, step, SV_ARG(buf_view(&out)), expected);
    buf_free(&out);
}

static void the_records_are_the_same_however_the_bytes_arrive(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t step = 1; step <= 64; step++) {
            check(i, step, SYSLOG_FRAMING_ANY, cases[i].any);
            check(i, step, SYSLOG_FRAMING_LINES, cases[i].lines);
        }
    }
}

static void what_is_cut_is_counted(void **state)
{
    (void)state;
    struct syslog_framer framer;
    syslog_framer_init(&framer, SYSLOG_FRAMING_ANY, 4);
    struct syslog_frame frame;
    size_t used;
    sv in = SV("abcdefgh\n6 123456x\n");
    while (syslog_frame_take(&framer, in, &frame, &used) == SYSLOG_FRAME_RECORD)
        in = sv_from(in, used);
    assert_int_equal(framer.cut, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_records_are_the_same_however_the_bytes_arrive),
        cmocka_unit_test(what_is_cut_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
