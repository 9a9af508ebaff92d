/* The parent's part in other ways out: runs the configured commands, never through a shell, and writes to the
 * console. */
#ifndef VEDETTE_CMD_RUNNER_H
#define VEDETTE_CMD_RUNNER_H

#include "config/config.h"
#include "io/loop.h"

struct runner;

enum { RUNNER_COMMANDS_MAX = 4 }; /* at once; one more is refused, and tried again later */

/* done: the command ended with 0, or the line was written. */
typedef void runner_fn(void *arg, uint64_t serial, bool done, sv said);

struct runner *runner_new(struct loop *loop, runner_fn *fn, void *arg);

/* body: the notice as JSON, for the command's standard input. What it runs is what our own configuration
 * names for that way; the asking process chooses no more than its name. fn may be called before this returns.
 */
void runner_run(struct runner *runner, const struct config *config, uint64_t serial, sv way, sv body);

/* Kills what still runs. NULL is fine. */
void runner_free(struct runner *runner);

#endif
