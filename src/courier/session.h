/* One SMTP session with one gateway: dials, secures, authenticates, and carries transactions one after the
 * other. It moves bytes between wire/'s client and io/'s stream and keeps the time; it decides nothing. */
#ifndef VEDETTE_COURIER_SESSION_H
#define VEDETTE_COURIER_SESSION_H

#include "config/config.h"
#include "courier/cause.h"
#include "io/stream.h"
#include "io/tls_report.h"
#include "secret/keeper.h"
#include "wire/smtp_client.h"

struct session;

enum { SESSION_SAID_MAX = 512 };

/* What the new session needs; all of it must outlive the session. */
struct session_setup {
    struct loop *loop;
    struct keeper_client *keeper;         /* NULL is fine for gateways without username */
    struct tls_context *tls;              /* NULL is fine with security: none */
    const struct config_gateway *gateway; /* the address must be one */
    const char *hostname;                 /* for EHLO, unless the gateway has a helo */
    nanos connect_timeout;
    bool opportunistic; /* security is STARTTLS, and without it mail goes in the clear; never with a username
                         */
    bool lmtp;          /* the gateway speaks LMTP */
};

/* Why a session is over. */
struct session_end {
    const char *hop; /* where: "connect" or a stage's name */
    enum smtp_stage stage;
    bool failed;    /* false: it said QUIT, or the peer closed it between two transactions */
    bool was_ready; /* it had got past the greeting and the login */
    bool answered;  /* the gateway said so: code */
    int code;
    bool timed_out;
    bool uncertain; /* the final dot may have reached the gateway, its answer did not come */
    bool unheard;   /* broke in a transaction before any answer to it: what a peer that had already closed
                       looks like */
    struct cause_told cause;
    char said[SESSION_SAID_MAX]; /* the gateway's words, or ours; printable, secrets masked */
};

struct session_handler {
    /* How long that stage may last from now on. */
    nanos (*patience)(void *arg, enum smtp_stage stage);
    /* A step of the dialogue was taken. name is a literal. */
    void (*hop)(void *arg, const char *name, nanos took, sv said);
    /* Ready for session_send or session_quit, now or later. */
    void (*ready)(void *arg);
    /* The answer for one recipient of the envelope. */
    void (*recipient)(void *arg, size_t index, const struct smtp_answer *answer);
    /* The transaction's end; ready follows. stage: whose answer this is. */
    void (*sent)(void *arg, const struct smtp_answer *answer, enum smtp_stage stage);
    /* Nothing follows; free the session. */
    void (*ended)(void *arg, const struct session_end *end);
};

/* Starts to dial. Nothing is called before this returns. NULL only when the address is none: err. */
struct session *session_open(const struct session_setup *setup, const struct session_handler *handler,
                             void *arg, struct err *err);

/* Frees it at once, or as soon as the handler that calls this has returned. NULL is fine. */
void session_free(struct session *session);

/* Sends one message; the session must be ready, and the envelope stay until sent or ended. −1: it cannot go
 * over this gateway as it is; the session is still ready. */
int session_send(struct session *session, const struct smtp_envelope *envelope, struct err *err);

/* After session_send gave −1: the enhanced code of the reason, "5.6.7". */
const char *session_refusal(const struct session *session);

/* Says QUIT; ended follows within a few seconds. */
void session_quit(struct session *session);

bool session_is_ready(const struct session *session);

/* Looks again how long the present stage may last: the handler has changed its mind. */
void session_hurry(struct session *session);

/* What the gateway offered at its last EHLO; also inside ended. mechanisms: until the session is freed. */
struct session_offer {
    unsigned extensions; /* enum smtp_extension */
    uint64_t size_limit; /* 0: none was told */
    sv mechanisms;
};
struct session_offer session_offered(const struct session *session);

/* NULL in the clear; also inside ended. */
const struct tls_info *session_tls(const struct session *session);

/* With a looking context, from the hop "tls" on until ended; NULL otherwise. */
const struct tls_report *session_tls_report(const struct session *session);

/* "250 2.0.0 Ok: queued as X", its lines joined by a space. Returns text. */
char *session_answer_text(const struct smtp_answer *answer, char *text, size_t cap);

#endif
