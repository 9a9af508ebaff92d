/* The daemon's side of the control socket: lists, submissions, followed alerts and, for administrators, a
 * gateway's password, for commands. */
#ifndef VEDETTE_CMD_CONTROL_SERVER_H
#define VEDETTE_CMD_CONTROL_SERVER_H

#include "courier/courier.h"

struct control_server;

enum { CONTROL_CLIENTS_MAX = 64 };

/* keeper: asked for a gateway's password, which only root and the user that this process runs as may have. */
struct control_server *control_server_new(struct loop *loop, struct courier *courier,
                                          struct keeper_client *keeper);
void control_server_listen(struct control_server *server, int fd);
void control_server_free(struct control_server *server);

#endif
