/* Which user, which files and which system calls each process is left with. */
#ifndef VEDETTE_CMD_CONFINE_H
#define VEDETTE_CMD_CONFINE_H

#include "config/config.h"

enum confine_role { CONFINE_KEEPER, CONFINE_WATCH, CONFINE_COURIER, CONFINE_GATEWAY, CONFINE_CORRELATE };

/* Drops to the role's user (config->privileges says what happens without one) and enters its sandbox. Once,
 * before any thread and before the first byte from outside. */
int confine(enum confine_role role, const struct config *config, struct err *err);

/* True if the role, started now as root, becomes its own user. Else *ret_why (may be NULL) says what is in
 * the way, or is NULL where nobody asked for it. */
bool confine_takes_user(enum confine_role role, const struct config *config, const char **ret_why);

/* For a role that reads rules, as root: the first of the files and folders of rules, pipelines, masks and
 * lists that its user may not read; NULL if there is none. Of what lies in a folder nothing is said. */
const char *confine_unread_rules(enum confine_role role, const struct config *config);

/* Makes the folders that the roles write in, owned by their users with what lies in them, also from an
 * earlier run as root. For the parent. */
int confine_make_folders(const struct config *config, struct err *err);

/* The user that a role runs as when started by root, e.g. "vedette-watch". */
const char *confine_user(enum confine_role role);

#endif
