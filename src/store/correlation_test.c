#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs its types first. */
#include <cmocka.h>

#include "store/correlation.h"
#include "store/sql.h"
#include "store/store_fixture.h"

static int gather(void *arg, sv key, sv value)
{
    struct buf *text = arg;
    buf_put(text, key);
    buf_put(text, SV("="));
    buf_put(text, value);
    buf_put(text, SV(" "));
    return buf_view(text).n >= 8;
}

static void state_is_kept_in_order_and_read_in_pieces(void **state)
{
    struct fixture *f = *state;
    struct buf text = BUF_INIT(1000);
    static const sv rows[][2] = {{SV_INIT("b"), SV_INIT("1")},    {SV_INIT("a"), SV_INIT("2")},
                                 {SV_INIT("c\0d"), SV_INIT("3")}, {SV_INIT("b"), SV_INIT("4")},
                                 {SV_INIT("a"), {NULL, 0}},       {SV_INIT("never"), {NULL, 0}}};
    begin(f);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(store_correlation_put(f->store, rows[i][0], rows[i][1], &f->err), 0);
    commit(f);
    reopen(f);
    assert_int_equal(store_correlations(f->store, SV(""), gather, &text, &f->err), 1);
    assert_true(sv_eq(buf_view(&text), SV("b=4 c\0d=3 ")));
    buf_clear(&text);
    assert_int_equal(store_correlations(f->store, SV("b"), gather, &text, &f->err), 0);
    assert_true(sv_eq(buf_view(&text), SV("c\0d=3 ")));
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(state_is_kept_in_order_and_read_in_pieces, fixture_open,
                                        fixture_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
