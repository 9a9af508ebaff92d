#include "cmd/metrics_server.h"

#include "base/metrics.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct metrics_server {
    struct loop *loop;
    struct loop_fd *listening;
    int fd;
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

static void on_connection(void *arg, int fd, int ready)
{
    struct metrics_server *server = arg;
    (void)ready;
    int accepted = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (accepted < 0)
        return;
    for (size_t i = 0; i < METRICS_CLIENTS_MAX; i++)
        if (!server->clients[i]) {
            server->clients[i] = channel_new(server->loop, accepted, on_message, on_closed, server);
            return;
        }
    close(accepted);
}

struct metrics_server *metrics_server_new(struct loop *loop, int fd, metrics_fn *fn, void *arg)
{
    struct metrics_server *server = calloc(1, sizeof *server);
    assert(server);
    *server = (struct metrics_server){.loop = loop, .fd = fd, .fn = fn, .arg = arg};
    server->listening = loop_fd_new(loop, fd, on_connection, server);
    loop_fd_want(server->listening, LOOP_READ);
    return server;
}

void metrics_server_free(struct metrics_server *server)
{
    if (!server)
        return;
    for (size_t i = 0; i < METRICS_CLIENTS_MAX; i++)
        channel_free(server->clients[i]);
    loop_fd_free(server->listening);
    close(server->fd);
    free(server);
}
