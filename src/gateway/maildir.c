#include "gateway/maildir.h"

#include "io/durable.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    WRITE_BYTES = 16 * 1024,
    STALE_SECONDS = 36 * 3600, /* what lies in tmp for longer was left by a crash */
    STALE_MAX = 10000,         /* looked at per start */
};

struct maildir {
    int tmp_fd, new_fd;
    mode_t file_mode;
    size_t deliveries;
    bool left; /* by its owner; the last delivery frees it */
};

struct maildir_delivery {
    struct maildir *maildir;
    int fd;
    char name[NAME_MAX + 1];
    struct err failure;
    bool cr; /* a CR is held back until it is seen whether LF follows */
    size_t held;
    char bytes[WRITE_BYTES];
};

static int disk_failed(struct err *err, const char *what)
{
    int why = errno;
    bool full = why == ENOSPC || why == EDQUOT;
    err_set(err, ERR_IO, full ? "make room on the disk" : "check the Maildir's permissions and the disk",
            "%s the Maildir", what);
    if (full && err)
        err->class = ERR_TEMPORARY;
    return -1;
}

/* A Maildir with the set-group-ID bit was given to a group, which may read the mail in it. */
static bool is_shared(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && (st.st_mode & S_ISGID);
}

/* A folder inside the Maildir, made if need be. */
static int open_folder(const char *path, const char *name, struct err *err)
{
    char full[PATH_MAX];
    int n = snprintf(full, sizeof full, "%s/%s", path, name);
    if (n < 0 || (size_t)n >= sizeof full)
        return err_set(err, ERR_CONFIG, "choose a shorter path", "The Maildir's path is too long");
    if (directory_make(full, is_shared(path) ? 0750 : 0700, err))
        return -1;
    int fd = open(full, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? disk_failed(err, "open a folder of") : fd;
}

/* Best effort: a file that cannot be removed is met again at the next start. */
static void clear_stale(int tmp_fd, nanos now)
{
    int fd = openat(tmp_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        if (fd >= 0)
            close(fd);
        return;
    }
    struct dirent *entry;
    for (size_t i = 0; i < STALE_MAX && (entry = readdir(dir)); i++) {
        struct stat st;
        if (fstatat(tmp_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
            now / NANOS_PER_SECOND - st.st_mtime > STALE_SECONDS)
            unlinkat(tmp_fd, entry->d_name, 0);
    }
    closedir(dir);
}

int maildir_open(const char *path, nanos now, struct maildir **ret, struct err *err)
{
    int cur_fd = open_folder(path, "cur", err);
    if (cur_fd < 0)
        return -1;
    close(cur_fd);
    int new_fd = open_folder(path, "new", err);
    if (new_fd < 0)
        return -1;
    int tmp_fd = open_folder(path, "tmp", err);
    if (tmp_fd < 0) {
        close(new_fd);
        return -1;
    }
    clear_stale(tmp_fd, now);
    struct maildir *maildir = calloc(1, sizeof *maildir);
    assert(maildir);
    *maildir =
        (struct maildir){.tmp_fd = tmp_fd, .new_fd = new_fd, .file_mode = is_shared(path) ? 0640 : 0600};
    *ret = maildir;
    return 0;
}

void maildir_free(struct maildir *maildir)
{
    if (!maildir)
        return;
    maildir->left = true;
    if (maildir->deliveries)
        return;
    close(maildir->tmp_fd);
    close(maildir->new_fd);
    free(maildir);
}

int maildir_begin(struct maildir *maildir, sv id, sv hostname, nanos now, struct maildir_delivery **ret,
                  struct err *err)
{
    struct maildir_delivery *delivery = calloc(1, sizeof *delivery);
    assert(delivery);
    delivery->maildir = maildir;
    snprintf(delivery->name, sizeof delivery->name, "%lld.%.*s.%.*s", (long long)(now / NANOS_PER_SECOND),
             SV_ARG(sv_first(id, 64)), SV_ARG(sv_first(hostname, 128)));
    for (char *c = delivery->name; *c; c++)
        if (*c == '/' || *c == ':')
            *c = '_';
    delivery->fd = openat(maildir->tmp_fd, delivery->name,
                          O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, maildir->file_mode);
    if (delivery->fd < 0) {
        disk_failed(err, "make a file in");
        free(delivery);
        return -1;
    }
    maildir->deliveries++;
    *ret = delivery;
    return 0;
}

static void write_held(struct maildir_delivery *delivery)
{
    for (size_t done = 0; done < delivery->held;) {
        ssize_t n = write(delivery->fd, delivery->bytes + done, delivery->held - done);
        if (n < 0 && errno != EINTR) {
            disk_failed(&delivery->failure, "write to");
            break;
        }
        if (n > 0)
            done += (size_t)n;
    }
    delivery->held = 0;
}

static void hold(struct maildir_delivery *delivery, char c)
{
    delivery->bytes[delivery->held++] = c;
    if (delivery->held == WRITE_BYTES)
        write_held(delivery);
}

void maildir_put(struct maildir_delivery *delivery, sv bytes)
{
    for (size_t i = 0; i < bytes.n && !delivery->failure.class; i++) {
        char c = bytes.p[i];
        if (delivery->cr && c != '\n')
            hold(delivery, '\r');
        delivery->cr = c == '\r';
        if (!delivery->cr)
            hold(delivery, c);
    }
}

static void end_delivery(struct maildir_delivery *delivery)
{
    struct maildir *maildir = delivery->maildir;
    close(delivery->fd);
    free(delivery);
    maildir->deliveries--;
    if (maildir->left)
        maildir_free(maildir);
}

int maildir_publish(struct maildir_delivery *delivery, struct err *err)
{
    const struct maildir *maildir = delivery->maildir;
    if (!delivery->failure.class)
        write_held(delivery);
    if (!delivery->failure.class && fsync(delivery->fd) < 0)
        disk_failed(&delivery->failure, "sync a file of");
    if (!delivery->failure.class &&
        renameat(maildir->tmp_fd, delivery->name, maildir->new_fd, delivery->name) < 0)
        disk_failed(&delivery->failure, "publish in");
    if (!delivery->failure.class && fsync(maildir->new_fd) < 0) {
        disk_failed(&delivery->failure, "sync the folder of");
        /* It may or may not survive: the client will send it again, so take it back. */
        unlinkat(maildir->new_fd, delivery->name, 0);
    }
    if (!delivery->failure.class) {
        end_delivery(delivery);
        return 0;
    }
    if (err)
        *err = delivery->failure;
    maildir_abandon(delivery);
    return -1;
}

void maildir_abandon(struct maildir_delivery *delivery)
{
    if (!delivery)
        return;
    unlinkat(delivery->maildir->tmp_fd, delivery->name, 0);
    end_delivery(delivery);
}
