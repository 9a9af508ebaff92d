#include "store/trouble.h"

#include "store/sql.h"

static struct store_trouble trouble_read(sqlite3_stmt *row)
{
    return (struct store_trouble){
        .id = sqlite3_column_int64(row, 0),
        .gateway = sql_text(row, 1),
        .kind = sql_text(row, 2),
        .severity = (enum severity)sqlite3_column_int(row, 3),
        .cause = sql_text(row, 4),
        .text = sql_text(row, 5),
        .advice = sql_text(row, 6),
        .since = sqlite3_column_int64(row, 7),
        .until = sqlite3_column_int64(row, 8),
        .alert_id = sqlite3_column_int64(row, 9),
    };
}

int store_trouble_last(struct store *store, sv gateway, sv kind, struct arena *arena,
                       struct store_trouble *ret, struct err *err)
{
    sqlite3_stmt *row = sql_start(store, SQL_TROUBLE_LAST, VALUES(TEXT(gateway), TEXT(kind)), err);
    int got = row ? sql_step(store, row, err) : -1;
    if (got <= 0)
        return got;
    *ret = trouble_read(row);
    sv *texts[] = {&ret->gateway, &ret->kind, &ret->cause, &ret->text, &ret->advice};
    bool fits = true;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        *texts[i] = arena_sv(arena, *texts[i]);
        fits = fits && texts[i]->p;
    }
    sql_end(row);
    return fits ? 1 : err_set(err, ERR_LIMIT, NULL, "no room for the trouble of a gateway");
}

int store_trouble_open(struct store *store, struct store_trouble *trouble, struct err *err)
{
    if (sql_run(store, SQL_TROUBLE_OPEN,
                VALUES(TEXT(trouble->gateway), TEXT(trouble->kind), INTEGER(trouble->severity),
                       TEXT(trouble->cause), TEXT(trouble->text), TEXT(trouble->advice),
                       INTEGER(trouble->since), INTEGER(trouble->alert_id)),
                err) < 0)
        return -1;
    trouble->id = sqlite3_last_insert_rowid(store->db);
    return 0;
}

int store_trouble_update(struct store *store, const struct store_trouble *trouble, struct err *err)
{
    return sql_run(store, SQL_TROUBLE_UPDATE,
                   VALUES(TEXT(trouble->cause), TEXT(trouble->text), TEXT(trouble->advice),
                          INTEGER(trouble->until), INTEGER(trouble->alert_id), INTEGER(trouble->id)),
                   err);
}

int store_troubles(struct store *store, nanos since, store_trouble_fn *fn, void *arg, struct err *err)
{
    sqlite3_stmt *row = sql_start(store, SQL_TROUBLES, VALUES(INTEGER(since)), err);
    int got = -1;
    while (row && (got = sql_step(store, row, err)) > 0) {
        struct store_trouble trouble = trouble_read(row);
        if (fn(arg, &trouble) == 0)
            continue;
        sql_end(row);
        return 0;
    }
    return got < 0 ? -1 : 0;
}
