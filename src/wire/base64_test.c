/* Base64: RFC 4648's own examples, and that nothing but the exact form is accepted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/base64.h"

static const struct {
    sv bytes, text;
} pairs[] = {
    {SV_INIT(""), SV_INIT("")},
    {SV_INIT("f"), SV_INIT("Zg==")},
    {SV_INIT("fo"), SV_INIT("Zm8=")},
    {SV_INIT("foo"), SV_INIT("Zm9v")},
    {SV_INIT("foob"), SV_INIT("Zm9vYg==")},
    {SV_INIT("\x01"), SV_INIT("AQ==")},
    {SV_INIT("\xff\xfe\xfd\x00"), SV_INIT("//79AA==")},
};

static void bytes_go_there_and_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct buf text = BUF_INIT(64), bytes = BUF_INIT(64);
        assert_int_equal(base64_encode(pairs[i].bytes, &text), 0);
        assert_true(sv_eq(buf_view(&text), pairs[i].text));
        assert_int_equal(base64_decode(buf_view(&text), &bytes), 0);
        assert_true(sv_eq(buf_view(&bytes), pairs[i].bytes));
        buf_free(&text);
        buf_free(&bytes);
    }
}

static void an_inexact_form_is_refused_and_leaves_nothing(void **state)
{
    (void)state;
    static const sv bad[] = {
        SV_INIT("Z"),        SV_INIT("Zg"),         SV_INIT("Zg="),   SV_INIT("Zh=="),
        SV_INIT("Zm9="),     SV_INIT("Zg==="),      SV_INIT("===="),  SV_INIT("Z==="),
        SV_INIT("Zg==Zg=="), SV_INIT("Zm9v\r\n"),   SV_INIT("Zm 9v"), SV_INIT("Zm9v\0\0\0\0"),
        SV_INIT("Zm-_"),     SV_INIT("Z\xc3\xa9g"), SV_INIT("*"),
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct buf bytes = BUF_INIT(64);
        assert_int_equal(base64_decode(bad[i], &bytes), -1);
        assert_int_equal(buf_view(&bytes).n, 0);
        buf_free(&bytes);
    }
}

static void more_than_the_buffer_may_hold_is_refused(void **state)
{
    (void)state;
    struct buf small = BUF_INIT(7);
    assert_int_equal(base64_encode(SV("foob"), &small), -1);
    assert_int_equal(base64_decode(SV("Zm9vZm9vZm9v"), &small), -1);
    assert_int_equal(buf_view(&small).n, 0);
    buf_free(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_go_there_and_back),
        cmocka_unit_test(an_inexact_form_is_refused_and_leaves_nothing),
        cmocka_unit_test(more_than_the_buffer_may_hold_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
