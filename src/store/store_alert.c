/* Alerts, the mails they owe, and where the inputs have got to: all that one finding changes. */
#include "store/sql.h"

#include <assert.h>
#include <stdlib.h>

static int alert_read(sqlite3_stmt *row, struct store_alert *ret, struct arena *arena)
{
    sv fingerprint = sql_text(row, 1), rule_id = sql_text(row, 4), rule_title = sql_text(row, 5);
    *ret = (struct store_alert){
        .id = sqlite3_column_int64(row, 0),
        .state = (enum store_state)sqlite3_column_int(row, 2),
        .severity = (enum severity)sqlite3_column_int(row, 3),
        .rule_id = arena_sv(arena, rule_id),
        .rule_title = arena_sv(arena, rule_title),
        .count = sqlite3_column_int64(row, 6),
        .suppressed = sqlite3_column_int64(row, 7),
        .mails = sqlite3_column_int64(row, 8),
        .raised_at = sqlite3_column_int64(row, 9),
        .updated_at = sqlite3_column_int64(row, 10),
        .mailed_at = sqlite3_column_int64(row, 11),
        .risk = sqlite3_column_int(row, 12),
    };
    if (fingerprint.n == STORE_FINGERPRINT_BYTES)
        memcpy(ret->fingerprint, fingerprint.p, STORE_FINGERPRINT_BYTES);
    return ret->rule_id.p && ret->rule_title.p ? 0 : -1;
}

int store_alert_find(struct store *store, const unsigned char fingerprint[static STORE_FINGERPRINT_BYTES],
                     nanos since, struct arena *arena, struct store_alert *ret, struct err *err)
{
    sv bytes = sv_make(fingerprint, STORE_FINGERPRINT_BYTES);
    sqlite3_stmt *row = sql_start(store, SQL_ALERT_FIND, VALUES(BLOB(bytes)), err);
    int got = row ? sql_step(store, row, err) : -1;
    if (got <= 0)
        return got;
    struct store_alert found;
    /* Only the newest one of a fingerprint ever counts on, so an older one is no fresher. */
    if (sqlite3_column_int64(row, 10) < since)
        got = 0;
    else if (alert_read(row, &found, arena) < 0)
        got = err_set(err, ERR_LIMIT, NULL, "no room for the alert of a finding");
    else
        *ret = found;
    sql_end(row);
    return got;
}

int store_alert_untold(struct store *store, nanos mailed_before, struct arena *arena, struct store_alert *ret,
                       struct err *err)
{
    sqlite3_stmt *row = sql_start(store, SQL_ALERT_UNTOLD, VALUES(INTEGER(mailed_before)), err);
    int got = row ? sql_step(store, row, err) : -1;
    if (got <= 0)
        return got;
    int read = alert_read(row, ret, arena);
    sql_end(row);
    return read < 0 ? err_set(err, ERR_LIMIT, NULL, "no room for an alert with untold findings") : 1;
}

int store_alert_insert(struct store *store, struct store_alert *alert, struct err *err)
{
    sv fingerprint = sv_make(alert->fingerprint, STORE_FINGERPRINT_BYTES);
    if (sql_run(store, SQL_ALERT_INSERT,
                VALUES(BLOB(fingerprint), INTEGER(alert->severity), TEXT(alert->rule_id),
                       TEXT(alert->rule_title), INTEGER(alert->count), INTEGER(alert->suppressed),
                       INTEGER(alert->mails), INTEGER(alert->raised_at), INTEGER(alert->updated_at),
                       INTEGER(alert->mailed_at), INTEGER(alert->risk)),
                err) < 0)
        return -1;
    alert->id = sqlite3_last_insert_rowid(store->db);
    return 0;
}

int store_alert_update(struct store *store, const struct store_alert *alert, struct err *err)
{
    return sql_run(store, SQL_ALERT_UPDATE,
                   VALUES(INTEGER(alert->severity), INTEGER(alert->count), INTEGER(alert->suppressed),
                          INTEGER(alert->mails), INTEGER(alert->updated_at), INTEGER(alert->mailed_at),
                          INTEGER(alert->risk), INTEGER(alert->id)),
                   err);
}

int store_mail_insert(struct store *store, struct store_mail *mail, const sv *recipients,
                      size_t recipient_count, struct err *err)
{
    if (sql_run(store, SQL_MAIL_INSERT,
                VALUES(INTEGER(mail->alert_id), INTEGER(mail->sequence), TEXT(mail->message_id),
                       TEXT(mail->sender), INTEGER(mail->count), INTEGER(mail->suppressed),
                       INTEGER(mail->raised_at), INTEGER(mail->created_at), INTEGER(mail->severity),
                       TEXT(mail->only_gateway), INTEGER(mail->expires_at), INTEGER(mail->test),
                       BLOB(mail->finding), BLOB(mail->content), TEXT(mail->avoid_gateway)),
                err) < 0)
        return -1;
    mail->id = sqlite3_last_insert_rowid(store->db);
    mail->first_message_id = 0;
    for (size_t i = 0; i < recipient_count; i++) {
        if (sql_run(store, SQL_MESSAGE_INSERT,
                    VALUES(INTEGER(mail->id), INTEGER(mail->alert_id), INTEGER(mail->severity),
                           TEXT(recipients[i]), INTEGER(mail->created_at), INTEGER(mail->created_at),
                           INTEGER(mail->expires_at), INTEGER(mail->test)),
                    err) < 0)
            return -1;
        int64_t id = sqlite3_last_insert_rowid(store->db);
        assert(i == 0 || id == mail->first_message_id + (int64_t)i);
        mail->first_message_id = i == 0 ? id : mail->first_message_id;
    }
    return 0;
}

int store_cursor_put(struct store *store, sv input, sv cursor, struct err *err)
{
    return sql_run(store, SQL_CURSOR_PUT, VALUES(TEXT(input), BLOB(cursor)), err);
}

int store_cursor_get(struct store *store, sv input, struct arena *arena, sv *ret, struct err *err)
{
    sqlite3_stmt *row = sql_start(store, SQL_CURSOR, VALUES(TEXT(input)), err);
    int got = row ? sql_step(store, row, err) : -1;
    if (got <= 0)
        return got;
    sv cursor = arena_sv(arena, sql_text(row, 0));
    sql_end(row);
    if (!cursor.p)
        return err_set(err, ERR_LIMIT, NULL, "no room for a cursor");
    *ret = cursor;
    return 1;
}

int store_cursors(struct store *store, store_cursor_fn *fn, void *arg, struct err *err)
{
    sqlite3_stmt *row = sql_start(store, SQL_CURSORS, NO_VALUES, err);
    int got = row ? 1 : -1;
    while (got > 0 && (got = sql_step(store, row, err)) > 0)
        if (fn(arg, sql_text(row, 0), sql_text(row, 1)) != 0) {
            sql_end(row);
            return 0;
        }
    return got;
}

/* The messages of one alert, the newest STORE_ALERT_MESSAGES_MAX of them, into store->messages. */
static int messages_read(struct store *store, int64_t alert_id, size_t *ret_count, struct err *err)
{
    size_t n = 0;
    int got;
    arena_reset(store->scratch);
    sqlite3_stmt *row = sql_start(store, SQL_ALERT_MESSAGES,
                                  VALUES(INTEGER(alert_id), INTEGER(STORE_ALERT_MESSAGES_MAX)), err);
    if (!row)
        return -1;
    while ((got = sql_step(store, row, err)) > 0) {
        if (n == store->message_cap) {
            store->message_cap = n ? n * 2 : 8;
            store->messages = reallocarray(store->messages, store->message_cap, sizeof *store->messages);
            assert(store->messages);
        }
        if (sql_message(row, store->scratch, &store->messages[n]) < 0)
            break; /* past the bound of the scratch: what was read is shown */
        n++;
    }
    if (got > 0)
        sql_end(row);
    *ret_count = n;
    return got < 0 ? -1 : 0;
}

/* Gives one row to fn: 1 to go on, 0 to stop, -1 error. */
static int alert_give(struct store *store, sqlite3_stmt *row, struct arena *arena, store_alert_fn *fn,
                      void *arg, struct err *err)
{
    struct store_alert alert;
    size_t n = 0;
    arena_reset(arena);
    if (alert_read(row, &alert, arena) < 0)
        return err_set(err, ERR_LIMIT, NULL, "the title of alert %lld is too long", (long long)alert.id);
    bool has_messages = alert.mails > 0 || alert.state != STORE_RAISED;
    if (has_messages && messages_read(store, alert.id, &n, err) < 0)
        return -1;
    return fn(arg, &alert, store->messages, n) == 0;
}

int store_alerts(struct store *store, int64_t first_id, size_t limit, store_alert_fn *fn, void *arg,
                 struct err *err)
{
    enum { TITLE_BYTES_MAX = 1024 * 1024 };
    sqlite3_stmt *row =
        limit ? sql_start(store, SQL_ALERTS_NEWEST, VALUES(INTEGER(first_id), INTEGER(limit)), err)
              : sql_start(store, SQL_ALERTS, VALUES(INTEGER(first_id)), err);
    if (!row)
        return -1;
    struct arena *arena = arena_new(TITLE_BYTES_MAX);
    int got, going = 1;
    while (going > 0 && (got = sql_step(store, row, err)) != 0)
        going = got < 0 ? -1 : alert_give(store, row, arena, fn, arg, err);
    sql_end(row);
    arena_free(arena);
    return going < 0 ? -1 : 0;
}

int store_counts(struct store *store, struct store_counts *ret, struct err *err)
{
    int64_t n[STORE_EXPIRED + 1] = {0};
    int got;
    sqlite3_stmt *row = sql_start(store, SQL_COUNTS, NO_VALUES, err);
    if (!row)
        return -1;
    while ((got = sql_step(store, row, err)) > 0) {
        int state = sqlite3_column_int(row, 0);
        if (state >= 0 && state <= STORE_EXPIRED)
            n[state] = sqlite3_column_int64(row, 1);
    }
    if (got == 0)
        *ret = (struct store_counts){n[STORE_RAISED],  n[STORE_QUEUED], n[STORE_HANDED_OVER], n[STORE_LANDED],
                                     n[STORE_BOUNCED], n[STORE_FAILED], n[STORE_EXPIRED]};
    return got;
}
