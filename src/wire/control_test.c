/* Frames between processes: whole, cut anywhere, unknown, too long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/control.h"

static void a_frame_that_was_put_is_taken(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT(1024);
    assert_int_equal(control_put(&buf, CONTROL_FINDINGS, SV("body")), 0);
    assert_int_equal(control_put(&buf, CONTROL_GO, SV_NONE), 0);
    enum control_type type;
    sv body;
    size_t used;
    assert_int_equal(control_take(buf_view(&buf), &type, &body, &used), CONTROL_FRAME);
    assert_int_equal(type, CONTROL_FINDINGS);
    assert_true(sv_eq(body, SV("body")));
    buf_consume(&buf, used);
    assert_int_equal(control_take(buf_view(&buf), &type, &body, &used), CONTROL_FRAME);
    assert_int_equal(type, CONTROL_GO);
    assert_int_equal(body.n, 0);
    buf_consume(&buf, used);
    assert_int_equal(buf_view(&buf).n, 0);
    buf_free(&buf);
}

static void a_frame_cut_anywhere_asks_for_more(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT(1024);
    assert_int_equal(control_put(&buf, CONTROL_REQUEST, SV("{\"command\":\"alerts\"}")), 0);
    enum control_type type = CONTROL_GO;
    sv body = SV("untouched");
    size_t used = 99;
    for (size_t n = 0; n < buf_view(&buf).n; n++)
        assert_int_equal(control_take(sv_first(buf_view(&buf), n), &type, &body, &used), CONTROL_NEED_DATA);
    assert_int_equal(type, CONTROL_GO);
    assert_int_equal(used, 99);
    buf_free(&buf);
}

static void an_unknown_type_or_a_length_past_the_maximum_is_invalid(void **state)
{
    (void)state;
    enum control_type type;
    sv body;
    size_t used;
    const sv unknown = SV("\0\0\0\0\x7f\0\0\0");
    const sv too_long = SV("\x01\0\0\x01");
    assert_int_equal(control_take(unknown, &type, &body, &used), CONTROL_INVALID);
    assert_int_equal(control_take(too_long, &type, &body, &used), CONTROL_INVALID);
}

static void a_frame_that_does_not_fit_leaves_the_buffer_as_it_was(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT(10);
    assert_int_equal(control_put(&buf, CONTROL_REPLY, SV("abc")), -1);
    assert_int_equal(buf_view(&buf).n, 0);
    buf_free(&buf);
}

static void every_type_has_its_name(void **state)
{
    (void)state;
    assert_string_equal(control_type_name(CONTROL_START), "START");
    assert_string_equal(control_type_name(CONTROL_REPLY_END), "REPLY_END");
    assert_string_equal(control_type_name((enum control_type)0), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_that_was_put_is_taken),
        cmocka_unit_test(a_frame_cut_anywhere_asks_for_more),
        cmocka_unit_test(an_unknown_type_or_a_length_past_the_maximum_is_invalid),
        cmocka_unit_test(a_frame_that_does_not_fit_leaves_the_buffer_as_it_was),
        cmocka_unit_test(every_type_has_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
