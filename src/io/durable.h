/* Files that are whole and on disk, or not there: write to a temporary name, sync, rename, sync the
 * directory. */
#ifndef VEDETTE_IO_DURABLE_H
#define VEDETTE_IO_DURABLE_H

#include "base/buf.h"
#include "base/err.h"

#include <sys/types.h>

/* Publishes content as dir_fd/name, replacing what was there. */
int durable_write(int dir_fd, const char *name, sv content, mode_t mode, struct err *err);

/* Reads a whole file of at most out's maximum. */
int file_read(const char *path, struct buf *out, struct err *err);

/* Makes path and its missing parents. */
int directory_make(const char *path, mode_t mode, struct err *err);

#endif
