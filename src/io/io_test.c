/* What the loop, addresses and durable files promise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/address.h"
#include "io/durable.h"
#include "io/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct counter {
    struct loop *loop;
    int n, stop_at;
    struct loop_fd *watch;
    struct loop_timer *timer;
};

static void count(void *arg)
{
    struct counter *counter = arg;
    if (++counter->n == counter->stop_at)
        loop_stop(counter->loop);
}

static void timers_fire_once_and_can_be_moved_and_cancelled(void **state)
{
    (void)state;
    struct counter early = {.loop = loop_new(), .stop_at = 99}, late = {.loop = early.loop, .stop_at = 1};
    struct loop_timer *a = loop_timer_new(early.loop, count, &early);
    struct loop_timer *b = loop_timer_new(early.loop, count, &late);
    struct loop_timer *never = loop_timer_new(early.loop, count, &early);
    assert_false(loop_timer_pending(a));
    loop_timer_set(a, -5);
    loop_timer_set(never, 0);
    loop_timer_cancel(never);
    loop_timer_set(b, NANOS_PER_SECOND * 60);
    loop_timer_set(b, 20 * NANOS_PER_MS);
    assert_true(loop_timer_pending(b));
    nanos start = loop_monotonic();
    loop_run(early.loop);
    assert_true(loop_monotonic() - start >= 19 * NANOS_PER_MS);
    assert_int_equal(early.n, 1);
    assert_int_equal(late.n, 1);
    assert_false(loop_timer_pending(b));
    loop_timer_free(a);
    loop_timer_free(b);
    loop_timer_free(never);
    loop_free(early.loop);
}

static void free_own_timer(void *arg)
{
    struct counter *counter = arg;
    loop_timer_free(counter->timer);
    loop_stop(counter->loop);
}

static void a_timer_may_be_freed_by_its_own_callback(void **state)
{
    (void)state;
    struct counter counter = {.loop = loop_new()};
    counter.timer = loop_timer_new(counter.loop, free_own_timer, &counter);
    loop_timer_set(counter.timer, 0);
    loop_run(counter.loop);
    loop_free(counter.loop);
}

static void a_stop_before_the_run_is_not_lost(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    loop_stop(loop);
    loop_run(loop);
    loop_free(loop);
}

static void read_three(void *arg, int fd, int ready)
{
    struct counter *counter = arg;
    char byte;
    assert_int_equal(ready, LOOP_READ);
    if (read(fd, &byte, 1) == 1)
        count(counter);
    if (counter->n == counter->stop_at) {
        loop_fd_free(counter->watch);
        counter->watch = NULL;
    }
}

static void regular_files_and_pipes_are_watched_alike(void **state)
{
    (void)state;
    int pipe_fds[2];
    char name[] = "/tmp/vedette-loop-XXXXXX";
    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK), 0);
    int file = mkstemp(name);
    unlink(name);
    assert_int_equal(write(file, "abc", 3), 3);
    assert_int_equal(lseek(file, 0, SEEK_SET), 0);
    assert_int_equal(write(pipe_fds[1], "abc", 3), 3);
    int fds[] = {file, pipe_fds[0]};
    for (size_t i = 0; i < 2; i++) {
        struct counter counter = {.loop = loop_new(), .stop_at = 3};
        counter.watch = loop_fd_new(counter.loop, fds[i], read_three, &counter);
        loop_fd_want(counter.watch, LOOP_READ);
        loop_run(counter.loop);
        assert_int_equal(counter.n, 3);
        loop_free(counter.loop);
    }
    close(file);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
}

static void *wake_thrice(void *arg)
{
    for (int i = 0; i < 3; i++)
        loop_wake_up(arg);
    return NULL;
}

static void other_threads_wake_the_loop(void **state)
{
    (void)state;
    struct counter counter = {.loop = loop_new(), .stop_at = 1};
    struct loop_wake *wake = loop_wake_new(counter.loop, count, &counter);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, wake_thrice, wake), 0);
    loop_run(counter.loop);
    assert_in_range(counter.n, 1, 3);
    pthread_join(thread, NULL);
    loop_wake_free(wake);
    loop_free(counter.loop);
}

static void signals_become_calls_and_a_broken_pipe_is_none(void **state)
{
    (void)state;
    struct counter counter = {.loop = loop_new(), .stop_at = 1};
    struct loop_signal *watch = loop_signal_new(counter.loop, SIGHUP, count, &counter);
    raise(SIGPIPE);
    raise(SIGHUP);
    loop_run(counter.loop);
    assert_int_equal(counter.n, 1);
    loop_signal_free(watch);
    loop_free(counter.loop);
}

static void addresses_read_and_print_in_the_forms_of_the_configuration(void **state)
{
    (void)state;
    const struct {
        const char *text, *printed, *ip;
        bool loopback;
    } cases[] = {
        {"192.0.2.25:587", "192.0.2.25:587", "192.0.2.25", false},
        {"127.9.0.1:0", "127.9.0.1:0", "127.9.0.1", true},
        {"[2001:db8::1]:65535", "[2001:db8::1]:65535", "2001:db8::1", false},
        {"[::1]:25", "[::1]:25", "::1", true},
        {"[::ffff:192.0.2.1]:25", "192.0.2.1:25", "192.0.2.1", false},
        {"[::1%lo]:25", "[::1%lo]:25", "::1%lo", true},
        {":5514", "[::]:5514", "::", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct address address;
        char text[ADDRESS_TEXT_MAX];
        struct err err;
        if (address_parse_pair(sv_of(cases[i].text), &address, &err) < 0)
            fail_msg("%s: %s", cases[i].text, err.cause);
        assert_string_equal(address_text(&address, text), cases[i].printed);
        assert_string_equal(address_ip_text(&address, text), cases[i].ip);
        assert_int_equal(address_is_loopback(&address), cases[i].loopback);
    }
    const char *bad[] = {"",
                         "192.0.2.25",
                         "192.0.2.25:",
                         "192.0.2.25:65536",
                         "192.0.2.25:-1",
                         "::1:25",
                         "[]:25",
                         "[::1]",
                         "[::1]25",
                         "mail.example.org:25",
                         "192.0.2.256:25",
                         "[192.0.2.1:25",
                         "[::1%no-such-link]:25",
                         "192.0.2.1 :25",
                         "0x7f.1:25",
                         "1.2.3:25"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct address address;
        struct err err = {0};
        if (address_parse_pair(sv_of(bad[i]), &address, &err) == 0)
            fail_msg("%s was taken", bad[i]);
        assert_int_equal(err.class, ERR_DATA);
    }
}

static void a_published_file_is_whole_and_leaves_nothing_beside_it(void **state)
{
    (void)state;
    char dir[] = "/tmp/vedette-durable-XXXXXX", path[64];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/a/b/c", dir);
    assert_int_equal(directory_make(path, 0750, NULL), 0);
    assert_int_equal(directory_make(path, 0750, NULL), 0);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(durable_write(fd, "cursor", SV("first"), 0640, NULL), 0);
    assert_int_equal(durable_write(fd, "cursor", SV("second"), 0640, NULL), 0);
    struct stat st;
    assert_int_equal(fstatat(fd, "cursor", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    snprintf(path, sizeof path, "%s/a/b/c/cursor", dir);
    struct buf small = BUF_INIT(5), exact = BUF_INIT(6);
    struct err err;
    assert_int_equal(file_read(path, &exact, &err), 0);
    assert_true(sv_eq(buf_view(&exact), SV("second")));
    assert_int_equal(file_read(path, &small, &err), -1);
    assert_int_equal(err.class, ERR_LIMIT);
    buf_free(&small);
    buf_free(&exact);
    assert_int_equal(mkdirat(fd, "taken", 0700), 0);
    assert_int_equal(durable_write(fd, "taken", SV("x"), 0640, &err), -1);
    assert_int_equal(err.class, ERR_SYSTEM);
    unlinkat(fd, "taken", AT_REMOVEDIR);
    unlinkat(fd, "cursor", 0);
    close(fd);
    const char *parts[] = {"/a/b/c", "/a/b", "/a", ""};
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s%s", dir, parts[i]);
        assert_int_equal(rmdir(path), 0); /* empty: no temporary file was left */
    }
}

static void a_file_that_cannot_be_read_is_named(void **state)
{
    (void)state;
    struct err err;
    struct buf out = BUF_INIT(10);
    assert_int_equal(file_read("/nonexistent/file", &out, &err), -1);
    assert_int_equal(err.class, ERR_NO_INPUT);
    assert_int_equal(err.system, ENOENT);
    assert_non_null(strstr(err.cause, "/nonexistent/file"));
    assert_int_equal(directory_make("/dev/null/x", 0700, &err), -1);
    assert_int_equal(err.class, ERR_SYSTEM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_once_and_can_be_moved_and_cancelled),
        cmocka_unit_test(a_timer_may_be_freed_by_its_own_callback),
        cmocka_unit_test(a_stop_before_the_run_is_not_lost),
        cmocka_unit_test(regular_files_and_pipes_are_watched_alike),
        cmocka_unit_test(other_threads_wake_the_loop),
        cmocka_unit_test(signals_become_calls_and_a_broken_pipe_is_none),
        cmocka_unit_test(addresses_read_and_print_in_the_forms_of_the_configuration),
        cmocka_unit_test(a_published_file_is_whole_and_leaves_nothing_beside_it),
        cmocka_unit_test(a_file_that_cannot_be_read_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
