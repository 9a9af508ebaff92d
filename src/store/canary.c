#include "store/canary.h"

#include "store/sql.h"

#include <assert.h>

const char *store_canary_state_name(enum store_canary_state state)
{
    switch (state) {
    case STORE_CANARY_WAITING:
        return "waiting";
    case STORE_CANARY_LANDED:
        return "landed";
    case STORE_CANARY_MISSED:
        return "missed";
    case STORE_CANARY_BY_HAND:
        return "by-hand";
    }
    return "waiting"; /* not reached: the switch has them all */
}

int store_canary_insert(struct store *store, struct store_canary *canary, struct err *err)
{
    assert(canary->token.n && canary->token.n < STORE_TOKEN_MAX);
    if (sql_run(store, SQL_CANARY_INSERT,
                VALUES(TEXT(canary->gateway), TEXT(canary->token), TEXT(canary->message_id),
                       INTEGER(canary->mail_id), INTEGER(canary->state), INTEGER(canary->sent_at),
                       INTEGER(canary->due_at)),
                err) < 0)
        return -1;
    canary->id = sqlite3_last_insert_rowid(store->db);
    return 0;
}

static int canary_read(sqlite3_stmt *row, struct arena *arena, struct store_canary *ret, struct err *err)
{
    *ret = (struct store_canary){
        .id = sqlite3_column_int64(row, 0),
        .gateway = arena_sv(arena, sql_text(row, 1)),
        .token = arena_sv(arena, sql_text(row, 2)),
        .message_id = arena_sv(arena, sql_text(row, 3)),
        .mail_id = sqlite3_column_int64(row, 4),
        .state = (enum store_canary_state)sqlite3_column_int(row, 5),
        .sent_at = sqlite3_column_int64(row, 6),
        .due_at = sqlite3_column_int64(row, 7),
        .handed_over_at = sqlite3_column_int64(row, 8),
        .landed_at = sqlite3_column_int64(row, 9),
        .evidence = arena_sv(arena, sql_text(row, 10)),
        .cause = arena_sv(arena, sql_text(row, 11)),
        .reply = arena_sv(arena, sql_text(row, 12)),
    };
    bool fits = ret->gateway.p && ret->token.p && ret->message_id.p && ret->evidence.p && ret->cause.p &&
                ret->reply.p;
    return fits ? 1 : err_set(err, ERR_LIMIT, NULL, "no room for canary %lld", (long long)ret->id);
}

static int canary_one(struct store *store, sqlite3_stmt *row, struct arena *arena, struct store_canary *ret,
                      struct err *err)
{
    int got = row ? sql_step(store, row, err) : -1;
    if (got <= 0)
        return got;
    struct store_canary canary;
    got = canary_read(row, arena, &canary, err);
    sql_end(row);
    if (got > 0)
        *ret = canary;
    return got;
}

int store_canary_last(struct store *store, sv gateway, bool concluded, struct arena *arena,
                      struct store_canary *ret, struct err *err)
{
    return canary_one(store,
                      sql_start(store, SQL_CANARY_LAST, VALUES(TEXT(gateway), INTEGER(concluded)), err),
                      arena, ret, err);
}

int store_canary_overdue(struct store *store, nanos now, struct arena *arena, struct store_canary *ret,
                         struct err *err)
{
    return canary_one(store, sql_start(store, SQL_CANARY_OVERDUE, VALUES(INTEGER(now)), err), arena, ret,
                      err);
}

/* Two numbers of a statement that always gives one row. */
static int two_numbers(struct store *store, sqlite3_stmt *row, int64_t ret[static 2], struct err *err)
{
    int got = row ? sql_step(store, row, err) : -1;
    if (got < 0)
        return -1;
    assert(got == 1);
    ret[0] = sqlite3_column_int64(row, 0);
    ret[1] = sqlite3_column_int64(row, 1);
    sql_end(row);
    return 0;
}

int store_canaries_waiting(struct store *store, int64_t *ret_count, nanos *ret_due, struct err *err)
{
    int64_t numbers[2];
    if (two_numbers(store, sql_start(store, SQL_CANARY_WAITING, NO_VALUES, err), numbers, err) < 0)
        return -1;
    *ret_count = numbers[0];
    *ret_due = numbers[1];
    return 0;
}

int store_canary_missed(struct store *store, int64_t id, nanos handed_over_at, sv cause, sv reply,
                        struct err *err)
{
    return sql_run(store, SQL_CANARY_MISSED,
                   VALUES(INTEGER(handed_over_at), TEXT(cause), TEXT(reply), INTEGER(id)), err);
}

/* The latency that stands at this place of the order. */
static int latency_at(struct store *store, sv gateway, nanos since, int64_t place, nanos *ret,
                      struct err *err)
{
    sqlite3_stmt *row =
        sql_start(store, SQL_CANARY_LATENCY, VALUES(TEXT(gateway), INTEGER(since), INTEGER(place)), err);
    int got = row ? sql_step(store, row, err) : -1;
    if (got <= 0)
        return got;
    *ret = sqlite3_column_int64(row, 0);
    sql_end(row);
    return 0;
}

int store_canary_rate(struct store *store, sv gateway, nanos since, struct store_canary_rate *ret,
                      struct err *err)
{
    int64_t numbers[2];
    struct store_canary_rate rate = {0};
    if (two_numbers(store, sql_start(store, SQL_CANARY_COUNT, VALUES(TEXT(gateway), INTEGER(since)), err),
                    numbers, err) < 0)
        return -1;
    rate.sent = numbers[0];
    rate.landed = numbers[1];
    /* Nearest rank: the smallest latency that so many percent do not exceed. */
    if (rate.landed &&
        (latency_at(store, gateway, since, (rate.landed + 1) / 2 - 1, &rate.p50, err) < 0 ||
         latency_at(store, gateway, since, (rate.landed * 99 + 99) / 100 - 1, &rate.p99, err) < 0))
        return -1;
    *ret = rate;
    return 0;
}

int store_canaries_prune(struct store *store, nanos before, struct err *err)
{
    return sql_run(store, SQL_CANARY_PRUNE, VALUES(INTEGER(before)), err);
}

/* --- Landings --- */

static int landings_read(struct store *store, sqlite3_stmt *row, struct store_landing *ret, size_t max,
                         size_t *ret_count, struct err *err)
{
    size_t n = 0;
    int got = -1;
    if (!row)
        return -1;
    while ((got = sql_step(store, row, err)) > 0) {
        if (n == max)
            continue;
        ret[n] = (struct store_landing){.message_id = sqlite3_column_int64(row, 0),
                                        .mail_id = sqlite3_column_int64(row, 1),
                                        .alert_id = sqlite3_column_int64(row, 2),
                                        .created_at = sqlite3_column_int64(row, 4)};
        sv_copy(ret[n++].gateway, sizeof ret->gateway, sql_text(row, 3));
    }
    if (got == 0)
        *ret_count = n;
    return got;
}

int store_landed(struct store *store, const struct store_seen *seen, struct store_landing *ret, size_t max,
                 size_t *ret_count, struct err *err)
{
    if (landings_read(store,
                      sql_start(store, SQL_LANDED,
                                VALUES(INTEGER(seen->at), TEXT(seen->evidence), TEXT(seen->message_id),
                                       TEXT(seen->recipient)),
                                err),
                      ret, max, ret_count, err) < 0)
        return -1;
    return sql_run(store, SQL_CANARY_SEEN,
                   VALUES(INTEGER(seen->at), TEXT(seen->evidence), TEXT(seen->message_id)), err);
}

int store_message_landed(struct store *store, int64_t message_id, nanos at, sv evidence, struct err *err)
{
    if (sql_run(store, SQL_MESSAGE_LANDED, VALUES(INTEGER(at), TEXT(evidence), INTEGER(message_id)), err) < 0)
        return -1;
    return sql_run(store, SQL_CANARY_MESSAGE_LANDED, VALUES(INTEGER(at), TEXT(evidence), INTEGER(message_id)),
                   err);
}

int store_token_landed(struct store *store, sv token, nanos at, sv evidence, struct store_landing *ret,
                       size_t max, size_t *ret_count, struct err *err)
{
    sqlite3_stmt *row = sql_start(store, SQL_CANARY_TOKEN, VALUES(TEXT(token)), err);
    int got = row ? sql_step(store, row, err) : -1;
    if (got <= 0)
        return got;
    int64_t mail_id = sqlite3_column_int64(row, 0);
    sql_end(row);
    row = sql_start(store, SQL_MAIL_LANDED, VALUES(INTEGER(at), TEXT(evidence), INTEGER(mail_id)), err);
    if (landings_read(store, row, ret, max, ret_count, err) < 0)
        return -1;
    if (*ret_count == 0)
        return 1;
    return sql_run(store, SQL_CANARY_MAIL_LANDED, VALUES(INTEGER(at), TEXT(evidence), INTEGER(mail_id)),
                   err) < 0
               ? -1
               : 1;
}
