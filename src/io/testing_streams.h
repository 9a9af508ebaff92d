/* Two streams that talk over loopback and remember what happened to them. Not part of the program. */
#ifndef VEDETTE_IO_TESTING_STREAMS_H
#define VEDETTE_IO_TESTING_STREAMS_H

#include "base/buf.h"
#include "io/stream.h"
#include "io/tls.h"

enum { END_EVENTS_MAX = 4096 };

struct end {
    struct loop *loop;
    struct stream *stream; /* NULL once closed */
    unsigned count[STREAM_TIMEOUT + 1];
    struct err err;
    struct buf got; /* all input is moved here, unless keep_input */
    bool keep_input;
    size_t most_unread;
    void (*hook)(struct end *end, enum stream_event e); /* runs in the callback; may close end->stream */
    int until;                                          /* the event that stops the loop, or -1 */
    size_t until_bytes;                                 /* stops the loop once so many bytes came */
};

void end_event(void *arg, struct stream *stream, enum stream_event event, const struct err *err);

/* Turns the loop until the event has happened to end (again), or so many bytes came. Fails the test after 10
 * s. */
void end_wait(struct end *end, enum stream_event event);
void end_wait_bytes(struct end *end, size_t n);
void loop_turn_for(struct loop *loop, nanos length);

/* A listener on a free loopback port, and its address. */
int listen_on_loopback(struct address *ret, int backlog);

/* Dials and accepts; both ends are open. */
void ends_connect(struct loop *loop, struct end *client, struct end *server);

/* end is a stream over a socket pair whose other side is returned (blocking). */
int end_on_raw_peer(struct loop *loop, struct end *end);

void end_close(struct end *end);

struct pair {
    struct loop *loop;
    struct end client, server;
};

/* Connects, starts both handshakes, takes over the contexts, and waits for the client's verdict. */
void pair_meet(struct pair *pair, struct tls_context *client, struct tls_context *server, const char *name);
void pair_leave(struct pair *pair);

#endif
