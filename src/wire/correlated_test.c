/* What the correlator gave comes out as it went in, in parts, and what is none is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/correlated.h"

static void findings_and_changes_come_out_in_their_order(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT(1024 * 1024);
    struct arena *arena = arena_new(1024 * 1024);
    struct finding finding = {.rule_id = SV("r"), .rule_title = SV("t")}, back;
    struct correlated correlated;
    sv key, value;
    correlated_begin(&buf, 5);
    assert_true(correlated_add_change(&buf, SV("k1"), SV("v1")));
    assert_true(correlated_add_finding(&buf, &finding));
    assert_true(correlated_add_change(&buf, SV("k2"), SV_NONE));
    assert_true(correlated_open(buf_view(&buf), &correlated));
    assert_int_equal(correlated.serial, 5);
    assert_false(correlated.last);
    correlated_end(&buf);
    assert_true(correlated_open(buf_view(&buf), &correlated));
    assert_true(correlated.last);
    assert_int_equal(correlated_next(&correlated, &back, &key, &value, arena), CORRELATED_CHANGE);
    assert_true(sv_eq(key, SV("k1")) && sv_eq(value, SV("v1")));
    assert_int_equal(correlated_next(&correlated, &back, &key, &value, arena), CORRELATED_FINDING);
    assert_true(sv_eq(back.rule_title, SV("t")));
    assert_int_equal(correlated_next(&correlated, &back, &key, &value, arena), CORRELATED_CHANGE);
    assert_true(sv_eq(key, SV("k2")) && !value.p);
    assert_int_equal(correlated_next(&correlated, &back, &key, &value, arena), CORRELATED_NONE);
    arena_free(arena);
    buf_free(&buf);
}

static void what_does_not_fit_is_left_for_the_next_part(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT(100);
    char value[60] = {0};
    correlated_begin(&buf, 1);
    assert_true(correlated_add_change(&buf, SV("k"), sv_make(value, sizeof value)));
    size_t before = buf_view(&buf).n;
    assert_false(correlated_add_change(&buf, SV("k"), sv_make(value, sizeof value)));
    assert_int_equal(buf_view(&buf).n, before);
    buf_free(&buf);
}

static void a_part_cut_anywhere_is_refused_or_shorter(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT(1024 * 1024);
    struct arena *arena = arena_new(1024 * 1024);
    struct finding finding = {.rule_id = SV("r")}, back;
    correlated_begin(&buf, 1);
    correlated_add_finding(&buf, &finding);
    correlated_add_change(&buf, SV("key"), SV("value"));
    for (size_t n = 0; n < buf_view(&buf).n; n++) {
        struct correlated correlated;
        sv key, value;
        enum correlated_item item = CORRELATED_NONE;
        size_t items = 0;
        if (!correlated_open(sv_first(buf_view(&buf), n), &correlated))
            continue;
        while ((item = correlated_next(&correlated, &back, &key, &value, arena)) == CORRELATED_FINDING ||
               item == CORRELATED_CHANGE)
            items++;
        assert_true(items < 2);
    }
    arena_free(arena);
    buf_free(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(findings_and_changes_come_out_in_their_order),
        cmocka_unit_test(what_does_not_fit_is_left_for_the_next_part),
        cmocka_unit_test(a_part_cut_anywhere_is_refused_or_shorter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
