/* One SMTP dialogue of a path check: it joins wire/'s client and io/'s stream, keeps the time and writes the
 * transcript; over a certificate that is not trusted it says nothing but EHLO and QUIT. */
#ifndef VEDETTE_COURIER_CHECK_TALK_H
#define VEDETTE_COURIER_CHECK_TALK_H

#include "io/tls_report.h"
#include "secret/secret.h"
#include "wire/smtp_client.h"

struct talk;

/* All must outlive the talk. */
struct talk_setup {
    struct loop *loop;
    const struct address *to;
    enum smtp_security security;
    struct tls_context *tls; /* NULL is fine with security none */
    const char *tls_name, *helo;
    const struct secret *secret; /* authenticates with it; NULL: does not */
    const char *username, *mechanism;
    nanos connect_timeout, stage_timeout;
};

enum talk_outcome {
    TALK_DONE,        /* after QUIT */
    TALK_UNCONNECTED, /* err */
    TALK_REFUSED,     /* answer */
    TALK_CLOSED,      /* by the peer, or it broke */
    TALK_SILENT,
    TALK_MALFORMED, /* what came is no reply */
    TALK_INJECTED,  /* bytes in the clear when TLS was to begin */
    TALK_TLS,       /* the handshake failed, or TLS after it: failure */
    TALK_OURS,      /* we do not go on: err says why */
};

enum { TALK_FIRST_BYTES_MAX = 80 };

struct talk_end {
    enum talk_outcome outcome;
    enum smtp_stage stage;
    const struct err *err; /* never NULL but with TALK_DONE */
    const struct smtp_answer *answer;
    enum tls_failure failure;
    struct stream_flow flow;
    nanos waited;
    sv first; /* what came first of all, as far as it was kept */
};

/* Any may be NULL but ended. */
struct talk_handler {
    void (*connected)(void *arg, nanos took);
    bool (*secured)(void *arg, const struct tls_info *info, const struct tls_report *report, nanos took);
    /* Each answer; false: that was all, close politely. */
    bool (*answer)(void *arg, enum smtp_stage stage, const struct smtp_answer *answer, nanos took);
    void (*ready)(void *arg);
    void (*recipient)(void *arg, size_t index, const struct smtp_answer *answer);
    void (*sent)(void *arg, const struct smtp_answer *answer, enum smtp_stage stage);
    void (*line)(void *arg, char who, sv line);
    /* Nothing follows. Not called by talk_free. */
    void (*ended)(void *arg, const struct talk_end *end);
};

/* Starts to dial. Nothing is called before this returns. */
struct talk *talk_new(const struct talk_setup *setup, const struct talk_handler *handler, void *arg);
void talk_free(struct talk *talk); /* NULL is fine; also from within a handler */

/* For ready, or later. A refused envelope is −1 and changes nothing. */
int talk_send(struct talk *talk, const struct smtp_envelope *envelope, struct err *err);
void talk_quit(struct talk *talk);

const struct smtp_client *talk_client(const struct talk *talk);
bool talk_unanswered(const struct talk *talk); /* connected, and not a byte came yet */

#endif
