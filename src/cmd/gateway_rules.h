/* The guard rails of a configuration file, for commands that ask them. */
#ifndef VEDETTE_CMD_GATEWAY_RULES_H
#define VEDETTE_CMD_GATEWAY_RULES_H

#include "gateway/guard.h"

#define GATEWAY_DEFAULT_PATH "/etc/vedette/gateway.yaml"

/* path, else gateway.yaml if it is there, else the daemon's configuration. */
const char *gateway_rules_path(const char *path);

/* Reads the configuration and its rules, and prints what is wrong; NULL with *ret_exit set. */
struct guard *gateway_rules_or_complain(const char *path, int *ret_exit);

#endif
