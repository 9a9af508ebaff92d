#include "cmd/control_client.h"
#include "cmd/path_check.h"
#include "cmd/role.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Reads to the end or until to is full. */
static ssize_t read_all(int fd, char *to, size_t cap)
{
    size_t n = 0;
    while (n < cap) {
        ssize_t got = read(fd, to + n, cap - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        n += (size_t)got;
    }
    return (ssize_t)n;
}

/* As a provider does: one newline at the end is not part of the secret, and nobody else may read the file. */
static int read_file(const char *path, struct secret **ret, struct err *err)
{
    char bytes[SECRET_BYTES_MAX + 2];
    struct stat about;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 || fstat(fd, &about) < 0) {
        err_set(err, ERR_SYSTEM, "name a file that holds the password", "read %s", path);
        err->class = ERR_NO_INPUT;
        if (fd >= 0)
            close(fd);
        return -1;
    }
    if (S_ISREG(about.st_mode) && about.st_mode & 077) {
        close(fd);
        return err_set(err, ERR_PERMISSION, "chmod 600 it", "%s can be read by others than its owner", path);
    }
    ssize_t n = read_all(fd, bytes, sizeof bytes);
    close(fd);
    if (n > 0 && bytes[n - 1] == '\n')
        n--;
    int outcome = 0;
    if (n < 0)
        outcome = err_set(err, ERR_IO, NULL, "read %s", path);
    else if (n == 0 || n > SECRET_BYTES_MAX)
        outcome =
            err_set(err, ERR_DATA, NULL, "%s holds no password of 1 to %d bytes", path, SECRET_BYTES_MAX);
    else
        *ret = secret_new(sv_make(bytes, (size_t)n));
    explicit_bzero(bytes, sizeof bytes);
    return outcome;
}

static int ask_provider(const struct config *config, const char *reference, struct secret **ret,
                        struct err *err)
{
    struct provider_context context = provider_context_of(config);
    return provider_fetch(&context, sv_of(reference), ret, err);
}

int path_password(const struct path_options *options, const struct config *config,
                  const struct config_gateway *gateway, struct secret **ret, struct err *err)
{
    struct control_client *client;
    if (options->password_file)
        return read_file(options->password_file, ret, err);
    if (!config || !gateway->name || !gateway->password || !gateway->username)
        return 0;
    /* The daemon gives out its gateways' passwords, and not those of our own gateway's next hops. */
    if (!config_gateway_named(config, sv_of(gateway->name)))
        return ask_provider(config, gateway->password, ret, err);
    if (control_connect(config, &client, err) < 0)
        return err->class == ERR_UNAVAILABLE ? ask_provider(config, gateway->password, ret, err) : -1;
    int outcome = control_secret(client, gateway->name, ret, err);
    control_close(client);
    return outcome;
}
