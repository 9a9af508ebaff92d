/* What the store's files promise: one writer, readers beside it, nothing lost to a kill, a full disk or a
 * failed sync. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "store/sql.h"
#include "store/store_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void a_second_daemon_is_refused_and_told_which_file_is_in_use(void **state)
{
    struct fixture *f = *state;
    struct store *second = NULL;
    assert_int_equal(store_open(f->directory, &second, &f->err), -1);
    assert_null(second);
    assert_int_equal(f->err.class, ERR_UNAVAILABLE);
    assert_non_null(strstr(f->err.cause, f->store->path));
    assert_true(f->err.advice[0] != '\0');
}

static void a_reader_works_beside_the_writer_and_cannot_write(void **state)
{
    struct fixture *f = *state;
    struct fixture reader = {.arena = f->arena};
    begin(f);
    put_alert(f, SEVERITY_LOW, 1, 1);
    commit(f);
    assert_int_equal(store_open_reader(f->directory, &reader.store, &f->err), 0);
    assert_int_equal(count_rows(&reader, "alert"), 1);
    begin(f);
    put_alert(f, SEVERITY_LOW, 1, 1);
    assert_int_equal(count_rows(&reader, "alert"), 1);
    commit(f);
    assert_int_equal(count_rows(&reader, "alert"), 2);
    assert_int_equal(get_message(&reader, 2).id, 2);
    assert_int_equal(sql_exec(reader.store, "DELETE FROM alert", &f->err), -1);
    store_close(reader.store);
}

static void a_reader_says_so_when_there_is_no_store(void **state)
{
    struct fixture *f = *state;
    struct store *reader;
    assert_int_equal(store_open_reader("/nonexistent/folder", &reader, &f->err), -1);
    assert_int_equal(f->err.class, ERR_NO_INPUT);
}

static void a_store_of_a_newer_version_is_refused_and_left_alone(void **state)
{
    struct fixture *f = *state;
    struct store *again;
    assert_int_equal(sql_exec(f->store, "PRAGMA user_version = 999", &f->err), 0);
    store_close(f->store);
    f->store = NULL;
    assert_int_equal(store_open(f->directory, &again, &f->err), -1);
    assert_int_equal(f->err.class, ERR_CONFIG);
    assert_int_equal(store_open_reader(f->directory, &again, &f->err), -1);
    assert_int_equal(f->err.class, ERR_CONFIG);
}

static void a_store_of_an_earlier_version_is_brought_up_to_date(void **state)
{
    struct fixture *f = *state;
    struct store_alert alert;
    begin(f);
    put_alert(f, SEVERITY_LOW, 1, 1);
    commit(f);
    assert_int_equal(sql_exec(f->store,
                              "UPDATE alert SET suppressed = 1; DROP TABLE correlation_log;"
                              "DROP INDEX alert_untold;"
                              "CREATE INDEX alert_untold ON alert (mailed_at) WHERE suppressed > 0;"
                              "INSERT INTO correlation VALUES ('key', 'value'); PRAGMA user_version = 4",
                              &f->err),
                     0);
    reopen(f);
    assert_int_equal(count_rows(f, "correlation_log"), 0);
    assert_int_equal(count_rows(f, "correlation"), 1);
    assert_int_equal(store_alert_untold(f->store, 1, f->arena, &alert, &f->err), 1);
    assert_int_equal(alert.id, 1);
}

static void a_damaged_file_is_an_error_and_not_the_end(void **state)
{
    struct fixture *f = *state;
    struct store *again;
    char path[sizeof f->store->path];
    memcpy(path, f->store->path, sizeof path);
    store_close(f->store);
    f->store = NULL;
    int fd = open(path, O_WRONLY);
    assert_true(fd >= 0 && pwrite(fd, "garbage garbage garbage", 23, 0) == 23);
    close(fd);
    assert_int_equal(store_open(f->directory, &again, &f->err), -1);
    assert_int_equal(f->err.class, ERR_DATA);
}

static void the_files_are_readable_by_their_owner_alone(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"vedette.db", "vedette.db-wal", "vedette.db-shm", "vedette.lock"};
    begin(f);
    put_alert(f, SEVERITY_LOW, 1, 1);
    commit(f);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[sizeof f->directory + 32];
        struct stat st;
        snprintf(path, sizeof path, "%s/%s", f->directory, names[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
}

/* Commits one alert after another, telling each through the pipe once it is on disk, until it is killed. */
static _Noreturn void write_for_ever(struct fixture *f, int told)
{
    for (nanos at = 1;; at++) {
        begin(f);
        struct store_mail mail = put_alert(f, SEVERITY_LOW, 2, at);
        commit(f);
        if (write(told, &mail.alert_id, sizeof mail.alert_id) < 0)
            _exit(1);
    }
}

static void all_that_was_told_to_be_on_disk_survives_a_kill(void **state)
{
    struct fixture *f = *state;
    int64_t last = 0, id;
    for (int round = 0; round < 5; round++) {
        int fds[2];
        store_close(f->store);
        f->store = NULL;
        assert_int_equal(pipe(fds), 0);
        pid_t child = fork();
        if (child == 0) {
            assert_int_equal(store_open(f->directory, &f->store, &f->err), 0);
            write_for_ever(f, fds[1]);
        }
        close(fds[1]);
        for (int n = 0; n < 20 + round * 7; n++)
            if (read(fds[0], &id, sizeof id) == sizeof id)
                last = id;
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        while (read(fds[0], &id, sizeof id) == sizeof id)
            last = id;
        close(fds[0]);
        struct fixture reader = {.arena = f->arena};
        assert_int_equal(store_open_reader(f->directory, &reader.store, &f->err), 0);
        assert_true(count_rows(&reader, "alert") >= last && last >= 20);
        store_close(reader.store);
        assert_int_equal(store_open(f->directory, &f->store, &f->err), 0);
        int64_t alerts = count_rows(f, "alert");
        assert_true(alerts >= last && alerts <= last + 1);
        assert_int_equal(count_rows(f, "mail"), alerts);
        assert_int_equal(count_rows(f, "message"), 2 * alerts);
        assert_int_equal(count_rows(f, "tally WHERE state = 1 AND n = 2 * (SELECT count(*) FROM alert)"), 1);
    }
}

static void a_full_disk_rolls_back_and_lets_the_same_be_tried_again(void **state)
{
    struct fixture *f = *state;
    begin(f);
    put_alert(f, SEVERITY_LOW, 1, 1);
    commit(f);
    assert_int_equal(sql_exec(f->store, "PRAGMA max_page_count = 30", &f->err), 0);
    begin(f);
    int written = 0;
    for (; written < 10000 && !store_spoiled(f->store); written++) {
        struct store_mail mail = {.message_id = SV("<a@b>"),
                                  .created_at = 1,
                                  .expires_at = 99,
                                  .content = SV("0123456789012345678901234567890123456789")};
        sv to = SV("a@example.org");
        if (store_mail_insert(f->store, &mail, &to, 1, &f->err) < 0)
            assert_int_equal(f->err.class, ERR_TEMPORARY);
    }
    assert_true(store_spoiled(f->store));
    assert_int_equal(store_commit(f->store, &f->err), -1);
    assert_int_equal(f->err.class, ERR_TEMPORARY);
    assert_int_equal(count_rows(f, "mail"), 1);
    assert_int_equal(sql_exec(f->store, "PRAGMA max_page_count = 100000", &f->err), 0);
    begin(f);
    put_alert(f, SEVERITY_LOW, 1, 1);
    commit(f);
    assert_int_equal(count_rows(f, "mail"), 2);
}

static void a_failed_sync_or_write_ends_the_process(void **state)
{
    struct fixture *f = *state;
    static const int codes[] = {SQLITE_IOERR_FSYNC, SQLITE_IOERR_DIR_FSYNC, SQLITE_IOERR_WRITE,
                                SQLITE_IOERR_READ};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        int status = 0;
        pid_t child = fork();
        if (child == 0) {
            signal(SIGABRT, SIG_DFL);
            setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
            log_setup("test", LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
            sql_fail(f->store, codes[i], &f->err);
            _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    }
}

static void a_checkpoint_empties_the_wal_into_the_database(void **state)
{
    struct fixture *f = *state;
    begin(f);
    put_alert(f, SEVERITY_LOW, 1, 1);
    commit(f);
    assert_true(store_wal_pages(f->store) > 0);
    assert_int_equal(store_checkpoint(f->store, &f->err), 0);
    assert_int_equal(store_wal_pages(f->store), 0);
    reopen(f);
    assert_int_equal(count_rows(f, "alert"), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)
    const struct CMUnitTest tests[] = {
        TEST(a_second_daemon_is_refused_and_told_which_file_is_in_use),
        TEST(a_reader_works_beside_the_writer_and_cannot_write),
        TEST(a_reader_says_so_when_there_is_no_store),
        TEST(a_store_of_a_newer_version_is_refused_and_left_alone),
        TEST(a_store_of_an_earlier_version_is_brought_up_to_date),
        TEST(a_damaged_file_is_an_error_and_not_the_end),
        TEST(the_files_are_readable_by_their_owner_alone),
        TEST(all_that_was_told_to_be_on_disk_survives_a_kill),
        TEST(a_full_disk_rolls_back_and_lets_the_same_be_tried_again),
        TEST(a_failed_sync_or_write_ends_the_process),
        TEST(a_checkpoint_empties_the_wal_into_the_database),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
