/* A courier inside a command, with a store that vanishes afterwards: for `vedette test` while no daemon runs.
 */
#ifndef VEDETTE_CMD_LOCAL_COURIER_H
#define VEDETTE_CMD_LOCAL_COURIER_H

#include "courier/courier.h"

struct local_courier;

int local_courier_new(const struct config *config, struct local_courier **ret, struct err *err);
struct loop *local_courier_loop(struct local_courier *local);
struct courier *local_courier_courier(struct local_courier *local);
void local_courier_free(struct local_courier *local);

#endif
