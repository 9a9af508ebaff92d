#include "cmd/door.h"

#include "base/log.h"
#include "cmd/report.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct door {
    struct loop *loop;
    struct loop_fd *listening;
    int fd;
    door_fn *fn;
    void *arg;
};

struct door *door_new(struct loop *loop, door_fn *fn, void *arg)
{
    struct door *door = calloc(1, sizeof *door);
    assert(door);
    *door = (struct door){.loop = loop, .fd = -1, .fn = fn, .arg = arg};
    return door;
}

static void on_connection(void *arg, int fd, int ready)
{
    const struct door *door = arg;
    (void)ready;
    int accepted = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (accepted < 0 || door->fn(door->arg, accepted))
        return;
    LOG_WARNING("a command was turned away: too many at once");
    close(accepted);
}

static void stop_listening(struct door *door)
{
    loop_fd_free(door->listening);
    if (door->fd >= 0)
        close(door->fd);
}

void door_listen(struct door *door, int fd)
{
    stop_listening(door);
    door->fd = fd;
    door->listening = loop_fd_new(door->loop, fd, on_connection, door);
    loop_fd_want(door->listening, LOOP_READ);
}

void door_free(struct door *door)
{
    if (!door)
        return;
    stop_listening(door);
    free(door);
}

void door_reply(struct channel *channel, enum control_type type, json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT);
    if (text)
        channel_send(channel, type, sv_of(text), -1);
    free(text);
    json_decref(json);
}

void door_reply_end(struct channel *channel, const struct err *err)
{
    json_t *json = json_object();
    json_object_set_new(json, "exit", json_integer(err ? err_exit_code(err) : 0));
    if (err) {
        json_object_set_new(json, "error", report_text(sv_of(err->cause)));
        json_object_set_new(json, "advice", report_text(sv_of(err->advice)));
    }
    door_reply(channel, CONTROL_REPLY_END, json);
}

bool door_is_administrator(const struct channel *channel)
{
    uid_t uid = channel_peer_user(channel);
    return uid == 0 || uid == geteuid();
}
