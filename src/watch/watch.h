/* The watch: inputs → decoded events → rules → findings, in batches, acknowledged when they are on disk. */
#ifndef VEDETTE_WATCH_WATCH_H
#define VEDETTE_WATCH_WATCH_H

#include "config/config.h"
#include "io/channel.h"
#include "watch/ruleset.h"

struct watch;

/* Findings sent and not yet committed; past either bound no input is read until some are (back-pressure). */
enum { WATCH_UNCOMMITTED_BATCHES_MAX = 256, WATCH_UNCOMMITTED_BYTES_MAX = 8 * 1024 * 1024 };

/* Counters, for logs and metrics; see doc/operations.md for what each means. */
struct watch_counts {
    uint64_t events, findings, bytes;
    uint64_t truncated; /* records cut at line_bytes_max */
    uint64_t fields_dropped;
    uint64_t datagrams_lost;      /* told by the kernel (SO_RXQ_OVFL) */
    uint64_t framing_errors;      /* broken octet counts: the connection is closed */
    uint64_t connections_refused; /* past connections_max */
};

/* Takes over the ruleset. Inputs that need a socket get it by watch_socket before watch_start. */
struct watch *watch_new(struct loop *loop, const struct config *config, struct ruleset *ruleset);

/* A bound socket for the input with this label (config_input.label). Takes over fd. */
void watch_socket(struct watch *watch, const char *label, int fd);

/* The courier: findings go out on it; NULL while it is away (then nothing is read). The caller gives its
 * messages to watch_message. After a reconnect everything uncommitted is sent again. */
void watch_courier(struct watch *watch, struct channel *channel);
void watch_message(struct watch *watch, enum control_type type, sv body);

/* Starts reading once the courier's CURSORS have come. */
void watch_start(struct watch *watch);

/* New rules and configuration (SIGHUP): inputs that stay are kept open, others are opened or closed. Takes
 * over. */
void watch_reload(struct watch *watch, const struct config *config, struct ruleset *ruleset);

/* Stops reading; done is called when everything read is committed. */
void watch_drain(struct watch *watch, loop_fn *done, void *arg);

/* Called when an input of kind stdin has ended and all it gave is committed. */
void watch_on_stdin_end(struct watch *watch, loop_fn *fn, void *arg);

const struct watch_counts *watch_counts(const struct watch *watch);
void watch_free(struct watch *watch);

/* The socket that an input needs, made by the parent: −1 with ret_fd −1 and no error set if it needs none. */
int watch_open_socket(const struct config_input *input, int *ret_fd, struct err *err);

#endif
