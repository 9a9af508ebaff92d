/* What the store's thread promises: order, one commit for many, a full disk that holds up and loses nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/sql.h"
#include "store/store_fixture.h"
#include "store/thread.h"

#include <errno.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/mount.h>
#include <time.h>

enum { JOBS = 1000 };

struct setup {
    struct fixture *f;
    struct loop *loop;
    struct store_thread *thread;
    size_t expected, done;
    int64_t commits;
};

struct work {
    struct setup *setup;
    int64_t number;
    bool fail;
    struct err err;
    bool failed;
    size_t bytes;
    const atomic_int *pages; /* the store's limit, when it is to have one */
};

static int thread_open(void **state)
{
    struct setup *setup = calloc(1, sizeof *setup);
    void *f = NULL;
    assert_non_null(setup);
    assert_int_equal(fixture_open(&f), 0);
    setup->f = f;
    setup->loop = loop_new();
    setup->thread = store_thread_new(setup->loop, setup->f->store);
    *state = setup;
    return 0;
}

static int thread_close(void **state)
{
    struct setup *setup = *state;
    void *f = setup->f;
    store_thread_free(setup->thread);
    setup->f->store = NULL;
    loop_free(setup->loop);
    fixture_close(&f);
    free(setup);
    return 0;
}

/* Ends the thread, and opens what it left. */
static void look(struct setup *setup)
{
    store_thread_free(setup->thread);
    setup->thread = NULL;
    assert_int_equal(store_open(setup->f->directory, &setup->f->store, &setup->f->err), 0);
}

static void look_over(struct setup *setup)
{
    store_close(setup->f->store);
    setup->f->store = NULL;
}

static int put_cursor(struct store *store, void *arg, struct err *err)
{
    struct work *work = arg;
    char input[32], cursor[32];
    snprintf(input, sizeof input, "input %lld", (long long)(work->fail ? -1 : 0));
    snprintf(cursor, sizeof cursor, "%lld", (long long)work->number);
    if (store_cursor_put(store, sv_of(input), sv_of(cursor), err) < 0)
        return -1;
    return work->fail ? err_set(err, ERR_DATA, NULL, "job %lld", (long long)work->number) : 0;
}

static void finished(void *arg, const struct err *err)
{
    struct work *work = arg;
    struct setup *setup = work->setup;
    assert_int_equal(work->number, setup->done);
    work->failed = err != NULL;
    if (err)
        work->err = *err;
    if (++setup->done == setup->expected)
        loop_stop(setup->loop);
}

static int last_cursor(void *arg, sv input, sv cursor)
{
    struct buf *buf = arg;
    return buf_printf(buf, "%.*s=%.*s;", SV_ARG(input), SV_ARG(cursor));
}

static void jobs_run_in_order_and_a_failed_one_is_undone_alone(void **state)
{
    struct setup *setup = *state;
    struct work *work = calloc(JOBS, sizeof *work);
    struct buf cursors = BUF_INIT(1024);
    assert_non_null(work);
    setup->expected = JOBS;
    for (int64_t i = 0; i < JOBS; i++) {
        work[i] = (struct work){.setup = setup, .number = i, .fail = i % 10 == 9};
        store_thread_submit(setup->thread, put_cursor, finished, &work[i]);
    }
    loop_run(setup->loop);
    assert_int_equal(store_thread_pending(setup->thread), 0);
    for (int64_t i = 0; i < JOBS; i++) {
        assert_int_equal(work[i].failed, work[i].fail);
        if (work[i].failed)
            assert_int_equal(work[i].err.class, ERR_DATA);
    }
    look(setup);
    assert_int_equal(store_cursors(setup->f->store, last_cursor, &cursors, &setup->f->err), 0);
    assert_true(sv_eq(buf_view(&cursors), SV("input 0=998;")));
    look_over(setup);
    buf_free(&cursors);
    free(work);
}

/* Holds the thread until the semaphore is up, so that what is submitted meanwhile comes together. */
static int wait_for_more(struct store *store, void *arg, struct err *err)
{
    (void)store;
    (void)err;
    while (sem_wait(arg) < 0)
        ;
    return 0;
}

static int count_commit(void *arg)
{
    ++((struct setup *)arg)->commits;
    return 0;
}

static void jobs_that_come_together_share_commits(void **state)
{
    struct setup *setup = *state;
    struct work *work = calloc(JOBS, sizeof *work);
    assert_non_null(work);
    sem_t all_there;
    assert_int_equal(sem_init(&all_there, 0, 0), 0);
    sqlite3_commit_hook(setup->f->store->db, count_commit, setup);
    store_thread_submit(setup->thread, wait_for_more, NULL, &all_there);
    setup->expected = JOBS;
    for (int64_t i = 0; i < JOBS; i++) {
        work[i] = (struct work){.setup = setup, .number = i};
        store_thread_submit(setup->thread, put_cursor, finished, &work[i]);
    }
    sem_post(&all_there);
    loop_run(setup->loop);
    /* How many depends on how long they take; on any machine it is far fewer than there are jobs. */
    assert_in_range(setup->commits, JOBS / STORE_BATCH_JOBS_MAX, JOBS / 10);
    sem_destroy(&all_there);
    free(work);
}

static void a_job_in_a_hurry_overtakes_those_that_wait(void **state)
{
    struct setup *setup = *state;
    struct work work[4];
    sem_t all_there;
    assert_int_equal(sem_init(&all_there, 0, 0), 0);
    store_thread_submit(setup->thread, wait_for_more, NULL, &all_there);
    setup->expected = 4;
    for (int64_t i = 0; i < 4; i++)
        work[i] = (struct work){.setup = setup, .number = i};
    store_thread_submit(setup->thread, put_cursor, finished, &work[2]);
    store_thread_submit(setup->thread, put_cursor, finished, &work[3]);
    store_thread_hurry(setup->thread, put_cursor, finished, &work[0]);
    store_thread_hurry(setup->thread, put_cursor, finished, &work[1]);
    sem_post(&all_there);
    loop_run(setup->loop);
    sem_destroy(&all_there);
}

/* Each of these takes longer than a batch may. */
static int dawdle(struct store *store, void *arg, struct err *err)
{
    struct timespec pause = {.tv_nsec = 11 * NANOS_PER_MS};
    nanosleep(&pause, NULL);
    return put_cursor(store, arg, err);
}

static void a_batch_that_takes_long_takes_no_more_along(void **state)
{
    struct setup *setup = *state;
    struct work work[5];
    setup->expected = 5;
    sqlite3_commit_hook(setup->f->store->db, count_commit, setup);
    for (int64_t i = 0; i < 5; i++) {
        work[i] = (struct work){.setup = setup, .number = i};
        store_thread_submit(setup->thread, dawdle, finished, &work[i]);
    }
    loop_run(setup->loop);
    assert_int_equal(setup->commits, 5);
}

static void what_was_submitted_is_on_disk_when_the_thread_is_freed(void **state)
{
    struct setup *setup = *state;
    struct work work = {.setup = setup, .number = 42};
    struct buf cursors = BUF_INIT(1024);
    for (int i = 0; i < 300; i++)
        store_thread_submit(setup->thread, put_cursor, NULL, &work);
    look(setup);
    assert_int_equal(store_cursors(setup->f->store, last_cursor, &cursors, &setup->f->err), 0);
    assert_true(sv_eq(buf_view(&cursors), SV("input 0=42;")));
    look_over(setup);
    buf_free(&cursors);
}

static int put_mail(struct store *store, void *arg, struct err *err)
{
    struct work *work = arg;
    char limit[64];
    snprintf(limit, sizeof limit, "PRAGMA max_page_count = %d", *work->pages);
    if (sql_exec(store, limit, err) < 0)
        return -1;
    char *content = calloc(1, work->bytes + 1);
    assert_non_null(content);
    struct store_mail mail = {.message_id = SV("<a@example.org>"),
                              .created_at = 1,
                              .expires_at = 99,
                              .content = sv_make(content, work->bytes)};
    sv to = SV("a@example.org");
    int put = store_mail_insert(store, &mail, &to, 1, err);
    free(content);
    return put;
}

struct full_disk {
    struct setup *setup;
    struct loop_timer *timer;
    bool (*more_space)(struct full_disk *);
    int seen_full, answered;
    atomic_int pages;
};

static int count_mails(struct store *store, void *arg, struct err *err)
{
    (void)arg;
    return sql_exec(store, "SELECT count(*) FROM mail", err);
}

/* Room comes only once the question has its answer. */
static void mails_counted(void *arg, const struct err *err)
{
    struct full_disk *disk = arg;
    assert_null(err);
    disk->answered++;
    assert_true(disk->setup->done < disk->setup->expected);
    assert_true(disk->more_space(disk));
}

static void watch_full(void *arg)
{
    struct full_disk *disk = arg;
    if (store_thread_full(disk->setup->thread) && ++disk->seen_full == 1) {
        assert_true(disk->setup->done < disk->setup->expected);
        store_thread_read(disk->setup->thread, count_mails, mails_counted, disk);
    }
    loop_timer_set(disk->timer, 20 * NANOS_PER_MS);
}

static bool raise_limit(struct full_disk *disk)
{
    disk->pages = 1000000;
    return true;
}

static void fill_and_wait(struct setup *setup, struct full_disk *disk, size_t bytes)
{
    struct work work[3];
    setup->expected = 3;
    for (int64_t i = 0; i < 3; i++) {
        work[i] = (struct work){.setup = setup, .number = i, .bytes = bytes, .pages = &disk->pages};
        store_thread_submit(setup->thread, put_mail, finished, &work[i]);
    }
    disk->timer = loop_timer_new(setup->loop, watch_full, disk);
    loop_timer_set(disk->timer, 0);
    loop_run(setup->loop);
    loop_timer_free(disk->timer);
    for (int i = 0; i < 3; i++)
        assert_false(work[i].failed);
    assert_true(disk->seen_full > 0);
    assert_int_equal(disk->answered, 1);
    assert_false(store_thread_full(setup->thread));
}

static void a_store_at_its_limit_holds_jobs_back_and_takes_them_when_there_is_space(void **state)
{
    struct setup *setup = *state;
    struct full_disk disk = {.setup = setup, .more_space = raise_limit, .pages = 50};
    fill_and_wait(setup, &disk, 200 * 1024);
    look(setup);
    assert_int_equal(count_rows(setup->f, "mail"), 3);
    assert_int_equal(count_rows(setup->f, "message"), 3);
    look_over(setup);
}

static char small_disk[64];

/* In a mount namespace of the test's own, so that it is gone with the process, however that ends. */
static bool mount_small_disk(void)
{
    return geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
           mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("vedette", small_disk, "tmpfs", MS_NOSUID | MS_NODEV, "size=1m") == 0;
}

static bool grow_disk(struct full_disk *disk)
{
    (void)disk;
    return mount("tmpfs", small_disk, "tmpfs", MS_REMOUNT, "size=16m") == 0;
}

/* A real file system that runs out, here or in the middle of a page; root only. */
static void a_full_disk_loses_nothing(void **state)
{
    (void)state;
    struct fixture f = {.arena = NULL};
    struct setup setup = {.f = &f};
    struct full_disk disk = {.setup = &setup, .more_space = grow_disk, .pages = 1000000};
    snprintf(small_disk, sizeof small_disk, "/tmp/vedette-full-XXXXXX");
    assert_non_null(mkdtemp(small_disk));
    if (!mount_small_disk()) {
        rmdir(small_disk);
        skip();
    }
    snprintf(f.directory, sizeof f.directory, "%s", small_disk);
    assert_int_equal(store_open(f.directory, &f.store, &f.err), 0);
    setup.loop = loop_new();
    setup.thread = store_thread_new(setup.loop, f.store);
    fill_and_wait(&setup, &disk, 700 * 1024);
    look(&setup);
    int64_t mails = count_rows(&f, "mail"), messages = count_rows(&f, "message");
    look_over(&setup);
    loop_free(setup.loop);
    assert_int_equal(umount(small_disk), 0);
    rmdir(small_disk);
    assert_int_equal(mails, 3);
    assert_int_equal(messages, 3);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, thread_open, thread_close)
    const struct CMUnitTest tests[] = {
        TEST(jobs_run_in_order_and_a_failed_one_is_undone_alone),
        TEST(jobs_that_come_together_share_commits),
        TEST(a_job_in_a_hurry_overtakes_those_that_wait),
        TEST(a_batch_that_takes_long_takes_no_more_along),
        TEST(what_was_submitted_is_on_disk_when_the_thread_is_freed),
        TEST(a_store_at_its_limit_holds_jobs_back_and_takes_them_when_there_is_space),
        cmocka_unit_test(a_full_disk_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
