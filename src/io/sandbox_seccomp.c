#include "io/sandbox_private.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <sched.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>

#define CALL(name) SCMP_SYS(name)

/* What the C library, threads, OpenSSL, SQLite, GLib, GMime and libsystemd use. A call that this machine's
 * architecture does not have is skipped by libseccomp. */
static const int everybody[] = {
    /* bytes */
    CALL(read), CALL(write), CALL(readv), CALL(writev), CALL(pread64), CALL(pwrite64), CALL(preadv),
    CALL(pwritev), CALL(preadv2), CALL(pwritev2), CALL(lseek), CALL(_llseek), CALL(sendfile),
    CALL(copy_file_range),
    /* files */
    CALL(open), CALL(openat), CALL(openat2), CALL(close), CALL(close_range), CALL(stat), CALL(fstat),
    CALL(lstat), CALL(newfstatat), CALL(fstatat64), CALL(statx), CALL(statfs), CALL(fstatfs), CALL(access),
    CALL(faccessat), CALL(faccessat2), CALL(readlink), CALL(readlinkat), CALL(getcwd), CALL(dup), CALL(dup2),
    CALL(dup3), CALL(fcntl), CALL(fcntl64), CALL(flock), CALL(fsync), CALL(fdatasync), CALL(sync_file_range),
    CALL(ftruncate), CALL(truncate), CALL(fallocate), CALL(fadvise64), CALL(getdents), CALL(getdents64),
    CALL(unlink), CALL(unlinkat), CALL(rename), CALL(renameat), CALL(renameat2), CALL(link), CALL(linkat),
    CALL(mkdir), CALL(mkdirat), CALL(rmdir), CALL(chmod), CALL(fchmod), CALL(fchmodat), CALL(fchown),
    CALL(utime), CALL(utimes), CALL(utimensat), CALL(umask), CALL(inotify_init), CALL(inotify_init1),
    CALL(inotify_add_watch), CALL(inotify_rm_watch), CALL(memfd_create), CALL(pipe), CALL(pipe2),
    /* memory */
    CALL(mmap), CALL(mmap2), CALL(munmap), CALL(mremap), CALL(mprotect), CALL(madvise), CALL(msync),
    CALL(mlock), CALL(mlock2), CALL(munlock), CALL(brk), CALL(membarrier), CALL(mincore),
    /* threads and signals of our own */
    CALL(futex), CALL(futex_time64), CALL(futex_waitv), CALL(set_robust_list), CALL(get_robust_list),
    CALL(rseq), CALL(set_tid_address), CALL(arch_prctl), CALL(prctl), CALL(exit), CALL(exit_group),
    CALL(sched_yield), CALL(sched_getaffinity), CALL(sched_getparam), CALL(sched_getscheduler),
    CALL(sched_get_priority_max), CALL(sched_get_priority_min), CALL(sched_getattr), CALL(sched_setattr),
    CALL(getcpu), CALL(gettid), CALL(getpid), CALL(getppid), CALL(getpgrp), CALL(getpgid), CALL(getsid),
    CALL(getuid), CALL(geteuid), CALL(getgid), CALL(getegid), CALL(getresuid), CALL(getresgid),
    CALL(getgroups), CALL(capget), CALL(rt_sigaction), CALL(rt_sigprocmask), CALL(rt_sigreturn),
    CALL(rt_sigtimedwait), CALL(rt_sigpending), CALL(rt_sigsuspend), CALL(sigreturn), CALL(sigaltstack),
    CALL(signalfd4), CALL(tgkill), CALL(restart_syscall),
    /* time, limits, the machine */
    CALL(nanosleep), CALL(clock_nanosleep), CALL(clock_nanosleep_time64), CALL(clock_gettime),
    CALL(clock_gettime64), CALL(clock_getres), CALL(gettimeofday), CALL(time), CALL(times), CALL(getrusage),
    CALL(getrlimit), CALL(prlimit64), CALL(uname), CALL(sysinfo), CALL(getrandom), CALL(getpriority),
    /* waiting */
    CALL(epoll_create), CALL(epoll_create1), CALL(epoll_ctl), CALL(epoll_wait), CALL(epoll_pwait),
    CALL(epoll_pwait2), CALL(poll), CALL(ppoll), CALL(ppoll_time64), CALL(select), CALL(pselect6),
    CALL(eventfd2), CALL(timerfd_create), CALL(timerfd_settime), CALL(timerfd_gettime),
    /* sockets that are there already */
    CALL(socketpair), CALL(accept), CALL(accept4), CALL(sendto), CALL(recvfrom), CALL(sendmsg), CALL(recvmsg),
    CALL(sendmmsg), CALL(recvmmsg), CALL(shutdown), CALL(getsockname), CALL(getpeername), CALL(getsockopt),
    CALL(setsockopt)};

/* To dial gateways and to ask DNS. */
static const int diallers[] = {CALL(connect), CALL(bind)};
static const int dialled_families[] = {AF_INET, AF_INET6, AF_UNIX};

/* Nobody does these by mistake. */
static const int deadly[] = {CALL(execve),
                             CALL(execveat),
                             CALL(ptrace),
                             CALL(process_vm_readv),
                             CALL(process_vm_writev),
                             CALL(kexec_load),
                             CALL(init_module),
                             CALL(finit_module),
                             CALL(bpf),
                             CALL(mount),
                             CALL(umount2),
                             CALL(pivot_root),
                             CALL(chroot),
                             CALL(unshare),
                             CALL(setns),
                             CALL(keyctl),
                             CALL(perf_event_open)};

static const unsigned ioctls[] = {FIONREAD, FIONBIO, FIOCLEX, TCGETS, TIOCGWINSZ};

#define COUNT(a) (sizeof(a) / sizeof *(a))

/* A call that this architecture does not have, or one listed twice, is no failure. */
static int rule(scmp_filter_ctx filter, uint32_t action, int call, unsigned n, struct scmp_arg_cmp arg)
{
    int rc = seccomp_rule_add_array(filter, action, call, n, &arg);
    return rc == -EDOM || rc == -EEXIST ? 0 : rc;
}

static int rules(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int rc = rule(filter, action, calls[i], 0, (struct scmp_arg_cmp){0});
        if (rc < 0)
            return rc;
    }
    return 0;
}

static bool dials(enum sandbox_profile profile)
{
    switch (profile) {
    case SANDBOX_KEEPER:
    case SANDBOX_WATCH:
        return false;
    case SANDBOX_KEEPER_DIALLING:
    case SANDBOX_COURIER:
    case SANDBOX_GATEWAY:
        return true;
    }
    abort();
}

/* Which way leads to an address, and what an interface is called. */
static int allow_route_questions(scmp_filter_ctx filter)
{
    const struct scmp_arg_cmp which[] = {SCMP_A0(SCMP_CMP_EQ, AF_NETLINK),
                                         SCMP_A2(SCMP_CMP_EQ, NETLINK_ROUTE)};
    int rc = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, CALL(socket), 2, which);
    return rc < 0 ? rc : rule(filter, SCMP_ACT_ALLOW, CALL(ioctl), 1, SCMP_A1(SCMP_CMP_EQ, SIOCGIFNAME));
}

static int hide_audit(scmp_filter_ctx filter)
{
    const struct scmp_arg_cmp which[] = {SCMP_A0(SCMP_CMP_EQ, AF_NETLINK),
                                         SCMP_A2(SCMP_CMP_EQ, NETLINK_AUDIT)};
    return seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPROTONOSUPPORT), CALL(socket), 2, which);
}

static int fill(scmp_filter_ctx filter, enum sandbox_profile profile)
{
    int rc = rules(filter, SCMP_ACT_ALLOW, everybody, COUNT(everybody));
    if (rc == 0)
        rc = rules(filter, SCMP_ACT_KILL_PROCESS, deadly, COUNT(deadly));
    /* Threads, but no processes. clone3 hides its flags behind a pointer, so the C library is told to use
     * clone. */
    if (rc == 0)
        rc = rule(filter, SCMP_ACT_ALLOW, CALL(clone), 1,
                  SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
    if (rc == 0)
        rc = rule(filter, SCMP_ACT_ERRNO(ENOSYS), CALL(clone3), 0, (struct scmp_arg_cmp){0});
    for (size_t i = 0; rc == 0 && i < COUNT(ioctls); i++)
        rc = rule(filter, SCMP_ACT_ALLOW, CALL(ioctl), 1, SCMP_A1(SCMP_CMP_EQ, ioctls[i]));
    if (rc == 0 && dials(profile))
        rc = rules(filter, SCMP_ACT_ALLOW, diallers, COUNT(diallers));
    for (size_t i = 0; rc == 0 && dials(profile) && i < COUNT(dialled_families); i++)
        rc = rule(filter, SCMP_ACT_ALLOW, CALL(socket), 1,
                  SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)dialled_families[i]));
    if (rc == 0 && dials(profile))
        rc = allow_route_questions(filter);
    if (rc == 0 && profile == SANDBOX_KEEPER_DIALLING)
        rc = hide_audit(filter);
    return rc;
}

int sandbox_seccomp(enum sandbox_profile profile, struct err *err)
{
#ifdef SANDBOX_SANITIZED
    (void)profile;
    (void)fill;
    (void)err;
    return 0; /* the sanitizers' own calls at exit would be refused */
#else
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int rc = filter ? fill(filter, profile) : -ENOMEM;
    if (rc == 0)
        rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    if (rc == 0)
        rc = seccomp_load(filter);
    seccomp_release(filter);
    if (rc == 0)
        return 0;
    errno = -rc;
    return err_set(err, ERR_SYSTEM, NULL, "enter the seccomp sandbox");
#endif
}
