#include "cmd/metrics_server.h"

#include "base/metrics.h"
#include "cmd/door.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

struct metrics_server {
    struct loop *loop;
    struct door *door;
    metrics_fn *fn;
    void *arg;
    struct channel *clients[METRICS_CLIENTS_MAX];
};

static void drop(struct metrics_server *server, struct channel *channel)
{
    for (size_t i = 0; i < METRICS_CLIENTS_MAX; i++)
        if (server->clients[i] == channel)
            server->clients[i] = NULL;
    channel_free(channel);
}

static void on_message(void *arg, struct channel *channel, enum control_type type, sv body, int fd)
{
    struct metrics_server *server = arg;
    if (fd >= 0)
        close(fd);
    if (type != CONTROL_METRICS || channel_pending(channel) > 0) {
        drop(server, channel);
        return;
    }
    struct buf text = BUF_INIT(METRICS_BYTES_MAX);
    server->fn(server->arg, body, &text);
    channel_send(channel, CONTROL_METRICS_TEXT, buf_view(&text), -1);
    buf_free(&text);
}

static void on_closed(void *arg, struct channel *channel, const struct err *err)
{
    (void)err;
    drop(arg, channel);
}

static bool on_connection(void *arg, int fd)
{
    struct metrics_server *server = arg;
    for (size_t i = 0; i < METRICS_CLIENTS_MAX; i++)
        if (!server->clients[i]) {
            server->clients[i] = channel_new(server->loop, fd, on_message, on_closed, server);
            return true;
        }
    return false;
}

struct metrics_server *metrics_server_new(struct loop *loop, int fd, metrics_fn *fn, void *arg)
{
    struct metrics_server *server = calloc(1, sizeof *server);
    assert(server);
    *server = (struct metrics_server){.loop = loop, .fn = fn, .arg = arg};
    server->door = door_new(loop, on_connection, server);
    door_listen(server->door, fd);
    return server;
}

void metrics_server_free(struct metrics_server *server)
{
    if (!server)
        return;
    for (size_t i = 0; i < METRICS_CLIENTS_MAX; i++)
        channel_free(server->clients[i]);
    door_free(server->door);
    free(server);
}
