/* The client's side of an SMTP session (RFC 5321), sans-IO: bytes in, events and bytes-to-send out. It knows
 * no socket and no clock; the caller moves bytes, does the TLS handshake when told, and keeps the stage's
 * time-out. */
#ifndef VEDETTE_WIRE_SMTP_CLIENT_H
#define VEDETTE_WIRE_SMTP_CLIENT_H

#include "base/err.h"
#include "base/sv.h"

struct smtp_client;

enum smtp_security {
    SMTP_SECURITY_TLS,      /* TLS from the first byte (RFC 8314, port 465) */
    SMTP_SECURITY_STARTTLS, /* required: without it no mail and no credentials (RFC 3207) */
    SMTP_SECURITY_NONE,     /* in the clear, because the configuration says so in words */
};

/* Where in the dialogue the session is; what a time-out, a reply or a failure is reported for. */
#define SMTP_STAGES(X)      \
    X(BANNER, "banner")     \
    X(EHLO, "ehlo")         \
    X(STARTTLS, "starttls") \
    X(TLS, "tls")           \
    X(AUTH, "auth")         \
    X(READY, "ready")       \
    X(MAIL, "mail")         \
    X(RCPT, "rcpt")         \
    X(DATA, "data")         \
    X(BODY, "body")         \
    X(DOT, "dot")           \
    X(RSET, "rset")         \
    X(QUIT, "quit")         \
    X(CLOSED, "closed")

enum smtp_stage {
#define X(name, text) SMTP_STAGE_##name,
    SMTP_STAGES(X)
#undef X
};

const char *smtp_stage_name(enum smtp_stage stage);

enum smtp_extension {
    SMTP_EXT_PIPELINING = 1 << 0,
    SMTP_EXT_SIZE = 1 << 1,
    SMTP_EXT_8BITMIME = 1 << 2,
    SMTP_EXT_SMTPUTF8 = 1 << 3,
    SMTP_EXT_ENHANCEDSTATUSCODES = 1 << 4,
    SMTP_EXT_DSN = 1 << 5,
    SMTP_EXT_STARTTLS = 1 << 6,
    SMTP_EXT_AUTH = 1 << 7,
    SMTP_EXT_CHUNKING = 1 << 8,
    SMTP_EXT_REQUIRETLS = 1 << 9,
};

enum { SMTP_REPLY_TEXT_MAX = 1024, SMTP_RECIPIENTS_MAX = 100 };

/* One whole reply: its code, the enhanced code if it had one (RFC 2034; class 0 if not), and its text with
 * the lines joined by "\n", control bytes replaced by "?", cut at SMTP_REPLY_TEXT_MAX. */
struct smtp_answer {
    int code;
    int enhanced[3];
    char text[SMTP_REPLY_TEXT_MAX + 1];
};

/* How the account authenticates. Views must outlive the call that they are given to, no longer. */
struct smtp_credentials {
    sv username;
    sv secret;          /* password, or the bearer token for XOAUTH2 and OAUTHBEARER */
    sv mechanism;       /* one SASL name to insist on, or empty: the strongest offered of SCRAM-SHA-256-PLUS,
                           SCRAM-SHA-256, SCRAM-SHA-1, CRAM-MD5, PLAIN, LOGIN */
    sv channel_binding; /* tls-exporter bytes (RFC 9266), empty without TLS 1.3 */
};

struct smtp_client_options {
    enum smtp_security security;
    sv helo;            /* our own name for EHLO; copied */
    bool auth;          /* authenticate before mail: SMTP_CLIENT_WANT_CREDENTIALS will come */
    bool opportunistic; /* with STARTTLS: a server that does not offer it, or refuses it, is spoken to in the
                           clear; never with auth. For mail that the configuration lets go so */
    bool lmtp;          /* speaks LMTP (RFC 2033): LHLO, and after the dot an answer for each recipient */
};

struct smtp_recipient {
    sv address; /* without angle brackets */
    sv notify; /* "", "NEVER" or a comma list of SUCCESS, FAILURE, DELAY (RFC 3461); used if DSN is offered */
    sv orcpt;  /* "" or the original recipient, not yet xtext-encoded */
    sv orcpt_type; /* of its address: "" is rfc822; without one that is an atom orcpt is left out */
};

/* One transaction. The views must stay until SMTP_CLIENT_SENT or the session ends. */
struct smtp_envelope {
    sv sender; /* without angle brackets; empty for the null sender */
    const struct smtp_recipient *recipients;
    size_t recipient_count; /* 1 … SMTP_RECIPIENTS_MAX */
    sv envid;               /* RFC 3461, used if DSN is offered; may be empty */
    bool return_full;       /* RET=FULL, else HDRS; used if DSN is offered */
    bool utf8;              /* needs SMTPUTF8 even if the addresses do not (RFC 6531 §3.6) */
    bool requiretls;        /* needs REQUIRETLS inside TLS (RFC 8689) */
    sv front;   /* header fields of our own to send before content, lines ended by CRLF; may be empty */
    sv content; /* the message, lines ended by CRLF; a bare CR or LF is refused locally. Dot-stuffing is ours
                 */
    /* Only asks, one by one: MAIL and every RCPT (there may be none), then RSET, never DATA; content must be
     * empty. SENT then has the first refusal, or the last answer if there was none. */
    bool ask_only;
    size_t ask_size; /* bytes that MAIL tells as SIZE when only asking; 0: none */
};

enum smtp_client_event {
    SMTP_CLIENT_NEED_IO,  /* send what smtp_client_output has, feed what arrives */
    SMTP_CLIENT_ANSWER,   /* a whole reply came: smtp_client_answer, for the record of the attempt */
    SMTP_CLIENT_WANT_TLS, /* do the handshake now, then smtp_client_tls_started. Unread bytes must be dropped.
                             With SMTP_SECURITY_TLS it is the first thing that happens */
    SMTP_CLIENT_WANT_CREDENTIALS, /* call smtp_client_authenticate */
    SMTP_CLIENT_READY,            /* ready for a transaction, or to quit */
    SMTP_CLIENT_RECIPIENT,        /* smtp_client_recipient has one recipient's answer; none come if MAIL was
                                     refused. With LMTP another one comes after the dot for each recipient
                                     that was accepted, of stage DOT: that one counts */
    SMTP_CLIENT_SENT,   /* the transaction ended: answer is the final one. 2yz: every recipient that was
                           accepted is in the gateway's hands (with LMTP: who was refused after the dot
                           is not). Otherwise nobody is. READY follows (after
                           RSET). A 421 gives FAILED without SENT: nobody is */
    SMTP_CLIENT_FAILED, /* the session is over; smtp_client_failure says why */
    SMTP_CLIENT_CLOSED, /* after QUIT was answered or cut short: all is well */
};

struct smtp_client *smtp_client_new(const struct smtp_client_options *options);
void smtp_client_free(struct smtp_client *client);

/* Takes bytes that arrived. Replies are bounded (RFC 5321 §4.5.3.1.5 with slack): past 2 KiB a line, 100
 * lines or 64 KiB a reply the session fails with ERR_PROTOCOL. */
void smtp_client_feed(struct smtp_client *client, sv bytes);

/* The peer closed, or reading failed. */
void smtp_client_eof(struct smtp_client *client);

/* What is to be sent now, valid until the next call but feed; smtp_client_sent says how much of it went, at
 * once and before any answer to it is fed: a reply to what was not sent yet ends the session. Whole commands,
 * one pipelined group at a time; the last of the content and the dot are together. Content is given piece by
 * piece: ask again. */
sv smtp_client_output(struct smtp_client *client);
void smtp_client_sent(struct smtp_client *client, size_t n);

/* The next thing that happened; call until SMTP_CLIENT_NEED_IO. */
enum smtp_client_event smtp_client_next(struct smtp_client *client);

/* After WANT_TLS. Forgets all that was learnt before (RFC 3207 §4.2). Bytes fed between the 220 and this
 * call make the session fail (CVE-2021-22947). */
void smtp_client_tls_started(struct smtp_client *client);

/* After WANT_CREDENTIALS. Refuses PLAIN, LOGIN and bearer tokens outside TLS. */
void smtp_client_authenticate(struct smtp_client *client, const struct smtp_credentials *credentials);

/* After READY. -1 with the reason if the envelope cannot go over this session: an address that has CR, LF,
 * NUL, angle brackets or no form; SMTPUTF8 needed and not offered; larger than SIZE; bare CR or LF, NUL or a
 * line over 998 octets in content. Then the session stays READY. */
int smtp_client_send(struct smtp_client *client, const struct smtp_envelope *envelope, struct err *err);

/* After smtp_client_send gave −1: the enhanced code of the reason (RFC 3463), as "5.6.7". */
const char *smtp_client_refusal(const struct smtp_client *client);

/* After READY: says QUIT. At any other time QUIT is said as soon as nothing is under way. */
void smtp_client_quit(struct smtp_client *client);

/* After ANSWER: the stage that was answered; after SENT: the one that decided; after FAILED: the one that
 * failed. With NEED_IO: what is waited for, so what the time-out is of. */
enum smtp_stage smtp_client_stage(const struct smtp_client *client);

/* True from the moment the final dot may have reached the peer until its answer came: the message is neither
 * sent nor unsent if the session ends now. */
bool smtp_client_uncertain(const struct smtp_client *client);

/* Valid after ANSWER, RECIPIENT and SENT until the next smtp_client_next. */
const struct smtp_answer *smtp_client_answer(const struct smtp_client *client);
size_t smtp_client_recipient(const struct smtp_client *client); /* index into the envelope */

/* After FAILED: class, cause and advice; the last answer stays readable if the peer gave one. */
const struct err *smtp_client_failure(const struct smtp_client *client);
bool smtp_client_failure_answered(const struct smtp_client *client); /* the failure is a reply: see answer */

unsigned smtp_client_extensions(const struct smtp_client *client); /* of the last EHLO */
uint64_t smtp_client_size_limit(const struct smtp_client *client); /* bytes, 0 if none was told */
sv smtp_client_mechanisms(const struct smtp_client *client);       /* AUTH's words as offered */
sv smtp_client_peer_name(const struct smtp_client *client);        /* from the EHLO reply's first line */
bool smtp_client_encrypted(const struct smtp_client *client);

#endif
