/* Sockets that inputs listen at: the parent opens them, because low ports and socket folders may need it. */
#include "io/address.h"
#include "watch/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { RECEIVE_BYTES = 16 * 1024 * 1024 };

static int refuse(int fd, const char *label, struct err *err)
{
    const char *advice = errno == EADDRINUSE
                             ? "another process listens there: stop it, or choose another place"
                         : errno == EACCES        ? "ports below 1024 and system folders need root"
                         : errno == EADDRNOTAVAIL ? "this machine has no such address"
                                                  : NULL;
    err_set(err, ERR_SYSTEM, advice, "listen for %s", label);
    if (fd >= 0)
        close(fd);
    return -1;
}

/* As large as we are let: with privileges past net.core.rmem_max, else up to it. */
static void enlarge(int fd)
{
    int bytes = RECEIVE_BYTES;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) < 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

/* Several sockets at one place. The first was bound without, so that it met whoever else has the place. */
static void join(int beside, int fd)
{
    int on = 1;
    (void)setsockopt(beside, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
}

static int open_inet(const struct config_input *input, sv place, bool datagrams, int beside, int *ret_fd,
                     struct err *err)
{
    struct address address;
    int on = 1;
    if (address_parse_pair(place, &address, err) < 0)
        return -1;
    int type = (datagrams ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;
    int fd = socket(address.storage.ss_family, type, 0);
    if (fd < 0)
        return refuse(fd, input->label, err);
    if (datagrams) {
        enlarge(fd);
        (void)setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
    } else {
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    }
    if (beside >= 0)
        join(beside, fd);
    if (bind(fd, (const struct sockaddr *)&address.storage, address.length) < 0 ||
        (!datagrams && listen(fd, SOMAXCONN) < 0))
        return refuse(fd, input->label, err);
    *ret_fd = fd;
    return 0;
}

/* Removes the socket that an earlier run left; anything else there stays, and makes bind fail. */
static void remove_old(const struct sockaddr_un *address, int type)
{
    struct stat st;
    if (lstat(address->sun_path, &st) == 0 && S_ISSOCK(st.st_mode) && !address_is_served(address, type))
        (void)unlink(address->sun_path);
}

static int open_unix(const struct config_input *input, sv place, bool datagrams, int *ret_fd, struct err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int on = 1, type = datagrams ? SOCK_DGRAM : SOCK_STREAM;
    sv_copy(address.sun_path, sizeof address.sun_path, place);
    int fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return refuse(fd, input->label, err);
    if (datagrams) {
        enlarge(fd);
        (void)setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
    }
    remove_old(&address, type);
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) < 0 ||
        chmod(address.sun_path, 0666) < 0 || (!datagrams && listen(fd, SOMAXCONN) < 0))
        return refuse(fd, input->label, err);
    *ret_fd = fd;
    return 0;
}

static int open_place(const struct config_input *input, int beside, int *ret_fd, struct err *err)
{
    enum config_scheme scheme;
    sv place;
    if (config_input_place(input, &scheme, &place, err) < 0)
        return -1;
    switch (scheme) {
    case CONFIG_SCHEME_UDP:
    case CONFIG_SCHEME_TCP:
    case CONFIG_SCHEME_TLS:
        return open_inet(input, place, scheme == CONFIG_SCHEME_UDP, beside, ret_fd, err);
    case CONFIG_SCHEME_UNIX:
    case CONFIG_SCHEME_UNIX_STREAM:
        return open_unix(input, place, scheme == CONFIG_SCHEME_UNIX, ret_fd, err);
    }
    return -1;
}

int watch_open_socket(const struct config_input *input, int beside, int *ret_fd, struct err *err)
{
    *ret_fd = -1;
    if (input->syslog || input->relp)
        return open_place(input, beside, ret_fd, err);
    if (!input->stdin)
        return -1;
    int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    if (fd < 0)
        return err_set(err, ERR_SYSTEM, "standard input was closed when vedette was started",
                       "read standard input");
    *ret_fd = fd;
    return 0;
}
