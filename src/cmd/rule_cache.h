/* The folder `cache` in state_directory: databases that the watch has compiled of its rules, which the parent
 * writes and the next watch reads. Only one that has read nothing from outside yet is believed. */
#ifndef VEDETTE_CMD_RULE_CACHE_H
#define VEDETTE_CMD_RULE_CACHE_H

#include "config/config.h"

enum { RULE_CACHE_FILES_MAX = 32 }; /* the latest are kept: of two sets of rules and more */

/* Makes the folder, ours and nobody else's to write. For the parent; what goes wrong is logged, for it only
 * takes time. */
void rule_cache_make(const struct config *config);

/* The folder, to read from; −1: there is none. Before the sandbox is entered. */
int rule_cache_open(const struct config *config);

/* Keeps what a watch has compiled: the body of CONTROL_COMPILED. For the parent. */
void rule_cache_put(const struct config *config, sv body);

#endif
