#include "store/sql.h"

#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

static const char *const sql_texts[] = {
#define X(name, text) text,
    SQL_STATEMENTS(X) SQL_CANARY_STATEMENTS(X)
#undef X
};

static bool is_full(struct store *store, int code)
{
    if ((code & 0xff) == SQLITE_FULL || code == SQLITE_IOERR_SHMSIZE)
        return true;
    int system = sqlite3_system_errno(store->db);
    return code == SQLITE_IOERR_WRITE && (system == EDQUOT || system == ENOSPC);
}

/* After a failed fsync the kernel may have dropped dirty pages that SQLite believes written: only a fresh
 * process, reading the disk again, knows what is there. */
static _Noreturn void end_process(const struct store *store, int code)
{
    LOG_ERROR("the store's disk failed, ending the process", LOG_STR("file", store->path),
              LOG_STR("cause", sqlite3_errstr(code)), LOG_INT("code", code),
              LOG_INT("errno", sqlite3_system_errno(store->db)),
              LOG_STR("advice", "check the disk and the kernel's log"));
    abort();
}

static int spoil(struct store *store, struct err *err, const char *advice, const char *what)
{
    store->spoiled = true;
    err_set(&store->why_spoiled, ERR_TEMPORARY, advice, "%s is %s", store->path, what);
    if (err)
        *err = store->why_spoiled;
    return -1;
}

int sql_fail(struct store *store, int code, struct err *err)
{
    if (is_full(store, code))
        return spoil(store, err, "free some space; nothing is lost and it goes on by itself",
                     "on a full disk");
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return spoil(store, err, "end the program that has it open", "locked by another program");
    case SQLITE_NOMEM:
        end_process(store, code);
    case SQLITE_IOERR:
        if (store->live)
            end_process(store, code);
        errno = sqlite3_system_errno(store->db);
        return err_set(err, ERR_IO, "check the disk and the kernel's log", "cannot read or write %s (%s)",
                       store->path, sqlite3_errstr(code));
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_AUTH:
        return err_set(err, ERR_PERMISSION, "run it as root or as the user that owns the state directory",
                       "not allowed to open %s", store->path);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return err_set(err, ERR_DATA,
                       "move it aside and start again; what it held can be read by sqlite3 .recover",
                       "%s is damaged (%s)", store->path, sqlite3_errmsg(store->db));
    }
    return err_set(err, ERR_INTERNAL, NULL, "%s: %s", store->path, sqlite3_errmsg(store->db));
}

static void bind(sqlite3_stmt *statement, int at, const struct sql_value *value)
{
    sv bytes = value->bytes.p ? value->bytes : SV("");
    int code = SQLITE_MISUSE;
    switch (value->kind) {
    case SQL_INTEGER:
        code = sqlite3_bind_int64(statement, at, value->integer);
        break;
    case SQL_TEXT:
        code = sqlite3_bind_text64(statement, at, bytes.p, bytes.n, SQLITE_STATIC, SQLITE_UTF8);
        break;
    case SQL_BLOB:
        code = sqlite3_bind_blob64(statement, at, bytes.p, bytes.n, SQLITE_STATIC);
        break;
    }
    assert(code == SQLITE_OK);
}

sqlite3_stmt *sql_start(struct store *store, enum sql which, const struct sql_value *values, size_t n,
                        struct err *err)
{
    sqlite3_stmt **statement = &store->statements[which];
    if (!*statement) {
        int code =
            sqlite3_prepare_v3(store->db, sql_texts[which], -1, SQLITE_PREPARE_PERSISTENT, statement, NULL);
        if (code != SQLITE_OK) {
            sql_fail(store, code, err);
            return NULL;
        }
        assert((size_t)sqlite3_bind_parameter_count(*statement) == n);
    }
    assert(!sqlite3_stmt_busy(*statement));
    for (size_t i = 0; i < n; i++)
        bind(*statement, (int)i + 1, &values[i]);
    return *statement;
}

void sql_end(sqlite3_stmt *statement)
{
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
}

int sql_step(struct store *store, sqlite3_stmt *statement, struct err *err)
{
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        return 1;
    if (code == SQLITE_DONE) {
        sql_end(statement);
        return 0;
    }
    code = sqlite3_extended_errcode(store->db);
    sql_fail(store, code, err);
    sql_end(statement);
    return -1;
}

int sql_run(struct store *store, enum sql which, const struct sql_value *values, size_t n, struct err *err)
{
    sqlite3_stmt *statement = sql_start(store, which, values, n, err);
    if (!statement)
        return -1;
    int got = sql_step(store, statement, err);
    assert(got <= 0);
    return got;
}

int sql_exec(struct store *store, const char *text, struct err *err)
{
    if (sqlite3_exec(store->db, text, NULL, NULL, NULL) == SQLITE_OK)
        return 0;
    return sql_fail(store, sqlite3_extended_errcode(store->db), err);
}

sv sql_text(sqlite3_stmt *statement, int column)
{
    const void *p = sqlite3_column_blob(statement, column);
    return (sv){p, p ? (size_t)sqlite3_column_bytes(statement, column) : 0};
}

int sql_message(sqlite3_stmt *row, struct arena *arena, struct store_message *ret)
{
    *ret = (struct store_message){
        .id = sqlite3_column_int64(row, 0),
        .mail_id = sqlite3_column_int64(row, 1),
        .alert_id = sqlite3_column_int64(row, 2),
        .state = (enum store_state)sqlite3_column_int(row, 3),
        .severity = (enum severity)sqlite3_column_int(row, 4),
        .attempts = sqlite3_column_int(row, 10),
        .created_at = sqlite3_column_int64(row, 11),
        .next_attempt_at = sqlite3_column_int64(row, 12),
        .handed_over_at = sqlite3_column_int64(row, 13),
        .landed_at = sqlite3_column_int64(row, 14),
        .expires_at = sqlite3_column_int64(row, 15),
        .possible_duplicate = sqlite3_column_int(row, 16) != 0,
        .leased = sqlite3_column_int(row, 17) != 0,
    };
    static const int COLUMNS[] = {5, 6, 7, 8, 9, 18};
    sv *texts[] = {&ret->recipient, &ret->gateway, &ret->queue_id, &ret->reply, &ret->cause, &ret->evidence};
    for (int i = 0; i < 6; i++) {
        *texts[i] = arena_sv(arena, sql_text(row, COLUMNS[i]));
        if (!texts[i]->p)
            return -1;
    }
    return 0;
}
