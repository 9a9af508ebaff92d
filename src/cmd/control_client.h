/* The command's side of the control socket. Blocking: a command does one thing. */
#ifndef VEDETTE_CMD_CONTROL_CLIENT_H
#define VEDETTE_CMD_CONTROL_CLIENT_H

#include "config/config.h"
#include "secret/secret.h"

#include <jansson.h>

struct control_client;

enum { CONTROL_SECONDS_MAX = 366 * 24 * 3600 }; /* that a person may want to wait for an answer */

/* ERR_UNAVAILABLE when no daemon listens there. */
int control_connect(const struct config *config, struct control_client **ret, struct err *err);

/* The same for another socket of runtime_directory: "gateway", "metrics-watch". */
int control_connect_to(const struct config *config, const char *name, struct control_client **ret,
                       struct err *err);

/* Asks a metrics socket for its counters (topic empty), or for "rules"; the text is appended. */
int control_metrics(struct control_client *client, sv topic, nanos timeout, struct buf *out, struct err *err);
void control_close(struct control_client *client);

/* Bytes that the next request is about. */
int control_content(struct control_client *client, sv content, struct err *err);

/* Each answer as it comes; non-zero stops. */
typedef int control_reply_fn(void *arg, const json_t *reply);

/* Asks for the password of a configured gateway: {"command": "secret"}. ERR_PERMISSION for who is neither
 * root nor the daemon's own user. */
int control_secret(struct control_client *client, const char *gateway, struct secret **ret, struct err *err);

/* Sends request (takes over the reference) and calls fn for each answer until the last. Returns 0 or −1 with
 * what the daemon or the socket said. timeout: for the whole; 0: none. */
int control_request(struct control_client *client, json_t *request, nanos timeout, control_reply_fn *fn,
                    void *arg, struct err *err);

/* The same over a connection of its own to a socket of runtime_directory. */
int control_ask(const struct config *config, const char *name, json_t *request, nanos timeout,
                control_reply_fn *fn, void *arg, struct err *err);

#endif
