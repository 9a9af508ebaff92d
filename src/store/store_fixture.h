/* A store in a folder of its own, for tests. Include after cmocka.h and store/sql.h. */
#ifndef VEDETTE_STORE_FIXTURE_H
#define VEDETTE_STORE_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct fixture {
    char directory[64];
    struct store *store;
    struct arena *arena;
    struct err err;
    struct store_delivery deliveries[16];
};

static inline int fixture_open(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    snprintf(f->directory, sizeof f->directory, "/tmp/vedette-store-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    f->arena = arena_new(16 * 1024 * 1024);
    assert_int_equal(store_open(f->directory, &f->store, &f->err), 0);
    *state = f;
    return 0;
}

static inline int fixture_close(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"vedette.db", "vedette.db-wal", "vedette.db-shm", "vedette.lock"};
    store_close(f->store);
    arena_free(f->arena);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[sizeof f->directory + 32];
        snprintf(path, sizeof path, "%s/%s", f->directory, names[i]);
        unlink(path);
    }
    rmdir(f->directory);
    free(f);
    return 0;
}

static inline void reopen(struct fixture *f)
{
    store_close(f->store);
    f->store = NULL;
    assert_int_equal(store_open(f->directory, &f->store, &f->err), 0);
}

static inline void begin(struct fixture *f)
{
    assert_int_equal(store_begin(f->store, &f->err), 0);
}

static inline void commit(struct fixture *f)
{
    assert_int_equal(store_commit(f->store, &f->err), 0);
}

/* An alert with one mail to that many recipients, due at `at`, expired 1000 later. */
static inline struct store_mail put_alert(struct fixture *f, enum severity severity, size_t recipients,
                                          nanos at)
{
    struct store_alert alert = {.severity = severity,
                                .rule_id = SV("rule"),
                                .rule_title = SV("Title"),
                                .count = 1,
                                .mails = 1,
                                .raised_at = at,
                                .updated_at = at,
                                .mailed_at = at};
    sv to[200];
    assert_true(recipients <= 200);
    assert_int_equal(store_alert_insert(f->store, &alert, &f->err), 0);
    struct store_mail mail = {.alert_id = alert.id,
                              .sequence = 1,
                              .finding = SV("packed"),
                              .count = 1,
                              .message_id = arena_printf(f->arena, "<%lld@example.org>", (long long)alert.id),
                              .raised_at = at,
                              .created_at = at,
                              .expires_at = at + 1000,
                              .severity = severity};
    for (size_t i = 0; i < recipients; i++)
        to[i] = arena_printf(f->arena, "user%zu@example.org", i);
    assert_int_equal(store_mail_insert(f->store, &mail, to, recipients, &f->err), 0);
    return mail;
}

static inline size_t lease(struct fixture *f, nanos now, size_t max)
{
    size_t n = 0;
    assert_true(max <= sizeof f->deliveries / sizeof *f->deliveries);
    assert_int_equal(store_lease(f->store, now, max, f->arena, f->deliveries, &n, &f->err), 0);
    return n;
}

static inline void attempt(struct fixture *f, int64_t message_id, enum store_state state, nanos at,
                           nanos next)
{
    struct store_attempt attempt = {.message_id = message_id,
                                    .at = at,
                                    .gateway = SV("primary"),
                                    .state = state,
                                    .next_attempt_at = next,
                                    .reply = SV("451 4.3.0 later"),
                                    .hops = SV("[]")};
    assert_int_equal(store_message_attempted(f->store, &attempt, &f->err), 0);
}

static inline int64_t count_rows(struct fixture *f, const char *table)
{
    char text[200];
    sqlite3_stmt *row = NULL;
    snprintf(text, sizeof text, "SELECT count(*) FROM %s", table);
    assert_int_equal(sqlite3_prepare_v2(f->store->db, text, -1, &row, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(row), SQLITE_ROW);
    int64_t n = sqlite3_column_int64(row, 0);
    sqlite3_finalize(row);
    return n;
}

/* A leased message is brought there by the ways that lead there. */
static inline void bring_to(struct fixture *f, int64_t message_id, enum store_state state)
{
    char text[100];
    if (state == STORE_QUEUED)
        return;
    if (state == STORE_HANDED_OVER || state == STORE_FAILED) {
        attempt(f, message_id, state, 20, 0);
        return;
    }
    snprintf(text, sizeof text, "UPDATE message SET state = %d WHERE id = %lld", (int)state,
             (long long)message_id);
    assert_int_equal(sql_exec(f->store, text, &f->err), 0);
}

static inline int take_state(void *arg, const struct store_alert *alert, const struct store_message *messages,
                             size_t n)
{
    (void)messages;
    (void)n;
    *(enum store_state *)arg = alert->state;
    return 1;
}

static inline enum store_state alert_state(struct fixture *f, int64_t alert_id)
{
    enum store_state state = STORE_RAISED;
    assert_int_equal(store_alerts(f->store, alert_id, 0, take_state, &state, &f->err), 0);
    return state;
}

struct wanted_message {
    struct fixture *f;
    int64_t id;
    struct store_message found;
};

static inline int take_message(void *arg, const struct store_message *message)
{
    struct wanted_message *wanted = arg;
    if (message->id != wanted->id)
        return 0;
    wanted->found = *message;
    wanted->found.gateway = arena_sv(wanted->f->arena, message->gateway);
    wanted->found.queue_id = arena_sv(wanted->f->arena, message->queue_id);
    wanted->found.reply = arena_sv(wanted->f->arena, message->reply);
    wanted->found.cause = arena_sv(wanted->f->arena, message->cause);
    return 1;
}

static inline struct store_message get_message(struct fixture *f, int64_t id)
{
    struct wanted_message wanted = {.f = f, .id = id};
    assert_int_equal(store_messages(f->store, 0, true, take_message, &wanted, &f->err), 0);
    assert_int_equal(wanted.found.id, id);
    return wanted.found;
}

static inline int count_attempt(void *arg, const struct store_attempt *attempt)
{
    assert_true(attempt->hops.n > 0);
    ++*(size_t *)arg;
    return 0;
}

static inline size_t count_attempts(struct fixture *f, int64_t message_id)
{
    size_t n = 0;
    assert_int_equal(store_attempts(f->store, message_id, count_attempt, &n, &f->err), 0);
    return n;
}

#endif
