#include "cmd/gateway_control.h"

#include "base/log.h"
#include "cmd/door.h"
#include "cmd/report.h"
#include "gateway/queue_view.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

enum { HEADER_MAX = 256 * 1024, BODY_MAX = 8 * 1024 * 1024, UNSENT_MAX = 4 * 1024 * 1024 };

#define UNREAD_PAUSE (NANOS_PER_SECOND / 20)

struct client {
    struct gateway_control *control;
    struct channel *channel;
    struct loop_timer *next_page; /* a listing goes on */
    uint64_t cursor;
    bool wants_body;
};

struct gateway_control {
    struct loop *loop;
    struct relay *relay;
    const struct activity *activity;
    struct door *door;
    struct client *clients[GATEWAY_CONTROL_CLIENTS_MAX];
};

static void client_drop(struct client *client)
{
    for (size_t i = 0; i < GATEWAY_CONTROL_CLIENTS_MAX; i++)
        if (client->control->clients[i] == client)
            client->control->clients[i] = NULL;
    loop_timer_free(client->next_page);
    channel_free(client->channel);
    free(client);
}

static void reply(struct client *client, json_t *json)
{
    door_reply(client->channel, CONTROL_REPLY, json);
}

static void reply_end(struct client *client, const struct err *err)
{
    door_reply_end(client->channel, err);
}

static json_t *recipients_of(const struct queue_view *view)
{
    json_t *list = json_array();
    for (size_t i = 0; i < view->envelope->said.recipient_count; i++) {
        json_t *one = json_object();
        json_object_set_new(one, "address", report_text(view->envelope->said.recipients[i].address));
        json_object_set_new(one, "open", json_boolean(!recipient_has(view->finished, i)));
        json_array_append_new(list, one);
    }
    return list;
}

static json_t *json_of(const struct queue_view *view)
{
    char when[32];
    const struct intake_envelope *said = &view->envelope->said;
    json_t *json = json_object();
    json_object_set_new(json, "id", json_string(view->id));
    json_object_set_new(json, "state", json_string(view->state));
    json_object_set_new(json, "sender", report_text(said->sender));
    json_object_set_new(json, "recipients", recipients_of(view));
    json_object_set_new(json, "bytes", json_integer((json_int_t)view->bytes));
    json_object_set_new(json, "arrived_at",
                        json_string(time_rfc3339(view->envelope->arrived, when, sizeof when)));
    json_object_set_new(json, "attempts", json_integer(view->attempts));
    json_object_set_new(json, "route", view->route ? json_string(view->route) : report_text(said->route));
    json_object_set_new(json, "next_hop", report_text(sv_of(view->next_hop)));
    json_object_set_new(json, "cause", report_text(sv_of(view->cause)));
    json_object_set_new(json, "client", report_text(said->client_ip));
    json_object_set_new(json, "account", report_text(said->account));
    json_object_set_new(json, "tls", report_text(said->tls));
    json_object_set_new(json, "rule", report_text(said->rule));
    return json;
}

static void on_listed(void *arg, const struct queue_view *view)
{
    reply(arg, json_of(view));
}

/* As much as the command reads, a page at a time. */
static void list(void *arg)
{
    struct client *client = arg;
    if (channel_pending(client->channel) > UNSENT_MAX)
        loop_timer_set(client->next_page, UNREAD_PAUSE);
    else if (queue_view_page(client->control->relay, &client->cursor, on_listed, client))
        loop_timer_set(client->next_page, 0);
    else
        reply_end(client, NULL);
}

static void on_shown(void *arg, const struct queue_view *view)
{
    struct client *client = arg;
    json_t *json = json_of(view);
    size_t end = sv_find(view->content, SV("\r\n\r\n"));
    sv header = end == SV_NPOS ? view->content : sv_first(view->content, end + 2);
    json_object_set_new(json, "header", report_text(sv_first(header, HEADER_MAX)));
    if (client->wants_body)
        json_object_set_new(
            json, "body",
            report_text(end == SV_NPOS ? SV_NONE : sv_first(sv_from(view->content, end + 4), BODY_MAX)));
    reply(client, json);
}

static void show(struct client *client, sv id, bool body)
{
    struct err err = {.class = ERR_NONE};
    client->wants_body = body;
    if (body && !door_is_administrator(client->channel))
        err_set(&err, ERR_PERMISSION, "run the command as root, or leave out --body",
                "only an administrator may read what others wrote");
    else
        queue_view_one(client->control->relay, id, on_shown, client, &err);
    reply_end(client, err.class ? &err : NULL);
}

static void act(struct client *client, enum queue_action action, sv name, sv id, sv route)
{
    struct err err = {.class = ERR_NONE};
    size_t count = 0;
    if (queue_act(client->control->relay, action, id, route, &count, &err) == 0) {
        LOG_INFO("the queue was acted on", LOG_INT("uid", channel_peer_user(client->channel)),
                 LOG_SV("action", name), LOG_SV("id", id), LOG_SV("route", route.n ? route : SV("")),
                 LOG_INT("messages", count));
        json_t *json = json_object();
        json_object_set_new(json, "messages", json_integer((json_int_t)count));
        reply(client, json);
    }
    reply_end(client, err.class ? &err : NULL);
}

static void on_activity(void *arg, const struct activity_row *row)
{
    char when[32];
    json_t *json = json_object();
    json_object_set_new(json, "client", report_text(sv_of(row->client)));
    json_object_set_new(json, "account", report_text(sv_of(row->account)));
    json_object_set_new(json, "sender", report_text(sv_of(row->sender)));
    json_object_set_new(json, "rule", report_text(sv_of(row->rule)));
    json_object_set_new(json, "taken", json_integer((json_int_t)row->taken));
    json_object_set_new(json, "refused", json_integer((json_int_t)row->refused));
    json_object_set_new(json, "deferred", json_integer((json_int_t)row->deferred));
    json_object_set_new(json, "held", json_integer((json_int_t)row->held));
    json_object_set_new(json, "bytes", json_integer((json_int_t)row->bytes));
    json_object_set_new(json, "last_minute", json_integer(row->last_minute));
    json_object_set_new(json, "first_at", json_string(time_rfc3339(row->first_at, when, sizeof when)));
    json_object_set_new(json, "last_at", json_string(time_rfc3339(row->last_at, when, sizeof when)));
    reply(arg, json);
}

static void top(struct client *client, const json_t *request)
{
    json_int_t rows = json_integer_value(json_object_get(request, "rows"));
    size_t most = rows > 0 && rows < ACTIVITY_ROWS_MAX ? (size_t)rows : ACTIVITY_ROWS_MAX;
    activity_each(client->control->activity, loop_now(), most, on_activity, client);
    reply_end(client, NULL);
}

static void serve(struct client *client, const json_t *request)
{
    enum queue_action action;
    sv command = report_view(request, "command"), id = report_view(request, "id");
    if (sv_eq(command, SV("queue"))) {
        client->cursor = 0;
        list(client);
    } else if (sv_eq(command, SV("top"))) {
        top(client, request);
    } else if (sv_eq(command, SV("show"))) {
        show(client, id, json_is_true(json_object_get(request, "body")));
    } else if (queue_action_named(command, &action)) {
        act(client, action, command, id, report_view(request, "route"));
    } else {
        struct err err;
        err_set(&err, ERR_USAGE, "is the command of another version than the gateway?",
                "the gateway does not know what is asked");
        reply_end(client, &err);
    }
}

static void on_message(void *arg, struct channel *channel, enum control_type type, sv body, int fd)
{
    struct client *client = arg;
    (void)channel;
    if (fd >= 0)
        close(fd);
    json_t *request = type == CONTROL_REQUEST ? json_loadb(body.p, body.n, 0, NULL) : NULL;
    if (request)
        serve(client, request);
    json_decref(request);
}

static void on_closed(void *arg, struct channel *channel, const struct err *err)
{
    (void)channel;
    (void)err;
    client_drop(arg);
}

static bool on_connection(void *arg, int fd)
{
    struct gateway_control *control = arg;
    for (size_t i = 0; i < GATEWAY_CONTROL_CLIENTS_MAX; i++)
        if (!control->clients[i]) {
            struct client *client = control->clients[i] = calloc(1, sizeof *client);
            assert(client);
            client->control = control;
            client->next_page = loop_timer_new(control->loop, list, client);
            client->channel = channel_new(control->loop, fd, on_message, on_closed, client);
            return true;
        }
    return false;
}

struct gateway_control *gateway_control_new(struct loop *loop, struct relay *relay,
                                            const struct activity *activity)
{
    struct gateway_control *control = calloc(1, sizeof *control);
    assert(control);
    *control = (struct gateway_control){.loop = loop, .relay = relay, .activity = activity};
    control->door = door_new(loop, on_connection, control);
    return control;
}

void gateway_control_listen(struct gateway_control *control, int fd)
{
    door_listen(control->door, fd);
}

void gateway_control_free(struct gateway_control *control)
{
    if (!control)
        return;
    for (size_t i = 0; i < GATEWAY_CONTROL_CLIENTS_MAX; i++)
        if (control->clients[i])
            client_drop(control->clients[i]);
    door_free(control->door);
    free(control);
}
