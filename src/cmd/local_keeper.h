/* A keeper inside a command: the providers' secrets for what asks by a keeper_client, without a daemon. */
#ifndef VEDETTE_CMD_LOCAL_KEEPER_H
#define VEDETTE_CMD_LOCAL_KEEPER_H

#include "config/config.h"
#include "secret/keeper.h"

struct local_keeper;

int local_keeper_new(struct loop *loop, const struct config *config, struct local_keeper **ret,
                     struct err *err);
struct keeper_client *local_keeper_client(struct local_keeper *local);
void local_keeper_free(struct local_keeper *local); /* NULL is fine */

#endif
