#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "store/bounce.h"
#include "store/sql.h"
#include "store/store_fixture.h"

static struct store_bounce bounce_of(int64_t message_id)
{
    return (struct store_bounce){message_id, 30, SV("550 5.1.1 User unknown"), SV("recipient")};
}

static enum store_bounce_effect bounce(struct fixture *f, int64_t message_id)
{
    enum store_bounce_effect effect;
    struct store_bounce said = bounce_of(message_id);
    assert_int_equal(store_message_bounced(f->store, &said, &effect, &f->err), 0);
    return effect;
}

static void a_message_bounces_once_and_from_where_it_can(void **state)
{
    struct fixture *f = *state;
    static const struct {
        enum store_state before, after;
        enum store_bounce_effect effect;
    } cases[] = {
        {STORE_QUEUED, STORE_QUEUED, STORE_BOUNCE_EARLY},
        {STORE_HANDED_OVER, STORE_BOUNCED, STORE_BOUNCE_DONE},
        {STORE_LANDED, STORE_BOUNCED, STORE_BOUNCE_DONE},
        {STORE_FAILED, STORE_FAILED, STORE_BOUNCE_OLD_NEWS},
        {STORE_EXPIRED, STORE_EXPIRED, STORE_BOUNCE_OLD_NEWS},
        {STORE_BOUNCED, STORE_BOUNCED, STORE_BOUNCE_OLD_NEWS},
    };
    begin(f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct store_mail mail = put_alert(f, SEVERITY_HIGH, 1, 10);
        assert_int_equal(lease(f, 10, 1), 1);
        bring_to(f, mail.first_message_id, cases[i].before);
        assert_int_equal(bounce(f, mail.first_message_id), cases[i].effect);
        assert_int_equal(alert_state(f, mail.alert_id), cases[i].after);
        assert_int_not_equal(bounce(f, mail.first_message_id), STORE_BOUNCE_DONE);
    }
    commit(f);
}

static void an_alert_follows_the_copy_of_what_bounced(void **state)
{
    struct fixture *f = *state;
    int64_t copy = 0;
    sv tried[4];
    size_t count = 0;
    begin(f);
    struct store_mail mail = put_alert(f, SEVERITY_HIGH, 1, 10);
    assert_int_equal(lease(f, 10, 1), 1);
    attempt(f, mail.first_message_id, STORE_HANDED_OVER, 20, 0);
    assert_int_equal(bounce(f, mail.first_message_id), STORE_BOUNCE_DONE);
    assert_int_equal(
        store_message_resend(f->store, mail.first_message_id, SV("second"), 40, 5000, &copy, &f->err), 0);
    assert_true(copy > mail.first_message_id);
    assert_int_equal(alert_state(f, mail.alert_id), STORE_QUEUED);
    assert_int_equal(store_gateways_tried(f->store, mail.message_id, SV("user0@example.org"), f->arena, tried,
                                          4, &count, &f->err),
                     0);
    assert_int_equal(count, 2);
    assert_true(sv_eq(tried[0], SV("primary")) && sv_eq(tried[1], SV("second")));
    assert_int_equal(lease(f, 40, 1), 1);
    assert_true(sv_eq(f->deliveries[0].mail.only_gateway, SV("second")));
    assert_true(sv_eq(f->deliveries[0].mail.message_id, mail.message_id));
    assert_true(sv_eq(f->deliveries[0].mail.finding, SV("packed")));
    attempt(f, copy, STORE_HANDED_OVER, 50, 0);
    assert_int_equal(alert_state(f, mail.alert_id), STORE_HANDED_OVER);
    assert_int_equal(bounce(f, copy), STORE_BOUNCE_DONE);
    assert_int_equal(alert_state(f, mail.alert_id), STORE_BOUNCED);
    commit(f);
}

static void keys_and_counts_survive_a_restart(void **state)
{
    struct fixture *f = *state;
    unsigned char key[4] = {0};
    struct store_report_counts counts, more = {.forged = 2, .bounced = 1};
    begin(f);
    assert_int_equal(store_key_get(f->store, SV("x"), key, 4, &f->err), 0);
    assert_int_equal(store_key_put(f->store, SV("x"), SV("abcd"), &f->err), 0);
    assert_int_equal(store_reports_count(f->store, &more, &f->err), 0);
    assert_int_equal(store_reports_count(f->store, &more, &f->err), 0);
    commit(f);
    reopen(f);
    begin(f);
    assert_int_equal(store_key_get(f->store, SV("x"), key, 4, &f->err), 1);
    assert_memory_equal(key, "abcd", 4);
    assert_int_equal(store_key_get(f->store, SV("x"), key, 3, &f->err), -1);
    assert_int_equal(store_reports_counted(f->store, &counts, &f->err), 0);
    assert_int_equal(counts.forged, 4);
    assert_int_equal(counts.bounced, 2);
    commit(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_message_bounces_once_and_from_where_it_can, fixture_open,
                                        fixture_close),
        cmocka_unit_test_setup_teardown(an_alert_follows_the_copy_of_what_bounced, fixture_open,
                                        fixture_close),
        cmocka_unit_test_setup_teardown(keys_and_counts_survive_a_restart, fixture_open, fixture_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
