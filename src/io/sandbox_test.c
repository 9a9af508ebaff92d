/* What the sandbox forbids and what it must not get in the way of; each case in a process of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/dns.h"
#include "io/loop.h"
#include "io/route.h"
#include "io/sandbox.h"
#include "io/sandbox_private.h"
#include "io/testing_dns.h"
#include "io/tls.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

static char dir[] = "/tmp/vedette-sandbox-XXXXXX";

/* 0: the deed was done; else its errno. */
typedef int deed(void);

static int told(long rc)
{
    return rc < 0 ? errno : 0;
}

static int run_a_program(void)
{
    return told(execl("/bin/true", "true", NULL));
}

static int trace(void)
{
    return told(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int fork_a_process(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return told(pid);
}

static int open_inet_socket(void)
{
    return told(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int open_raw_socket(void)
{
    return told(socket(AF_PACKET, SOCK_RAW, 0));
}

static int open_unix_socket(void)
{
    return told(socket(AF_UNIX, SOCK_STREAM, 0));
}

static int kill_another(void)
{
    return told(kill(getppid(), 0));
}

static int listen_on_a_port(void)
{
    return told(listen(3, 1));
}

static int change_the_host_name(void)
{
    return told(sethostname("x", 1));
}

static int read_outside(void)
{
    return told(open("/etc/fstab", O_RDONLY));
}

static int read_inside(void)
{
    char path[64];
    snprintf(path, sizeof path, "%s/read/file", dir);
    return told(open(path, O_RDONLY));
}

static int write_where_only_reading_is_allowed(void)
{
    char path[64];
    snprintf(path, sizeof path, "%s/read/file", dir);
    return told(open(path, O_WRONLY));
}

static int open_another_users_file(int flags)
{
    char path[64];
    snprintf(path, sizeof path, "%s/other", dir);
    return told(open(path, flags));
}

static int read_another_users_file(void)
{
    return open_another_users_file(O_RDONLY);
}

static int write_another_users_file(void)
{
    return open_another_users_file(O_WRONLY);
}

static int give_a_file_away(void)
{
    char path[64];
    snprintf(path, sizeof path, "%s/read/file", dir);
    return told(fchown(open(path, O_RDONLY), 65534, 65534));
}

static int make_and_rename_inside(void)
{
    char from[64], to[64];
    snprintf(from, sizeof from, "%s/write/a", dir);
    snprintf(to, sizeof to, "%s/write/b", dir);
    int fd = open(from, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, "x", 1) != 1 || fsync(fd) < 0 || ftruncate(fd, 0) < 0 || close(fd) < 0)
        return told(-1);
    return told(rename(from, to) < 0 || unlink(to) < 0 ? -1 : 0);
}

static void *thread(void *arg)
{
    free(malloc(1 << 20));
    return arg;
}

static int start_a_thread(void)
{
    pthread_t id;
    int why = pthread_create(&id, NULL, thread, NULL);
    return why ? why : pthread_join(id, NULL);
}

static int turn_a_loop(void)
{
    struct loop *loop = loop_new();
    struct loop_wake *wake = loop_wake_new(loop, (loop_fn *)loop_stop, loop);
    loop_wake_up(wake);
    loop_run(loop);
    loop_wake_free(wake);
    loop_free(loop);
    return 0;
}

static int watch_files_and_draw_random_bytes(void)
{
    char bytes[16];
    int fd = inotify_init1(IN_CLOEXEC);
    return told(fd < 0 || inotify_add_watch(fd, "/usr", IN_CREATE) < 0 ||
                        getrandom(bytes, sizeof bytes, 0) != sizeof bytes
                    ? -1
                    : 0);
}

static int read_the_systems_trust(void)
{
    struct tls_context *context = NULL;
    struct err err;
    if (access("/etc/ssl/certs/ca-certificates.crt", R_OK) < 0)
        return 0;
    int rc = tls_client_context(&(struct tls_trust){0}, &context, &err);
    tls_context_free(context);
    return rc < 0 ? EIO : 0;
}

static int open_the_journal(void)
{
    sd_journal *journal = NULL;
    int rc = sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY);
    if (rc >= 0)
        rc = sd_journal_get_fd(journal);
    sd_journal_close(journal);
    return rc < 0 ? -rc : 0;
}

static const char *dns_server, *dns_anchor;

struct asking {
    struct loop *loop;
    int result;
};

static void resolved(void *arg, const struct dns_answer *answer)
{
    struct asking *asking = arg;
    bool right = answer->status == DNS_FOUND && answer->security == DNS_SECURE;
    asking->result = right ? 0 : 100 + answer->failure;
    loop_stop(asking->loop);
}

/* All of it inside: reading the trust anchor, asking, validating. */
static int ask_dns(void)
{
    struct asking asking = {.loop = loop_new()};
    const struct dns_setup setup = {
        .loop = asking.loop, .servers = &dns_server, .server_count = 1, .trust_anchor_file = dns_anchor};
    struct dns *dns;
    if (dns_new(&setup, &dns, NULL) < 0)
        return 99;
    dns_ask(dns, DNS_A, "mail.example.org", 5 * NANOS_PER_SECOND, resolved, &asking);
    loop_run(asking.loop);
    dns_free(dns);
    loop_free(asking.loop);
    return asking.result;
}

static int ask_for_a_route(void)
{
    struct address to;
    struct ip_route route;
    struct err err = {.system = 0};
    if (address_parse(SV("127.0.0.1"), 25, &to, &err) < 0 || route_to(&to, &route, &err) < 0)
        return err.system ? err.system : EIO;
    return strcmp(route.interface, "lo") == 0 ? 0 : ENODEV;
}

static int open_audit_socket(void)
{
    return told(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT));
}

static int dump_core(void)
{
    return prctl(PR_GET_DUMPABLE) == 0 ? EPERM : 0;
}

static int gain_privileges(void)
{
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? EPERM : 0;
}

/* The errno of the deed in a sandboxed process, or 1000 + the signal that ended it, or 2000: no sandbox. */
enum { BY_SIGNAL = 1000, NO_SANDBOX = 2000 };

static int try(enum sandbox_profile profile, bool landlock, deed *act)
{
    int out[2];
    assert_int_equal(pipe(out), 0);
    pid_t pid = fork();
    if (pid == 0) {
        char reads[64], writes[64];
        snprintf(reads, sizeof reads, "%s/read", dir);
        snprintf(writes, sizeof writes, "%s/write", dir);
        struct sandbox_paths paths = {.read = (const char *[]){reads, "/nonexistent", NULL},
                                      .write = (const char *[]){writes, NULL}};
        struct err err;
        int result = NO_SANDBOX;
        if (sandbox_enter(profile, landlock ? &paths : NULL, &err) == 0)
            result = act();
        ssize_t n = write(out[1], &result, sizeof result);
        _exit(n != sizeof result);
    }
    int result = -1, status;
    close(out[1]);
    ssize_t n = read(out[0], &result, sizeof result);
    close(out[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (n != sizeof result && WIFSIGNALED(status))
        return BY_SIGNAL + WTERMSIG(status);
    return result;
}

static void forbidden_calls_fail_or_end_the_process(void **state)
{
    (void)state;
#ifdef SANDBOX_SANITIZED
    skip();
#endif
    const struct {
        const char *what;
        deed *deed;
        int keeper, watch, courier, gateway;
    } cases[] = {
        {"exec", run_a_program, 1031, 1031, 1031, 1031},
        {"ptrace", trace, 1031, 1031, 1031, 1031},
        {"fork", fork_a_process, EPERM, EPERM, EPERM, EPERM},
        {"inet socket", open_inet_socket, EPERM, EPERM, 0, 0},
        {"unix socket", open_unix_socket, EPERM, EPERM, 0, 0},
        {"raw socket", open_raw_socket, EPERM, EPERM, EPERM, EPERM},
        {"audit socket", open_audit_socket, EPERM, EPERM, EPERM, EPERM},
        {"kill", kill_another, EPERM, EPERM, EPERM, EPERM},
        {"listen", listen_on_a_port, EPERM, EPERM, EPERM, EPERM},
        {"host name", change_the_host_name, EPERM, EPERM, EPERM, EPERM},
        {"core dump", dump_core, EPERM, EPERM, EPERM, EPERM},
        {"privileges", gain_privileges, EPERM, EPERM, EPERM, EPERM},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int expected[] = {cases[i].keeper, cases[i].watch, cases[i].courier, cases[i].gateway};
        for (enum sandbox_profile profile = SANDBOX_KEEPER; profile <= SANDBOX_GATEWAY; profile++) {
            int found = try(profile, false, cases[i].deed);
            if (found != expected[profile])
                fail_msg("%s in profile %d: %d, not %d", cases[i].what, profile, found, expected[profile]);
        }
    }
}

static void a_keeper_that_asks_pam_finds_a_kernel_without_audit(void **state)
{
    (void)state;
#ifdef SANDBOX_SANITIZED
    skip();
#endif
    assert_int_equal(try(SANDBOX_KEEPER_DIALLING, false, open_audit_socket), EPROTONOSUPPORT);
    assert_int_equal(try(SANDBOX_KEEPER_DIALLING, false, open_inet_socket), 0);
    assert_int_equal(try(SANDBOX_KEEPER_DIALLING, false, fork_a_process), EPERM);
}

static void what_the_libraries_need_still_works(void **state)
{
    (void)state;
    deed *deeds[] = {start_a_thread,
                     turn_a_loop,
                     watch_files_and_draw_random_bytes,
                     read_the_systems_trust,
                     open_the_journal,
                     make_and_rename_inside,
                     read_inside};
    for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++)
        for (enum sandbox_profile profile = SANDBOX_KEEPER; profile <= SANDBOX_KEEPER_DIALLING; profile++) {
            int found = try(profile, true, deeds[i]);
            if (found)
                fail_msg("deed %zu in profile %d: %d", i, profile, found);
        }
}

static void those_who_dial_may_ask_dns_and_routes(void **state)
{
    (void)state;
    struct testing_dns *server = testing_dns_new(TESTING_DNS_SIGNED);
    dns_server = testing_dns_where(server);
    char anchor[64];
    snprintf(anchor, sizeof anchor, "%s/read/anchor", dir);
    dns_anchor = anchor;
    assert_int_equal(link(testing_dns_anchor(server), anchor), 0);
    for (enum sandbox_profile profile = SANDBOX_COURIER; profile <= SANDBOX_GATEWAY; profile++) {
        assert_int_equal(try(profile, true, ask_dns), 0);
        assert_int_equal(try(profile, true, ask_for_a_route), 0);
    }
    unlink(anchor);
    testing_dns_free(server);
}

static void landlock_leaves_only_the_given_paths(void **state)
{
    (void)state;
    if (!sandbox_landlock_available())
        skip();
    assert_int_equal(try(SANDBOX_WATCH, true, read_outside), access("/etc/fstab", F_OK) ? ENOENT : EACCES);
    assert_int_equal(try(SANDBOX_WATCH, true, write_where_only_reading_is_allowed), EACCES);
    assert_int_equal(try(SANDBOX_WATCH, false, write_where_only_reading_is_allowed), 0);
}

static void root_keeps_no_more_than_reaching_its_files(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    char path[64];
    snprintf(path, sizeof path, "%s/other", dir);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_int_equal(fchown(fd, 65534, 65534), 0);
    close(fd);
    assert_int_equal(try(SANDBOX_KEEPER, false, read_another_users_file), 0);
    assert_int_equal(try(SANDBOX_WATCH, false, read_another_users_file), 0);
    assert_int_equal(try(SANDBOX_WATCH, false, write_another_users_file), EACCES);
    assert_int_equal(try(SANDBOX_COURIER, false, write_another_users_file), 0);
    assert_int_equal(try(SANDBOX_COURIER, false, give_a_file_away), EPERM);
}

static int become_nobody(void)
{
    struct err err;
    if (sandbox_drop_user("nobody", (const char *[]){"adm", "no-such-group", NULL}, &err) < 0)
        return 1;
    if (getuid() == 0 || geteuid() == 0 || setuid(0) == 0)
        return 2;
    return sandbox_drop_user("nobody", NULL, &err) < 0 ? 3 : 0;
}

static void dropping_to_a_user_leaves_no_way_back(void **state)
{
    (void)state;
    struct err err;
    assert_int_equal(sandbox_drop_user("no-such-user", NULL, &err), -1);
    assert_int_equal(err.class, ERR_CONFIG);
    assert_non_null(strstr(err.cause, "no-such-user"));
    assert_int_equal(sandbox_drop_user("root", NULL, &err), -1);
    if (geteuid() != 0 || !getpwnam("nobody"))
        skip();
    pid_t pid = fork();
    if (pid == 0)
        _exit(become_nobody());
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static int make_directories(void **state)
{
    (void)state;
    char path[64];
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof path, "%s/write", dir);
    if (mkdir(path, 0700) < 0)
        return -1;
    snprintf(path, sizeof path, "%s/read", dir);
    if (mkdir(path, 0700) < 0)
        return -1;
    snprintf(path, sizeof path, "%s/read/file", dir);
    return close(open(path, O_CREAT | O_WRONLY, 0600));
}

static int remove_directories(void **state)
{
    (void)state;
    const char *names[] = {"/read/file", "/read", "/write", "/other", ""};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[64];
        snprintf(path, sizeof path, "%s%s", dir, names[i]);
        remove(path);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forbidden_calls_fail_or_end_the_process),
        cmocka_unit_test(a_keeper_that_asks_pam_finds_a_kernel_without_audit),
        cmocka_unit_test(what_the_libraries_need_still_works),
        cmocka_unit_test(those_who_dial_may_ask_dns_and_routes),
        cmocka_unit_test(landlock_leaves_only_the_given_paths),
        cmocka_unit_test(root_keeps_no_more_than_reaching_its_files),
        cmocka_unit_test(dropping_to_a_user_leaves_no_way_back),
    };
    return cmocka_run_group_tests(tests, make_directories, remove_directories);
}
