#include "store/store.h"

#include "store/sql.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BUSY_MS_MAX = 5000,                 /* how long another program may hold the file */
    SCRATCH_BYTES_MAX = 8 * 1024 * 1024 /* texts of one row and its messages */
};

static const char *const state_names[] = {
#define X(name, text) text,
    STORE_STATES(X)
#undef X
};

const char *store_state_name(enum store_state state)
{
    return state_names[state];
}

static struct store *store_make(void)
{
    struct store *store = calloc(1, sizeof *store);
    assert(store);
    store->lock_fd = -1;
    store->log_bytes = -1;
    store->scratch = arena_new(SCRATCH_BYTES_MAX);
    return store;
}

/* The lock is a file of its own: it holds from the first instant to the last, whatever SQLite does with its
 * locks, the kernel drops it when the process dies, and readers need not know of it. */
static int lock_take(struct store *store, const char *directory, struct err *err)
{
    char path[sizeof store->path + 8];
    char holder[16] = "";
    snprintf(path, sizeof path, "%s/vedette.lock", directory);
    store->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (store->lock_fd < 0)
        return err_set(err, ERR_SYSTEM,
                       "the state directory must exist and belong to the user that runs vedette", "open %s",
                       path);
    if (flock(store->lock_fd, LOCK_EX | LOCK_NB) == 0) {
        int n = snprintf(holder, sizeof holder, "%d\n", (int)getpid());
        if (ftruncate(store->lock_fd, 0) == 0 && pwrite(store->lock_fd, holder, (size_t)n, 0) < 0)
            return 0; /* a full disk: the number is only for the other one's error message */
        return 0;
    }
    if (errno != EWOULDBLOCK)
        return err_set(err, ERR_SYSTEM, NULL, "lock %s", path);
    ssize_t got = pread(store->lock_fd, holder, sizeof holder - 1, 0);
    sv pid = sv_trim(sv_make(holder, got > 0 ? (size_t)got : 0));
    return err_set(err, ERR_UNAVAILABLE,
                   "stop the other vedette, or give this one a state_directory of its own",
                   "%s is in use by another vedette (process %.*s)", store->path, SV_ARG(pid));
}

/* Made before SQLite does, for its mode: the -wal and -shm files inherit it. */
static int file_make(const struct store *store, const char *directory, struct err *err)
{
    int fd = open(store->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && errno == EEXIST)
        return 0;
    if (fd < 0)
        return err_set(err, ERR_SYSTEM, NULL, "create %s", store->path);
    close(fd);
    int folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int synced = folder < 0 ? -1 : fsync(folder);
    if (folder >= 0)
        close(folder);
    return synced == 0 ? 0 : err_set(err, ERR_SYSTEM, "check the disk", "sync %s", directory);
}

static int on_wal(void *arg, sqlite3 *db, const char *name, int pages)
{
    (void)db;
    (void)name;
    ((struct store *)arg)->wal_pages = pages;
    return SQLITE_OK;
}

static int connect_to(struct store *store, int flags, struct err *err)
{
    /* Nobody reads its accounts of memory, for which it would take a lock at each allocation. Too late, it is
     * refused. */
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    int code =
        sqlite3_open_v2(store->path, &store->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, NULL);
    if (!store->db)
        return err_set(err, ERR_INTERNAL, NULL, "no memory to open %s", store->path);
    sqlite3_extended_result_codes(store->db, 1);
    if (code != SQLITE_OK)
        return sql_fail(store, sqlite3_extended_errcode(store->db), err);
    sqlite3_busy_timeout(store->db, BUSY_MS_MAX);
    /* Debian's SQLite would write each page that comes free once more, full of zeroes. */
    return sql_exec(store,
                    "PRAGMA secure_delete = FAST;"
                    "PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF; PRAGMA cache_size = -16384;"
                    "CREATE TEMP TABLE lease (id INTEGER PRIMARY KEY);",
                    err);
}

static int open_writer(struct store *store, const char *directory, struct err *err)
{
    if (mkdir(directory, 0700) < 0 && errno != EEXIST)
        return err_set(err, ERR_SYSTEM, "create the state directory, owned by the user that runs vedette",
                       "create %s", directory);
    if (lock_take(store, directory, err) < 0 || file_make(store, directory, err) < 0)
        return -1;
    /* Small pages: an alert touches a dozen, and each of them goes to the WAL whole. */
    if (connect_to(store, SQLITE_OPEN_READWRITE, err) < 0 ||
        sql_exec(store, "PRAGMA page_size = 2048; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;",
                 err) < 0)
        return -1;
    /* Replaces SQLite's own automatic checkpoints: the thread chooses the moment. */
    sqlite3_wal_hook(store->db, on_wal, store);
    if (schema_migrate(store, err) < 0)
        return -1;
    store->live = true;
    return 0;
}

static int path_set(struct store *store, const char *directory, struct err *err)
{
    int n = snprintf(store->path, sizeof store->path, "%s/vedette.db", directory);
    if (n < 0 || (size_t)n >= sizeof store->path)
        return err_set(err, ERR_LIMIT, "choose a shorter state_directory", "the path %.80s… is too long",
                       directory);
    return 0;
}

int store_open(const char *directory, struct store **ret, struct err *err)
{
    struct store *store = store_make();
    if (path_set(store, directory, err) < 0 || open_writer(store, directory, err) < 0) {
        store_close(store);
        return -1;
    }
    *ret = store;
    return 0;
}

static int open_reader(struct store *store, const char *directory, struct err *err)
{
    if (access(store->path, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR))
        return err_set(err, ERR_NO_INPUT, "start `vedette run` first, or check state_directory",
                       "there is no store in %s", directory);
    if (connect_to(store, SQLITE_OPEN_READONLY, err) < 0)
        return -1;
    return schema_check(store, err);
}

/* A read-only connection still recovers the WAL of a writer that was killed: SQLite rebuilds its index in the
 * -shm file, or in memory where that cannot be written. */
int store_open_reader(const char *directory, struct store **ret, struct err *err)
{
    struct store *store = store_make();
    if (path_set(store, directory, err) < 0 || open_reader(store, directory, err) < 0) {
        store_close(store);
        return -1;
    }
    *ret = store;
    return 0;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    correlation_fold_drop(store);
    buf_free(&store->changed);
    for (size_t i = 0; i < SQL_COUNT; i++)
        sqlite3_finalize(store->statements[i]);
    sqlite3_close(store->db);
    if (store->lock_fd >= 0)
        close(store->lock_fd);
    arena_free(store->scratch);
    free(store->messages);
    free(store);
}

int store_begin(struct store *store, struct err *err)
{
    assert(sqlite3_get_autocommit(store->db));
    store->spoiled = false;
    err_set(&store->why_spoiled, ERR_TEMPORARY, NULL, "%s was rolled back", store->path);
    return sql_run(store, SQL_BEGIN, NO_VALUES, err);
}

bool store_spoiled(const struct store *store)
{
    return store->spoiled || sqlite3_get_autocommit(store->db);
}

int store_commit(struct store *store, struct err *err)
{
    bool spoiled = store_spoiled(store);
    if (!spoiled && correlation_flush(store, err) == 0 && sql_run(store, SQL_COMMIT, NO_VALUES, err) == 0)
        return 0;
    store_rollback(store);
    if (spoiled && err)
        *err = store->why_spoiled;
    return -1;
}

void store_rollback(struct store *store)
{
    correlation_undo(store);
    /* SQLite may have rolled back by itself when it met the error. */
    if (!sqlite3_get_autocommit(store->db))
        sql_run(store, SQL_ROLLBACK, NO_VALUES, NULL);
    assert(sqlite3_get_autocommit(store->db));
}

int store_savepoint(struct store *store, struct err *err)
{
    return correlation_job(store, err) < 0 ? -1 : sql_run(store, SQL_SAVEPOINT, NO_VALUES, err);
}

int store_release(struct store *store, struct err *err)
{
    correlation_job_end(store, false);
    return sql_run(store, SQL_RELEASE, NO_VALUES, err);
}

void store_rollback_to(struct store *store)
{
    correlation_job_end(store, true);
    if (sqlite3_get_autocommit(store->db))
        return;
    if (sql_run(store, SQL_ROLLBACK_TO, NO_VALUES, NULL) < 0 ||
        sql_run(store, SQL_RELEASE, NO_VALUES, NULL) < 0)
        store->spoiled = true;
}

int64_t store_wal_pages(const struct store *store)
{
    return store->wal_pages;
}

int store_checkpoint(struct store *store, struct err *err)
{
    int in_wal = 0, moved = 0;
    int code = sqlite3_wal_checkpoint_v2(store->db, "main", SQLITE_CHECKPOINT_PASSIVE, &in_wal, &moved);
    if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY)
        return sql_fail(store, sqlite3_extended_errcode(store->db), err);
    store->wal_pages = in_wal > moved ? in_wal - moved : 0;
    return 0;
}
