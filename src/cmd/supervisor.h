/* The parent of `vedette run`: reads the configuration, opens sockets, starts the processes and keeps them
 * running. */
#ifndef VEDETTE_CMD_SUPERVISOR_H
#define VEDETTE_CMD_SUPERVISOR_H

#include "cmd/load.h"

/* Runs until SIGTERM or SIGINT has drained everything; returns the exit code. Takes over load and config. */
int supervisor_run(const char *config_path, struct load *load, struct config *config);

#endif
