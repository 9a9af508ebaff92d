/* Maildir delivery: tmp, fsync, rename into new, fsync of the directory. After 0 the message is on disk. */
#ifndef VEDETTE_GATEWAY_MAILDIR_H
#define VEDETTE_GATEWAY_MAILDIR_H

#include "base/err.h"
#include "base/sv.h"
#include "base/timefmt.h"

/* Makes the folder with tmp, new and cur if need be. Returns a directory descriptor, or −1. */
int maildir_open(const char *path, struct err *err);

/* Delivers the concatenation of head and body under a unique name. ENOSPC and EDQUOT give ERR_TEMPORARY. */
int maildir_deliver(int maildir_fd, sv head, sv body, const char *hostname, nanos now, struct err *err);

#endif
