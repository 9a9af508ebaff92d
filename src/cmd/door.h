/* The socket at which a process hears commands: who comes is let in as long as there is room, and answered in
 * one form. */
#ifndef VEDETTE_CMD_DOOR_H
#define VEDETTE_CMD_DOOR_H

#include "io/channel.h"

#include <jansson.h>

struct door;

/* Somebody connected: takes over fd. False: there is no room, and fd is closed. */
typedef bool door_fn(void *arg, int fd);

struct door *door_new(struct loop *loop, door_fn *fn, void *arg);
void door_listen(struct door *door, int fd); /* takes it over, in place of the one before */
void door_free(struct door *door);           /* NULL is fine */

/* Sends json, and drops the reference. */
void door_reply(struct channel *channel, enum control_type type, json_t *json);

/* The last answer: err is NULL if all is well. */
void door_reply_end(struct channel *channel, const struct err *err);

/* Root, or the user that this process runs as. */
bool door_is_administrator(const struct channel *channel);

#endif
