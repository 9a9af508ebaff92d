#include "io/testing_streams.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

void end_event(void *arg, struct stream *stream, enum stream_event event, const struct err *err)
{
    struct end *end = arg;
    assert(!err == (event != STREAM_FAILED));
    if (err)
        end->err = *err;
    sv in = stream_input(stream);
    if (in.n > end->most_unread)
        end->most_unread = in.n;
    if (!end->keep_input && in.n) {
        buf_put(&end->got, in);
        stream_consume(stream, in.n);
    }
    end->count[event]++;
    if (end->hook)
        end->hook(end, event);
    if (end->until == (int)event || (end->until_bytes && buf_view(&end->got).n >= end->until_bytes))
        loop_stop(end->loop);
}

static void too_long(void *arg)
{
    (void)arg;
    abort(); /* the event did not come in time */
}

static void turn(struct loop *loop)
{
    struct loop_timer *timer = loop_timer_new(loop, too_long, NULL);
    loop_timer_set(timer, 60 * NANOS_PER_SECOND);
    loop_run(loop);
    loop_timer_free(timer);
}

void end_wait(struct end *end, enum stream_event event)
{
    end->until = event;
    turn(end->loop);
    end->until = -1;
}

void end_wait_bytes(struct end *end, size_t n)
{
    end->until_bytes = n;
    if (buf_view(&end->got).n < n)
        turn(end->loop);
    end->until_bytes = 0;
}

static void stop(void *arg)
{
    loop_stop(arg);
}

void loop_turn_for(struct loop *loop, nanos length)
{
    struct loop_timer *timer = loop_timer_new(loop, stop, loop);
    loop_timer_set(timer, length);
    loop_run(loop);
    loop_timer_free(timer);
}

int listen_on_loopback(struct address *ret, int backlog)
{
    int rc = address_parse(SV("127.0.0.1"), 0, ret, NULL);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert(rc == 0 && fd >= 0);
    rc = bind(fd, (struct sockaddr *)&ret->storage, ret->length);
    assert(rc == 0);
    rc = listen(fd, backlog);
    assert(rc == 0);
    rc = getsockname(fd, (struct sockaddr *)&ret->storage, &ret->length);
    assert(rc == 0);
    return fd;
}

static void end_init(struct loop *loop, struct end *end)
{
    *end = (struct end){.loop = loop, .until = -1, .got = BUF_INIT(64 * 1024 * 1024)};
}

void ends_connect(struct loop *loop, struct end *client, struct end *server)
{
    struct address address;
    int listener = listen_on_loopback(&address, 8);
    end_init(loop, client);
    end_init(loop, server);
    client->stream = stream_dial(loop, &address, 30 * NANOS_PER_SECOND, end_event, client);
    assert(client->count[STREAM_CONNECTED] == 0);
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert(fd >= 0);
    close(listener);
    server->stream = stream_accepted(loop, fd, end_event, server);
    end_wait(client, STREAM_CONNECTED);
}

int end_on_raw_peer(struct loop *loop, struct end *end)
{
    struct address address;
    int listener = listen_on_loopback(&address, 8);
    end_init(loop, end);
    int raw = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc = connect(raw, (struct sockaddr *)&address.storage, address.length);
    assert(raw >= 0 && rc == 0);
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    assert(fd >= 0);
    close(listener);
    end->stream = stream_accepted(loop, fd, end_event, end);
    return raw;
}

void end_close(struct end *end)
{
    stream_close(end->stream);
    end->stream = NULL;
    buf_free(&end->got);
}

static void stop_when_decided(struct end *end, enum stream_event event)
{
    if (event == STREAM_SECURED || event == STREAM_FAILED)
        loop_stop(end->loop);
}

void pair_meet(struct pair *pair, struct tls_context *client, struct tls_context *server, const char *name)
{
    pair->loop = loop_new();
    ends_connect(pair->loop, &pair->client, &pair->server);
    stream_secure_client(pair->client.stream, client, name);
    stream_secure_server(pair->server.stream, server);
    tls_context_free(client);
    tls_context_free(server);
    pair->client.hook = stop_when_decided;
    while (!pair->client.count[STREAM_SECURED] && !pair->client.count[STREAM_FAILED])
        end_wait(&pair->client, STREAM_FAILED);
    pair->client.hook = NULL;
}

void pair_leave(struct pair *pair)
{
    end_close(&pair->client);
    end_close(&pair->server);
    loop_free(pair->loop);
}
