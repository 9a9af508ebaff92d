/* A byte stream over a socket, dialled or accepted, in the clear or inside TLS. Buffered both ways, bounded.
 */
#ifndef VEDETTE_IO_STREAM_H
#define VEDETTE_IO_STREAM_H

#include "io/address.h"
#include "io/loop.h"
#include "io/tls.h"

struct stream;

enum {
    STREAM_INPUT_MAX = 256 * 1024,        /* reading stops while as much lies unread */
    STREAM_OUTPUT_MAX = 64 * 1024 * 1024, /* more unsent ends in STREAM_FAILED with ERR_LIMIT */
};

enum stream_event {
    STREAM_CONNECTED, /* dialling succeeded */
    STREAM_SECURED,   /* the TLS handshake and the certificate check succeeded: stream_tls_info */
    STREAM_DATA,      /* stream_input has more than before */
    STREAM_DRAINED,   /* all that was written has gone to the kernel */
    STREAM_EOF,       /* the peer sent its last byte; what lies in stream_input is still there */
    STREAM_FAILED,    /* connect, handshake or transfer failed: err says how. Nothing follows */
    STREAM_TIMEOUT,   /* the deadline set by stream_deadline passed; the stream is otherwise untouched */
};

/* err only with STREAM_FAILED: class UNAVAILABLE (refused, unreachable, reset, timed out: err->system is the
 * errno) or PROTOCOL (TLS: the cause names expected and found). The callback may call stream_close. */
typedef void stream_fn(void *arg, struct stream *stream, enum stream_event event, const struct err *err);

/* Starts to connect; the outcome comes as an event, never before this returns. TCP_NODELAY is set. */
struct stream *stream_dial(struct loop *loop, const struct address *to, nanos timeout, stream_fn *fn,
                           void *arg);

/* Takes over a connected socket. */
struct stream *stream_accepted(struct loop *loop, int fd, stream_fn *fn, void *arg);

/* Unread bytes; valid until the next call on the stream. */
sv stream_input(struct stream *stream);
void stream_consume(struct stream *stream, size_t n);

/* Queues a copy. One write(2) per turn of the loop however many calls. */
void stream_write(struct stream *stream, sv bytes);
size_t stream_unsent(const struct stream *stream);

/* Starts the handshake on an open stream. Unread input is thrown away first; what was written before still
 * goes out in the clear, what is written from here on inside TLS. name (client only) is checked
 * against the certificate and sent as SNI unless it is an IP address, which is checked as one. */
void stream_secure_client(struct stream *stream, struct tls_context *context, const char *name);
void stream_secure_server(struct stream *stream, struct tls_context *context);
const struct tls_info *stream_tls_info(const struct stream *stream); /* NULL while in the clear */

/* After STREAM_FAILED: true if the peer's certificate was the reason, not TLS or the connection. */
bool stream_distrusts(const struct stream *stream);

/* STREAM_TIMEOUT after that long unless set again; 0 for none. */
void stream_deadline(struct stream *stream, nanos after);

/* Stops and resumes reading: back-pressure towards the peer. */
void stream_pause(struct stream *stream);
void stream_resume(struct stream *stream);

/* The other end, and our own. */
void stream_peer(const struct stream *stream, struct address *ret);
void stream_local(const struct stream *stream, struct address *ret);

/* What TCP knows of the connection: whether it is the way that fails, or the peer that has nothing to say. */
struct stream_flow {
    unsigned unacknowledged; /* segments of ours that the other end has not confirmed */
    unsigned retransmits;    /* in vain, of the oldest of these */
    unsigned out_of_order;   /* segments that came although an earlier one is missing */
    unsigned mss;            /* bytes a segment of ours may have */
};
bool stream_flow(const struct stream *stream, struct stream_flow *ret); /* false: not TCP, or closed */

/* Tells the peer that we have nothing more to say, and goes on listening. In the clear only. */
void stream_part(struct stream *stream);

/* Sends what is unsent (at most `linger` long), then closes. No event follows. NULL is fine. */
void stream_finish(struct stream *stream, nanos linger);

/* Closes at once. No event follows. NULL is fine. */
void stream_close(struct stream *stream);

#endif
