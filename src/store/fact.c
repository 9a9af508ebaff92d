#include "store/fact.h"

#include "store/sql.h"

static struct store_fact fact_read(sqlite3_stmt *row)
{
    return (struct store_fact){
        .gateway = sql_text(row, 0),
        .name = sql_text(row, 1),
        .value = sql_text(row, 2),
        .since = sqlite3_column_int64(row, 3),
        .seen_at = sqlite3_column_int64(row, 4),
    };
}

int store_fact_get(struct store *store, sv gateway, sv name, struct arena *arena, struct store_fact *ret,
                   struct err *err)
{
    sqlite3_stmt *row = sql_start(store, SQL_FACT, VALUES(TEXT(gateway), TEXT(name)), err);
    int got = row ? sql_step(store, row, err) : -1;
    if (got <= 0)
        return got;
    *ret = fact_read(row);
    ret->gateway = arena_sv(arena, ret->gateway);
    ret->name = arena_sv(arena, ret->name);
    ret->value = arena_sv(arena, ret->value);
    sql_end(row);
    return ret->gateway.p && ret->name.p && ret->value.p
               ? 1
               : err_set(err, ERR_LIMIT, NULL, "no room for what is known of a gateway");
}

int store_fact_put(struct store *store, sv gateway, sv name, sv value, nanos at, struct err *err)
{
    return sql_run(store, SQL_FACT_PUT, VALUES(TEXT(gateway), TEXT(name), TEXT(value), INTEGER(at)), err);
}

int store_facts(struct store *store, store_fact_fn *fn, void *arg, struct err *err)
{
    sqlite3_stmt *row = sql_start(store, SQL_FACTS, NO_VALUES, err);
    int got = -1;
    while (row && (got = sql_step(store, row, err)) > 0) {
        struct store_fact fact = fact_read(row);
        if (fn(arg, &fact) == 0)
            continue;
        sql_end(row);
        return 0;
    }
    return got < 0 ? -1 : 0;
}
