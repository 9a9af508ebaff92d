/* Where our gateway would send a message, for commands that ask: its route, and the next hops as the
 * configuration or DNS has them now. */
#ifndef VEDETTE_CMD_GATEWAY_ROUTE_H
#define VEDETTE_CMD_GATEWAY_ROUTE_H

#include "config/config.h"

#include <jansson.h>

/* {"route", "next_hops": [{"name", "address", "port", "preference", "tls"}], "problem"} of an address; name:
 * of the route that a rule chose, or NULL. tls: what is asked of it at the least. route is null where none
 * leads there, problem is null where mail can go. May take as long as DNS does. */
json_t *gateway_route_find(const struct config *config, const char *name, const char *recipient);

/* The same for people, as lines behind a verdict. */
void gateway_route_print(const json_t *found);

#endif
