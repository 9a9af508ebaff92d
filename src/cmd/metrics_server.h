/* Every process answers for its own counters, on a socket of its own in runtime_directory: whoever connects
 * and says METRICS is given the text, METRICS_TEXT. `vedette metrics` asks them all. A METRICS with a word in
 * it asks for something else that the process keeps count of. */
#ifndef VEDETTE_CMD_METRICS_SERVER_H
#define VEDETTE_CMD_METRICS_SERVER_H

#include "io/channel.h"

struct metrics_server;

enum { METRICS_CLIENTS_MAX = 8 };

/* Appends the text: for the empty topic by base/metrics.h. Called on the loop's thread; must not wait for
 * anything. */
typedef void metrics_fn(void *arg, sv topic, struct buf *out);

struct metrics_server *metrics_server_new(struct loop *loop, int fd, metrics_fn *fn,
                                          void *arg);    /* takes fd over */
void metrics_server_free(struct metrics_server *server); /* NULL is fine */

#endif
