/* How each configured path is: what `vedette path status` shows, out of the store. */
#ifndef VEDETTE_CMD_PATH_STATUS_H
#define VEDETTE_CMD_PATH_STATUS_H

#include "config/config.h"
#include "store/store.h"

#include <jansson.h>

/* An array with one object for each gateway, in the shape that doc/json.md promises; `up` and `trouble` are
 * null: only the courier knows them. NULL on error. Inside a batch, or with a reader's store. */
json_t *path_status_read(struct store *store, const char *const *gateways, size_t count, nanos now,
                         struct err *err);

#endif
