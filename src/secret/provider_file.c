#include "secret/provider_private.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int explain_open(const char *path, struct err *err)
{
    char advice[240];
    int why = errno;
    if (why == ENOENT)
        snprintf(advice, sizeof advice, "make it with: install -m 0400 /dev/stdin %.180s", path);
    else if (why == ELOOP)
        snprintf(advice, sizeof advice, "put the file itself there: links are not followed");
    else
        snprintf(advice, sizeof advice, "check who owns %.180s and its directory", path);
    err_set(err, ERR_SYSTEM, advice, "open %s", path);
    if (err)
        err->class = why == EACCES ? ERR_PERMISSION : ERR_NO_INPUT;
    return -1;
}

static int check(int fd, const char *path, const struct provider_rules *rules, struct err *err)
{
    struct stat st;
    char advice[240];
    if (fstat(fd, &st) < 0)
        return err_set(err, ERR_SYSTEM, NULL, "look at %s", path);
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_PERMISSION, "put a file there", "%s is not a regular file", path);
    if (st.st_uid != geteuid() && st.st_uid != 0 && st.st_uid != rules->owner) {
        snprintf(advice, sizeof advice, "chown root %.150s, or to the user that vedette's keeper runs as",
                 path);
        return err_set(err, ERR_PERMISSION, advice, "%s belongs to user %u, who is neither root nor us", path,
                       (unsigned)st.st_uid);
    }
    if (st.st_mode & 07777 & ~rules->mode) {
        snprintf(advice, sizeof advice, "chmod 0400 %.200s", path);
        return err_set(err, ERR_PERMISSION, advice, "%s has mode %04o, so others may get at it", path,
                       (unsigned)st.st_mode & 07777);
    }
    if (st.st_size > SECRET_BYTES_MAX)
        return err_set(err, ERR_LIMIT, "put nothing but the secret into it", "%s is larger than %d bytes",
                       path, SECRET_BYTES_MAX);
    if (st.st_size == 0)
        return err_set(err, ERR_NO_INPUT, "write the secret into it", "%s is empty", path);
    return 0;
}

/* bytes has room for one byte more than a secret may have. */
static int read_bytes(int fd, const char *path, char *bytes, size_t *ret_n, struct err *err)
{
    size_t n = 0;
    while (n <= SECRET_BYTES_MAX) {
        ssize_t more = read(fd, bytes + n, SECRET_BYTES_MAX + 1 - n);
        if (more == 0)
            break;
        if (more < 0 && errno != EINTR)
            return err_set(err, ERR_IO, NULL, "read %s", path);
        n += more > 0 ? (size_t)more : 0;
    }
    if (n > SECRET_BYTES_MAX)
        return err_set(err, ERR_LIMIT, "put nothing but the secret into it", "%s is larger than %d bytes",
                       path, SECRET_BYTES_MAX);
    if (n && bytes[n - 1] == '\n')
        n--;
    if (n == 0)
        return err_set(err, ERR_NO_INPUT, "write the secret into it", "%s is empty", path);
    *ret_n = n;
    return 0;
}

static int read_secret(int fd, const char *path, struct secret **ret, struct err *err)
{
    int rc = sodium_init();
    assert(rc >= 0);
    char *bytes = sodium_malloc(SECRET_BYTES_MAX + 1);
    assert(bytes);
    size_t n = 0;
    rc = read_bytes(fd, path, bytes, &n, err);
    if (rc == 0)
        *ret = secret_new(sv_make(bytes, n));
    sodium_free(bytes);
    return rc;
}

int provider_read_file(const char *directory, const char *name, const struct provider_rules *rules,
                       struct secret **ret, struct err *err)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    int dir = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return explain_open(path, err);
    int fd = openat(dir, name, (ret ? O_RDONLY | O_NONBLOCK | O_NOCTTY : O_PATH) | O_NOFOLLOW | O_CLOEXEC);
    int why = errno;
    close(dir);
    errno = why;
    if (fd < 0)
        return explain_open(path, err);
    int rc = check(fd, path, rules, err);
    if (rc == 0 && ret)
        rc = read_secret(fd, path, ret, err);
    close(fd);
    return rc;
}

int provider_file(const struct provider_context *context, const char *name, struct secret **ret,
                  struct err *err)
{
    if (!context->secrets_directory)
        return err_set(err, ERR_CONFIG, "set secrets_directory", "there is no directory of secrets");
    const struct provider_rules rules = {.mode = 0600, .owner = context->keeper_uid};
    return provider_read_file(context->secrets_directory, name, &rules, ret, err);
}
