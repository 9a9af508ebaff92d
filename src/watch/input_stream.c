/* Syslog over TCP, TLS and unix streams: octet counting or lines (RFC 6587, RFC 5425). */
#include "io/stream.h"
#include "watch/input.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    TURN_BYTES_MAX = 64 * 1024, /* evaluated for one sender before the others have their turn */
    ACCEPTS_MAX = 64,           /* taken in one turn */
    ACCEPT_PAUSE_MS = 500,      /* after accept failed, as without descriptors */
    HANDSHAKE_S_MAX = 30,
};

struct sender {
    struct input *input;
    struct stream *stream;
    struct syslog_framer framer;
    bool waits;  /* whole records lie unread; the next turn takes them */
    bool closed; /* nothing more comes: what lies there is the last */
    struct sender *next, *previous;
};

struct listener {
    struct loop_fd *watch;
    struct loop_timer *turn, *patience;
    struct tls_context *tls; /* NULL: in the clear */
    struct sender *senders;
    size_t count;
};

static void sender_free(struct sender *sender)
{
    struct listener *listener = sender->input->state;
    if (sender->previous)
        sender->previous->next = sender->next;
    else
        listener->senders = sender->next;
    if (sender->next)
        sender->next->previous = sender->previous;
    listener->count--;
    stream_close(sender->stream);
    free(sender);
}

static void complain_of(struct sender *sender, const char *what, const struct err *err)
{
    struct address peer;
    char text[ADDRESS_TEXT_MAX];
    struct err whole = *err;
    stream_peer(sender->stream, &peer);
    err_prefix(&whole, "%s", address_text(&peer, text));
    input_complain(sender->input, what, &whole);
}

static void break_off(struct sender *sender)
{
    struct err err = {0};
    sender->input->counts->framing_errors++;
    err_set(&err, ERR_PROTOCOL, "let it send either octet-counted frames or lines, not a mixture",
            "its octet count is broken");
    complain_of(sender, "a sender was cut off", &err);
    sender_free(sender);
}

/* Evaluates a bounded part of what lies there. The sender may be gone afterwards. */
static void sender_turn(struct sender *sender)
{
    struct input *input = sender->input;
    struct listener *listener = input->state;
    size_t used;
    enum input_taken taken =
        input_take(input, &sender->framer, stream_input(sender->stream), TURN_BYTES_MAX, &used);
    input->counts->bytes += used;
    stream_consume(sender->stream, used);
    sender->waits = taken == INPUT_TAKEN_SOME;
    if (taken == INPUT_TAKEN_BROKEN) {
        break_off(sender);
    } else if (sender->waits && input->reading) {
        loop_timer_set(listener->turn, 0);
    } else if (sender->closed && !sender->waits) {
        sv rest = stream_input(sender->stream);
        input->counts->bytes += rest.n;
        input_take_rest(input, &sender->framer, rest);
        sender_free(sender);
    }
}

static void on_turn(void *arg)
{
    struct input *input = arg;
    const struct listener *listener = input->state;
    for (struct sender *sender = listener->senders, *next; sender; sender = next) {
        next = sender->next;
        if (sender->waits && input->reading)
            sender_turn(sender);
    }
    input_turn_end(input, NULL);
}

static void on_stream(void *arg, struct stream *stream, enum stream_event event, const struct err *err)
{
    struct sender *sender = arg;
    struct input *input = sender->input;
    switch (event) {
    case STREAM_FAILED:
        if (!stream_tls_info(stream) && ((const struct listener *)input->state)->tls)
            complain_of(sender, "a sender's TLS handshake failed", err);
        sender->closed = true;
        sender_turn(sender);
        break;
    case STREAM_EOF:
        sender->closed = true;
        sender_turn(sender);
        break;
    case STREAM_DATA:
        sender_turn(sender);
        break;
    case STREAM_SECURED:
        stream_deadline(stream, 0);
        return;
    case STREAM_TIMEOUT:
        sender_free(sender); /* silent in the midst of its handshake */
        return;
    case STREAM_CONNECTED:
    case STREAM_DRAINED:
        return;
    }
    input_turn_end(input, NULL);
}

static void refuse(struct input *input, int fd)
{
    struct err err = {0};
    close(fd);
    input->counts->connections_refused++;
    err_set(&err, ERR_LIMIT, "raise connections_max of this input, or find out who connects so often",
            "%d are connected", input->config->connections_max);
    input_complain(input, "a sender was refused", &err);
}

static void welcome(struct input *input, int fd)
{
    struct listener *listener = input->state;
    int on = 1;
    struct sender *sender = calloc(1, sizeof *sender);
    assert(sender);
    sender->input = input;
    syslog_framer_init(&sender->framer, SYSLOG_FRAMING_ANY, (size_t)input->config->line_bytes_max);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on); /* so that vanished peers do not add up */
    sender->stream = stream_accepted(input->loop, fd, on_stream, sender);
    sender->next = listener->senders;
    if (sender->next)
        sender->next->previous = sender;
    listener->senders = sender;
    listener->count++;
    if (!listener->tls)
        return;
    stream_secure_server(sender->stream, listener->tls);
    stream_deadline(sender->stream, HANDSHAKE_S_MAX * NANOS_PER_SECOND);
}

static void on_listen(void *arg, int fd, int ready)
{
    struct input *input = arg;
    struct listener *listener = input->state;
    (void)ready;
    for (int i = 0; i < ACCEPTS_MAX; i++) {
        int peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (peer < 0) {
            if (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR)
                return;
            struct err err = {0};
            err_set(&err, ERR_SYSTEM, "raise the limit of open files", "accept a connection");
            input_complain(input, "a sender waits outside", &err);
            loop_fd_want(listener->watch, 0);
            loop_timer_set(listener->patience, ACCEPT_PAUSE_MS * NANOS_PER_MS);
            return;
        }
        if (listener->count >= (size_t)input->config->connections_max)
            refuse(input, peer);
        else
            welcome(input, peer);
    }
}

static void listen_again(void *arg)
{
    struct input *input = arg;
    struct listener *listener = input->state;
    if (!listener->watch && input->fd >= 0)
        listener->watch = loop_fd_new(input->loop, input->fd, on_listen, input);
    if (listener->watch && input->reading)
        loop_fd_want(listener->watch, LOOP_READ);
}

static int load_tls(const struct input *input, struct tls_context **ret, struct err *err)
{
    const struct config_input *config = input->config;
    if (!sv_starts(sv_of(config->syslog), SV("tls://"))) {
        *ret = NULL;
        return 0;
    }
    return tls_server_context(config->certificate, config->key, config->client_ca, ret, err);
}

static int stream_input_open(struct input *input, struct err *err)
{
    struct tls_context *tls;
    if (load_tls(input, &tls, err) < 0)
        return -1;
    struct listener *listener = calloc(1, sizeof *listener);
    assert(listener);
    listener->tls = tls;
    listener->turn = loop_timer_new(input->loop, on_turn, input);
    listener->patience = loop_timer_new(input->loop, listen_again, input);
    input->state = listener;
    return 0;
}

static void stream_input_resume(struct input *input)
{
    struct listener *listener = input->state;
    listen_again(input);
    for (struct sender *sender = listener->senders; sender; sender = sender->next)
        stream_resume(sender->stream);
    loop_timer_set(listener->turn, 0);
}

static void stream_input_pause(struct input *input)
{
    const struct listener *listener = input->state;
    if (listener->watch)
        loop_fd_want(listener->watch, 0);
    for (struct sender *sender = listener->senders; sender; sender = sender->next)
        stream_pause(sender->stream);
}

/* No sender gets an answer by which it could know what was taken, so what has been read must count. */
static void stream_input_finish(struct input *input)
{
    const struct listener *listener = input->state;
    for (struct sender *sender = listener->senders, *next; sender; sender = next) {
        next = sender->next;
        input_take_rest(input, &sender->framer, stream_input(sender->stream));
        sender_free(sender);
    }
    input_turn_end(input, NULL);
}

/* A renewed certificate; when it cannot be read, the old one goes on. */
static void stream_input_refresh(struct input *input)
{
    struct listener *listener = input->state;
    struct tls_context *tls;
    struct err err = {0};
    if (load_tls(input, &tls, &err) < 0) {
        input_complain(input, "the certificate cannot be read again; the old one stays", &err);
        return;
    }
    tls_context_free(listener->tls);
    listener->tls = tls;
}

static void stream_input_close(struct input *input)
{
    struct listener *listener = input->state;
    if (!listener)
        return;
    for (struct sender *sender = listener->senders, *next; sender; sender = next) {
        next = sender->next;
        sender_free(sender);
    }
    loop_fd_free(listener->watch);
    loop_timer_free(listener->turn);
    loop_timer_free(listener->patience);
    tls_context_free(listener->tls);
    free(listener);
    input->state = NULL;
}

const struct input_ops input_stream_ops = {
    .open = stream_input_open,
    .resume = stream_input_resume,
    .pause = stream_input_pause,
    .finish = stream_input_finish,
    .refresh = stream_input_refresh,
    .close = stream_input_close,
};
