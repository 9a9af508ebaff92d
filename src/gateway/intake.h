/* Where an inbound session hands in a message: content as it comes, the envelope at its end, and word once
 * all of it is on disk. Behind it stand the spool and the queue. Everything here runs on the loop's thread.
 */
#ifndef VEDETTE_GATEWAY_INTAKE_H
#define VEDETTE_GATEWAY_INTAKE_H

#include "base/err.h"
#include "base/sv.h"
#include "base/timefmt.h"
#include "wire/smtp_client.h"

struct intake;
struct intake_message;

enum {
    INTAKE_ID_MAX = 24,                     /* with the NUL */
    INTAKE_MESSAGES_MAX = 20000,            /* begun and neither committed nor aborted */
    INTAKE_ENVELOPE_BYTES_MAX = 128 * 1024, /* all texts of one envelope, packed */
};

/* RFC 3461 §4.1. None of them: the sender did not say, so failure and delay are reported as usual. */
enum intake_notify {
    INTAKE_NOTIFY_NEVER = 1 << 0,
    INTAKE_NOTIFY_SUCCESS = 1 << 1,
    INTAKE_NOTIFY_FAILURE = 1 << 2,
    INTAKE_NOTIFY_DELAY = 1 << 3,
};

enum intake_return { INTAKE_RETURN_UNSAID, INTAKE_RETURN_HEADERS, INTAKE_RETURN_FULL }; /* RFC 3461 §4.3 */

struct intake_recipient {
    sv address;      /* without angle brackets, as it is to be delivered: rewritten if a rule says so */
    sv orcpt;        /* ORCPT's value with its type, xtext decoded ("rfc822;a@example.org"), or empty */
    unsigned notify; /* enum intake_notify */
};

/* No text may have a control byte, and all have been checked by the server's session. */
struct intake_envelope {
    sv id;     /* of intake_id, as the client is told and as Received has it */
    sv sender; /* without angle brackets; empty for the null sender */
    const struct intake_recipient *recipients;
    size_t recipient_count; /* 1 … SMTP_RECIPIENTS_MAX */
    sv envid;               /* xtext decoded, or empty */
    enum intake_return ret;
    bool eight_bit;    /* BODY=8BITMIME was said */
    bool utf8;         /* SMTPUTF8 was said (RFC 6531) */
    bool requiretls;   /* REQUIRETLS was said (RFC 8689) … */
    bool tls_optional; /* … or else the header says TLS-Required: No */
    bool held;         /* quarantine: stays in the queue until somebody releases it */
    sv route;          /* name of the route of relay.routes that a rule chose; empty: by recipient's domain */
    /* What is known of the client; for the log line and for `vedette gateway show`. Empty where unknown. */
    sv client_ip, client_name, account, tls, rule;
};

/* A name for a new message, never the same twice, over restarts too. Letters and digits. Returns id. */
char *intake_id(struct intake *intake, char id[static INTAKE_ID_MAX]);

/* Nothing can be taken now, because the disk or the queue is full: answer MAIL with 452 4.3.1 (err says
 * which). Ends by itself. */
bool intake_full(const struct intake *intake, struct err *err);

/* Begins a message. −1 with ERR_TEMPORARY when intake_full, or at INTAKE_MESSAGES_MAX. */
int intake_begin(struct intake *intake, struct intake_message **ret, struct err *err);

/* Content, lines ended by CRLF, dots unstuffed; the trace fields and what rules put in front come first.
 * Small messages stay in memory, large ones go to disk as they come. The first failure is kept: later pieces
 * are thrown away, and intake_commit reports it. */
void intake_put(struct intake_message *message, sv bytes);

/* Called once: err NULL when the message is on disk, whole, its folder too: only now may 250 be said. With
 * err the message is gone: ERR_TEMPORARY (disk full: 452 4.3.1) or another class (451 4.3.0). */
typedef void intake_done_fn(void *arg, const struct err *err);

/* Ends the message. The envelope is copied. done comes later from the loop, never before this returns; many
 * messages share one sync. */
void intake_commit(struct intake_message *message, const struct intake_envelope *envelope,
                   intake_done_fn *done, void *arg);

/* The client went away: done will not be called. What is being committed is committed all the same (the
 * client may send it again: RFC 1047). Only between intake_commit and done. */
void intake_forget(struct intake_message *message);

/* Ends the message without a trace. NULL is fine. Not after intake_commit. */
void intake_abort(struct intake_message *message);

#endif
