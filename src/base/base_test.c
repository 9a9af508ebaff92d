/* What base/ promises to every other room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/bits.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/sv.h"
#include "base/timefmt.h"

#include <errno.h>
#include <stdlib.h>

static void splitting_visits_every_piece_and_ends(void **state)
{
    (void)state;
    sv rest = SV("a,,b");
    sv expected[] = {SV("a"), SV(""), SV("b")};
    size_t n = 0;
    while (rest.p)
        assert_true(sv_eq(sv_split(&rest, ','), expected[n++]));
    assert_int_equal(n, 3);
}

static void numbers_are_read_whole_or_refused(void **state)
{
    (void)state;
    uint64_t u = 7;
    assert_true(sv_to_u64(SV("18446744073709551615"), &u));
    assert_true(u == UINT64_MAX);
    assert_true(sv_to_u64(SV("9999999999999999999"), &u));
    assert_true(u == 9999999999999999999U);
    u = UINT64_MAX;
    const char *bad[] = {"", "18446744073709551616", "1 ", "-1", "0x1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(sv_to_u64(sv_of(bad[i]), &u));
    assert_true(u == UINT64_MAX);
}

static void utf8_is_told_from_overlong_surrogate_and_cut_forms(void **state)
{
    (void)state;
    assert_true(sv_utf8(SV("Zo\xc3\xab \xe2\x82\xac \xf0\x9f\x98\x80")));
    const char *bad[] = {"\xc0\x80", "\xed\xa0\x80", "\xe2\x82", "\xf5\x80\x80\x80", "\x80"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(sv_utf8(sv_of(bad[i])));
}

static void one_byte_beyond_ascii_is_seen_wherever_it_stands(void **state)
{
    (void)state;
    char text[40];
    for (size_t n = 0; n <= sizeof text; n++) {
        memset(text, 0x7f, sizeof text);
        assert_true(sv_ascii(sv_make(text, n)));
        for (size_t i = 0; i < sizeof text; i++) {
            text[i] = '\x80';
            assert_true(sv_ascii(sv_make(text, n)) == (i >= n));
            text[i] = 0x7f;
        }
    }
    assert_true(sv_ascii(SV_NONE));
}

static void searching_folds_ascii_case_only(void **state)
{
    (void)state;
    assert_int_equal(sv_ifind(SV("Failed PASSWORD"), SV("password")), 7);
    assert_int_equal(sv_ifind(SV("abc"), SV("abcd")), SV_NPOS);
    assert_true(hash_sv_fold(SV("User.Name")) == hash_sv_fold(SV("user.name")));
    assert_false(sv_ieq(SV("\xc3\xa9"), SV("\xc3\x89")));
}

enum { RUN_BYTES_MAX = 70 };

/* Of its own memory, so that a read past its end is seen by the sanitizer. */
static char *run_of(char c, size_t n)
{
    char *run = malloc(n ? n : 1);
    assert_non_null(run);
    memset(run, c, n);
    return run;
}

static void near_bytes_are_found_wherever_they_stand(void **state)
{
    (void)state;
    for (size_t n = 0; n <= RUN_BYTES_MAX; n++) {
        char *run = run_of('.', n);
        assert_int_equal(bytes_find_either(sv_make(run, n), '"', '\\'), n);
        for (size_t at = 0; at < n; at++) {
            run[n - 1] = '"';
            run[at] = at % 2 ? '"' : '\\';
            assert_int_equal(bytes_find_either(sv_make(run, n), '"', '\\'), at);
            assert_int_equal(bytes_find(sv_make(run, n), run[at]), at);
            run[at] = run[n - 1] = '.';
        }
        free(run);
    }
}

static void short_runs_are_equal_if_every_byte_is(void **state)
{
    (void)state;
    for (size_t n = 0; n <= RUN_BYTES_MAX; n++) {
        char *a = run_of('x', n), *b = run_of('x', n);
        assert_true(bytes_eq(a, b, n));
        for (size_t at = 0; at < n; at++) {
            b[at] = 'y';
            assert_false(bytes_eq(a, b, n));
            b[at] = 'x';
        }
        free(a);
        free(b);
    }
}

static void a_set_gives_its_numbers_back_in_order(void **state)
{
    (void)state;
    static const size_t numbers[] = {0, 1, 63, 64, 129};
    uint64_t set[3] = {0};
    size_t n = 0;
    assert_int_equal(bits_words(0), 0);
    assert_int_equal(bits_words(64), 1);
    assert_int_equal(bits_words(129 + 1), 3);
    for (size_t i = sizeof numbers / sizeof *numbers; i-- > 0;)
        bits_add(set, numbers[i]);
    bits_add(set, 63);
    for (size_t i = 0; i < 3; i++)
        while (set[i])
            assert_int_equal(i * BITS_PER_WORD + bits_take(&set[i]), numbers[n++]);
    assert_int_equal(n, sizeof numbers / sizeof *numbers);
}

static void an_arena_stops_at_its_bound_and_starts_again_after_reset(void **state)
{
    (void)state;
    struct arena *arena = arena_new(64 * 1024);
    for (int round = 0; round < 3; round++) {
        size_t n = 0;
        while (arena_alloc(arena, 1000))
            n++;
        assert_int_equal(n, 64 * 1024 / 1008);
        arena_reset(arena);
    }
    assert_true(sv_eq(arena_printf(arena, "%d-%s", 7, "x"), SV("7-x")));
    arena_free(arena);
}

static void a_buffer_takes_all_or_nothing_past_its_maximum(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT(8);
    assert_int_equal(buf_put(&buf, SV("12345")), 0);
    assert_int_equal(buf_put(&buf, SV("6789")), -1);
    buf_consume(&buf, 3);
    assert_int_equal(buf_put(&buf, SV("678901")), 0);
    assert_true(sv_eq(buf_view(&buf), SV("45678901")));
    buf_free(&buf);
}

static void an_error_reads_as_cause_and_advice(void **state)
{
    (void)state;
    struct err err;
    char text[256];
    errno = ENOENT;
    assert_int_equal(err_set(&err, ERR_SYSTEM, "create it", "open %s", "/x"), -1);
    err_prefix(&err, "ca_file");
    assert_string_equal(err_text(&err, text, sizeof text),
                        "ca_file: open /x: No such file or directory; create it");
    assert_int_equal(err_exit_code(&err), 71);
}

static void moments_survive_writing_and_reading(void **state)
{
    (void)state;
    nanos t = 0;
    char text[40];
    assert_int_equal(time_parse_rfc3339(SV("2026-11-24T09:15:30.25+01:00 rest"), &t), 28);
    assert_string_equal(time_rfc3339(t, text, sizeof text), "2026-11-24T08:15:30.250Z");
    assert_string_equal(time_rfc5322(t, text, sizeof text), "Tue, 24 Nov 2026 08:15:30 +0000");
    const char *bad[] = {"2026-13-01T00:00:00Z", "2026-11-24T09:15:30", "2026-11-24", "9999-01-01T00:00:00Z"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(time_parse_rfc3339(sv_of(bad[i]), &t), 0);
    struct civil civil;
    assert_int_equal(time_parse_civil(SV("2026-11-24 09:15:30,5 x"), &civil), 21);
    assert_true(!civil.zoned && civil.second == 30 && civil.fraction == NANOS_PER_SECOND / 2);
    assert_int_equal(time_parse_civil(SV("2026-11-24T09:15:30.+0"), &civil), 19);
    assert_int_equal(time_parse_civil(SV("2026-11-24T09:15:30-02:30"), &civil), 25);
    assert_true(civil.zoned && civil.offset_s == -9000);
}

static void lengths_need_a_unit_and_fit(void **state)
{
    (void)state;
    nanos length;
    assert_true(time_parse_length(SV("15m"), &length));
    assert_true(length == 900 * NANOS_PER_SECOND);
    assert_true(time_parse_length(SV("500ms"), &length));
    const char *bad[] = {"15", "m", "-1s", "99999999999d", "1.5h"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(time_parse_length(sv_of(bad[i]), &length));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splitting_visits_every_piece_and_ends),
        cmocka_unit_test(numbers_are_read_whole_or_refused),
        cmocka_unit_test(utf8_is_told_from_overlong_surrogate_and_cut_forms),
        cmocka_unit_test(one_byte_beyond_ascii_is_seen_wherever_it_stands),
        cmocka_unit_test(searching_folds_ascii_case_only),
        cmocka_unit_test(near_bytes_are_found_wherever_they_stand),
        cmocka_unit_test(short_runs_are_equal_if_every_byte_is),
        cmocka_unit_test(a_set_gives_its_numbers_back_in_order),
        cmocka_unit_test(an_arena_stops_at_its_bound_and_starts_again_after_reset),
        cmocka_unit_test(a_buffer_takes_all_or_nothing_past_its_maximum),
        cmocka_unit_test(an_error_reads_as_cause_and_advice),
        cmocka_unit_test(moments_survive_writing_and_reading),
        cmocka_unit_test(lengths_need_a_unit_and_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
