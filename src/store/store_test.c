/* What the store promises: leases cost nothing, states follow from messages, what is put is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/canary.h"
#include "store/sql.h"
#include "store/store_fixture.h"
#include "wire/smtp_client.h"

#include <sys/stat.h>

static void an_alert_is_found_by_its_fingerprint_until_it_has_been_quiet(void **state)
{
    struct fixture *f = *state;
    struct store_alert alert = {.fingerprint = {7},
                                .severity = SEVERITY_HIGH,
                                .rule_id = SV("r"),
                                .rule_title = SV("T\0t"),
                                .count = 1,
                                .raised_at = 100,
                                .updated_at = 100};
    struct store_alert found = {.id = -1};
    begin(f);
    assert_int_equal(store_alert_find(f->store, alert.fingerprint, 0, f->arena, &found, &f->err), 0);
    assert_int_equal(found.id, -1);
    assert_int_equal(store_alert_insert(f->store, &alert, &f->err), 0);
    assert_int_equal(alert.id, 1);
    alert.count = 5;
    alert.suppressed = 4;
    alert.updated_at = 200;
    alert.severity = SEVERITY_CRITICAL;
    assert_int_equal(store_alert_update(f->store, &alert, &f->err), 0);
    assert_int_equal(store_alert_find(f->store, alert.fingerprint, 201, f->arena, &found, &f->err), 0);
    assert_int_equal(store_alert_find(f->store, alert.fingerprint, 200, f->arena, &found, &f->err), 1);
    commit(f);
    assert_int_equal(found.count, 5);
    assert_int_equal(found.suppressed, 4);
    assert_int_equal(found.severity, SEVERITY_CRITICAL);
    assert_int_equal(found.state, STORE_RAISED);
    assert_int_equal(found.raised_at, 100);
    assert_true(sv_eq(found.rule_title, SV("T\0t")));
    assert_memory_equal(found.fingerprint, alert.fingerprint, STORE_FINGERPRINT_BYTES);
}

static void an_id_that_was_committed_is_never_used_again(void **state)
{
    struct fixture *f = *state;
    begin(f);
    assert_int_equal(put_alert(f, SEVERITY_LOW, 1, 10).alert_id, 1);
    assert_int_equal(put_alert(f, SEVERITY_LOW, 1, 10).alert_id, 2);
    commit(f);
    begin(f);
    assert_int_equal(sql_exec(f->store, "DELETE FROM alert; DELETE FROM mail; DELETE FROM message", &f->err),
                     0);
    commit(f);
    reopen(f);
    begin(f);
    struct store_mail mail = put_alert(f, SEVERITY_LOW, 1, 10);
    commit(f);
    assert_int_equal(mail.alert_id, 3);
    assert_int_equal(mail.id, 3);
}

static void the_most_severe_are_leased_first_then_the_longest_due(void **state)
{
    struct fixture *f = *state;
    static const struct {
        enum severity severity;
        nanos at;
    } cases[] = {{SEVERITY_LOW, 1},
                 {SEVERITY_CRITICAL, 5},
                 {SEVERITY_HIGH, 4},
                 {SEVERITY_CRITICAL, 3},
                 {SEVERITY_HIGH, 9}};
    static const int64_t expected[] = {4, 2, 3, 1};
    begin(f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        put_alert(f, cases[i].severity, 1, cases[i].at);
    assert_int_equal(lease(f, 8, 10), 4); /* the fifth is not due at 8 */
    commit(f);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(f->deliveries[i].mail.id, expected[i]);
}

static void a_leased_message_is_given_to_nobody_else_until_its_lease_ends(void **state)
{
    struct fixture *f = *state;
    nanos due = 77;
    begin(f);
    put_alert(f, SEVERITY_HIGH, 2, 10);
    commit(f);
    begin(f);
    assert_int_equal(lease(f, 10, 10), 1);
    assert_int_equal(f->deliveries[0].message_count, 2);
    assert_true(f->deliveries[0].messages[1].leased);
    int64_t first = f->deliveries[0].messages[0].id, second = f->deliveries[0].messages[1].id;
    assert_int_equal(lease(f, 10, 10), 0);
    assert_int_equal(store_next_due(f->store, &due, &f->err), 0);
    assert_int_equal(due, 0);
    assert_int_equal(store_lease_return(f->store, &second, 1, &f->err), 0);
    assert_int_equal(store_next_due(f->store, &due, &f->err), 0);
    assert_int_equal(due, 10);
    assert_int_equal(lease(f, 10, 10), 1);
    assert_int_equal(f->deliveries[0].message_count, 1);
    assert_int_equal(f->deliveries[0].messages[0].id, second);
    attempt(f, first, STORE_QUEUED, 20, 50);
    assert_int_equal(lease(f, 49, 10), 0);
    assert_int_equal(lease(f, 50, 10), 1);
    assert_int_equal(f->deliveries[0].messages[0].attempts, 1);
    commit(f);
}

static void leases_end_with_the_process_and_with_a_rollback(void **state)
{
    struct fixture *f = *state;
    begin(f);
    put_alert(f, SEVERITY_HIGH, 1, 10);
    commit(f);
    begin(f);
    assert_int_equal(lease(f, 10, 10), 1);
    store_rollback(f->store);
    begin(f);
    assert_int_equal(store_savepoint(f->store, &f->err), 0);
    assert_int_equal(lease(f, 10, 10), 1);
    store_rollback_to(f->store);
    assert_int_equal(lease(f, 10, 10), 1);
    commit(f);
    reopen(f);
    begin(f);
    assert_int_equal(lease(f, 10, 10), 1);
    commit(f);
}

static void recipients_of_one_mail_go_together_but_never_more_than_smtp_takes(void **state)
{
    struct fixture *f = *state;
    begin(f);
    put_alert(f, SEVERITY_LOW, SMTP_RECIPIENTS_MAX + 20, 10);
    assert_int_equal(lease(f, 10, 10), 2);
    assert_int_equal(f->deliveries[0].message_count, SMTP_RECIPIENTS_MAX);
    assert_int_equal(f->deliveries[1].message_count, 20);
    assert_int_equal(f->deliveries[1].mail.id, f->deliveries[0].mail.id);
    commit(f);
}

static void what_does_not_fit_the_arena_stays_due(void **state)
{
    struct fixture *f = *state;
    static char content[200 * 1024];
    memset(content, 'x', sizeof content);
    begin(f);
    for (int i = 0; i < 3; i++) {
        struct store_mail mail = {.message_id = SV("<a@b>"),
                                  .created_at = 1,
                                  .expires_at = 99,
                                  .content = sv_make(content, sizeof content)};
        sv to = SV("a@example.org");
        assert_int_equal(store_mail_insert(f->store, &mail, &to, 1, &f->err), 0);
    }
    struct arena *small = arena_new(500 * 1024), *tiny = arena_new(1024);
    size_t n = 99;
    assert_int_equal(store_lease(f->store, 5, 10, small, f->deliveries, &n, &f->err), 0);
    assert_int_equal(n, 2);
    assert_int_equal(f->deliveries[1].mail.content.n, sizeof content);
    assert_int_equal(store_lease(f->store, 5, 10, tiny, f->deliveries, &n, &f->err), -1);
    assert_int_equal(f->err.class, ERR_LIMIT);
    arena_reset(small);
    assert_int_equal(store_lease(f->store, 5, 10, small, f->deliveries, &n, &f->err), 0);
    assert_int_equal(n, 1);
    commit(f);
    arena_free(small);
    arena_free(tiny);
}

static void a_lease_and_a_look_write_nothing_to_disk(void **state)
{
    struct fixture *f = *state;
    char path[sizeof f->directory + 32];
    struct stat before, after;
    nanos due;
    snprintf(path, sizeof path, "%s/vedette.db-wal", f->directory);
    begin(f);
    put_alert(f, SEVERITY_HIGH, 2, 10);
    commit(f);
    assert_int_equal(stat(path, &before), 0);
    begin(f);
    assert_int_equal(lease(f, 10, 10), 1);
    assert_int_equal(store_next_due(f->store, &due, &f->err), 0);
    assert_int_equal(store_lease_return(f->store, &f->deliveries[0].messages[0].id, 1, &f->err), 0);
    commit(f);
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(before.st_size, after.st_size);
    assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
}

/* Messages of one alert brought to these states, and the state of the alert that follows. */
static void an_alert_is_as_far_as_its_least_advanced_message_and_as_bad_as_its_worst(void **state)
{
    struct fixture *f = *state;
    static const struct {
        enum store_state messages[3], alert;
    } cases[] = {
        {{STORE_QUEUED, STORE_QUEUED, STORE_QUEUED}, STORE_QUEUED},
        {{STORE_QUEUED, STORE_FAILED, STORE_LANDED}, STORE_QUEUED},
        {{STORE_HANDED_OVER, STORE_HANDED_OVER, STORE_HANDED_OVER}, STORE_HANDED_OVER},
        {{STORE_HANDED_OVER, STORE_LANDED, STORE_LANDED}, STORE_HANDED_OVER},
        {{STORE_LANDED, STORE_LANDED, STORE_LANDED}, STORE_LANDED},
        {{STORE_LANDED, STORE_FAILED, STORE_HANDED_OVER}, STORE_FAILED},
        {{STORE_EXPIRED, STORE_FAILED, STORE_LANDED}, STORE_EXPIRED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin(f);
        struct store_mail mail = put_alert(f, SEVERITY_LOW, 3, 10);
        assert_int_equal(lease(f, 10, 10), 1);
        for (size_t k = 0; k < 3; k++)
            bring_to(f, f->deliveries[0].messages[k].id, cases[i].messages[k]);
        assert_int_equal(alert_state(f, mail.alert_id), cases[i].alert);
        store_rollback(f->store);
    }
}

static void an_attempt_is_written_down_with_the_servers_words(void **state)
{
    struct fixture *f = *state;
    begin(f);
    put_alert(f, SEVERITY_HIGH, 1, 10);
    struct store_attempt lost = {.message_id = 1,
                                 .at = 20,
                                 .gateway = SV("a"),
                                 .state = STORE_QUEUED,
                                 .next_attempt_at = 30,
                                 .reply = SV("lost"),
                                 .cause = SV("unknown"),
                                 .hops = SV("[]"),
                                 .uncertain = true};
    struct store_attempt done = {.message_id = 1,
                                 .at = 31,
                                 .gateway = SV("b"),
                                 .state = STORE_HANDED_OVER,
                                 .queue_id = SV("4Q"),
                                 .reply = SV("250 2.0.0 Ok: queued as 4Q"),
                                 .hops = SV("[1]")};
    assert_int_equal(lease(f, 10, 1), 1);
    assert_int_equal(store_message_attempted(f->store, &lost, &f->err), 0);
    assert_int_equal(lease(f, 30, 1), 1);
    assert_true(f->deliveries[0].messages[0].possible_duplicate);
    assert_int_equal(store_message_attempted(f->store, &done, &f->err), 0);
    assert_int_equal(store_message_attempted(f->store, &done, &f->err), -1);
    assert_int_equal(f->err.class, ERR_INTERNAL);
    store_rollback(f->store);
    begin(f);
    put_alert(f, SEVERITY_HIGH, 1, 10);
    assert_int_equal(store_message_attempted(f->store, &lost, &f->err), 0);
    assert_int_equal(store_message_attempted(f->store, &done, &f->err), 0);
    commit(f);
    struct store_message message = get_message(f, 1);
    assert_int_equal(message.state, STORE_HANDED_OVER);
    assert_int_equal(message.attempts, 2);
    assert_int_equal(message.handed_over_at, 31);
    assert_true(message.possible_duplicate);
    assert_true(sv_eq(message.queue_id, SV("4Q")));
    assert_true(sv_eq(message.gateway, SV("b")));
    assert_int_equal(message.cause.n, 0);
    assert_int_equal(count_attempts(f, 1), 2);
}

static void what_nobody_took_in_time_expires_unless_it_is_on_its_way(void **state)
{
    struct fixture *f = *state;
    int64_t ids[4];
    size_t n = 0;
    const struct store_why why = {SV("down"), SV("nobody answers"), SV("firewall")};
    const struct store_attempt tried = {.message_id = 3,
                                        .at = 11,
                                        .gateway = SV("a"),
                                        .state = STORE_QUEUED,
                                        .reply = SV("451 later"),
                                        .cause = SV("rate")};
    begin(f);
    put_alert(f, SEVERITY_HIGH, 3, 10); /* expires at 1010 */
    assert_int_equal(lease(f, 10, 1), 1);
    assert_int_equal(store_lease_return(f->store, (int64_t[]){1, 3}, 2, &f->err), 0);
    assert_int_equal(store_message_attempted(f->store, &tried, &f->err), 0);
    assert_int_equal(store_expire(f->store, 1009, &why, ids, 4, &n, &f->err), 0);
    assert_int_equal(n, 0);
    assert_int_equal(store_expire(f->store, 1010, &why, ids, 1, &n, &f->err), 0);
    assert_int_equal(n, 1);
    assert_int_equal(ids[0], 1);
    assert_int_equal(store_expire(f->store, 1010, &why, ids, 4, &n, &f->err), 0);
    assert_int_equal(n, 1);
    assert_int_equal(ids[0], 3);
    commit(f);
    struct store_message untried = get_message(f, 1), refused = get_message(f, 3);
    assert_int_equal(untried.state, STORE_EXPIRED);
    assert_true(sv_eq(untried.gateway, why.gateway) && sv_eq(untried.reply, why.reply) &&
                sv_eq(untried.cause, why.cause));
    assert_true(sv_eq(refused.gateway, SV("a")) && sv_eq(refused.reply, tried.reply) &&
                sv_eq(refused.cause, tried.cause));
    assert_int_equal(get_message(f, 2).state, STORE_QUEUED);
}

static void a_message_is_found_together_with_its_mail(void **state)
{
    struct fixture *f = *state;
    struct store_message message;
    struct store_mail mail;
    begin(f);
    struct store_mail put = put_alert(f, SEVERITY_HIGH, 2, 10);
    commit(f);
    assert_int_equal(store_message_find(f->store, 2, f->arena, &message, &mail, &f->err), 1);
    assert_int_equal(message.id, 2);
    assert_int_equal(mail.id, put.id);
    assert_true(sv_eq(mail.message_id, put.message_id));
    assert_true(sv_eq(mail.finding, SV("packed")));
    assert_int_equal(store_message_find(f->store, 3, f->arena, &message, &mail, &f->err), 0);
}

static void a_landing_counts_for_what_was_handed_over(void **state)
{
    struct fixture *f = *state;
    struct store_landing landings[4];
    size_t changed = 9;
    begin(f);
    struct store_mail mail = put_alert(f, SEVERITY_HIGH, 2, 10);
    assert_int_equal(store_landed(f->store, &(struct store_seen){.message_id = mail.message_id, .at = 50},
                                  landings, 4, &changed, &f->err),
                     0);
    assert_int_equal(changed, 0);
    attempt(f, 1, STORE_HANDED_OVER, 20, 0);
    assert_int_equal(store_landed(f->store,
                                  &(struct store_seen){.message_id = SV("<other@example.org>"), .at = 50},
                                  landings, 4, &changed, &f->err),
                     0);
    assert_int_equal(changed, 0);
    assert_int_equal(store_landed(f->store, &(struct store_seen){.message_id = mail.message_id, .at = 50},
                                  landings, 4, &changed, &f->err),
                     0);
    assert_int_equal(changed, 1);
    assert_int_equal(landings[0].message_id, 1);
    assert_int_equal(landings[0].mail_id, mail.id);
    commit(f);
    assert_int_equal(get_message(f, 1).landed_at, 50);
    assert_int_equal(get_message(f, 2).state, STORE_QUEUED);
}

static void counts_leave_test_messages_out(void **state)
{
    struct fixture *f = *state;
    struct store_counts counts;
    begin(f);
    put_alert(f, SEVERITY_HIGH, 3, 10);
    struct store_mail mail = {
        .message_id = SV("<t@example.org>"), .created_at = 1, .expires_at = 2, .test = true};
    sv to = SV("a@example.org");
    assert_int_equal(store_mail_insert(f->store, &mail, &to, 1, &f->err), 0);
    attempt(f, 1, STORE_HANDED_OVER, 20, 0);
    attempt(f, 2, STORE_FAILED, 20, 0);
    attempt(f, 4, STORE_FAILED, 20, 0);
    commit(f);
    assert_int_equal(store_counts(f->store, &counts, &f->err), 0);
    assert_int_equal(counts.alerts, 1);
    assert_int_equal(counts.queued, 1);
    assert_int_equal(counts.handed_over, 1);
    assert_int_equal(counts.failed, 1);
    assert_int_equal(counts.landed + counts.bounced + counts.expired, 0);
}

struct seen {
    int64_t ids[8];
    size_t count, messages, stop_after;
};

static int see(void *arg, const struct store_alert *alert, const struct store_message *messages, size_t n)
{
    struct seen *seen = arg;
    for (size_t i = 0; i < n; i++)
        assert_int_equal(messages[i].alert_id, alert->id);
    seen->ids[seen->count++] = alert->id;
    seen->messages += n;
    return seen->count == seen->stop_after;
}

static int stop_at_once(void *arg, const struct store_alert *alert, const struct store_message *messages,
                        size_t count)
{
    (void)arg, (void)alert, (void)messages;
    assert_int_equal(count, 1);
    return 1;
}

/* A list of ten thousand alerts would read a hundred million rows otherwise. */
static void the_messages_of_an_alert_are_found_without_reading_others(void **state)
{
    enum { OTHERS = 200 };
    struct fixture *f = *state;
    begin(f);
    for (size_t i = 0; i < OTHERS; i++)
        put_alert(f, SEVERITY_HIGH, 1, 10);
    commit(f);
    assert_int_equal(store_alerts(f->store, 1, 0, stop_at_once, NULL, &f->err), 0);
    sqlite3_stmt *statement = f->store->statements[SQL_ALERT_MESSAGES];
    assert_true(sqlite3_stmt_status(statement, SQLITE_STMTSTATUS_VM_STEP, 0) < OTHERS);
}

static void alerts_are_listed_in_order_with_their_messages(void **state)
{
    struct fixture *f = *state;
    static const struct {
        int64_t first;
        size_t limit, stop_after, count;
        int64_t ids[5];
    } cases[] = {
        {0, 0, 0, 5, {1, 2, 3, 4, 5}}, {3, 0, 0, 3, {3, 4, 5}}, {0, 2, 0, 2, {4, 5}},
        {2, 9, 0, 4, {2, 3, 4, 5}},    {0, 0, 2, 2, {1, 2}},    {6, 0, 0, 0, {0}},
    };
    begin(f);
    for (int i = 0; i < 5; i++)
        put_alert(f, SEVERITY_HIGH, 2, 10);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct seen seen = {.stop_after = cases[i].stop_after};
        assert_int_equal(store_alerts(f->store, cases[i].first, cases[i].limit, see, &seen, &f->err), 0);
        assert_int_equal(seen.count, cases[i].count);
        assert_int_equal(seen.messages, 2 * seen.count);
        assert_memory_equal(seen.ids, cases[i].ids, seen.count * sizeof *seen.ids);
    }
    commit(f);
}

static int see_cursor(void *arg, sv input, sv cursor)
{
    struct buf *buf = arg;
    return buf_printf(buf, "%.*s=%.*s;", SV_ARG(input), SV_ARG(cursor));
}

static void a_cursor_is_the_last_one_put(void **state)
{
    struct fixture *f = *state;
    struct buf seen = BUF_INIT(256);
    begin(f);
    assert_int_equal(store_cursor_put(f->store, SV("journal"), SV("s=1"), &f->err), 0);
    assert_int_equal(store_cursor_put(f->store, SV("file /a"), SV("7"), &f->err), 0);
    assert_int_equal(store_cursor_put(f->store, SV("journal"), SV("s=2"), &f->err), 0);
    commit(f);
    reopen(f);
    assert_int_equal(store_cursors(f->store, see_cursor, &seen, &f->err), 0);
    assert_true(sv_eq(buf_view(&seen), SV("file /a=7;journal=s=2;")));
    buf_free(&seen);
}

static void one_jobs_changes_can_be_undone_and_the_others_kept(void **state)
{
    struct fixture *f = *state;
    begin(f);
    put_alert(f, SEVERITY_LOW, 1, 1);
    assert_int_equal(store_savepoint(f->store, &f->err), 0);
    put_alert(f, SEVERITY_LOW, 1, 2);
    store_rollback_to(f->store);
    assert_int_equal(store_savepoint(f->store, &f->err), 0);
    put_alert(f, SEVERITY_LOW, 1, 3);
    assert_int_equal(store_release(f->store, &f->err), 0);
    commit(f);
    assert_int_equal(count_rows(f, "alert"), 2);
    assert_int_equal(count_rows(f, "message"), 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)
    const struct CMUnitTest tests[] = {
        TEST(an_alert_is_found_by_its_fingerprint_until_it_has_been_quiet),
        TEST(an_id_that_was_committed_is_never_used_again),
        TEST(the_most_severe_are_leased_first_then_the_longest_due),
        TEST(a_leased_message_is_given_to_nobody_else_until_its_lease_ends),
        TEST(leases_end_with_the_process_and_with_a_rollback),
        TEST(recipients_of_one_mail_go_together_but_never_more_than_smtp_takes),
        TEST(what_does_not_fit_the_arena_stays_due),
        TEST(a_lease_and_a_look_write_nothing_to_disk),
        TEST(an_alert_is_as_far_as_its_least_advanced_message_and_as_bad_as_its_worst),
        TEST(an_attempt_is_written_down_with_the_servers_words),
        TEST(what_nobody_took_in_time_expires_unless_it_is_on_its_way),
        TEST(a_message_is_found_together_with_its_mail),
        TEST(a_landing_counts_for_what_was_handed_over),
        TEST(counts_leave_test_messages_out),
        TEST(the_messages_of_an_alert_are_found_without_reading_others),
        TEST(alerts_are_listed_in_order_with_their_messages),
        TEST(a_cursor_is_the_last_one_put),
        TEST(one_jobs_changes_can_be_undone_and_the_others_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
