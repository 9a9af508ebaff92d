#include "cmd/control_client.h"

#include "io/loop.h"
#include "wire/control.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { READ_BYTES = 64 * 1024 };

struct control_client {
    int fd;
    struct buf in;
};

static int connect_in(const char *folder, const char *name, struct err *err)
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    int folder_fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(where.sun_path, sizeof where.sun_path, "/proc/self/fd/%d/%s", folder_fd, name);
    int outcome = folder_fd < 0 ? -1 : connect(fd, (struct sockaddr *)&where, sizeof where);
    int system = errno;
    if (folder_fd >= 0)
        close(folder_fd);
    if (outcome == 0)
        return fd;
    close(fd);
    errno = system;
    err_set(err, ERR_SYSTEM, system == EACCES ? "join the group vedette" : "start it: vedette run",
            "no daemon answers at %s/%s", folder, name);
    err->class = system == EACCES ? ERR_PERMISSION : ERR_UNAVAILABLE;
    return -1;
}

int control_connect_to(const struct config *config, const char *name, struct control_client **ret,
                       struct err *err)
{
    int fd = connect_in(config->runtime_directory, name, err);
    if (fd < 0)
        return -1;
    struct control_client *client = calloc(1, sizeof *client);
    assert(client);
    *client = (struct control_client){.fd = fd, .in = BUF_INIT(CONTROL_BODY_BYTES_MAX + 64)};
    *ret = client;
    return 0;
}

int control_connect(const struct config *config, struct control_client **ret, struct err *err)
{
    return control_connect_to(config, "control", ret, err);
}

void control_close(struct control_client *client)
{
    if (!client)
        return;
    close(client->fd);
    buf_free(&client->in);
    free(client);
}

static int hung_up(struct err *err)
{
    return err_set(err, ERR_UNAVAILABLE, "see its log", "the daemon closed the connection");
}

static int send_frame(struct control_client *client, enum control_type type, sv body, struct err *err)
{
    struct buf out = BUF_INIT(CONTROL_BODY_BYTES_MAX + 64);
    if (control_put(&out, type, body) < 0) {
        buf_free(&out);
        return err_set(err, ERR_LIMIT, NULL, "more than %d bytes", CONTROL_BODY_BYTES_MAX);
    }
    int outcome = 0;
    for (sv rest = buf_view(&out); rest.n && outcome == 0;) {
        ssize_t n = send(client->fd, rest.p, rest.n, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            outcome = hung_up(err);
        else if (n > 0)
            rest = sv_from(rest, (size_t)n);
    }
    buf_free(&out);
    return outcome;
}

int control_content(struct control_client *client, sv content, struct err *err)
{
    return send_frame(client, CONTROL_CONTENT, content, err);
}

/* Waits for more bytes until `until` (0: for ever). */
static int read_more(struct control_client *client, nanos until, struct err *err)
{
    nanos left = until ? until - loop_monotonic() : 0;
    struct pollfd wait = {.fd = client->fd, .events = POLLIN};
    nanos ms = left / NANOS_PER_MS + 1;
    int ready = until && left <= 0 ? 0 : poll(&wait, 1, !until ? -1 : ms < INT_MAX ? (int)ms : INT_MAX);
    if (ready == 0 && until - loop_monotonic() > 0)
        return 0;
    if (ready == 0)
        return err_set(err, ERR_TEMPORARY, "`vedette alerts` tells where it is",
                       "no answer in the time given");
    char *to = buf_reserve(&client->in, READ_BYTES);
    ssize_t n = to ? recv(client->fd, to, READ_BYTES, 0) : -1;
    if (n < 0 && errno == EINTR)
        return 0;
    if (n <= 0)
        return hung_up(err);
    buf_added(&client->in, (size_t)n);
    return 0;
}

/* The last answer: its exit code and error become ours. */
static int ended(const json_t *reply, struct err *err)
{
    int code = (int)json_integer_value(json_object_get(reply, "exit"));
    const char *cause = json_string_value(json_object_get(reply, "error"));
    if (code == 0)
        return 0;
    err_set(err, ERR_UNAVAILABLE, NULL, "%s", cause ? cause : "the daemon refused");
    sv_copy(err->advice, sizeof err->advice, sv_of(json_string_value(json_object_get(reply, "advice"))));
#define X(name, exit)   \
    if (code == (exit)) \
        err->class = ERR_##name;
    ERR_CLASSES(X)
#undef X
    return -1;
}

static nanos moment_after(nanos timeout)
{
    return timeout ? loop_monotonic() + timeout : 0;
}

/* Takes over the reference. */
static int send_request(struct control_client *client, json_t *request, struct err *err)
{
    char *text = json_dumps(request, JSON_COMPACT);
    json_decref(request);
    int outcome = text ? send_frame(client, CONTROL_REQUEST, sv_of(text), err)
                       : err_set(err, ERR_DATA, NULL, "the request is not UTF-8");
    free(text);
    return outcome;
}

/* One whole frame; *ret_body is valid until buf_consume of *ret_used. */
static int take_frame(struct control_client *client, nanos until, enum control_type *ret_type, sv *ret_body,
                      size_t *ret_used, struct err *err)
{
    for (;;) {
        switch (control_take(buf_view(&client->in), ret_type, ret_body, ret_used)) {
        case CONTROL_INVALID:
            return err_set(err, ERR_PROTOCOL, NULL, "the daemon's answer has no form");
        case CONTROL_FRAME:
            return 0;
        case CONTROL_NEED_DATA:
            if (read_more(client, until, err) < 0)
                return -1;
        }
    }
}

int control_request(struct control_client *client, json_t *request, nanos timeout, control_reply_fn *fn,
                    void *arg, struct err *err)
{
    nanos until = moment_after(timeout);
    enum control_type type;
    sv body;
    size_t used;
    if (send_request(client, request, err) < 0)
        return -1;
    while (take_frame(client, until, &type, &body, &used, err) == 0) {
        json_t *reply = json_loadb(body.p, body.n, JSON_ALLOW_NUL, NULL);
        bool last = type == CONTROL_REPLY_END;
        int stop = last ? ended(reply, err) : fn ? fn(arg, reply) : 0;
        json_decref(reply);
        buf_consume(&client->in, used);
        if (last || stop)
            return stop;
    }
    return -1;
}

int control_ask(const struct config *config, const char *name, json_t *request, nanos timeout,
                control_reply_fn *fn, void *arg, struct err *err)
{
    struct control_client *client;
    if (control_connect_to(config, name, &client, err) < 0) {
        json_decref(request);
        return -1;
    }
    int outcome = control_request(client, request, timeout, fn, arg, err);
    control_close(client);
    return outcome;
}

int control_metrics(struct control_client *client, sv topic, nanos timeout, struct buf *out, struct err *err)
{
    enum control_type type;
    sv body;
    size_t used;
    if (send_frame(client, CONTROL_METRICS, topic, err) < 0 ||
        take_frame(client, moment_after(timeout), &type, &body, &used, err) < 0)
        return -1;
    int outcome = type == CONTROL_METRICS_TEXT && buf_put(out, body) == 0
                      ? 0
                      : err_set(err, ERR_PROTOCOL, NULL, "the daemon's answer has no form");
    buf_consume(&client->in, used);
    return outcome;
}

int control_secret(struct control_client *client, const char *gateway, struct secret **ret, struct err *err)
{
    enum { ANSWER_SECONDS_MAX = 40 }; /* the keeper has 30 */
    json_t *request = json_object();
    json_object_set_new(request, "command", json_string("secret"));
    json_object_set_new(request, "gateway", json_string(gateway));
    nanos until = moment_after(ANSWER_SECONDS_MAX * NANOS_PER_SECOND);
    struct secret *secret = NULL;
    enum control_type type;
    sv body;
    size_t used;
    if (send_request(client, request, err) < 0)
        return -1;
    while (take_frame(client, until, &type, &body, &used, err) == 0) {
        if (type == CONTROL_SECRET && !secret && body.n <= SECRET_BYTES_MAX)
            secret = secret_new(body);
        json_t *reply = type == CONTROL_REPLY_END ? json_loadb(body.p, body.n, JSON_ALLOW_NUL, NULL) : NULL;
        int outcome = reply ? ended(reply, err) : 0;
        json_decref(reply);
        buf_consume_wiped(&client->in, used);
        if (type != CONTROL_REPLY_END)
            continue;
        if (outcome == 0 && secret) {
            *ret = secret;
            return 0;
        }
        secret_free(secret);
        return outcome < 0 ? -1 : err_set(err, ERR_PROTOCOL, NULL, "the daemon gave no secret");
    }
    secret_free(secret);
    return -1;
}
