/* The daemon's side of the control socket: lists, submissions and followed alerts, for commands. */
#ifndef VEDETTE_CMD_CONTROL_SERVER_H
#define VEDETTE_CMD_CONTROL_SERVER_H

#include "courier/courier.h"

struct control_server;

enum { CONTROL_CLIENTS_MAX = 64 };

struct control_server *control_server_new(struct loop *loop, struct courier *courier);
void control_server_listen(struct control_server *server, int fd);
void control_server_free(struct control_server *server);

#endif
