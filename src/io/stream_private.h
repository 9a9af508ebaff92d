/* What stream.c and stream_bytes.c share: the stream itself. Private to the two. */
#ifndef VEDETTE_IO_STREAM_PRIVATE_H
#define VEDETTE_IO_STREAM_PRIVATE_H

#include "base/buf.h"
#include "io/stream.h"
#include "io/tls_session.h"

enum {
    CHUNK_BYTES = 16 * 1024,     /* one TLS record */
    MUCH_BYTES = 64 * 1024,      /* read at once of a peer that has much to say */
    IDLE_BYTES_MAX = 2 * 1024,   /* of memory kept for input where there is none */
    TURN_BYTES_MAX = 256 * 1024, /* read or written for one stream before the others have their turn */
};

enum stream_state {
    STATE_CONNECTING,
    STATE_OPEN,
    STATE_LEAVING_CLEAR, /* the last bytes before the handshake go out */
    STATE_HANDSHAKE,
    STATE_SECURED,
    STATE_FINISHING, /* nobody listens any more; what is unsent goes out */
    STATE_LINGERING, /* all is sent; the peer's end is awaited, so that no reset overtakes it */
    STATE_FAILED,
};

/* How one attempt to move bytes ended. */
enum stream_moved { MOVED_SOME, MOVED_BLOCKED, MOVED_ENDED, MOVED_BROKEN };

struct stream {
    int fd;
    enum stream_state state;
    struct loop *loop;
    struct loop_fd *watch;      /* NULL if there is no socket */
    struct loop_charge *charge; /* once it is the loop's to close */
    struct loop_timer *deadline, *patience, *kick;
    stream_fn *fn;
    void *arg;
    bool *ret_freed; /* set while fn runs, which may close the stream */

    struct address peer;
    nanos timeout;
    int dial_errno; /* connecting failed before it began */
    struct buf in, out;
    size_t clear_unsent; /* bytes at the front of out that precede the handshake */
    bool paused, eof, overflown;

    struct tls_session *tls;
    bool handshake_writes;                   /* the handshake waits to write */
    bool read_needs_write, write_needs_read; /* TLS speaks for itself in the midst of a transfer */
};

/* Reads what is there, within bounds. MOVED_BLOCKED: nothing more now. MOVED_SOME: there may be more. */
enum stream_moved stream_fill(struct stream *stream, bool *ret_got, struct err *err);

/* Writes what fits. MOVED_SOME: all is out. MOVED_BLOCKED: some is left. */
enum stream_moved stream_drain(struct stream *stream, struct err *err);

/* "read from 192.0.2.25:587: Connection reset by peer", class UNAVAILABLE, and advice. */
void stream_explain(const struct stream *stream, const char *what, int system, struct err *err);

#endif
