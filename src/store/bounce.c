#include "store/bounce.h"

#include "store/sql.h"

static const char COUNTS_KEY[] = "report counts";

int store_key_get(struct store *store, sv name, unsigned char *ret, size_t n, struct err *err)
{
    sqlite3_stmt *row = sql_start(store, SQL_KEY, VALUES(TEXT(name)), err);
    int got = row ? sql_step(store, row, err) : -1;
    if (got <= 0)
        return got;
    sv value = sql_text(row, 0);
    bool fits = value.n == n;
    if (fits)
        memcpy(ret, value.p, n);
    sql_end(row);
    if (!fits)
        return err_set(err, ERR_DATA, NULL, "the key %.*s has another length", SV_ARG(name));
    return 1;
}

int store_key_put(struct store *store, sv name, sv value, struct err *err)
{
    return sql_run(store, SQL_KEY_PUT, VALUES(TEXT(name), BLOB(value)), err);
}

static int state_of(struct store *store, int64_t message_id, enum store_state *ret, struct err *err)
{
    sqlite3_stmt *row = sql_start(store, SQL_MESSAGE, VALUES(INTEGER(message_id)), err);
    int got = row ? sql_step(store, row, err) : -1;
    if (got == 0)
        err_set(err, ERR_INTERNAL, NULL, "message %lld bounced and is not there", (long long)message_id);
    if (got <= 0)
        return -1;
    *ret = (enum store_state)sqlite3_column_int(row, 3);
    sql_end(row);
    return 0;
}

int store_message_bounced(struct store *store, const struct store_bounce *bounce,
                          enum store_bounce_effect *ret, struct err *err)
{
    enum store_state state;
    if (state_of(store, bounce->message_id, &state, err) < 0)
        return -1;
    if (state != STORE_HANDED_OVER && state != STORE_LANDED) {
        *ret = state == STORE_QUEUED ? STORE_BOUNCE_EARLY : STORE_BOUNCE_OLD_NEWS;
        return 0;
    }
    if (sql_run(store, SQL_BOUNCE_ATTEMPT,
                VALUES(INTEGER(bounce->at), TEXT(bounce->reply), TEXT(bounce->cause),
                       INTEGER(bounce->message_id)),
                err) < 0 ||
        sql_run(store, SQL_BOUNCE,
                VALUES(TEXT(bounce->reply), TEXT(bounce->cause), INTEGER(bounce->message_id)), err) < 0)
        return -1;
    *ret = STORE_BOUNCE_DONE;
    return 0;
}

int store_mail_messages(struct store *store, int64_t mail_id, struct arena *arena, struct store_message *ret,
                        size_t max, size_t *ret_count, struct err *err)
{
    size_t n = 0;
    int got = 0;
    sqlite3_stmt *row = sql_start(store, SQL_MESSAGES_OF_MAIL, VALUES(INTEGER(mail_id), INTEGER(max)), err);
    if (!row)
        return -1;
    while (n < max && (got = sql_step(store, row, err)) > 0) {
        if (sql_message(row, arena, &ret[n]) < 0) {
            sql_end(row);
            return err_set(err, ERR_LIMIT, NULL, "the messages of mail %lld are too long",
                           (long long)mail_id);
        }
        n++;
    }
    if (got > 0)
        sql_end(row);
    if (got >= 0)
        *ret_count = n;
    return got < 0 ? -1 : 0;
}

int store_gateways_tried(struct store *store, sv mail_message_id, sv recipient, struct arena *arena, sv *ret,
                         size_t max, size_t *ret_count, struct err *err)
{
    size_t n = 0;
    int got = 0;
    sqlite3_stmt *row = sql_start(store, SQL_GATEWAYS_TRIED,
                                  VALUES(TEXT(mail_message_id), TEXT(recipient), INTEGER(max)), err);
    if (!row)
        return -1;
    while (n < max && (got = sql_step(store, row, err)) > 0) {
        ret[n] = arena_sv(arena, sql_text(row, 0));
        if (!ret[n++].p) {
            sql_end(row);
            return err_set(err, ERR_LIMIT, NULL, "no room for the names of gateways");
        }
    }
    if (got > 0)
        sql_end(row);
    if (got >= 0)
        *ret_count = n;
    return got < 0 ? -1 : 0;
}

int store_message_resend(struct store *store, int64_t message_id, sv gateway, nanos now, nanos expires_at,
                         int64_t *ret_message_id, struct err *err)
{
    if (sql_run(store, SQL_MAIL_COPY,
                VALUES(INTEGER(now), TEXT(gateway), INTEGER(expires_at), INTEGER(message_id)), err) < 0)
        return -1;
    int64_t mail_id = sqlite3_last_insert_rowid(store->db);
    if (sql_run(
            store, SQL_MESSAGE_COPY,
            VALUES(INTEGER(mail_id), INTEGER(now), INTEGER(now), INTEGER(expires_at), INTEGER(message_id)),
            err) < 0)
        return -1;
    *ret_message_id = sqlite3_last_insert_rowid(store->db);
    return sql_run(store, SQL_BOUNCE_FOLLOWED, VALUES(INTEGER(message_id)), err);
}

int store_reports_counted(struct store *store, struct store_report_counts *ret, struct err *err)
{
    struct store_report_counts counts = {0};
    int got = store_key_get(store, sv_of(COUNTS_KEY), (unsigned char *)&counts, sizeof counts, err);
    if (got < 0)
        return -1;
    *ret = counts;
    return 0;
}

int store_reports_count(struct store *store, const struct store_report_counts *more, struct err *err)
{
    struct store_report_counts counts;
    if (store_reports_counted(store, &counts, err) < 0)
        return -1;
#define X(name, help) counts.name += more->name;
    STORE_REPORT_COUNTS(X)
#undef X
    return store_key_put(store, sv_of(COUNTS_KEY), sv_make(&counts, sizeof counts), err);
}
