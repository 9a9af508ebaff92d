/* The gateway's side of its control socket: `vedette gateway queue` lists, shows and acts. */
#ifndef VEDETTE_CMD_GATEWAY_CONTROL_H
#define VEDETTE_CMD_GATEWAY_CONTROL_H

#include "gateway/activity.h"
#include "gateway/relay.h"

struct gateway_control;

enum { GATEWAY_CONTROL_CLIENTS_MAX = 16 };

/* relay and activity are borrowed. */
struct gateway_control *gateway_control_new(struct loop *loop, struct relay *relay,
                                            const struct activity *activity);
void gateway_control_listen(struct gateway_control *control, int fd); /* takes it over */
void gateway_control_free(struct gateway_control *control);           /* NULL is fine */

#endif
