/* Canaries and landings in the store: what counts as landed, and how often and how fast. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/canary.h"
#include "store/sql.h"
#include "store/store_fixture.h"

#define SECOND NANOS_PER_SECOND

static int64_t mail_to(struct fixture *f, sv message_id, const sv *recipients, size_t count)
{
    struct store_mail mail = {.sequence = 1,
                              .message_id = message_id,
                              .count = 1,
                              .created_at = 10 * SECOND,
                              .expires_at = 1000 * SECOND,
                              .severity = SEVERITY_LOW,
                              .test = true};
    assert_int_equal(store_mail_insert(f->store, &mail, recipients, count, &f->err), 0);
    for (size_t i = 0; i < count; i++) {
        const struct store_attempt attempt = {.message_id = mail.first_message_id + (int64_t)i,
                                              .at = 11 * SECOND,
                                              .gateway = SV("first"),
                                              .state = STORE_HANDED_OVER,
                                              .reply = SV("250 taken")};
        assert_int_equal(store_message_attempted(f->store, &attempt, &f->err), 0);
    }
    return mail.id;
}

static int64_t canary_at(struct fixture *f, const char *token, nanos sent, int64_t mail_id)
{
    char message_id[64];
    snprintf(message_id, sizeof message_id, "<canary.%s@example.org>", token);
    struct store_canary canary = {.gateway = SV("first"),
                                  .token = sv_of(token),
                                  .message_id = sv_of(message_id),
                                  .mail_id = mail_id,
                                  .sent_at = sent,
                                  .due_at = sent + 60 * SECOND};
    assert_int_equal(store_canary_insert(f->store, &canary, &f->err), 0);
    return canary.id;
}

static size_t seen(struct fixture *f, const char *message_id, const char *recipient, nanos at)
{
    struct store_landing landings[4];
    size_t count = 99;
    const struct store_seen what = {.message_id = sv_of(message_id),
                                    .recipient = sv_of(recipient),
                                    .at = at,
                                    .evidence = SV("{\"by\":\"maildir\"}")};
    assert_int_equal(store_landed(f->store, &what, landings, 4, &count, &f->err), 0);
    return count;
}

static void only_the_owner_of_the_mailbox_has_it(void **state)
{
    struct fixture *f = *state;
    const sv both[] = {SV("soc@example.org"), SV("audit@example.org")};
    assert_int_equal(store_begin(f->store, &f->err), 0);
    mail_to(f, SV("<one@example.org>"), both, 2);
    assert_int_equal(seen(f, "<one@example.org>", "SOC@example.org", 20 * SECOND), 1);
    /* seen again: the other recipient still has not got it */
    assert_int_equal(seen(f, "<one@example.org>", "SOC@example.org", 21 * SECOND), 0);
    assert_int_equal(seen(f, "<one@example.org>", "audit@example.org", 22 * SECOND), 1);
    /* a mailbox of an alias stands for all of them */
    mail_to(f, SV("<two@example.org>"), both, 2);
    assert_int_equal(seen(f, "<two@example.org>", "team@example.org", 23 * SECOND), 2);
    assert_int_equal(store_commit(f->store, &f->err), 0);
}

static void a_landing_is_never_before_its_mail_was_queued(void **state)
{
    struct fixture *f = *state;
    const sv one[] = {SV("soc@example.org")};
    struct store_message message;
    struct store_mail mail;
    assert_int_equal(store_begin(f->store, &f->err), 0);
    mail_to(f, SV("<one@example.org>"), one, 1);
    assert_int_equal(seen(f, "<one@example.org>", NULL, 9 * SECOND), 1); /* another clock */
    assert_int_equal(store_message_find(f->store, 1, f->arena, &message, &mail, &f->err), 1);
    assert_int_equal(message.landed_at, 10 * SECOND);
    assert_true(sv_eq(message.evidence, SV("{\"by\":\"maildir\"}")));
    assert_int_equal(store_commit(f->store, &f->err), 0);
}

static void rate_and_latency_count_what_landed_in_time(void **state)
{
    struct fixture *f = *state;
    struct store_canary_rate rate;
    char token[16], id[64];
    assert_int_equal(store_begin(f->store, &f->err), 0);
    for (int i = 1; i <= 100; i++) {
        snprintf(token, sizeof token, "t%d", i);
        snprintf(id, sizeof id, "<canary.t%d@example.org>", i);
        int64_t canary = canary_at(f, token, i * 100 * SECOND, 0);
        if (i <= 90)
            seen(f, id, NULL, (i * 100 + (i <= 89 ? 1 : 50)) * SECOND);
        else if (i == 91)
            seen(f, id, NULL, (i * 100 + 61) * SECOND); /* late */
        else if (i < 100)
            assert_int_equal(store_canary_missed(f->store, canary, 0, SV("unknown"), SV(""), &f->err), 0);
    }
    assert_int_equal(store_canary_rate(f->store, SV("first"), 0, &rate, &f->err), 0);
    assert_int_equal(rate.sent, 99); /* one is still waited for */
    assert_int_equal(rate.landed, 90);
    assert_int_equal(rate.p50, SECOND);
    assert_int_equal(rate.p99, 50 * SECOND);
    assert_int_equal(store_canary_rate(f->store, SV("first"), 9150 * SECOND, &rate, &f->err), 0);
    assert_int_equal(rate.sent, 8);
    assert_int_equal(rate.landed, 0);
    assert_int_equal(store_canaries_prune(f->store, 9150 * SECOND, &f->err), 0);
    assert_int_equal(store_canary_rate(f->store, SV("first"), 0, &rate, &f->err), 0);
    assert_int_equal(rate.sent, 8);
    assert_int_equal(store_commit(f->store, &f->err), 0);
}

static void a_missed_canary_may_still_land(void **state)
{
    struct fixture *f = *state;
    struct store_canary canary;
    nanos due;
    int64_t waiting;
    assert_int_equal(store_begin(f->store, &f->err), 0);
    int64_t id = canary_at(f, "late", 100 * SECOND, 0);
    assert_int_equal(store_canaries_waiting(f->store, &waiting, &due, &f->err), 0);
    assert_int_equal(waiting, 1);
    assert_int_equal(due, 160 * SECOND);
    assert_int_equal(store_canary_overdue(f->store, 159 * SECOND, f->arena, &canary, &f->err), 0);
    assert_int_equal(store_canary_overdue(f->store, 160 * SECOND, f->arena, &canary, &f->err), 1);
    assert_int_equal(canary.id, id);
    assert_int_equal(store_canary_last(f->store, SV("first"), true, f->arena, &canary, &f->err), 0);
    assert_int_equal(store_canary_missed(f->store, id, 0, SV("unknown"), SV("250 ok"), &f->err), 0);
    assert_int_equal(store_canary_last(f->store, SV("first"), true, f->arena, &canary, &f->err), 1);
    assert_int_equal(canary.state, STORE_CANARY_MISSED);
    seen(f, "<canary.late@example.org>", NULL, 500 * SECOND);
    assert_int_equal(store_canary_last(f->store, SV("first"), true, f->arena, &canary, &f->err), 1);
    assert_int_equal(canary.state, STORE_CANARY_LANDED);
    assert_int_equal(canary.landed_at, 500 * SECOND);
    assert_int_equal(store_commit(f->store, &f->err), 0);
}

static void a_readers_word_counts_once_and_only_for_its_token(void **state)
{
    struct fixture *f = *state;
    const sv one[] = {SV("soc@example.org")};
    struct store_landing landings[4];
    size_t count = 0;
    assert_int_equal(store_begin(f->store, &f->err), 0);
    canary_at(f, "known", 10 * SECOND, mail_to(f, SV("<canary.known@example.org>"), one, 1));
    assert_int_equal(store_token_landed(f->store, SV("unknown"), 20, SV("{}"), landings, 4, &count, &f->err),
                     0);
    assert_int_equal(
        store_token_landed(f->store, SV("known"), 20 * SECOND, SV("{}"), landings, 4, &count, &f->err), 1);
    assert_int_equal(count, 1);
    assert_int_equal(
        store_token_landed(f->store, SV("known"), 21 * SECOND, SV("{}"), landings, 4, &count, &f->err), 1);
    assert_int_equal(count, 0);
    assert_int_equal(store_commit(f->store, &f->err), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(only_the_owner_of_the_mailbox_has_it),
        TEST(a_landing_is_never_before_its_mail_was_queued),
        TEST(rate_and_latency_count_what_landed_in_time),
        TEST(a_missed_canary_may_still_land),
        TEST(a_readers_word_counts_once_and_only_for_its_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
