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

/* --- Against a plain table --- */

enum { KEYS = 300, STEPS = 2000 };

struct model {
    unsigned values[KEYS]; /* 0: none */
};

/* Below n; the same in every run. */
static unsigned draw(unsigned n)
{
    static uint64_t state = 7;
    state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (unsigned)(state >> 33) % n;
}

static void key_name(char name[static 16], unsigned key)
{
    snprintf(name, 16, "key %u", key * 7919 % 1000);
}

static void change_some(struct fixture *f, struct model *model)
{
    for (unsigned n = draw(40) + 1; n > 0; n--) {
        unsigned key = draw(KEYS), value = draw(5);
        char name[16], text[400];
        key_name(name, key);
        snprintf(text, sizeof text, "%*u", (int)(key % 300 + 1), value);
        model->values[key] = value;
        assert_int_equal(store_correlation_put(f->store, sv_of(name), value ? sv_of(text) : SV_NONE, &f->err),
                         0);
    }
}

/* Jobs of one transaction, of which some are undone, and then perhaps all. */
static void run_transaction(struct fixture *f, struct model *model)
{
    struct model before = *model;
    begin(f);
    for (unsigned jobs = draw(4) + 1; jobs > 0; jobs--) {
        struct model undone = *model;
        assert_int_equal(store_savepoint(f->store, &f->err), 0);
        change_some(f, model);
        if (draw(4)) {
            assert_int_equal(store_release(f->store, &f->err), 0);
            continue;
        }
        store_rollback_to(f->store);
        *model = undone;
    }
    if (draw(8)) {
        commit(f);
        return;
    }
    store_rollback(f->store);
    *model = before;
}

static void fold_some(struct fixture *f)
{
    begin(f);
    assert_in_range(store_correlation_fold(f->store, 0, &f->err), 0, 1);
    if (draw(4))
        commit(f);
    else
        store_rollback(f->store);
}

static int check_row(void *arg, sv key, sv value)
{
    struct model *model = arg;
    char name[16];
    unsigned found = 0;
    while (key_name(name, found), !sv_eq(key, sv_of(name)))
        assert_true(++found < KEYS);
    assert_int_equal(value.n, found % 300 + 1);
    assert_int_equal(value.p[value.n - 1] - '0', model->values[found]);
    model->values[found] = 0; /* seen */
    return 0;
}

static void check(struct fixture *f, struct model model)
{
    begin(f);
    assert_int_equal(store_correlations(f->store, SV(""), check_row, &model, &f->err), 0);
    commit(f);
    for (size_t i = 0; i < KEYS; i++)
        assert_int_equal(model.values[i], 0);
}

static void whatever_is_undone_or_folded_in_between_the_last_word_counts(void **state)
{
    struct fixture *f = *state;
    struct model model = {{0}};
    for (int i = 0; i < STEPS; i++) {
        unsigned chance = draw(100);
        if (chance < 60)
            run_transaction(f, &model);
        else if (chance < 97)
            fold_some(f);
        else if (chance < 98)
            reopen(f);
        else
            check(f, model);
    }
    check(f, model);
    assert_int_equal(store_correlation_log_bytes(f->store), 0);
}

static void a_log_is_folded_in_pieces_and_each_key_once(void **state)
{
    struct fixture *f = *state;
    char name[16], value[16];
    int64_t rows;
    for (int round = 0; round < 3; round++) {
        begin(f);
        for (unsigned key = 0; key < 500; key++) {
            snprintf(name, sizeof name, "%u", key);
            snprintf(value, sizeof value, "%d", round);
            assert_int_equal(store_correlation_put(f->store, sv_of(name), sv_of(value), &f->err), 0);
        }
        commit(f);
    }
    rows = count_rows(f, "correlation_log");
    assert_int_equal(rows, 3);
    begin(f);
    assert_int_equal(store_correlation_fold(f->store, 0, &f->err), 1);
    commit(f);
    rows = count_rows(f, "correlation");
    assert_in_range(rows, 1, 499);
    assert_int_equal(count_rows(f, "correlation_log"), 3);
    reopen(f); /* in the middle of it */
    begin(f);
    while (store_correlation_fold(f->store, 0, &f->err) > 0)
        continue;
    commit(f);
    assert_int_equal(count_rows(f, "correlation"), 500);
    assert_int_equal(count_rows(f, "correlation_log"), 0);
}

static void a_damaged_log_is_an_error(void **state)
{
    struct fixture *f = *state;
    struct buf text = BUF_INIT(1000);
    assert_int_equal(sql_exec(f->store, "INSERT INTO correlation_log (changes) VALUES (x'01')", &f->err), 0);
    begin(f);
    assert_int_equal(store_correlations(f->store, SV(""), gather, &text, &f->err), -1);
    assert_int_equal(f->err.class, ERR_DATA);
    store_rollback(f->store);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(state_is_kept_in_order_and_read_in_pieces, fixture_open,
                                        fixture_close),
        cmocka_unit_test_setup_teardown(whatever_is_undone_or_folded_in_between_the_last_word_counts,
                                        fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(a_log_is_folded_in_pieces_and_each_key_once, fixture_open,
                                        fixture_close),
        cmocka_unit_test_setup_teardown(a_damaged_log_is_an_error, fixture_open, fixture_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
