#include "secret/login.h"

#include "wire/pack.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

struct waiting {
    struct login *login;
    struct waiting *next;
    uint64_t serial;
    struct loop_timer *timer; /* the answer's deadline, or at once when it cannot be asked for */
    const char *why;          /* it cannot; NULL while it can */
    login_fn *fn;
    void *arg;
};

struct login {
    struct loop *loop;
    struct channel *channel; /* borrowed; NULL while the keeper is away */
    uint64_t last_serial;
    struct waiting *exchanges;
    size_t count;
};

struct login *login_new(struct loop *loop)
{
    struct login *login = calloc(1, sizeof *login);
    assert(login);
    login->loop = loop;
    return login;
}

static struct waiting **find(struct login *login, uint64_t serial)
{
    struct waiting **at = &login->exchanges;
    while (*at && (*at)->serial != serial)
        at = &(*at)->next;
    return at;
}

static void drop(struct login *login, struct waiting **at)
{
    struct waiting *waiting = *at;
    assert(waiting);
    *at = waiting->next;
    login->count--;
    loop_timer_free(waiting->timer);
    free(waiting);
}

void login_free(struct login *login)
{
    if (!login)
        return;
    while (login->exchanges)
        drop(login, &login->exchanges);
    free(login);
}

static void say(const struct login *login, enum control_type type, const struct buf *body)
{
    if (login->channel)
        channel_send(login->channel, type, buf_view(body), -1);
}

static void tell_drop(const struct login *login, uint64_t serial)
{
    struct buf body = BUF_INIT(64);
    struct pack pack = PACK_INTO(&body);
    pack_u64(&pack, serial);
    say(login, CONTROL_LOGIN_DROP, &body);
    buf_free(&body);
}

static void on_timer(void *arg)
{
    const struct waiting *waiting = arg;
    struct login *login = waiting->login;
    login_fn *fn = waiting->fn;
    void *fn_arg = waiting->arg;
    const char *why = waiting->why ? waiting->why : "the keeper does not answer";
    tell_drop(login, waiting->serial);
    drop(login, find(login, waiting->serial));
    fn(fn_arg, LOGIN_LATER, SV_NONE, sv_of(why));
}

static void give_up(struct waiting *waiting, const char *why)
{
    waiting->why = why;
    loop_timer_set(waiting->timer, 0);
}

void login_connect(struct login *login, struct channel *channel)
{
    login->channel = channel;
    for (struct waiting *waiting = login->exchanges; waiting; waiting = waiting->next)
        give_up(waiting, "the keeper is away");
}

uint64_t login_begin(struct login *login, const struct login_request *request, login_fn *fn, void *arg)
{
    struct waiting *waiting = calloc(1, sizeof *waiting);
    assert(waiting);
    *waiting = (struct waiting){
        .login = login, .next = login->exchanges, .serial = ++login->last_serial, .fn = fn, .arg = arg};
    waiting->timer = loop_timer_new(login->loop, on_timer, waiting);
    login->exchanges = waiting;
    if (++login->count > LOGIN_EXCHANGES_MAX || !login->channel) {
        give_up(waiting, login->channel ? "too many logins are under way" : "the keeper is away");
        return waiting->serial;
    }
    struct buf body = BUF_INIT(64 * 1024);
    struct pack pack = PACK_INTO(&body);
    pack_u64(&pack, waiting->serial);
    pack_sv(&pack, request->mechanism);
    pack_sv(&pack, request->binding);
    pack_sv(&pack, request->client_ip);
    pack_u32(&pack, request->given);
    pack_sv(&pack, request->response);
    assert(pack.ok);
    say(login, CONTROL_LOGIN_BEGIN, &body);
    buf_free(&body); /* wipes */
    loop_timer_set(waiting->timer, LOGIN_ANSWER_SECONDS_MAX * NANOS_PER_SECOND);
    return waiting->serial;
}

void login_say(struct login *login, uint64_t exchange, sv response)
{
    struct waiting *waiting = *find(login, exchange);
    if (!waiting)
        return;
    struct buf body = BUF_INIT(64 * 1024);
    struct pack pack = PACK_INTO(&body);
    pack_u64(&pack, exchange);
    pack_sv(&pack, response);
    assert(pack.ok);
    say(login, CONTROL_LOGIN_SAY, &body);
    buf_free(&body); /* wipes */
    loop_timer_set(waiting->timer, LOGIN_ANSWER_SECONDS_MAX * NANOS_PER_SECOND);
}

void login_drop(struct login *login, uint64_t exchange)
{
    struct waiting **at = find(login, exchange);
    if (!*at)
        return;
    tell_drop(login, exchange);
    drop(login, at);
}

void login_message(struct login *login, sv body)
{
    struct unpack unpack = UNPACK_FROM(body);
    uint64_t serial = unpack_u64(&unpack);
    uint32_t outcome = unpack_u32(&unpack);
    sv text = unpack_sv(&unpack), why = unpack_sv(&unpack);
    struct waiting **at = find(login, serial);
    if (!unpack_done(&unpack) || outcome > LOGIN_MALFORMED || !*at || (*at)->why)
        return;
    login_fn *fn = (*at)->fn;
    void *arg = (*at)->arg;
    if (outcome == LOGIN_CHALLENGE)
        loop_timer_cancel((*at)->timer); /* the client's own deadline counts */
    else
        drop(login, at);
    fn(arg, (enum login_outcome)outcome, text, why);
}
