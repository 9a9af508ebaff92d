#include "cmd/control_server.h"

#include "base/log.h"
#include "cmd/door.h"
#include "cmd/follower.h"
#include "cmd/listing.h"
#include "cmd/path_status.h"
#include "cmd/report.h"
#include "cmd/submission.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

enum { CLIENT_UNSENT_MAX = 32 * 1024 * 1024 };

struct client {
    struct control_server *server;
    struct channel *channel; /* NULL: the command has gone */
    struct buf content;      /* of the last CONTENT */
    struct follower *follower;
    struct listing *listing;     /* under way */
    bool busy;                   /* a submission or the keeper still points here */
    char token[STORE_TOKEN_MAX]; /* of the test that is being submitted */
};

struct control_server {
    struct loop *loop;
    struct courier *courier;
    struct keeper_client *keeper;
    struct door *door;
    struct client *clients[CONTROL_CLIENTS_MAX];
};

static void client_drop(struct client *client)
{
    listing_free(client->listing);
    client->listing = NULL;
    follower_free(client->follower);
    client->follower = NULL;
    channel_free(client->channel);
    client->channel = NULL;
    if (client->busy)
        return;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (client->server->clients[i] == client)
            client->server->clients[i] = NULL;
    buf_free(&client->content);
    free(client);
}

/* After an answer that was waited for: true if the command is still there to hear it. */
static bool client_back(struct client *client)
{
    client->busy = false;
    if (client->channel)
        return true;
    client_drop(client);
    return false;
}

/* A command that does not read loses steps, but not the end. */
static void reply(struct client *client, json_t *json)
{
    assert(client->channel);
    if (channel_pending(client->channel) < CLIENT_UNSENT_MAX)
        door_reply(client->channel, CONTROL_REPLY, json);
    else
        json_decref(json);
}

static void reply_end(struct client *client, const struct err *err)
{
    assert(client->channel);
    door_reply_end(client->channel, err);
}

static void refuse(struct client *client, enum err_class class, const char *advice, const char *cause)
{
    struct err err;
    err_set(&err, class, advice, "%s", cause);
    reply_end(client, &err);
}

static void on_listed(void *arg, const struct err *err)
{
    struct client *client = arg;
    client->listing = NULL;
    reply_end(client, err);
}

static void list(struct client *client, const json_t *request, bool alerts)
{
    const struct control_server *server = client->server;
    const struct listing_request wanted = {
        .alerts = alerts,
        .all = json_is_true(json_object_get(request, "all")),
        .id = json_integer_value(json_object_get(request, "id")),
    };
    client->listing = listing_new(server->loop, server->courier, client->channel, &wanted, on_listed, client);
}

/* --- Following --- */

static void on_step(void *arg, const struct courier_step *step, const struct err *err)
{
    struct client *client = arg;
    if (step)
        reply(client, report_step(step));
    else
        reply_end(client, err);
}

static void follow(struct client *client, const json_t *request)
{
    int64_t id = json_integer_value(json_object_get(request, "id"));
    if (id < 0)
        refuse(client, ERR_USAGE, "`vedette alerts` lists them", "no alert has a number below 1");
    else
        client->follower = follower_new(client->server->courier, id, on_step, client);
}

/* --- Submissions --- */

static void submitted(void *arg, int64_t alert_id, int64_t mail_id, const struct err *err)
{
    struct client *client = arg;
    if (!client_back(client))
        return;
    if (err) {
        reply_end(client, err);
        return;
    }
    json_t *json = json_object();
    json_object_set_new(json, "alert", alert_id ? json_integer(alert_id) : json_null());
    json_object_set_new(json, "mail", json_integer(mail_id));
    if (client->token[0])
        json_object_set_new(json, "token", json_string(client->token));
    reply(client, json);
    if (client->follower)
        follower_pick(client->follower, alert_id, mail_id);
    else
        reply_end(client, NULL);
}

static void submit(struct client *client, const json_t *request)
{
    struct err err;
    struct submission submission;
    if (submission_read(&submission, request, buf_view(&client->content), loop_now(), &err) < 0) {
        reply_end(client, &err);
        return;
    }
    sv gateway = submission.courier.only_gateway;
    if (gateway.n && !courier_has_gateway(client->server->courier, gateway))
        refuse(client, ERR_USAGE, "`vedette check` lists the configured gateways",
               "there is no gateway of that name");
    else {
        if (json_is_true(json_object_get(request, "follow")))
            client->follower = follower_new(client->server->courier, FOLLOWER_LATER, on_step, client);
        client->busy = true;
        memcpy(client->token, submission.token, sizeof client->token);
        courier_submit(client->server->courier, &submission.courier, submitted, client);
    }
    submission_free(&submission);
}

/* --- The word of somebody who has read a test message --- */

static void on_confirmed(void *arg, size_t messages, const struct err *err)
{
    struct client *client = arg;
    if (!client_back(client))
        return;
    if (!err) {
        json_t *json = json_object();
        json_object_set_new(json, "messages", json_integer((json_int_t)messages));
        reply(client, json);
    }
    reply_end(client, err);
}

static void confirm(struct client *client, const json_t *request)
{
    sv token = report_view(request, "token");
    if (token.n == 0 || token.n >= STORE_TOKEN_MAX) {
        refuse(client, ERR_USAGE, "the token stands in the text of the test message", "that is no token");
        return;
    }
    LOG_INFO("somebody says that a test message has landed",
             LOG_INT("uid", channel_peer_user(client->channel)), LOG_SV("token", token));
    client->busy = true;
    courier_confirm(client->server->courier, token, on_confirmed, client);
}

/* --- How the paths are --- */

/* Outlives a client that goes away meanwhile: it is busy until then. */
struct path_status {
    struct client *client;
    char names[CONFIG_GATEWAYS_MAX][CONFIG_NAME_BYTES];
    size_t count;
    json_t *paths;
};

static int read_status(struct store *store, void *arg, struct err *err)
{
    struct path_status *status = arg;
    const char *names[CONFIG_GATEWAYS_MAX];
    for (size_t i = 0; i < status->count; i++)
        names[i] = status->names[i];
    json_decref(status->paths);
    status->paths = path_status_read(store, names, status->count, loop_now(), err);
    return status->paths ? 0 : -1;
}

static void tell_status(struct client *client, const struct path_status *status)
{
    for (size_t i = 0; i < status->count; i++) {
        const char *trouble;
        json_t *path = json_array_get(status->paths, i);
        bool up = courier_is_up(client->server->courier, sv_of(status->names[i]), &trouble);
        json_object_set_new(path, "up", json_boolean(up));
        if (trouble)
            json_object_set_new(path, "trouble", report_text(sv_of(trouble)));
        reply(client, json_incref(path));
    }
}

static void on_status(void *arg, const struct err *err)
{
    struct path_status *status = arg;
    struct client *client = status->client;
    if (client_back(client)) {
        if (!err)
            tell_status(client, status);
        reply_end(client, err);
    }
    json_decref(status->paths);
    free(status);
}

static void path_status(struct client *client)
{
    struct path_status *status = calloc(1, sizeof *status);
    const char *name;
    assert(status);
    status->client = client;
    while (status->count < CONFIG_GATEWAYS_MAX &&
           (name = courier_gateway(client->server->courier, status->count)))
        sv_copy(status->names[status->count++], sizeof status->names[0], sv_of(name));
    client->busy = true;
    courier_read(client->server->courier, read_status, on_status, status);
}

/* --- Secrets, for `vedette path check` --- */

static void on_secret(void *arg, const struct secret *secret, const struct err *err)
{
    struct client *client = arg;
    if (!client_back(client))
        return;
    if (secret)
        channel_send(client->channel, CONTROL_SECRET, secret_reveal(secret), -1);
    reply_end(client, err);
}

static void give_secret(struct client *client, const json_t *request)
{
    const char *gateway = json_string_value(json_object_get(request, "gateway"));
    struct control_server *server = client->server;
    const char *reference = gateway ? courier_password_of(server->courier, sv_of(gateway)) : NULL;
    if (!door_is_administrator(client->channel)) {
        LOG_WARNING("a gateway's password was asked for without the right to it",
                    LOG_INT("uid", channel_peer_user(client->channel)),
                    LOG_STR("gateway", gateway ? gateway : ""));
        refuse(client, ERR_PERMISSION, "run the command as root, or give --password-file",
               "only an administrator may use a gateway's password");
    } else if (!reference) {
        refuse(client, ERR_USAGE, "`vedette check` lists the configured gateways",
               "there is no gateway of that name with a password");
    } else {
        LOG_INFO("a command uses a gateway's password", LOG_INT("uid", channel_peer_user(client->channel)),
                 LOG_STR("gateway", gateway));
        client->busy = true;
        keeper_client_get(server->keeper, reference, on_secret, client);
    }
}

/* --- Reviews, for `vedette path reviewed` --- */

static void on_reviewed(void *arg, const struct err *err)
{
    struct client *client = arg;
    if (client_back(client))
        reply_end(client, err);
}

/* It says what is to be expected of a gateway from now on: that is not for everybody to say. */
static void review(struct client *client, const json_t *request)
{
    const char *gateway = json_string_value(json_object_get(request, "gateway"));
    if (!door_is_administrator(client->channel)) {
        refuse(client, ERR_PERMISSION, "run the command as root",
               "only an administrator may say that a gateway was looked at");
    } else if (!gateway || !courier_has_gateway(client->server->courier, sv_of(gateway))) {
        refuse(client, ERR_USAGE, "`vedette check` lists the configured gateways",
               "there is no gateway of that name");
    } else {
        LOG_INFO("a gateway was reviewed", LOG_INT("uid", channel_peer_user(client->channel)),
                 LOG_STR("gateway", gateway));
        client->busy = true;
        courier_reviewed(client->server->courier, sv_of(gateway), on_reviewed, client);
    }
}

/* --- Other ways out, for `vedette ways test` --- */

static void on_way_tested(void *arg, const char *way, bool done, const char *said)
{
    struct client *client = arg;
    if (!client->channel)
        return;
    json_t *json = json_object();
    json_object_set_new(json, "way", json_string(way));
    json_object_set_new(json, "done", json_boolean(done));
    json_object_set_new(json, "said", report_text(sv_of(said)));
    reply(client, json);
}

static void on_ways_tested(void *arg)
{
    struct client *client = arg;
    if (client_back(client))
        reply_end(client, NULL);
}

static void test_ways(struct client *client, const json_t *request)
{
    struct err err;
    sv name = report_view(request, "way");
    client->busy = true;
    if (courier_test_ways(client->server->courier, name, on_way_tested, on_ways_tested, client, &err) == 0)
        return;
    client->busy = false;
    reply_end(client, &err);
}

static void serve(struct client *client, sv body)
{
    json_t *request = json_loadb(body.p, body.n, JSON_ALLOW_NUL, NULL);
    sv command = report_view(request, "command");
    if (client->busy || client->follower || client->listing)
        refuse(client, ERR_PROTOCOL, NULL, "one request at a time");
    else if (sv_eq(command, SV("alerts")))
        list(client, request, true);
    else if (sv_eq(command, SV("queue")))
        list(client, request, false);
    else if (sv_eq(command, SV("follow")))
        follow(client, request);
    else if (sv_eq(command, SV("submit")))
        submit(client, request);
    else if (sv_eq(command, SV("path-status")))
        path_status(client);
    else if (sv_eq(command, SV("confirm")))
        confirm(client, request);
    else if (sv_eq(command, SV("reviewed")))
        review(client, request);
    else if (sv_eq(command, SV("ways-test")))
        test_ways(client, request);
    else if (sv_eq(command, SV("secret")))
        give_secret(client, request);
    else
        refuse(client, ERR_PROTOCOL, "use the same version of vedette for daemon and command",
               "unknown request");
    json_decref(request);
}

static void on_message(void *arg, struct channel *channel, enum control_type type, sv body, int fd)
{
    struct client *client = arg;
    (void)channel;
    if (fd >= 0)
        close(fd);
    if (type == CONTROL_CONTENT) {
        buf_free(&client->content);
        client->content = BUF_INIT(CONTROL_BODY_BYTES_MAX);
        buf_put(&client->content, body);
    } else if (type == CONTROL_REQUEST)
        serve(client, body);
    else
        refuse(client, ERR_PROTOCOL, NULL, "a command sends requests only");
}

static void on_closed(void *arg, struct channel *channel, const struct err *err)
{
    (void)channel;
    (void)err;
    client_drop(arg);
}

static bool on_connection(void *arg, int fd)
{
    struct control_server *server = arg;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (!server->clients[i]) {
            struct client *client = server->clients[i] = calloc(1, sizeof *client);
            assert(client);
            client->server = server;
            client->channel = channel_new(server->loop, fd, on_message, on_closed, client);
            return true;
        }
    return false;
}

struct control_server *control_server_new(struct loop *loop, struct courier *courier,
                                          struct keeper_client *keeper)
{
    struct control_server *server = calloc(1, sizeof *server);
    assert(server);
    *server = (struct control_server){.loop = loop, .courier = courier, .keeper = keeper};
    server->door = door_new(loop, on_connection, server);
    return server;
}

void control_server_listen(struct control_server *server, int fd)
{
    door_listen(server->door, fd);
}

void control_server_free(struct control_server *server)
{
    if (!server)
        return;
    door_free(server->door);
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (server->clients[i]) {
            keeper_client_forget(server->keeper, server->clients[i]);
            courier_test_ways_forget(server->courier, server->clients[i]);
            server->clients[i]->busy = false;
            client_drop(server->clients[i]);
        }
    free(server);
}
