/* The watch: inputs → decoded events → rules → findings, in batches, acknowledged when they are on disk. */
#ifndef VEDETTE_WATCH_WATCH_H
#define VEDETTE_WATCH_WATCH_H

#include "config/config.h"
#include "io/channel.h"
#include "watch/ruleset.h"

struct watch;

/* Findings sent and not yet committed; past either bound no input is read until some are (back-pressure). */
enum { WATCH_UNCOMMITTED_BATCHES_MAX = 256, WATCH_UNCOMMITTED_BYTES_MAX = 6 * 1024 * 1024 };

/* Counters, for logs and metrics; see doc/operations.md for what each means. */
struct watch_counts {
    uint64_t events, findings, bytes;
    uint64_t decoded;   /* of the events, those that a rule could match: only they are decoded */
    uint64_t truncated; /* records cut at line_bytes_max */
    uint64_t fields_dropped;
    uint64_t hidden;              /* pieces of findings that masks hid */
    uint64_t datagrams_lost;      /* told by the kernel (SO_RXQ_OVFL) */
    uint64_t framing_errors;      /* broken octet counts: the connection is closed */
    uint64_t connections_refused; /* past connections_max */
};

/* Takes over the ruleset; borrows the configuration until watch_reload has returned or the watch is freed.
 * number says which of several watches this is, from 0: see watch/sharing.h for what each of them reads. */
struct watch *watch_new(struct loop *loop, const struct config *config, struct ruleset *ruleset,
                        unsigned number);

/* A bound socket for the input with this label (config_input.label), from watch_open_socket. Takes over fd.
 * May come before or after watch_start, and before or after the watch_reload that makes its input. */
void watch_socket(struct watch *watch, const char *label, int fd);

/* The courier: findings go out on it; NULL while it is away (then nothing is read). The caller gives its
 * messages to watch_message. After a reconnect everything uncommitted is sent again. */
void watch_courier(struct watch *watch, struct channel *channel);
void watch_message(struct watch *watch, enum control_type type, sv body);

/* Starts reading once the courier is there and its first CURSORS have come; later ones are not needed. An
 * input that cannot be opened is logged, and tried again every ten seconds. */
void watch_start(struct watch *watch);

/* Called once, when every input has been opened or has failed for the first time: from then on nothing that
 * is sent or written to an input goes unseen. */
void watch_on_open(struct watch *watch, loop_fn *fn, void *arg);

/* New rules and configuration (SIGHUP). Inputs with the same label and options go on, their connections too;
 * those with other options are made anew and keep their socket and place; others are opened or closed. Takes
 * over the ruleset; the old configuration is not needed any more. */
void watch_reload(struct watch *watch, const struct config *config, struct ruleset *ruleset);

/* Stops reading, evaluates what was read or waits in the sockets' buffers, and closes connections. done is
 * called from the loop when all of it is committed. */
void watch_drain(struct watch *watch, loop_fn *done, void *arg);

/* fn is called from the loop when standard input has ended and everything is committed. */
void watch_on_stdin_end(struct watch *watch, loop_fn *fn, void *arg);

const struct watch_counts *watch_counts(const struct watch *watch);

/* What the rules have cost so far (watch/rule_cost.h); valid until the next watch_reload. */
const struct rule_costs *watch_costs(const struct watch *watch);
void watch_free(struct watch *watch);

/* The socket that an input needs, made by the parent: −1 with ret_fd −1 and no error set if it needs none.
 * For standard input, a duplicate of it. With beside ≥ 0, a UDP socket that is open for the same input,
 * another one at the same place, and the kernel spreads senders over them. */
int watch_open_socket(const struct config_input *input, int beside, int *ret_fd, struct err *err);

#endif
