/* One TLS connection over a descriptor: what stream.c drives. Private to this room. */
#ifndef VEDETTE_IO_TLS_SESSION_H
#define VEDETTE_IO_TLS_SESSION_H

#include "io/tls_report.h"

struct tls_session;

enum tls_result {
    TLS_OK,
    TLS_WANT_READ,  /* again when the descriptor is readable */
    TLS_WANT_WRITE, /* again when it is writable */
    TLS_ENDED,      /* the peer sent its last byte */
    TLS_BROKEN,     /* err says how; nothing more is possible */
};

/* Keeps context; borrows fd. name: for clients, as in stream_secure_client; NULL for servers. */
struct tls_session *tls_session_new(struct tls_context *context, int fd, const char *name);
void tls_session_free(struct tls_session *session);

/* With a strict context TLS_OK only after the peer's certificate was verified. */
enum tls_result tls_session_handshake(struct tls_session *session, struct err *err);

/* TLS_OK with 1 to n bytes. */
enum tls_result tls_session_read(struct tls_session *session, char *to, size_t n, size_t *ret_n,
                                 struct err *err);
enum tls_result tls_session_write(struct tls_session *session, sv bytes, size_t *ret_n, struct err *err);

/* Tells the peer, if it can be done without waiting, that no more will come. */
void tls_session_end(struct tls_session *session);

/* NULL before the handshake is done. */
const struct tls_info *tls_session_info(const struct tls_session *session);

/* True when the handshake broke because of the peer's certificate. */
bool tls_session_distrusts(const struct tls_session *session);

/* As the stream_… functions of io/tls_report.h. */
const struct tls_report *tls_session_report(const struct tls_session *session);
bool tls_session_trusted(const struct tls_session *session);
enum tls_failure tls_session_failure(const struct tls_session *session);

/* False if these bytes would tell a peer more than it may hear: see io/tls_report.h. */
bool tls_session_may_say(const struct tls_session *session, sv bytes);

#endif
