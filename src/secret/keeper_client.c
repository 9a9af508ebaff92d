#include "secret/keeper.h"

#include "wire/pack.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct request {
    struct keeper_client *client;
    struct request *next;
    uint64_t serial;
    struct loop_timer *timer; /* the answer's deadline, or at once when it cannot be asked for */
    enum { ASKED, AWAY, CROWDED } state;
    keeper_fn *fn;
    void *arg;
};

struct keeper_client {
    struct loop *loop;
    struct channel *channel; /* borrowed; NULL while the keeper is away */
    uint64_t last_serial;
    struct request *requests;
    size_t n_requests;
};

struct keeper_client *keeper_client_new(struct loop *loop)
{
    struct keeper_client *client = calloc(1, sizeof *client);
    assert(client);
    client->loop = loop;
    return client;
}

/* Takes *at out of the list and frees it. */
static void drop(struct keeper_client *client, struct request **at)
{
    struct request *request = *at;
    *at = request->next;
    client->n_requests--;
    loop_timer_free(request->timer);
    free(request);
}

void keeper_client_free(struct keeper_client *client)
{
    if (!client)
        return;
    while (client->requests)
        drop(client, &client->requests);
    free(client);
}

static struct request **find(struct keeper_client *client, uint64_t serial)
{
    struct request **at = &client->requests;
    while (*at && (*at)->serial != serial)
        at = &(*at)->next;
    return *at ? at : NULL;
}

/* The request is gone before fn runs, which may ask again. */
static void finish(struct keeper_client *client, struct request **at, const struct secret *secret,
                   const struct err *err)
{
    keeper_fn *fn = (*at)->fn;
    void *arg = (*at)->arg;
    drop(client, at);
    fn(arg, secret, err);
}

static void on_timer(void *arg)
{
    const struct request *request = arg;
    struct err err;
    switch (request->state) {
    case ASKED:
        err_set(&err, ERR_TEMPORARY, NULL, "the keeper of secrets did not answer within %d s",
                KEEPER_ANSWER_SECONDS_MAX);
        break;
    case AWAY:
        err_set(&err, ERR_TEMPORARY, "it is being started again", "the keeper of secrets is away");
        break;
    case CROWDED:
        err_set(&err, ERR_TEMPORARY, NULL, "%d requests to the keeper of secrets are under way already",
                KEEPER_REQUESTS_MAX);
        break;
    }
    struct request **at = find(request->client, request->serial);
    assert(at);
    finish(request->client, at, NULL, &err);
}

void keeper_client_connect(struct keeper_client *client, struct channel *channel)
{
    client->channel = channel;
    /* An answer on an old channel will not come: whoever waits for it hears so from the loop. */
    for (struct request *request = client->requests; request; request = request->next) {
        if (request->state != ASKED)
            continue;
        request->state = AWAY;
        loop_timer_set(request->timer, 0);
    }
}

static void ask(const struct keeper_client *client, uint64_t serial, const char *reference)
{
    struct buf body = BUF_INIT(4096);
    struct pack pack = PACK_INTO(&body);
    pack_u64(&pack, serial);
    pack_sv(&pack, sv_first(sv_of(reference), 1024)); /* longer ones name nothing anyway */
    assert(pack.ok);
    channel_send(client->channel, CONTROL_SECRET_GET, buf_view(&body), -1);
    buf_free(&body);
}

void keeper_client_get(struct keeper_client *client, const char *reference, keeper_fn *fn, void *arg)
{
    struct request *request = calloc(1, sizeof *request);
    assert(request);
    *request = (struct request){
        .client = client, .next = client->requests, .serial = ++client->last_serial, .fn = fn, .arg = arg};
    request->timer = loop_timer_new(client->loop, on_timer, request);
    if (client->n_requests >= KEEPER_REQUESTS_MAX)
        request->state = CROWDED;
    else
        request->state = client->channel ? ASKED : AWAY;
    client->requests = request;
    client->n_requests++;
    if (request->state == ASKED)
        ask(client, request->serial, reference);
    loop_timer_set(request->timer,
                   request->state == ASKED ? KEEPER_ANSWER_SECONDS_MAX * NANOS_PER_SECOND : 0);
}

void keeper_client_forget(struct keeper_client *client, void *arg)
{
    for (struct request **at = &client->requests; *at;) {
        if ((*at)->arg == arg)
            drop(client, at);
        else
            at = &(*at)->next;
    }
}

static void got_secret(struct keeper_client *client, struct request **at, sv bytes)
{
    if (bytes.n > SECRET_BYTES_MAX) {
        struct err err;
        err_set(&err, ERR_LIMIT, NULL, "the keeper's answer is larger than %d bytes", SECRET_BYTES_MAX);
        finish(client, at, NULL, &err);
        return;
    }
    struct secret *secret = secret_new(bytes);
    finish(client, at, secret, NULL);
    secret_free(secret);
}

void keeper_client_message(struct keeper_client *client, enum control_type type, sv body)
{
    struct unpack unpack = UNPACK_FROM(body);
    uint64_t serial = unpack_u64(&unpack);
    sv first = unpack_sv(&unpack);
    sv advice = type == CONTROL_SECRET_FAILED ? unpack_sv(&unpack) : SV_NONE;
    struct request **at = find(client, serial);
    if (!unpack_done(&unpack) || !at)
        return; /* forgotten or given up meanwhile */
    if (type == CONTROL_SECRET) {
        got_secret(client, at, first);
        return;
    }
    struct err err = {.class = ERR_CONFIG};
    sv_copy(err.cause, sizeof err.cause, first);
    sv_copy(err.advice, sizeof err.advice, advice);
    finish(client, at, NULL, &err);
}
