/* The guard rails of a configuration file, for commands that ask them. */
#ifndef VEDETTE_CMD_GATEWAY_RULES_H
#define VEDETTE_CMD_GATEWAY_RULES_H

#include "gateway/guard.h"

#define GATEWAY_DEFAULT_PATH "/etc/vedette/gateway.yaml"

/* path, else gateway.yaml if it is there, else the daemon's configuration. */
const char *gateway_rules_path(const char *path);

/* Reads the configuration and its rules, and prints what is wrong; NULL with *ret_exit set. *ret_config (may
 * be NULL) is the caller's then; untouched on failure. */
struct guard *gateway_rules_or_complain(const char *path, struct config **ret_config, int *ret_exit);

#endif
