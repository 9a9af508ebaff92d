/* What the service manager is told (sd_notify(3)). Without one, nothing happens. */
#ifndef VEDETTE_IO_SERVICE_H
#define VEDETTE_IO_SERVICE_H

#include "base/timefmt.h"
#include "io/address.h"

void service_ready(const char *status); /* one line for `systemctl status`; also ends a reload */
void service_reloading(void);
void service_stopping(void);
void service_status(const char *status);

/* How long the manager waits for service_alive before it kills us; 0: it does not watch. Call at a third of
 * it. */
nanos service_watchdog_interval(void);
void service_alive(void);

/* A descriptor of our own for the listening stream socket at that address that the manager opened for us
 * (socket activation, sd_listen_fds(3)); −1: it opened none there. */
int service_socket(const struct address *address);

#endif
