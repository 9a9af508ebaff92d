/* What starting and watching a child promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/child.h"
#include "io/service.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct watcher {
    struct loop *loop;
    int status, times;
    bool frees;
};

static void ended(void *arg, struct child *child, int status)
{
    struct watcher *watcher = arg;
    watcher->status = status;
    watcher->times++;
    if (watcher->frees)
        child_free(child);
    loop_stop(watcher->loop);
}

static struct child *start(struct watcher *watcher, const char *script, int fd)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    struct child *child = NULL;
    struct err err = {0};
    watcher->loop = loop_new();
    if (child_start(watcher->loop, "/bin/sh", argv, fd, ended, watcher, &child, &err) < 0)
        fail_msg("%s", err.cause);
    return child;
}

static void a_childs_end_is_told_once_with_its_status(void **state)
{
    (void)state;
    struct watcher watcher = {.frees = true};
    start(&watcher, "exit 7", -1);
    loop_run(watcher.loop);
    assert_int_equal(watcher.times, 1);
    char text[64];
    assert_string_equal(child_status_text(watcher.status, text, sizeof text), "exited with 7");
    loop_free(watcher.loop);
}

static void killing_hits_that_child_and_is_harmless_afterwards(void **state)
{
    (void)state;
    struct watcher watcher = {0};
    struct child *child = start(&watcher, "exec sleep 60", -1);
    assert_true(child_pid(child) > 0);
    child_kill(child, SIGKILL);
    loop_run(watcher.loop);
    assert_true(WIFSIGNALED(watcher.status) && WTERMSIG(watcher.status) == SIGKILL);
    child_kill(child, SIGKILL);
    char text[64];
    assert_string_equal(child_status_text(watcher.status, text, sizeof text), "killed by signal 9 (Killed)");
    child_free(child);
    loop_free(watcher.loop);
}

static void the_given_descriptor_is_number_3_and_no_other_leaks(void **state)
{
    (void)state;
    for (int other = 0; other < 2; other++) {
        int fds[2], leak = other ? dup(0) : -1; /* with and without 3 being free before */
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        struct watcher watcher = {.frees = true};
        start(&watcher, "exec ls /proc/self/fd >&3", fds[1]);
        loop_run(watcher.loop);
        char text[256] = "";
        ssize_t n, used = 0;
        while ((n = read(fds[0], text + used, sizeof text - 1 - (size_t)used)) > 0)
            used += n;
        assert_non_null(strstr(text, "0\n1\n2\n3\n"));
        assert_true(strlen(text) <= strlen("0\n1\n2\n3\n") + 3); /* one more: the listing itself */
        close(fds[0]);
        if (leak >= 0)
            close(leak);
        assert_int_equal(fcntl(fds[1], F_GETFD), -1);
        loop_free(watcher.loop);
    }
}

static void a_program_that_cannot_start_is_an_error_and_no_child(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct child *child = NULL;
    struct err err;
    const char *const argv[] = {"program", NULL};
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_int_equal(child_start(loop, "/nonexistent/program", argv, fd, ended, NULL, &child, &err), -1);
    assert_int_equal(err.class, ERR_SYSTEM);
    assert_int_equal(err.system, ENOENT);
    assert_non_null(strstr(err.cause, "/nonexistent/program"));
    assert_null(child);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    loop_free(loop);
}

static void without_a_service_manager_notices_go_nowhere(void **state)
{
    (void)state;
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    service_ready("ready");
    service_reloading();
    service_status("busy");
    service_alive();
    service_stopping();
    assert_int_equal(service_watchdog_interval(), 0);
    setenv("WATCHDOG_USEC", "30000000", 1);
    assert_true(service_watchdog_interval() == 30 * NANOS_PER_SECOND);
    unsetenv("WATCHDOG_USEC");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_childs_end_is_told_once_with_its_status),
        cmocka_unit_test(killing_hits_that_child_and_is_harmless_afterwards),
        cmocka_unit_test(the_given_descriptor_is_number_3_and_no_other_leaks),
        cmocka_unit_test(a_program_that_cannot_start_is_an_error_and_no_child),
        cmocka_unit_test(without_a_service_manager_notices_go_nowhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
