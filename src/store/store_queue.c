/* The queue: which messages are due, who works on them, and what became of each. */
#include "store/sql.h"

#include "wire/smtp_client.h"

#include <assert.h>

static int mail_read(sqlite3_stmt *row, struct arena *arena, struct store_mail *ret)
{
    *ret = (struct store_mail){
        .id = sqlite3_column_int64(row, 0),
        .alert_id = sqlite3_column_int64(row, 1),
        .sequence = sqlite3_column_int64(row, 2),
        .message_id = arena_sv(arena, sql_text(row, 3)),
        .sender = arena_sv(arena, sql_text(row, 4)),
        .count = sqlite3_column_int64(row, 5),
        .suppressed = sqlite3_column_int64(row, 6),
        .raised_at = sqlite3_column_int64(row, 7),
        .created_at = sqlite3_column_int64(row, 8),
        .severity = (enum severity)sqlite3_column_int(row, 9),
        .only_gateway = arena_sv(arena, sql_text(row, 10)),
        .expires_at = sqlite3_column_int64(row, 11),
        .test = sqlite3_column_int(row, 12) != 0,
        .finding = arena_sv(arena, sql_text(row, 13)),
        .content = arena_sv(arena, sql_text(row, 14)),
        .avoid_gateway = arena_sv(arena, sql_text(row, 15)),
    };
    bool fits = ret->message_id.p && ret->sender.p && ret->only_gateway.p && ret->finding.p &&
                ret->content.p && ret->avoid_gateway.p;
    return fits ? 0 : -1;
}

static int is_leased(struct store *store, int64_t message_id, struct err *err)
{
    sqlite3_stmt *row = sql_start(store, SQL_LEASED, VALUES(INTEGER(message_id)), err);
    int got = row ? sql_step(store, row, err) : -1;
    if (got > 0)
        sql_end(row);
    return got;
}

/* What one step of building a delivery came to. */
enum taken { TAKEN, TAKEN_NO_ROOM, TAKEN_FAILED };

static enum taken take_mail(struct store *store, int64_t mail_id, struct arena *arena,
                            struct store_delivery *delivery, struct err *err)
{
    sqlite3_stmt *row = sql_start(store, SQL_MAIL, VALUES(INTEGER(mail_id)), err);
    if (!row)
        return TAKEN_FAILED;
    int got = sql_step(store, row, err);
    if (got == 0)
        err_set(err, ERR_DATA, NULL, "mail %lld of a message is missing", (long long)mail_id);
    if (got <= 0)
        return TAKEN_FAILED;
    int read = mail_read(row, arena, &delivery->mail);
    sql_end(row);
    return read < 0 ? TAKEN_NO_ROOM : TAKEN;
}

static enum taken take_messages(struct store *store, nanos now, struct arena *arena,
                                struct store_delivery *delivery, struct err *err)
{
    int got = 0;
    enum taken taken = TAKEN;
    struct store_message list[SMTP_RECIPIENTS_MAX];
    size_t n = 0;
    sqlite3_stmt *row =
        sql_start(store, SQL_MAIL_MESSAGES, VALUES(INTEGER(delivery->mail.id), INTEGER(now)), err);
    if (!row)
        return TAKEN_FAILED;
    while (taken == TAKEN && n < SMTP_RECIPIENTS_MAX && (got = sql_step(store, row, err)) > 0) {
        struct store_message *message = &list[n];
        if (sql_message(row, arena, message) < 0)
            taken = TAKEN_NO_ROOM;
        else if (!message->leased)
            n++;
    }
    sql_end(row);
    if (got < 0 || taken != TAKEN)
        return got < 0 ? TAKEN_FAILED : taken;
    delivery->messages = arena_alloc(arena, n * sizeof *list);
    if (!delivery->messages)
        return TAKEN_NO_ROOM;
    memcpy(delivery->messages, list, n * sizeof *list);
    delivery->message_count = n;
    return TAKEN;
}

/* Leases are set only once the whole delivery is in the arena, so that one that did not fit stays due. */
static enum taken take_delivery(struct store *store, int64_t mail_id, nanos now, struct arena *arena,
                                struct store_delivery *ret, struct err *err)
{
    struct store_delivery delivery = {.messages = NULL};
    enum taken taken = take_mail(store, mail_id, arena, &delivery, err);
    if (taken == TAKEN)
        taken = take_messages(store, now, arena, &delivery, err);
    if (taken != TAKEN)
        return taken;
    for (size_t i = 0; i < delivery.message_count; i++) {
        delivery.messages[i].leased = true;
        if (sql_run(store, SQL_LEASE_PUT, VALUES(INTEGER(delivery.messages[i].id)), err) < 0)
            return TAKEN_FAILED;
    }
    *ret = delivery;
    return TAKEN;
}

/* Adds the due deliveries of one severity to ret. */
static enum taken take_severity(struct store *store, enum severity severity, nanos now, size_t max,
                                struct arena *arena, struct store_delivery *ret, size_t *count,
                                struct err *err)
{
    sqlite3_stmt *row = sql_start(store, SQL_DUE, VALUES(INTEGER(severity), INTEGER(now)), err);
    if (!row)
        return TAKEN_FAILED;
    enum taken taken = TAKEN;
    int got = 0;
    while (taken == TAKEN && *count < max && (got = sql_step(store, row, err)) > 0) {
        int leased = is_leased(store, sqlite3_column_int64(row, 0), err);
        if (leased < 0)
            taken = TAKEN_FAILED;
        else if (leased == 0)
            taken = take_delivery(store, sqlite3_column_int64(row, 1), now, arena, &ret[*count], err);
        if (leased == 0 && taken == TAKEN)
            ++*count;
    }
    sql_end(row);
    return got < 0 ? TAKEN_FAILED : taken;
}

int store_lease(struct store *store, nanos now, size_t max, struct arena *arena, struct store_delivery *ret,
                size_t *ret_count, struct err *err)
{
    size_t count = 0;
    enum taken taken = TAKEN;
    for (int severity = SEVERITY_CRITICAL; severity >= SEVERITY_INFORMATIONAL && taken == TAKEN; severity--)
        taken = take_severity(store, (enum severity)severity, now, max, arena, ret, &count, err);
    if (taken == TAKEN_FAILED)
        return -1;
    if (taken == TAKEN_NO_ROOM && count == 0)
        return err_set(err, ERR_LIMIT, NULL, "a mail is larger than the room to lease it in");
    *ret_count = count;
    return 0;
}

int store_lease_return(struct store *store, const int64_t *message_ids, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++)
        if (sql_run(store, SQL_LEASE_END, VALUES(INTEGER(message_ids[i])), err) < 0)
            return -1;
    return 0;
}

int store_next_due(struct store *store, nanos *ret, struct err *err)
{
    nanos first = 0;
    for (int severity = SEVERITY_INFORMATIONAL; severity <= SEVERITY_CRITICAL; severity++) {
        sqlite3_stmt *row = sql_start(store, SQL_NEXT_DUE, VALUES(INTEGER(severity)), err);
        int got = row ? sql_step(store, row, err) : -1;
        if (got < 0)
            return -1;
        if (got == 0)
            continue;
        nanos due = sqlite3_column_int64(row, 0);
        if (first == 0 || due < first)
            first = due;
        sql_end(row);
    }
    *ret = first;
    return 0;
}

int store_message_attempted(struct store *store, const struct store_attempt *attempt, struct err *err)
{
    assert(attempt->state == STORE_QUEUED || attempt->state == STORE_HANDED_OVER ||
           attempt->state == STORE_FAILED);
    nanos handed_over_at = attempt->state == STORE_HANDED_OVER ? attempt->at : 0;
    if (sql_run(store, SQL_ATTEMPT_INSERT,
                VALUES(INTEGER(attempt->at), TEXT(attempt->gateway), INTEGER(attempt->state),
                       TEXT(attempt->queue_id), TEXT(attempt->reply), TEXT(attempt->cause),
                       INTEGER(attempt->uncertain), TEXT(attempt->hops), INTEGER(attempt->message_id)),
                err) < 0 ||
        sql_run(store, SQL_MESSAGE_ATTEMPTED,
                VALUES(INTEGER(attempt->state), TEXT(attempt->gateway), TEXT(attempt->queue_id),
                       TEXT(attempt->reply), TEXT(attempt->cause), INTEGER(attempt->next_attempt_at),
                       INTEGER(handed_over_at), INTEGER(attempt->uncertain), INTEGER(attempt->message_id)),
                err) < 0)
        return -1;
    if (sqlite3_changes(store->db) != 1)
        return err_set(err, ERR_INTERNAL, NULL, "message %lld was attempted but is not queued",
                       (long long)attempt->message_id);
    return sql_run(store, SQL_LEASE_END, VALUES(INTEGER(attempt->message_id)), err);
}

int store_expire(struct store *store, nanos now, const struct store_why *why, int64_t *ret_ids, size_t max,
                 size_t *ret_count, struct err *err)
{
    size_t n = 0;
    int got;
    sqlite3_stmt *row = sql_start(store, SQL_EXPIRABLE, VALUES(INTEGER(now), INTEGER(max)), err);
    if (!row)
        return -1;
    while ((got = sql_step(store, row, err)) > 0)
        ret_ids[n++] = sqlite3_column_int64(row, 0);
    for (size_t i = 0; got == 0 && i < n; i++)
        got =
            sql_run(store, SQL_EXPIRE,
                    VALUES(TEXT(why->gateway), TEXT(why->reply), TEXT(why->cause), INTEGER(ret_ids[i])), err);
    if (got == 0)
        *ret_count = n;
    return got;
}

int store_mail_last(struct store *store, int64_t alert_id, struct arena *arena, struct store_mail *ret,
                    struct err *err)
{
    sqlite3_stmt *row = sql_start(store, SQL_LAST_MAIL, VALUES(INTEGER(alert_id)), err);
    int got = row ? sql_step(store, row, err) : -1;
    if (got <= 0)
        return got;
    int64_t id = sqlite3_column_int64(row, 0);
    sql_end(row);
    struct store_delivery delivery;
    enum taken taken = take_mail(store, id, arena, &delivery, err);
    if (taken == TAKEN_NO_ROOM)
        return err_set(err, ERR_LIMIT, NULL, "no room for the last mail of alert %lld", (long long)alert_id);
    if (taken == TAKEN_FAILED)
        return -1;
    *ret = delivery.mail;
    return 1;
}

int store_message_find(struct store *store, int64_t message_id, struct arena *arena,
                       struct store_message *ret_message, struct store_mail *ret_mail, struct err *err)
{
    struct store_message message;
    sqlite3_stmt *row = sql_start(store, SQL_MESSAGE, VALUES(INTEGER(message_id)), err);
    int got = row ? sql_step(store, row, err) : -1;
    if (got <= 0)
        return got;
    int read = sql_message(row, arena, &message);
    sql_end(row);
    struct store_delivery delivery;
    enum taken taken = read < 0 ? TAKEN_NO_ROOM : take_mail(store, message.mail_id, arena, &delivery, err);
    if (taken == TAKEN_NO_ROOM)
        return err_set(err, ERR_LIMIT, NULL, "message %lld is too long to show", (long long)message_id);
    if (taken == TAKEN_FAILED)
        return -1;
    *ret_message = message;
    *ret_mail = delivery.mail;
    return 1;
}

int store_messages(struct store *store, int64_t first_id, bool all, store_message_fn *fn, void *arg,
                   struct err *err)
{
    sqlite3_stmt *row =
        sql_start(store, all ? SQL_MESSAGES : SQL_MESSAGES_QUEUED, VALUES(INTEGER(first_id)), err);
    if (!row)
        return -1;
    int got;
    while ((got = sql_step(store, row, err)) > 0) {
        struct store_message message;
        arena_reset(store->scratch);
        if (sql_message(row, store->scratch, &message) < 0) {
            sql_end(row);
            return err_set(err, ERR_LIMIT, NULL, "message %lld is too long to show", (long long)message.id);
        }
        if (fn(arg, &message) != 0) {
            sql_end(row);
            return 0;
        }
    }
    return got;
}

int store_attempts(struct store *store, int64_t message_id, store_attempt_fn *fn, void *arg, struct err *err)
{
    sqlite3_stmt *row = sql_start(store, SQL_ATTEMPTS, VALUES(INTEGER(message_id)), err);
    if (!row)
        return -1;
    int got;
    while ((got = sql_step(store, row, err)) > 0) {
        struct store_attempt attempt = {
            .message_id = message_id,
            .at = sqlite3_column_int64(row, 0),
            .gateway = sql_text(row, 1),
            .state = (enum store_state)sqlite3_column_int(row, 2),
            .queue_id = sql_text(row, 3),
            .reply = sql_text(row, 4),
            .cause = sql_text(row, 5),
            .uncertain = sqlite3_column_int(row, 6) != 0,
            .hops = sql_text(row, 7),
        };
        if (fn(arg, &attempt) != 0) {
            sql_end(row);
            return 0;
        }
    }
    return got;
}
