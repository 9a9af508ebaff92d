#include "cmd/local_keeper.h"

#include "cmd/role.h"

#include <assert.h>
#include <stdlib.h>

struct local_keeper {
    struct keeper *keeper;
    struct keeper_client *client;
    struct channel *asking, *answering;
};

static void on_answer(void *arg, struct channel *channel, enum control_type type, sv body, int fd)
{
    struct local_keeper *local = arg;
    (void)channel;
    (void)fd;
    keeper_client_message(local->client, type, body);
}

static void on_question(void *arg, struct channel *channel, enum control_type type, sv body, int fd)
{
    struct local_keeper *local = arg;
    (void)fd;
    if (type == CONTROL_SECRET_GET)
        keeper_answer(local->keeper, channel, body);
}

/* Both ends are ours and close together. */
static void on_closed(void *arg, struct channel *channel, const struct err *err)
{
    (void)arg;
    (void)channel;
    (void)err;
}

int local_keeper_new(struct loop *loop, const struct config *config, struct local_keeper **ret,
                     struct err *err)
{
    int ends[2];
    if (channel_pair(ends, err) < 0)
        return -1;
    struct local_keeper *local = calloc(1, sizeof *local);
    assert(local);
    struct provider_context context = provider_context_of(config);
    local->keeper = keeper_new(&context);
    local->client = keeper_client_new(loop);
    local->answering = channel_new(loop, ends[0], on_question, on_closed, local);
    local->asking = channel_new(loop, ends[1], on_answer, on_closed, local);
    keeper_client_connect(local->client, local->asking);
    *ret = local;
    return 0;
}

struct keeper_client *local_keeper_client(struct local_keeper *local)
{
    return local->client;
}

void local_keeper_free(struct local_keeper *local)
{
    if (!local)
        return;
    keeper_client_free(local->client);
    keeper_free(local->keeper);
    channel_free(local->asking);
    channel_free(local->answering);
    free(local);
}
