/* The keeper: the one process that reads secrets, and how the others ask it. */
#ifndef VEDETTE_SECRET_KEEPER_H
#define VEDETTE_SECRET_KEEPER_H

#include "io/channel.h"
#include "secret/provider.h"

enum { KEEPER_CREDENTIALS_MAX = 64, KEEPER_CREDENTIAL_NAME_MAX = 160 };

/* Serves SECRET_GET on a channel. Copies context. Reads systemd's credentials at once, the first
 * KEEPER_CREDENTIALS_MAX of them, since only the user that systemd started may: call it before that user is
 * given up. Files are read when they are asked for. */
struct keeper;
struct keeper *keeper_new(const struct provider_context *context);

/* For a new configuration. Credentials stay: they last as long as the service. */
void keeper_reload(struct keeper *keeper, const struct provider_context *context);
void keeper_free(struct keeper *keeper);

/* Reads a secret for the keeper itself. */
int keeper_fetch(struct keeper *keeper, const char *reference, struct secret **ret, struct err *err);

/* Answers one request on the channel it came from. A body that is no request is passed over. */
void keeper_answer(struct keeper *keeper, struct channel *channel, sv body);

/* The asking side. secret is NULL when it failed; it is wiped after the call returns. */
typedef void keeper_fn(void *arg, const struct secret *secret, const struct err *err);

enum { KEEPER_REQUESTS_MAX = 1024, KEEPER_ANSWER_SECONDS_MAX = 30 };

struct keeper_client;
struct keeper_client *keeper_client_new(struct loop *loop);
void keeper_client_free(struct keeper_client *client);

/* The channel to the keeper (borrowed), or NULL while it is away: requests under way, and those made
 * meanwhile, then fail with ERR_TEMPORARY, as does one that stays without an answer. */
void keeper_client_connect(struct keeper_client *client, struct channel *channel);

/* reference is "PROVIDER/NAME". fn is called exactly once, never before this returns, or not at all after
 * keeper_client_forget(client, arg). */
void keeper_client_get(struct keeper_client *client, const char *reference, keeper_fn *fn, void *arg);
void keeper_client_forget(struct keeper_client *client, void *arg);

/* Gives the client a SECRET or SECRET_FAILED message. */
void keeper_client_message(struct keeper_client *client, enum control_type type, sv body);

#endif
