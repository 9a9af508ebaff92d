/* Which user, which files and which system calls each process is left with. */
#ifndef VEDETTE_CMD_CONFINE_H
#define VEDETTE_CMD_CONFINE_H

#include "config/config.h"

enum confine_role { CONFINE_KEEPER, CONFINE_WATCH, CONFINE_COURIER, CONFINE_GATEWAY };

/* Drops to the role's user (config->privileges says what happens without one) and enters its sandbox. Once,
 * before any thread and before the first byte from outside. */
int confine(enum confine_role role, const struct config *config, struct err *err);

/* Makes the folders that the roles write in, owned by their users. For the parent. */
int confine_make_folders(const struct config *config, struct err *err);

/* True if the role would change its user and there is none. */
bool confine_lacks_user(enum confine_role role, const struct config *config);

/* The user that a role runs as when started by root, e.g. "vedette-watch". */
const char *confine_user(enum confine_role role);

#endif
