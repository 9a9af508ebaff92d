#include "store/correlation.h"

#include "store/sql.h"

int store_correlation_put(struct store *store, sv key, sv value, struct err *err)
{
    if (!value.p)
        return sql_run(store, SQL_CORRELATION_DROP, VALUES(BLOB(key)), err);
    return sql_run(store, SQL_CORRELATION_PUT, VALUES(BLOB(key), BLOB(value)), err);
}

int store_correlations(struct store *store, sv after, store_correlation_fn *fn, void *arg, struct err *err)
{
    sqlite3_stmt *row = sql_start(store, SQL_CORRELATIONS, VALUES(BLOB(after)), err);
    int got = -1;
    while (row && (got = sql_step(store, row, err)) > 0) {
        if (fn(arg, sql_text(row, 0), sql_text(row, 1)) == 0)
            continue;
        sql_end(row);
        return 1;
    }
    return got < 0 ? -1 : 0;
}
