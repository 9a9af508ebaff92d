#include "io/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_BYTES = 64 * 1024 };

static const char disk_advice[] = "check free space, permissions and the disk";

static int write_all(int fd, sv bytes)
{
    while (bytes.n) {
        ssize_t n = write(fd, bytes.p, bytes.n);
        if (n < 0 && errno != EINTR)
            return -1;
        if (n > 0)
            bytes = sv_from(bytes, (size_t)n);
    }
    return 0;
}

/* Everything that may fail before the new file takes the name. The mode is set past the umask. */
static int fill(int fd, sv content, mode_t mode)
{
    return fchmod(fd, mode) < 0 || write_all(fd, content) < 0 || fsync(fd) < 0 ? -1 : 0;
}

static int temporary_open(int dir_fd, const char *name, char *ret_temp, size_t cap)
{
    uint64_t salt = 0;
    if (getrandom(&salt, sizeof salt, 0) != (ssize_t)sizeof salt)
        return -1;
    int n = snprintf(ret_temp, cap, ".%s.%016llx.tmp", name, (unsigned long long)salt);
    if (n < 0 || (size_t)n >= cap) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return openat(dir_fd, ret_temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

int durable_write(int dir_fd, const char *name, sv content, mode_t mode, struct err *err)
{
    char temp[NAME_MAX + 1];
    int fd = temporary_open(dir_fd, name, temp, sizeof temp);
    if (fd < 0)
        return err_set(err, ERR_SYSTEM, disk_advice, "make a temporary file for %s", name);
    int failed = fill(fd, content, mode);
    int why = errno;
    if (close(fd) < 0 && !failed) {
        failed = -1;
        why = errno;
    }
    if (!failed && renameat(dir_fd, temp, dir_fd, name) < 0) {
        failed = -1;
        why = errno;
    }
    if (failed) {
        unlinkat(dir_fd, temp, 0);
        errno = why;
        return err_set(err, ERR_SYSTEM, disk_advice, "write %s", name);
    }
    if (fsync(dir_fd) < 0)
        return err_set(err, ERR_SYSTEM, disk_advice, "sync the directory of %s", name);
    return 0;
}

static int read_all(int fd, const char *path, struct buf *out, struct err *err)
{
    for (;;) {
        size_t room = buf_room(out) < READ_BYTES ? buf_room(out) : READ_BYTES;
        char probe;
        char *to = room ? buf_reserve(out, room) : &probe;
        ssize_t n = read(fd, to, room ? room : 1);
        if (n == 0)
            return 0;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set(err, ERR_IO, NULL, "read %s", path);
        if (!room)
            return err_set(err, ERR_LIMIT, NULL, "%s is larger than %zu bytes", path, out->max);
        buf_added(out, (size_t)n);
    }
}

int file_read(const char *path, struct buf *out, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        int why = errno;
        err_set(err, ERR_IO, why == EACCES ? "check its permissions and who runs this" : NULL, "open %s",
                path);
        if (err)
            err->class = ERR_NO_INPUT;
        return -1;
    }
    int rc = read_all(fd, path, out, err);
    close(fd);
    return rc;
}

static int make_one(const char *path, mode_t mode, struct err *err)
{
    if (mkdir(path, mode) == 0)
        return 0;
    int why = errno;
    struct stat st;
    if (why == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return 0;
    errno = why == EEXIST ? ENOTDIR : why;
    return err_set(err, ERR_SYSTEM, "make it by hand, or name another in the configuration",
                   "make directory %s", path);
}

int directory_make(const char *path, mode_t mode, struct err *err)
{
    char part[PATH_MAX];
    size_t n = sv_copy(part, sizeof part, sv_of(path));
    if (n == 0 || n != strlen(path)) {
        errno = n ? ENAMETOOLONG : ENOENT;
        return err_set(err, ERR_SYSTEM, NULL, "make directory \"%.100s\"", path);
    }
    for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        struct stat st;
        if (stat(part, &st) < 0 && make_one(part, mode, err) < 0)
            return -1;
        *slash = '/';
    }
    return make_one(part, mode, err);
}
