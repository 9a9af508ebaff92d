/* The sockets that the parent opens and keeps, so that a child that is restarted gets the same ones again. */
#ifndef VEDETTE_CMD_SOCKETS_H
#define VEDETTE_CMD_SOCKETS_H

#include "config/config.h"
#include "io/channel.h"

enum { SOCKETS_MAX = 4096, SOCKETS_ANY = -1 };

struct socket_entry {
    const char *label;   /* an input's label, "relay ENDPOINT", "control" or "metrics PROCESS" */
    const char *process; /* of what kind it is: "watch", "gateway", "courier", "correlate" */
    int number;          /* which of that kind has it, from 0; SOCKETS_ANY: each has a copy */
    int fd;
    bool fresh; /* not in the set that this one was made from */
};

struct sockets {
    struct socket_entry entries[SOCKETS_MAX];
    size_t count;
};

/* Opens what config needs; a label that `old` (or NULL) has too keeps its socket. Labels borrow from config.
 * On error nothing stays open that old did not have. */
int sockets_open(const struct sockets *old, const struct config *config, struct sockets **ret,
                 struct err *err);

/* The socket for the counters of who correlates is there only while somebody does, which the configuration
 * does not tell; sockets_open keeps it. 1: it is new; 0: it was there. */
int sockets_open_correlate(struct sockets *sockets, const struct config *config, struct err *err);
void sockets_close_correlate(struct sockets *sockets);

/* Sends those of one process along its channel; with only_fresh just the new ones. */
void sockets_send(const struct sockets *sockets, const char *process, unsigned number, bool only_fresh,
                  struct channel *channel);

/* Closes every descriptor. NULL is fine. */
void sockets_free(struct sockets *sockets);

#endif
