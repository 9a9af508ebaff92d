#include "io/stream_private.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>

static const char *advice_for(int system)
{
    switch (system) {
    case ECONNREFUSED:
        return "check the port, that the server runs and that it listens on this address";
    case ETIMEDOUT:
        return "nothing answered: check the address, and whether a firewall drops the packets";
    case EHOSTUNREACH:
    case ENETUNREACH:
        return "check this machine's routes and the address";
    case EACCES:
    case EPERM:
        return "a local firewall or sandbox forbids it";
    case ECONNRESET:
    case EPIPE:
        return "the other side hung up: see its log";
    default:
        return NULL;
    }
}

void stream_explain(const struct stream *stream, const char *what, int system, struct err *err)
{
    char text[ADDRESS_TEXT_MAX];
    errno = system;
    err_set(err, ERR_SYSTEM, advice_for(system), "%s %s", what, address_text(&stream->peer, text));
    err->class = ERR_UNAVAILABLE;
}

static enum stream_moved moved_by_tls(enum tls_result result, bool *ret_other_way, enum tls_result other_way)
{
    *ret_other_way = result == other_way;
    switch (result) {
    case TLS_OK:
        return MOVED_SOME;
    case TLS_WANT_READ:
    case TLS_WANT_WRITE:
        return MOVED_BLOCKED;
    case TLS_ENDED:
        return MOVED_ENDED;
    case TLS_BROKEN:
        return MOVED_BROKEN;
    }
    return MOVED_BROKEN;
}

static enum stream_moved moved_by_socket(const struct stream *stream, ssize_t n, const char *what,
                                         size_t *ret_n, struct err *err)
{
    if (n > 0) {
        *ret_n = (size_t)n;
        return MOVED_SOME;
    }
    if (n == 0)
        return MOVED_ENDED;
    if (errno == EAGAIN || errno == EINTR)
        return MOVED_BLOCKED;
    stream_explain(stream, what, errno, err);
    return MOVED_BROKEN;
}

static enum stream_moved read_some(struct stream *stream, char *to, size_t n, size_t *ret_n, struct err *err)
{
    if (stream->state == STATE_SECURED)
        return moved_by_tls(tls_session_read(stream->tls, to, n, ret_n, err), &stream->read_needs_write,
                            TLS_WANT_WRITE);
    return moved_by_socket(stream, recv(stream->fd, to, n, 0), "read from", ret_n, err);
}

static enum stream_moved write_some(struct stream *stream, sv bytes, size_t *ret_n, struct err *err)
{
    if (stream->tls)
        return moved_by_tls(tls_session_write(stream->tls, bytes, ret_n, err), &stream->write_needs_read,
                            TLS_WANT_READ);
    return moved_by_socket(stream, send(stream->fd, bytes.p, bytes.n, MSG_NOSIGNAL), "write to", ret_n, err);
}

/* By way of the stack: a stream that has little to say takes little memory. */
static enum stream_moved read_little(struct stream *stream, size_t *ret_n, bool *ret_full, struct err *err)
{
    char chunk[CHUNK_BYTES];
    enum stream_moved moved = read_some(stream, chunk, sizeof chunk, ret_n, err);
    *ret_full = *ret_n == sizeof chunk;
    if (moved == MOVED_SOME) {
        int rc = buf_put(&stream->in, sv_make(chunk, *ret_n));
        assert(rc == 0);
    }
    return moved;
}

static enum stream_moved read_much(struct stream *stream, size_t *ret_n, bool *ret_full, struct err *err)
{
    size_t most = buf_room(&stream->in) < MUCH_BYTES ? buf_room(&stream->in) : MUCH_BYTES;
    char *to = buf_reserve(&stream->in, most);
    assert(to);
    enum stream_moved moved = read_some(stream, to, most, ret_n, err);
    *ret_full = *ret_n == most;
    if (moved == MOVED_SOME)
        buf_added(&stream->in, *ret_n);
    return moved;
}

enum stream_moved stream_fill(struct stream *stream, bool *ret_got, struct err *err)
{
    for (size_t got = 0, n = 0; got < TURN_BYTES_MAX; got += n) {
        bool full;
        if (buf_view(&stream->in).n >= STREAM_INPUT_MAX)
            return MOVED_SOME;
        n = 0;
        enum stream_moved moved = (got ? read_much : read_little)(stream, &n, &full, err);
        if (moved != MOVED_SOME)
            return moved;
        *ret_got = true;
        /* A short read of a socket means that it is empty; TLS may hold more. */
        if (!full && stream->state == STATE_OPEN)
            return MOVED_BLOCKED;
    }
    return MOVED_SOME;
}

enum stream_moved stream_drain(struct stream *stream, struct err *err)
{
    for (size_t written = 0; written < TURN_BYTES_MAX;) {
        sv out = buf_view(&stream->out);
        if (stream->state == STATE_LEAVING_CLEAR)
            out = sv_first(out, stream->clear_unsent);
        if (!out.n)
            return MOVED_SOME;
        size_t n = 0;
        enum stream_moved moved = write_some(stream, out, &n, err);
        if (moved != MOVED_SOME) {
            if (moved == MOVED_ENDED)
                stream_explain(stream, "write to", EPIPE, err);
            return moved == MOVED_ENDED ? MOVED_BROKEN : moved;
        }
        buf_consume_wiped(&stream->out, n);
        if (!buf_view(&stream->out).n && stream->out.cap > IDLE_BYTES_MAX)
            buf_free(&stream->out);
        written += n;
        if (stream->state == STATE_LEAVING_CLEAR)
            stream->clear_unsent -= n;
    }
    return buf_view(&stream->out).n ? MOVED_BLOCKED : MOVED_SOME;
}
