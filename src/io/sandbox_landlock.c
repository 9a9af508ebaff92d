#include "io/sandbox_private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Later than Debian 12's headers. */
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

static const uint64_t file_read = LANDLOCK_ACCESS_FS_READ_FILE;
static const uint64_t file_write =
    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE;
static const uint64_t tree_read = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
static const uint64_t tree_write =
    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_WRITE_FILE |
    LANDLOCK_ACCESS_FS_TRUNCATE | LANDLOCK_ACCESS_FS_REFER | LANDLOCK_ACCESS_FS_REMOVE_DIR |
    LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
    LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM;

/* What the C library, OpenSSL, GLib and libsystemd read in a running process. */
static const char *const library_reads[] = {"/usr",
                                            "/lib",
                                            "/lib64",
                                            "/etc/ld.so.cache",
                                            "/etc/localtime",
                                            "/etc/nsswitch.conf",
                                            "/etc/host.conf",
                                            "/etc/hosts",
                                            "/etc/resolv.conf",
                                            "/etc/gai.conf",
                                            "/etc/services",
                                            "/etc/protocols",
                                            "/etc/passwd",
                                            "/etc/group",
                                            "/etc/machine-id",
                                            "/etc/ssl",
                                            "/run/systemd/resolve",
                                            "/proc/self",
                                            "/proc/meminfo",
                                            "/proc/stat",
                                            "/proc/sys",
                                            "/sys/devices/system/cpu",
                                            "/dev/urandom",
                                            NULL};
static const char *const library_writes[] = {"/dev/null", NULL};

static int abi(void)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return version > 0 ? (int)version : 0;
}

bool sandbox_landlock_available(void)
{
    return abi() > 0;
}

/* Rights that a kernel does not know must not be asked for. */
static uint64_t known_rights(int version)
{
    uint64_t rights = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
    if (version >= 2)
        rights |= LANDLOCK_ACCESS_FS_REFER;
    if (version >= 3)
        rights |= LANDLOCK_ACCESS_FS_TRUNCATE;
    return rights;
}

static int allow(int ruleset, const char *path, uint64_t for_file, uint64_t for_tree, struct err *err)
{
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return 0;
    struct stat st;
    int rc = fstat(fd, &st);
    uint64_t rights = (rc == 0 && S_ISDIR(st.st_mode) ? for_tree : for_file) & known_rights(abi());
    struct landlock_path_beneath_attr beneath = {.allowed_access = rights, .parent_fd = fd};
    if (rc == 0)
        rc = (int)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0);
    if (rc < 0)
        err_set(err, ERR_SYSTEM, NULL, "allow %s to the sandbox", path);
    close(fd);
    return rc;
}

static int allow_all(int ruleset, const char *const *paths, uint64_t for_file, uint64_t for_tree,
                     struct err *err)
{
    for (size_t i = 0; paths && paths[i]; i++)
        if (allow(ruleset, paths[i], for_file, for_tree, err) < 0)
            return -1;
    return 0;
}

int sandbox_landlock(const struct sandbox_paths *paths, struct err *err)
{
    struct landlock_ruleset_attr attr = {.handled_access_fs = known_rights(abi())};
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    if (ruleset < 0)
        return err_set(err, ERR_SYSTEM, NULL, "make a Landlock ruleset");
    int rc = allow_all(ruleset, library_reads, file_read, tree_read, err);
    if (rc == 0)
        rc = allow_all(ruleset, library_writes, file_write, tree_write, err);
    if (rc == 0)
        rc = allow_all(ruleset, paths->read, file_read, tree_read, err);
    if (rc == 0)
        rc = allow_all(ruleset, paths->write, file_write, tree_write, err);
    if (rc == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
        rc = err_set(err, ERR_SYSTEM, NULL, "enter the Landlock sandbox");
    close(ruleset);
    return rc;
}
