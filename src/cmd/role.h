/* What every child process has in common: it hears its parent on descriptor 3, gets its configuration,
 * sockets and peers, enters its sandbox, serves, reloads in two steps, and drains. A role says what is its
 * own. */
#ifndef VEDETTE_CMD_ROLE_H
#define VEDETTE_CMD_ROLE_H

#include "cmd/load.h"
#include "io/channel.h"
#include "secret/provider.h"

struct role_process;

/* Each function gets the role's own state, made by start. NULL where a role has no part in it. */
struct role {
    const char *name;
    /* Makes *ret_state from the configuration. Enters the sandbox before it touches anything from outside. */
    int (*start)(struct role_process *process, const struct config *config, void **ret_state,
                 struct err *err);
    /* A socket with its label, and the channel to another process; both now belong to the role. */
    void (*socket)(void *state, const char *label, int fd);
    void (*peer)(void *state, const char *process, int fd);
    /* All sockets and peers of the start are there. True: it serves; false: it will say so with role_ready.
     */
    bool (*go)(void *state);
    /* Reads all that the new configuration needs, so that commit cannot fail. −1: the old one stays. */
    int (*prepare)(void *state, const struct config *config, struct err *err);
    void (*commit)(void *state, const struct config *config);
    void (*abort)(void *state);
    /* What else the parent says to this role. */
    void (*message)(void *state, enum control_type type, sv body);
    /* Appends the process's counters, by base/metrics.h, for `vedette metrics`. */
    void (*metrics)(void *state, struct buf *out);
    /* Appends what each rule has cost, one JSON object a line, for `vedette rules top`. */
    void (*rules)(void *state, struct buf *out);
    /* Takes nothing new, finishes what it holds, then calls role_done. */
    void (*drain)(struct role_process *process, void *state);
    void (*free)(void *state);
};

/* Runs the process to its end, number of its kind; returns its exit code. */
int role_main(const struct role *role, unsigned number);

struct loop *role_loop(struct role_process *process);

/* Which process of its kind this is, from 0. */
unsigned role_number(const struct role_process *process);

/* Tells the parent something that has no body. */
void role_say(struct role_process *process, enum control_type type);

/* The same with a body. */
void role_tell(struct role_process *process, enum control_type type, sv body);

/* It serves now: once, after go returned false. */
void role_ready(struct role_process *process);

/* Drained: the process, a struct role_process, ends with exit code 0. */
void role_done(void *process);

/* Where this process looks for secrets. */
struct provider_context provider_context_of(const struct config *config);

extern const struct role role_watch, role_courier, role_gateway, role_correlate, role_keeper;

#endif
