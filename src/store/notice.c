#include "store/notice.h"

#include "store/sql.h"

int store_notice_insert(struct store *store, struct store_notice *notice, struct err *err)
{
    if (sql_run(store, SQL_NOTICE_INSERT,
                VALUES(TEXT(notice->way), TEXT(notice->kind), TEXT(notice->body), INTEGER(notice->created_at),
                       INTEGER(notice->next_attempt_at)),
                err) < 0)
        return -1;
    notice->id = sqlite3_last_insert_rowid(store->db);
    return 0;
}

int store_notices_due(struct store *store, nanos now, int64_t after_id, size_t max, struct arena *arena,
                      struct store_notice *ret, size_t *ret_count, struct err *err)
{
    size_t n = 0;
    int got = 0;
    bool fits = true;
    sqlite3_stmt *row =
        sql_start(store, SQL_NOTICES_DUE, VALUES(INTEGER(now), INTEGER(after_id), INTEGER(max)), err);
    if (!row)
        return -1;
    while (fits && n < max && (got = sql_step(store, row, err)) > 0) {
        ret[n] = (struct store_notice){
            .id = sqlite3_column_int64(row, 0),
            .way = arena_sv(arena, sql_text(row, 1)),
            .kind = arena_sv(arena, sql_text(row, 2)),
            .body = arena_sv(arena, sql_text(row, 3)),
            .attempts = sqlite3_column_int(row, 4),
            .created_at = sqlite3_column_int64(row, 5),
            .next_attempt_at = sqlite3_column_int64(row, 6),
        };
        fits = ret[n].way.p && ret[n].kind.p && ret[n].body.p;
        n += fits;
    }
    if (got > 0)
        sql_end(row);
    if (got < 0)
        return -1;
    if (!fits && n == 0)
        return err_set(err, ERR_LIMIT, NULL, "a notice is larger than the room for it");
    *ret_count = n;
    return 0;
}

int store_notice_attempted(struct store *store, int64_t id, bool done, nanos next_attempt_at, sv reply,
                           struct err *err)
{
    return sql_run(
        store, SQL_NOTICE_ATTEMPTED,
        VALUES(INTEGER(done ? next_attempt_at : 0), INTEGER(next_attempt_at), TEXT(reply), INTEGER(id)), err);
}

int store_notice_next_due(struct store *store, nanos *ret, struct err *err)
{
    sqlite3_stmt *row = sql_start(store, SQL_NOTICE_NEXT_DUE, NO_VALUES, err);
    int got = row ? sql_step(store, row, err) : -1;
    if (got < 0)
        return -1;
    *ret = got ? sqlite3_column_int64(row, 0) : 0;
    if (got)
        sql_end(row);
    return 0;
}
