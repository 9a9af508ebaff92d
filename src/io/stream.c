#include "io/stream.h"

#include "io/stream_private.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static bool takes_input(const struct stream *stream)
{
    return !stream->paused && !stream->eof && buf_view(&stream->in).n < STREAM_INPUT_MAX;
}

static int transfer_wants(const struct stream *stream)
{
    int what = takes_input(stream) || stream->write_needs_read ? LOOP_READ : 0;
    if ((buf_view(&stream->out).n && !stream->write_needs_read) || stream->read_needs_write)
        what |= LOOP_WRITE;
    return what;
}

static int wants(const struct stream *stream)
{
    switch (stream->state) {
    case STATE_CONNECTING:
    case STATE_LEAVING_CLEAR:
        return LOOP_WRITE;
    case STATE_HANDSHAKE:
        return stream->handshake_writes ? LOOP_WRITE : LOOP_READ;
    case STATE_OPEN:
    case STATE_SECURED:
        return transfer_wants(stream);
    case STATE_FINISHING:
        return stream->write_needs_read ? LOOP_READ : LOOP_WRITE;
    case STATE_LINGERING:
        return LOOP_READ;
    case STATE_FAILED:
        return 0;
    }
    return 0;
}

static void update(const struct stream *stream)
{
    if (stream->watch)
        loop_fd_want(stream->watch, wants(stream));
}

static bool transfers(const struct stream *stream)
{
    return stream->state == STATE_OPEN || stream->state == STATE_SECURED;
}

/* False when the callback closed or finished the stream: then it must not be looked at again. */
static bool emit(struct stream *stream, enum stream_event event, const struct err *err)
{
    bool freed = false;
    stream->ret_freed = &freed;
    stream->fn(stream->arg, stream, event, err);
    if (freed)
        return false;
    stream->ret_freed = NULL;
    return stream->state != STATE_FINISHING && stream->state != STATE_LINGERING;
}

static void fail(struct stream *stream, const struct err *err)
{
    stream->state = STATE_FAILED;
    loop_timer_cancel(stream->deadline);
    loop_timer_cancel(stream->patience);
    loop_timer_cancel(stream->kick);
    update(stream);
    emit(stream, STREAM_FAILED, err);
}

/* Reads and tells; false when nothing is left to do. A failure noticed while writing is told after what the
 * peer sent before it. */
static bool read_in(struct stream *stream, const struct err *failure)
{
    struct err err = {.class = ERR_NONE};
    enum stream_state state = stream->state;
    bool got = false;
    enum stream_moved moved = stream->eof ? MOVED_BLOCKED : stream_fill(stream, &got, &err);
    if (moved == MOVED_ENDED)
        stream->eof = true;
    if (moved == MOVED_SOME && state == STATE_SECURED)
        loop_timer_set(stream->kick, 0); /* what TLS has decrypted already shows on no descriptor */
    if (got && !emit(stream, STREAM_DATA, NULL))
        return false;
    if (stream->state != state) {
        update(stream); /* the callback began a handshake, which meets the rest by itself */
        return false;
    }
    if (moved == MOVED_BROKEN) {
        fail(stream, failure ? failure : &err);
        return false;
    }
    if (moved == MOVED_ENDED && !failure && !emit(stream, STREAM_EOF, NULL))
        return false;
    if (failure)
        fail(stream, failure);
    return !failure;
}

/* False when the stream is gone or failed. */
static bool send_out(struct stream *stream)
{
    struct err err;
    if (!buf_view(&stream->out).n)
        return true;
    enum stream_moved moved = stream_drain(stream, &err);
    if (moved == MOVED_SOME)
        return emit(stream, STREAM_DRAINED, NULL) && transfers(stream);
    if (moved != MOVED_BROKEN)
        return true;
    buf_clear(&stream->out);
    read_in(stream, &err);
    return false;
}

/* The answer to what came goes at once, not when the loop has asked for leave. */
static void receive(struct stream *stream)
{
    if (read_in(stream, NULL) && send_out(stream))
        update(stream);
}

static void transfer(struct stream *stream, int ready)
{
    bool reads = ready & LOOP_READ || (ready & LOOP_WRITE && stream->read_needs_write);
    bool writes = ready & LOOP_WRITE || (ready & LOOP_READ && stream->write_needs_read);
    if (writes && !send_out(stream))
        return;
    if (reads && takes_input(stream))
        receive(stream);
    else
        update(stream);
}

static void connected(struct stream *stream)
{
    int system = 0;
    socklen_t n = sizeof system;
    if (getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &system, &n) < 0)
        system = errno;
    if (system) {
        struct err err;
        stream_explain(stream, "connect to", system, &err);
        fail(stream, &err);
        return;
    }
    loop_timer_cancel(stream->patience);
    stream->state = STATE_OPEN;
    if (emit(stream, STREAM_CONNECTED, NULL))
        update(stream);
}

static void shake_hands(struct stream *stream)
{
    struct err err;
    switch (tls_session_handshake(stream->tls, &err)) {
    case TLS_WANT_READ:
        stream->handshake_writes = false;
        break;
    case TLS_WANT_WRITE:
        stream->handshake_writes = true;
        break;
    case TLS_ENDED:
    case TLS_BROKEN: {
        char text[ADDRESS_TEXT_MAX];
        if (err.system)
            err_prefix(&err, "%s", address_text(&stream->peer, text));
        fail(stream, &err);
        return;
    }
    case TLS_OK:
        stream->state = STATE_SECURED;
        if (!emit(stream, STREAM_SECURED, NULL))
            return;
        loop_timer_set(stream->kick, 0); /* the last read may have brought data too */
        break;
    }
    update(stream);
}

static void leave_clear(struct stream *stream)
{
    struct err err;
    struct tls_session *tls = stream->tls;
    stream->tls = NULL; /* so that stream_drain writes to the socket */
    enum stream_moved moved = stream_drain(stream, &err);
    stream->tls = tls;
    if (moved == MOVED_BROKEN) {
        fail(stream, &err);
        return;
    }
    if (moved == MOVED_SOME) {
        stream->state = STATE_HANDSHAKE;
        shake_hands(stream);
        return;
    }
    update(stream);
}

static void finish_step(struct stream *stream)
{
    struct err err;
    enum stream_moved moved = stream_drain(stream, &err);
    if (moved == MOVED_BROKEN) {
        stream_close(stream);
        return;
    }
    if (moved == MOVED_SOME) {
        if (stream->tls)
            tls_session_end(stream->tls);
        if (stream->eof || shutdown(stream->fd, SHUT_WR) < 0) {
            stream_close(stream);
            return;
        }
        stream->state = STATE_LINGERING;
    }
    update(stream);
}

static void linger_step(struct stream *stream)
{
    char chunk[CHUNK_BYTES];
    ssize_t n = recv(stream->fd, chunk, sizeof chunk, 0);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        stream_close(stream);
}

static void on_ready(void *arg, int fd, int ready)
{
    (void)fd;
    struct stream *stream = arg;
    switch (stream->state) {
    case STATE_CONNECTING:
        connected(stream);
        break;
    case STATE_OPEN:
    case STATE_SECURED:
        transfer(stream, ready);
        break;
    case STATE_LEAVING_CLEAR:
        leave_clear(stream);
        break;
    case STATE_HANDSHAKE:
        shake_hands(stream);
        break;
    case STATE_FINISHING:
        finish_step(stream);
        break;
    case STATE_LINGERING:
        linger_step(stream);
        break;
    case STATE_FAILED:
        break;
    }
}

static void on_deadline(void *arg)
{
    struct stream *stream = arg;
    if (emit(stream, STREAM_TIMEOUT, NULL))
        update(stream);
}

/* Connecting took too long, or lingering did. */
static void on_patience(void *arg)
{
    struct stream *stream = arg;
    if (stream->state == STATE_FINISHING || stream->state == STATE_LINGERING) {
        stream_close(stream);
        return;
    }
    struct err err;
    char text[32];
    stream_explain(stream, "connect to", ETIMEDOUT, &err);
    size_t used = strlen(err.cause);
    snprintf(err.cause + used, sizeof err.cause - used, " (after %s)",
             time_length(stream->timeout, text, sizeof text));
    fail(stream, &err);
}

static void on_kick(void *arg)
{
    struct stream *stream = arg;
    struct err err;
    if (stream->state == STATE_CONNECTING && stream->dial_errno) {
        stream_explain(stream, "connect to", stream->dial_errno, &err);
        fail(stream, &err);
    } else if (stream->overflown) {
        err_set(&err, ERR_LIMIT, NULL, "the peer left more than %d bytes unread", STREAM_OUTPUT_MAX);
        fail(stream, &err);
    } else if (transfers(stream) && send_out(stream)) {
        if (stream->state == STATE_SECURED && takes_input(stream))
            receive(stream);
        else
            update(stream);
    }
}

static struct stream *stream_new(struct loop *loop, int fd, stream_fn *fn, void *arg)
{
    struct stream *stream = calloc(1, sizeof *stream);
    assert(stream);
    *stream = (struct stream){.fd = fd,
                              .loop = loop,
                              .fn = fn,
                              .arg = arg,
                              .in = BUF_INIT(STREAM_INPUT_MAX + CHUNK_BYTES),
                              .out = BUF_INIT(STREAM_OUTPUT_MAX)};
    stream->deadline = loop_timer_new(loop, on_deadline, stream);
    stream->patience = loop_timer_new(loop, on_patience, stream);
    stream->kick = loop_timer_new(loop, on_kick, stream);
    if (fd < 0)
        return stream;
    stream->watch = loop_fd_new(loop, fd, on_ready, stream);
    /* Not for unix sockets, where the calls fail and nothing is lost by it. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &(int){1}, sizeof(int));
    return stream;
}

struct stream *stream_dial(struct loop *loop, const struct address *to, nanos timeout, stream_fn *fn,
                           void *arg)
{
    int fd = socket(to->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int failed = fd < 0 ? errno : 0;
    struct stream *stream = stream_new(loop, fd, fn, arg);
    stream->peer = *to;
    stream->timeout = timeout;
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&to->storage, to->length) < 0 && errno != EINPROGRESS)
        failed = errno;
    if (failed) {
        stream->dial_errno = failed;
        loop_timer_set(stream->kick, 0);
        return stream;
    }
    if (timeout > 0)
        loop_timer_set(stream->patience, timeout);
    update(stream);
    return stream;
}

struct stream *stream_accepted(struct loop *loop, int fd, stream_fn *fn, void *arg)
{
    struct stream *stream = stream_new(loop, fd, fn, arg);
    int flags = fcntl(fd, F_GETFL);
    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    stream->state = STATE_OPEN;
    stream->peer.length = sizeof stream->peer.storage;
    if (getpeername(fd, (struct sockaddr *)&stream->peer.storage, &stream->peer.length) < 0)
        stream->peer.length = 0;
    update(stream);
    return stream;
}

sv stream_input(struct stream *stream)
{
    return buf_view(&stream->in);
}

void stream_consume(struct stream *stream, size_t n)
{
    bool was_full = buf_view(&stream->in).n >= STREAM_INPUT_MAX;
    buf_consume(&stream->in, n);
    if (!buf_view(&stream->in).n && stream->in.cap > IDLE_BYTES_MAX)
        buf_free(&stream->in); /* ten thousand idle connections hold little memory */
    if (!was_full)
        return;
    if (stream->state == STATE_SECURED)
        loop_timer_set(stream->kick, 0);
    update(stream);
}

void stream_write(struct stream *stream, sv bytes)
{
    assert(!stream->tls || tls_session_may_say(stream->tls, bytes));
    if (stream->state == STATE_FAILED || stream->overflown)
        return;
    if (buf_put(&stream->out, bytes) < 0) {
        stream->overflown = true;
        loop_timer_set(stream->kick, 0);
    }
    if (stream->ret_freed)
        return; /* called from our own callback: it goes out when that returns */
    /* Asking the kernel whether there is room costs more than finding out. */
    if (transfers(stream) && !stream->write_needs_read)
        loop_timer_set(stream->kick, 0);
    else
        update(stream);
}

size_t stream_unsent(const struct stream *stream)
{
    return buf_view(&stream->out).n;
}

static void secure(struct stream *stream, struct tls_context *context, const char *name)
{
    assert(stream->state == STATE_OPEN || stream->state == STATE_FAILED);
    if (stream->state == STATE_FAILED)
        return;
    buf_clear(&stream->in);
    stream->tls = tls_session_new(context, stream->fd, name);
    stream->clear_unsent = buf_view(&stream->out).n;
    stream->state = STATE_LEAVING_CLEAR;
    update(stream);
}

void stream_secure_client(struct stream *stream, struct tls_context *context, const char *name)
{
    secure(stream, context, name);
}

void stream_secure_server(struct stream *stream, struct tls_context *context)
{
    secure(stream, context, NULL);
}

const struct tls_info *stream_tls_info(const struct stream *stream)
{
    return stream->tls ? tls_session_info(stream->tls) : NULL;
}

bool stream_distrusts(const struct stream *stream)
{
    return stream->tls && tls_session_distrusts(stream->tls);
}

const struct tls_report *stream_tls_report(const struct stream *stream)
{
    return stream->tls ? tls_session_report(stream->tls) : NULL;
}

bool stream_tls_trusted(const struct stream *stream)
{
    return stream->tls && tls_session_trusted(stream->tls);
}

enum tls_failure stream_tls_failure(const struct stream *stream)
{
    return stream->tls ? tls_session_failure(stream->tls) : TLS_FAILURE_NONE;
}

void stream_deadline(struct stream *stream, nanos after)
{
    if (after > 0 && stream->state != STATE_FAILED)
        loop_timer_set(stream->deadline, after);
    else
        loop_timer_cancel(stream->deadline);
}

void stream_pause(struct stream *stream)
{
    stream->paused = true;
    update(stream);
}

void stream_resume(struct stream *stream)
{
    stream->paused = false;
    if (stream->state == STATE_SECURED)
        loop_timer_set(stream->kick, 0);
    update(stream);
}

void stream_peer(const struct stream *stream, struct address *ret)
{
    *ret = stream->peer;
}

void stream_local(const struct stream *stream, struct address *ret)
{
    *ret = (struct address){.length = sizeof ret->storage};
    if (getsockname(stream->fd, (struct sockaddr *)&ret->storage, &ret->length) < 0)
        *ret = (struct address){0};
}

static void close_now(void *arg)
{
    stream_close(arg);
}

void stream_finish(struct stream *stream, nanos linger)
{
    if (!stream)
        return;
    if (!transfers(stream) || linger <= 0) {
        stream_close(stream);
        return;
    }
    loop_timer_cancel(stream->deadline);
    loop_timer_cancel(stream->kick);
    loop_timer_set(stream->patience, linger);
    stream->state = STATE_FINISHING;
    stream->charge = loop_charge_new(stream->loop, close_now, stream);
    update(stream);
}

void stream_close(struct stream *stream)
{
    if (!stream)
        return;
    if (stream->ret_freed)
        *stream->ret_freed = true;
    loop_timer_free(stream->deadline);
    loop_timer_free(stream->patience);
    loop_timer_free(stream->kick);
    loop_fd_free(stream->watch);
    loop_charge_free(stream->charge);
    tls_session_free(stream->tls);
    if (stream->fd >= 0)
        close(stream->fd);
    buf_free(&stream->in);
    buf_free(&stream->out);
    free(stream);
}
