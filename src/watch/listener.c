#include "watch/listener.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    TURN_BYTES_MAX = INPUT_BLOCK_BYTES, /* evaluated for one sender before the others have their turn */
    ACCEPTS_MAX = 64,                   /* taken in one turn */
    COURTESY_STEP_MS = 2,               /* waited for each sender that there is already … */
    COURTESY_STEPS_MAX = 10,            /* … up to so many */
    ACCEPT_PAUSE_MS = 500,              /* after accept failed, as without descriptors */
    HANDSHAKE_S_MAX = 30,
    LAST_WORDS_S_MAX = 2,
};

struct listener {
    const struct sender_kind *kind;
    struct loop_fd *watch;
    struct loop_timer *turn, *patience;
    struct tls_context *tls; /* NULL: in the clear */
    struct sender *senders;
    size_t count;
};

/* --- Senders --- */

static void forget(struct listener *listener, struct sender *sender)
{
    if (sender->previous)
        sender->previous->next = sender->next;
    else
        listener->senders = sender->next;
    if (sender->next)
        sender->next->previous = sender->previous;
    listener->count--;
    free(sender);
}

static void cut_off(struct listener *listener, struct sender *sender)
{
    stream_close(sender->stream);
    forget(listener, sender);
}

static void part_from(struct listener *listener, struct sender *sender)
{
    if (stream_unsent(sender->stream))
        stream_finish(sender->stream, LAST_WORDS_S_MAX * NANOS_PER_SECOND);
    else
        stream_close(sender->stream);
    forget(listener, sender);
}

void sender_end(struct sender *sender)
{
    part_from(sender->input->state, sender);
}

void sender_go_on(struct sender *sender)
{
    struct listener *listener = sender->input->state;
    sender->waits = true;
    if (sender->input->reading)
        loop_timer_set(listener->turn, 0);
}

struct sender *listener_first(const struct input *input)
{
    const struct listener *listener = input->state;
    return listener ? listener->senders : NULL;
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

static void break_off(struct listener *listener, struct sender *sender)
{
    struct err err = {0};
    sender->input->counts->framing_errors++;
    listener->kind->broken(sender, &err);
    complain_of(sender, "a sender was cut off", &err);
    part_from(listener, sender);
}

/* Nothing more comes of it. */
static void take_last(struct listener *listener, struct sender *sender)
{
    sv rest = stream_input(sender->stream);
    if (listener->kind->rest) {
        sender->input->counts->bytes += rest.n;
        listener->kind->rest(sender, rest);
    }
    cut_off(listener, sender);
}

/* Evaluates a bounded part of what lies there. False: the sender is gone. */
static bool sender_turn(struct listener *listener, struct sender *sender)
{
    struct input *input = sender->input;
    size_t used;
    enum input_taken taken =
        listener->kind->take(sender, stream_input(sender->stream), TURN_BYTES_MAX, &used);
    input->counts->bytes += used;
    stream_consume(sender->stream, used);
    sender->waits = taken == INPUT_TAKEN_SOME;
    if (taken == INPUT_TAKEN_BROKEN) {
        break_off(listener, sender);
        return false;
    }
    if (sender->waits && input->reading)
        loop_timer_set(listener->turn, 0);
    if (!sender->closed || sender->waits)
        return true;
    take_last(listener, sender);
    return false;
}

/* The end of a turn, of one sender or (NULL) of all. `before` was the last batch when it began. */
static void turn_end(struct input *input, struct sender *one, uint64_t before)
{
    const struct listener *listener = input->state;
    input_turn_end(input, NULL);
    uint64_t batch = input_last_batch(input);
    batch = batch == before ? 0 : batch;
    if (!listener->kind->turned)
        return;
    if (one)
        listener->kind->turned(one, batch);
    for (struct sender *sender = one ? NULL : listener->senders, *next; sender; sender = next) {
        next = sender->next;
        listener->kind->turned(sender, batch);
    }
}

static void on_turn(void *arg)
{
    struct input *input = arg;
    struct listener *listener = input->state;
    uint64_t before = input_last_batch(input);
    for (struct sender *sender = listener->senders, *next; sender; sender = next) {
        next = sender->next;
        if (sender->waits && input->reading)
            sender_turn(listener, sender);
    }
    turn_end(input, NULL, before);
}

static void on_heard(struct sender *sender)
{
    struct input *input = sender->input;
    uint64_t before = input_last_batch(input);
    if (sender_turn(input->state, sender))
        turn_end(input, sender, before);
    else
        input_turn_end(input, NULL);
}

static void on_stream(void *arg, struct stream *stream, enum stream_event event, const struct err *err)
{
    struct sender *sender = arg;
    struct listener *listener = sender->input->state;
    switch (event) {
    case STREAM_FAILED:
        if (!stream_tls_info(stream) && listener->tls)
            complain_of(sender, "a sender's TLS handshake failed", err);
        sender->closed = true;
        on_heard(sender);
        break;
    case STREAM_EOF:
        sender->closed = true;
        on_heard(sender);
        break;
    case STREAM_DATA:
        on_heard(sender);
        break;
    case STREAM_SECURED:
        stream_deadline(stream, 0);
        break;
    case STREAM_TIMEOUT:
        cut_off(listener, sender); /* silent in the midst of its handshake */
        break;
    case STREAM_DRAINED:
        if (listener->kind->drained)
            listener->kind->drained(sender);
        break;
    case STREAM_CONNECTED:
        break;
    }
}

/* --- Accepting them --- */

static void refuse(struct input *input, int fd)
{
    const struct listener *listener = input->state;
    struct err err = {0};
    close(fd);
    input->counts->connections_refused++;
    err_set(&err, ERR_LIMIT, "raise connections_max of this input, or find out who connects so often",
            "%zu are connected%s", listener->count,
            input_watches(input) > 1 ? ", as many as one watch takes" : "");
    input_complain(input, "a sender was refused", &err);
}

static void welcome(struct input *input, int fd)
{
    struct listener *listener = input->state;
    int on = 1;
    struct sender *sender = calloc(1, listener->kind->size);
    assert(sender);
    sender->input = input;
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on); /* so that vanished peers do not add up */
    sender->stream = stream_accepted(input->loop, fd, on_stream, sender);
    sender->next = listener->senders;
    if (sender->next)
        sender->next->previous = sender;
    listener->senders = sender;
    listener->count++;
    listener->kind->begin(sender);
    if (!listener->tls)
        return;
    stream_secure_server(sender->stream, listener->tls);
    stream_deadline(sender->stream, HANDSHAKE_S_MAX * NANOS_PER_SECOND);
}

/* Its part of connections_max, which all watches together keep to. */
static size_t senders_max(const struct input *input)
{
    size_t most = (size_t)input->config->connections_max, watches = input_watches(input);
    return (most + watches - 1) / watches;
}

/* How long a connection is left to the other watches first: the more senders a watch has, the longer, so that
 * who has the fewest is the quickest; who may have no more comes last, and then refuses. */
static nanos courtesy(const struct input *input)
{
    const struct listener *listener = input->state;
    size_t steps = listener->count < COURTESY_STEPS_MAX ? listener->count : COURTESY_STEPS_MAX;
    if (listener->count >= senders_max(input))
        steps = 2 * COURTESY_STEPS_MAX;
    return input_watches(input) > 1 ? (nanos)steps * COURTESY_STEP_MS * NANOS_PER_MS : 0;
}

/* One at first, so that others may have the next; crowds come in larger pieces. */
static size_t accepts_max(const struct input *input)
{
    const struct listener *listener = input->state;
    size_t some = 1 + listener->count / 4;
    return input_watches(input) > 1 && some < ACCEPTS_MAX ? some : ACCEPTS_MAX;
}

static void accept_some(struct input *input)
{
    struct listener *listener = input->state;
    for (size_t left = accepts_max(input); left > 0; left--) {
        int peer = accept4(input->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
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
        if (listener->count >= senders_max(input))
            refuse(input, peer);
        else
            welcome(input, peer);
    }
}

static void on_listen(void *arg, int fd, int ready)
{
    struct input *input = arg;
    const struct listener *listener = input->state;
    nanos wait = courtesy(input);
    (void)fd;
    (void)ready;
    if (wait == 0) {
        accept_some(input);
        return;
    }
    loop_fd_want(listener->watch, 0);
    loop_timer_set(listener->patience, wait);
}

static void listen_again(struct input *input)
{
    struct listener *listener = input->state;
    if (!listener->watch && input->fd >= 0)
        listener->watch = loop_fd_new(input->loop, input->fd, on_listen, input);
    if (listener->watch && input->reading)
        loop_fd_want(listener->watch, LOOP_READ);
}

static void on_patience(void *arg)
{
    struct input *input = arg;
    listen_again(input);
    if (input->fd >= 0 && input->reading)
        accept_some(input);
}

/* --- What inputs are asked --- */

static int load_tls(const struct input *input, struct tls_context **ret, struct err *err)
{
    const struct config_input *config = input->config;
    enum config_scheme scheme;
    sv place;
    *ret = NULL;
    if (config_input_place(config, &scheme, &place, err) < 0)
        return -1;
    return scheme == CONFIG_SCHEME_TLS
               ? tls_server_context(config->certificate, config->key, config->client_ca, ret, err)
               : 0;
}

int listener_open(struct input *input, const struct sender_kind *kind, struct err *err)
{
    struct tls_context *tls;
    if (load_tls(input, &tls, err) < 0)
        return -1;
    struct listener *listener = calloc(1, sizeof *listener);
    assert(listener);
    listener->kind = kind;
    listener->tls = tls;
    listener->turn = loop_timer_new(input->loop, on_turn, input);
    listener->patience = loop_timer_new(input->loop, on_patience, input);
    input->state = listener;
    return 0;
}

void listener_resume(struct input *input)
{
    struct listener *listener = input->state;
    listen_again(input);
    for (struct sender *sender = listener->senders; sender; sender = sender->next)
        stream_resume(sender->stream);
    loop_timer_set(listener->turn, 0);
}

void listener_pause(struct input *input)
{
    const struct listener *listener = input->state;
    if (listener->watch)
        loop_fd_want(listener->watch, 0);
    for (struct sender *sender = listener->senders; sender; sender = sender->next)
        stream_pause(sender->stream);
}

/* A renewed certificate; when it cannot be read, the old one goes on. */
void listener_refresh(struct input *input)
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

void listener_close(struct input *input)
{
    struct listener *listener = input->state;
    if (!listener)
        return;
    for (struct sender *sender = listener->senders, *next; sender; sender = next) {
        next = sender->next;
        cut_off(listener, sender);
    }
    loop_fd_free(listener->watch);
    loop_timer_free(listener->turn);
    loop_timer_free(listener->patience);
    tls_context_free(listener->tls);
    free(listener);
    input->state = NULL;
}
