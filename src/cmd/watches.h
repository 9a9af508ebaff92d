/* The watch processes, as a command sees them: each answers on a socket of its own. */
#ifndef VEDETTE_CMD_WATCHES_H
#define VEDETTE_CMD_WATCHES_H

#include "config/config.h"

/* One of them, and what it answered; text is {NULL, 0} if it did not. */
typedef void watches_fn(void *arg, const char *name, sv text);

/* Asks each for its counters (or, with `what`, for what control_metrics says) and tells the answers in order.
 * How many answered; 0: none, and err says why. */
size_t watches_ask(const struct config *config, sv what, watches_fn *fn, void *arg, struct err *err);

#endif
