/* The journal is read from where an earlier run left it: with a journald of our own, in a mount namespace of
 * our own. Skipped where that is not allowed. */
#include "watch/watch_fixture.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static const char journald[] = "/lib/systemd/systemd-journald", place[] = "/run/systemd/journal/socket";

static pid_t start_journald(void)
{
    if (access(journald, X_OK) < 0 || unshare(CLONE_NEWNS) < 0 ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", "/run", "tmpfs", 0, NULL) < 0)
        return -1;
    (void)mkdir("/run/systemd", 0755);
    (void)mkdir("/run/systemd/journal", 0755);
    (void)mkdir("/run/log", 0755);
    (void)mkdir("/run/log/journal", 0755);
    pid_t pid = fork();
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* also when a check fails */
        (void)!freopen("/dev/null", "w", stderr);
        execl(journald, journald, (char *)NULL);
        _exit(1);
    }
    for (int i = 0; i < 200 && access(place, W_OK) < 0; i++)
        usleep(10000);
    return pid;
}

static void write_entry(const char *message)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char entry[256];
    snprintf(entry, sizeof entry, "MESSAGE=%s\nSYSLOG_IDENTIFIER=app\nSYSLOG_PID=7\nPRIORITY=5\n", message);
    sv_copy(address.sun_path, sizeof address.sun_path, sv_of(place));
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(sendto(fd, entry, strlen(entry), 0, (struct sockaddr *)&address, sizeof address),
                     strlen(entry));
    close(fd);
}

static void entries_are_read_once_over_a_restart(void **state)
{
    struct fixture *fixture = *state;
    pid_t pid = start_journald();
    if (pid < 0 || access(place, W_OK) < 0)
        skip();
    write_entry("an old needle");
    usleep(300000);
    fixture_configure(fixture, "- journal: {}");
    fixture_start(fixture, NULL);
    write_entry("needle 1");
    write_entry("hay");
    write_entry("needle 2");
    fixture_await(fixture, 2);
    assert_string_equal(fixture->raw[0], "app[7]: needle 1");
    fixture_pass(fixture, 1200);
    char cursor[1024];
    sv_copy(cursor, sizeof cursor, sv_of(fixture->cursor));
    fixture_disconnect(fixture);
    watch_free(fixture->watch);
    config_free(fixture->config);
    write_entry("needle 3");
    fixture_configure(fixture, "- journal: {}");
    fixture_start(fixture, cursor);
    fixture_await(fixture, 3);
    write_entry("needle 4");
    fixture_await(fixture, 4);
    assert_string_equal(fixture->raw[2], "app[7]: needle 3");
    assert_string_equal(fixture->raw[3], "app[7]: needle 4");
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(entries_are_read_once_over_a_restart, fixture_set_up,
                                        fixture_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
