#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "store/fact.h"
#include "store/notice.h"
#include "store/sql.h"
#include "store/store_fixture.h"
#include "store/trouble.h"

static void a_fact_keeps_since_when_it_holds(void **state)
{
    struct fixture *f = *state;
    struct store_fact fact;
    begin(f);
    assert_int_equal(store_fact_get(f->store, SV("a"), SV("issuer"), f->arena, &fact, &f->err), 0);
    assert_int_equal(store_fact_put(f->store, SV("a"), SV("issuer"), SV("CN=x"), 10, &f->err), 0);
    assert_int_equal(store_fact_put(f->store, SV("b"), SV("issuer"), SV("CN=z"), 15, &f->err), 0);
    assert_int_equal(store_fact_put(f->store, SV("a"), SV("issuer"), SV("CN=x"), 20, &f->err), 0);
    assert_int_equal(store_fact_get(f->store, SV("a"), SV("issuer"), f->arena, &fact, &f->err), 1);
    assert_true(fact.since == 10 && fact.seen_at == 20 && sv_eq(fact.value, SV("CN=x")));
    assert_int_equal(store_fact_put(f->store, SV("a"), SV("issuer"), SV("CN=y"), 30, &f->err), 0);
    commit(f);
    reopen(f);
    assert_int_equal(store_fact_get(f->store, SV("a"), SV("issuer"), f->arena, &fact, &f->err), 1);
    assert_true(fact.since == 30 && fact.seen_at == 30 && sv_eq(fact.value, SV("CN=y")));
}

static int count(void *arg, const struct store_trouble *trouble)
{
    (void)trouble;
    ++*(int *)arg;
    return 0;
}

static void at_most_one_trouble_of_a_kind_is_open_for_a_gateway(void **state)
{
    struct fixture *f = *state;
    struct store_trouble down = {.gateway = SV("a"),
                                 .kind = SV("gateway-down"),
                                 .severity = SEVERITY_HIGH,
                                 .cause = SV("firewall"),
                                 .text = SV("no answer"),
                                 .advice = SV("allow it"),
                                 .since = 10},
                         last;
    int n = 0;
    begin(f);
    assert_int_equal(store_trouble_last(f->store, down.gateway, down.kind, f->arena, &last, &f->err), 0);
    assert_int_equal(store_trouble_open(f->store, &down, &f->err), 0);
    struct store_trouble second = down;
    assert_int_equal(store_trouble_open(f->store, &second, &f->err), -1);
    commit(f);
    begin(f);
    assert_int_equal(store_trouble_last(f->store, down.gateway, down.kind, f->arena, &last, &f->err), 1);
    assert_true(last.until == 0 && last.id == down.id && sv_eq(last.advice, SV("allow it")));
    last.until = 40;
    last.alert_id = 7;
    assert_int_equal(store_trouble_update(f->store, &last, &f->err), 0);
    second.since = 50;
    assert_int_equal(store_trouble_open(f->store, &second, &f->err), 0);
    assert_int_equal(store_trouble_last(f->store, down.gateway, down.kind, f->arena, &last, &f->err), 1);
    assert_true(last.id == second.id && last.alert_id == 0);
    assert_int_equal(store_troubles(f->store, 41, count, &n, &f->err), 0);
    assert_int_equal(n, 1);
    assert_int_equal(store_troubles(f->store, 40, count, &n, &f->err), 0);
    assert_int_equal(n, 3);
    commit(f);
}

static void a_notice_is_owed_until_it_is_done(void **state)
{
    struct fixture *f = *state;
    struct store_notice notice = {.way = SV("chat"),
                                  .kind = SV("trouble"),
                                  .body = SV("{}"),
                                  .created_at = 10,
                                  .next_attempt_at = 10},
                        due[4];
    size_t n;
    nanos next;
    begin(f);
    assert_int_equal(store_notice_next_due(f->store, &next, &f->err), 0);
    assert_true(next == 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(store_notice_insert(f->store, &notice, &f->err), 0);
    assert_int_equal(store_notices_due(f->store, 9, 0, 4, f->arena, due, &n, &f->err), 0);
    assert_int_equal(n, 0);
    assert_int_equal(store_notices_due(f->store, 10, 0, 2, f->arena, due, &n, &f->err), 0);
    assert_int_equal(n, 2);
    assert_int_equal(store_notice_attempted(f->store, due[0].id, true, 11, SV("200"), &f->err), 0);
    assert_int_equal(store_notice_attempted(f->store, due[1].id, false, 99, SV("503"), &f->err), 0);
    commit(f);
    reopen(f);
    assert_int_equal(store_notices_due(f->store, 20, 0, 4, f->arena, due, &n, &f->err), 0);
    assert_int_equal(n, 1);
    assert_true(due[0].id == notice.id && due[0].attempts == 0);
    assert_int_equal(store_notices_due(f->store, 99, notice.id, 4, f->arena, due, &n, &f->err), 0);
    assert_int_equal(n, 0);
    assert_int_equal(store_notice_next_due(f->store, &next, &f->err), 0);
    assert_true(next == 10);
}

static void a_mail_keeps_the_gateway_that_it_avoids(void **state)
{
    struct fixture *f = *state;
    struct store_mail mail = {.message_id = SV("<a@b>"), .avoid_gateway = SV("primary"), .expires_at = 99};
    const sv recipient = SV("soc@example.org");
    size_t n = 0;
    begin(f);
    assert_int_equal(store_mail_insert(f->store, &mail, &recipient, 1, &f->err), 0);
    commit(f);
    begin(f);
    assert_int_equal(store_lease(f->store, 1, 1, f->arena, f->deliveries, &n, &f->err), 0);
    commit(f);
    assert_int_equal(n, 1);
    assert_true(sv_eq(f->deliveries[0].mail.avoid_gateway, SV("primary")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_fact_keeps_since_when_it_holds, fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(at_most_one_trouble_of_a_kind_is_open_for_a_gateway, fixture_open,
                                        fixture_close),
        cmocka_unit_test_setup_teardown(a_notice_is_owed_until_it_is_done, fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(a_mail_keeps_the_gateway_that_it_avoids, fixture_open, fixture_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
