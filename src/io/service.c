#include "io/service.h"

#include "io/loop.h"

#include <fcntl.h>
#include <systemd/sd-daemon.h>

/* A manager that cannot be reached is no reason to stop watching: the results are not looked at. */
void service_ready(const char *status)
{
    (void)sd_notifyf(0, "READY=1\nSTATUS=%s", status);
}

void service_reloading(void)
{
    (void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=Reloading",
                     (long long)(loop_monotonic() / 1000));
}

void service_stopping(void)
{
    (void)sd_notify(0, "STOPPING=1\nSTATUS=Draining");
}

void service_status(const char *status)
{
    (void)sd_notifyf(0, "STATUS=%s", status);
}

nanos service_watchdog_interval(void)
{
    uint64_t usec = 0;
    return sd_watchdog_enabled(0, &usec) > 0 ? (nanos)usec * 1000 : 0;
}

void service_alive(void)
{
    (void)sd_notify(0, "WATCHDOG=1");
}

int service_socket(const struct address *address)
{
    const struct sockaddr *where = (const struct sockaddr *)&address->storage;
    int count = sd_listen_fds(0);
    for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + count; fd++)
        if (sd_is_socket_sockaddr(fd, SOCK_STREAM, where, address->length, 1) > 0)
            return fcntl(fd, F_DUPFD_CLOEXEC, 0);
    return -1;
}
