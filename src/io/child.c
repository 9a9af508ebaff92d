#include "io/child.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct child {
    pid_t pid;
    int pidfd;
    bool ended;
    struct loop_fd *watch;
    child_ended_fn *fn;
    void *arg;
};

static void on_ended(void *arg, int fd, int ready)
{
    (void)fd;
    (void)ready;
    struct child *child = arg;
    int status = 0;
    if (waitpid(child->pid, &status, WNOHANG) != child->pid)
        return;
    child->ended = true;
    loop_fd_want(child->watch, 0);
    child->fn(child->arg, child, status);
}

/* Between fork and exec: async-signal-safe calls only. Ends in _exit; the errno goes up the pipe. */
static void become(const char *program, const char *const argv[], int fd, int report, int place)
{
    if (place == STDIN_FILENO)
        setpgid(0, 0);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    report = fcntl(report, F_DUPFD_CLOEXEC, CHILD_FD + 1);
    bool placed = fd < 0 || fd == place ? fd < 0 || fcntl(fd, F_SETFD, 0) == 0 : dup2(fd, place) == place;
    if (report >= 0 && placed) {
        /* Close-on-exec rather than close: the report must still get out if exec fails. */
        close_range(fd < 0 || place < CHILD_FD ? CHILD_FD : CHILD_FD + 1, ~0U, CLOSE_RANGE_CLOEXEC);
        execv(program, (char *const *)(uintptr_t)argv); /* POSIX promises not to change them */
    }
    int why = errno;
    ssize_t n = write(report, &why, sizeof why);
    _exit(n == (ssize_t)sizeof why ? 127 : 126);
}

/* 0 when exec succeeded, which closes the pipe; else the errno. */
static int await_exec(int report)
{
    int why = 0;
    ssize_t n;
    do
        n = read(report, &why, sizeof why);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof why ? why : 0;
}

/* 0 with *ret_pid, or an errno. */
static int spawn(const char *program, const char *const argv[], int fd, int place, pid_t *ret_pid)
{
    int report[2];
    if (pipe2(report, O_CLOEXEC) < 0)
        return errno;
    pid_t pid = fork();
    if (pid == 0)
        become(program, argv, fd, report[1], place);
    int why = errno;
    close(report[1]);
    if (pid > 0) {
        why = await_exec(report[0]);
        if (why)
            waitpid(pid, NULL, 0);
    }
    close(report[0]);
    *ret_pid = pid;
    return why;
}

/* The descriptor that the child is given, and its number there. */
struct given {
    int fd, place;
};

static int start(struct loop *loop, const char *program, const char *const argv[], struct given given,
                 child_ended_fn *fn, void *arg, struct child **ret, struct err *err)
{
    pid_t pid = -1;
    int why = spawn(program ? program : "/proc/self/exe", argv, given.fd, given.place, &pid);
    if (given.fd >= 0)
        close(given.fd);
    if (why) {
        errno = why;
        return err_set(err, ERR_SYSTEM, NULL, "start %s", program ? program : argv[0]);
    }
    /* Nobody else reaps our children, so the number still means this process. */
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0) {
        err_set(err, ERR_SYSTEM, "Linux 5.3 or later is needed", "watch process %d", (int)pid);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        return -1;
    }
    struct child *child = calloc(1, sizeof *child);
    assert(child);
    fcntl(pidfd, F_SETFD, FD_CLOEXEC);
    *child = (struct child){.pid = pid, .pidfd = pidfd, .fn = fn, .arg = arg};
    child->watch = loop_fd_new(loop, pidfd, on_ended, child);
    loop_fd_want(child->watch, LOOP_READ);
    *ret = child;
    return 0;
}

int child_start(struct loop *loop, const char *program, const char *const argv[], int fd, child_ended_fn *fn,
                void *arg, struct child **ret, struct err *err)
{
    return start(loop, program, argv, (struct given){fd, CHILD_FD}, fn, arg, ret, err);
}

int child_start_foreign(struct loop *loop, const char *const argv[], int input, child_ended_fn *fn, void *arg,
                        struct child **ret, struct err *err)
{
    return start(loop, argv[0], argv, (struct given){input, STDIN_FILENO}, fn, arg, ret, err);
}

/* The group lives as long as any process of it, and its number is the first one's, which we have not let go:
 * reaped or not, it is not given to another while the group lives. */
void child_kill_group(const struct child *child, int signal)
{
    if (!child->ended)
        kill(-child->pid, signal);
}

pid_t child_pid(const struct child *child)
{
    return child->pid;
}

void child_kill(const struct child *child, int signal)
{
    if (!child->ended)
        syscall(SYS_pidfd_send_signal, child->pidfd, signal, NULL, 0);
}

void child_free(struct child *child)
{
    if (!child)
        return;
    loop_fd_free(child->watch);
    close(child->pidfd);
    free(child);
}

char *child_status_text(int status, char *text, size_t cap)
{
    if (WIFSIGNALED(status))
        snprintf(text, cap, "killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        snprintf(text, cap, "exited with %d", WEXITSTATUS(status));
    return text;
}
