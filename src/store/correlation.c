#include "store/correlation.h"

#include "io/loop.h"
#include "store/changes.h"
#include "store/sql.h"

#include <assert.h>
#include <stdlib.h>

enum {
    CHANGED_BYTES_MANY = 1024 * 1024,         /* of one transaction: then they go to the log early */
    CHANGED_BYTES_MAX = 1024 * 1024 * 1024,   /* of one job: more than the correlator can remember */
    PER_BYTE_MAX = 8,                         /* of memory to find the last change of each key */
    FOLD_BYTES_MAX = CORRELATION_LOG_MAX * 4, /* what is folded at once, with what it takes to sort it */
    PUTS_PER_LOOK = 64,                       /* at the clock */
};

/* --- Into the log --- */

static bool has_many(const struct store *store)
{
    return buf_view(&store->changed).n >= CHANGED_BYTES_MANY;
}

int store_correlation_put(struct store *store, sv key, sv value, struct err *err)
{
    store->changed.max = CHANGED_BYTES_MAX;
    if (!changes_pack(&store->changed, key, value))
        return err_set(err, ERR_LIMIT, NULL, "what correlations remember changes too much at once");
    return !store->in_job && has_many(store) ? correlation_flush(store, err) : 0;
}

static int row_put(struct store *store, struct buf *row, struct err *err)
{
    size_t n = buf_view(row).n;
    if (n > 0 && sql_run(store, SQL_CORRELATION_LOG, VALUES(BLOB(buf_view(row))), err) < 0)
        return -1;
    if (store->log_bytes >= 0)
        store->log_bytes += (int64_t)n;
    buf_clear(row);
    return 0;
}

static int rows_put(struct store *store, struct change *const *changes, size_t count, struct err *err)
{
    struct buf row = BUF_INIT(CHANGED_BYTES_MAX);
    size_t most = buf_view(&store->changed).n;
    buf_reserve(&row, most < CHANGED_BYTES_MANY ? most : CHANGED_BYTES_MANY);
    int put = 0;
    for (size_t i = 0; i < count && put == 0; i++) {
        bool packed = changes_pack(&row, changes[i]->key, changes[i]->value);
        assert(packed);
        if (buf_view(&row).n >= CHANGED_BYTES_MANY)
            put = row_put(store, &row, err);
    }
    if (put == 0)
        put = row_put(store, &row, err);
    buf_free(&row);
    return put;
}

int correlation_flush(struct store *store, struct err *err)
{
    sv changed = buf_view(&store->changed);
    size_t count;
    if (!changed.n)
        return 0;
    struct changes *changes = changes_new(changed.n, changed.n * PER_BYTE_MAX);
    enum changes_added added = changes_add(changes, changed);
    assert(added == CHANGES_ADDED);
    struct change **sorted = changes_sorted(changes, &count);
    int put = rows_put(store, sorted, count, err);
    changes_free(changes);
    if (put == 0)
        buf_clear(&store->changed);
    return put;
}

int correlation_job(struct store *store, struct err *err)
{
    if (has_many(store) && correlation_flush(store, err) < 0)
        return -1;
    store->in_job = true;
    store->changed_before = buf_view(&store->changed).n;
    return 0;
}

void correlation_job_end(struct store *store, bool undone)
{
    if (undone && store->in_job)
        store->changed.end = store->changed.start + store->changed_before;
    store->in_job = false;
    if (undone)
        correlation_fold_drop(store);
}

void correlation_undo(struct store *store)
{
    buf_clear(&store->changed);
    correlation_job_end(store, true);
}

size_t store_correlation_log_bytes(struct store *store)
{
    sqlite3_stmt *row;
    if (store->log_bytes < 0 && (row = sql_start(store, SQL_CORRELATION_LOG_BYTES, NO_VALUES, NULL)) &&
        sql_step(store, row, NULL) > 0) {
        store->log_bytes = sqlite3_column_int64(row, 0);
        sql_end(row);
    }
    return store->log_bytes > 0 ? (size_t)store->log_bytes : 0;
}

/* --- From the log into the table --- */

/* A part of the log that is being folded: read once, then put into the table in order of the keys, whose
 * neighbours share pages. The part stays in the log until all of it is in the table, so that it can begin
 * anew, whatever of it was undone. */
struct correlation_fold {
    struct changes *changes;
    struct change **sorted;
    size_t count, at;
    int64_t last_id;
};

void correlation_fold_drop(struct store *store)
{
    struct correlation_fold *fold = store->fold;
    store->log_bytes = -1;
    store->fold = NULL;
    if (fold)
        changes_free(fold->changes);
    free(fold);
}

/* From the beginning as far as there is room for. */
static int log_read(struct store *store, struct correlation_fold *fold, struct err *err)
{
    sqlite3_stmt *row = sql_start(store, SQL_CORRELATION_LOG_READ, NO_VALUES, err);
    enum changes_added added = CHANGES_ADDED;
    int got = -1;
    while (row && added == CHANGES_ADDED && (got = sql_step(store, row, err)) > 0) {
        sv packed = changes_keep(fold->changes, sql_text(row, 1));
        added = packed.p ? changes_add(fold->changes, packed) : CHANGES_NO_ROOM;
        if (added == CHANGES_ADDED)
            fold->last_id = sqlite3_column_int64(row, 0);
    }
    if (got > 0)
        sql_end(row);
    if (added == CHANGES_DAMAGED || (added == CHANGES_NO_ROOM && !fold->last_id))
        return err_set(err, ERR_DATA, NULL, "what correlations remember is damaged in the store");
    return got < 0 ? -1 : 0;
}

static int fold_begin(struct store *store, struct err *err)
{
    struct correlation_fold *fold = store->fold = calloc(1, sizeof *fold);
    assert(fold);
    fold->changes = changes_new(store_correlation_log_bytes(store), FOLD_BYTES_MAX);
    if (log_read(store, fold, err) < 0) {
        correlation_fold_drop(store);
        return -1;
    }
    fold->sorted = changes_sorted(fold->changes, &fold->count);
    return 0;
}

static int fold_end(struct store *store, struct err *err)
{
    int64_t last_id = store->fold->last_id;
    correlation_fold_drop(store);
    return sql_run(store, SQL_CORRELATION_LOG_CUT, VALUES(INTEGER(last_id)), err);
}

static int fold_put(struct store *store, const struct change *change, struct err *err)
{
    if (!change->value.p)
        return sql_run(store, SQL_CORRELATION_DROP, VALUES(BLOB(change->key)), err);
    return sql_run(store, SQL_CORRELATION_PUT, VALUES(BLOB(change->key), BLOB(change->value)), err);
}

/* 1: more of this part is left. */
static int fold_on(struct store *store, nanos until, struct err *err)
{
    struct correlation_fold *fold = store->fold;
    while (fold->at < fold->count) {
        if (fold_put(store, fold->sorted[fold->at], err) < 0)
            return -1;
        if (++fold->at % PUTS_PER_LOOK == 0 && loop_monotonic() >= until)
            return 1;
    }
    return fold_end(store, err);
}

int store_correlation_fold(struct store *store, nanos length, struct err *err)
{
    nanos until = loop_monotonic() + length;
    int more = 0;
    while (more == 0 && (store->fold || store_correlation_log_bytes(store) > 0)) {
        if (!store->fold && fold_begin(store, err) < 0)
            return -1;
        more = fold_on(store, until, err);
    }
    return more;
}

int store_correlations(struct store *store, sv after, store_correlation_fn *fn, void *arg, struct err *err)
{
    static const nanos ALL = INT64_MAX / 2;
    if (correlation_flush(store, err) < 0 || store_correlation_fold(store, ALL, err) < 0)
        return -1;
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
