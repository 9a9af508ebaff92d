/* The server's side of an SMTP session (RFC 5321), sans-IO: bytes in, events and bytes-to-send out. It knows
 * no socket, no clock and no policy: what depends on anything but the protocol is asked of the caller. */
#ifndef VEDETTE_WIRE_SMTP_SERVER_H
#define VEDETTE_WIRE_SMTP_SERVER_H

#include "base/err.h"
#include "base/sv.h"
#include "wire/smtp_address.h"

struct smtp_server;

enum {
    SMTP_SERVER_INPUT_MAX = 16 * 1024,  /* bytes fed and not yet read */
    SMTP_SERVER_OUTPUT_MAX = 64 * 1024, /* no further command is read while as much waits to be sent */
    SMTP_SERVER_COMMAND_MAX = 2048,     /* a command line with its CRLF; a longer one is refused whole … */
    SMTP_SERVER_AUTH_LINE_MAX = 12288,  /* a line of AUTH with its CRLF (RFC 4954 §4) */
    SMTP_SERVER_MECHANISMS_MAX = 120,
    SMTP_SERVER_DISCARD_MAX = 64 * 1024,        /* … and one without end past this ends the session */
    SMTP_SERVER_SWALLOW_MAX = 64 * 1024 * 1024, /* content past the limit that is read before we hang up */
    SMTP_SERVER_IDLE_MAX = 100, /* commands without a message accepted; further ones count as errors */
};

struct smtp_server_options {
    sv name;               /* our own name, for the greeting; copied */
    uint64_t size_limit;   /* bytes of one message, offered as SIZE (RFC 1870); 0 for no limit */
    size_t recipients_max; /* in one transaction; further ones get 452 4.5.3 */
    size_t errors_max;     /* so many refused commands end the session with 421 */
    bool starttls;         /* STARTTLS can be had (RFC 3207) */
    bool secured;          /* TLS from the first byte (RFC 8314): greet once the handshake is done */
};

/* An event marked "answer" waits for smtp_server_accept or smtp_server_refuse; until then nothing further
 * is read. The answer may come at once or turns of the loop later.
 *
 * Content comes by DATA or by BDAT (RFC 3030), and that makes no difference to the caller: DATA, CONTENT any
 * number of times, END. */
enum smtp_server_event {
    SMTP_SERVER_NEED_IO,   /* send what smtp_server_output has, feed what arrives */
    SMTP_SERVER_HELLO,     /* answer. HELO or EHLO: smtp_server_hello */
    SMTP_SERVER_WANT_TLS,  /* send what smtp_server_output has, do the handshake, then smtp_server_secured.
                              Bytes  that came before it began must be fed: they end the session
                              (CVE-2011-0411)
                            */
    SMTP_SERVER_AUTH,      /* answer, or smtp_server_challenge. The client's next word: smtp_server_auth */
    SMTP_SERVER_AUTH_OVER, /* the exchange ended without an answer of yours ("*", not base64): forget it */
    SMTP_SERVER_MAIL,      /* answer. A transaction wants to begin: smtp_server_mail */
    SMTP_SERVER_RCPT,      /* answer. One more recipient: smtp_server_recipient */
    SMTP_SERVER_DATA, /* answer. At least one recipient was accepted; make room for the content. Refused after
                         BDAT it ends the transaction, since its octets come all the same */
    SMTP_SERVER_CONTENT, /* smtp_server_content has some of the content */
    SMTP_SERVER_END,     /* answer. The content is whole. Accept only what is safely stored */
    SMTP_SERVER_RESET,   /* the transaction ended without a message: forget sender, recipients and content */
    SMTP_SERVER_CLOSED,  /* the session is over: send what smtp_server_output has, then close. Comes again
                            however often one asks. smtp_server_failure says why, if it was no QUIT */
};

struct smtp_server *smtp_server_new(const struct smtp_server_options *options);
void smtp_server_free(struct smtp_server *server); /* NULL is fine */

/* Says 220. Bytes fed before the greeting was taken by smtp_server_sent get 554 and end the session. */
void smtp_server_greet(struct smtp_server *server);

/* Takes bytes that arrived, as many as there is room for, and returns how many: feed, ask for events until
 * NEED_IO, send, and feed the rest. 0 while an answer is owed or output waits, or when the session is over
 * (then throw the bytes away). */
size_t smtp_server_feed(struct smtp_server *server, sv bytes);

/* The handshake that WANT_TLS asked for is done. All that was known of the client is forgotten (RFC 3207
 * §4.2). */
void smtp_server_secured(struct smtp_server *server);

/* The SASL mechanisms of AUTH, names with spaces between, offered inside TLS only; empty (as at first): none.
 * Copied, cut at SMTP_SERVER_MECHANISMS_MAX bytes. Before HELLO is answered. */
void smtp_server_offer_auth(struct smtp_server *server, sv mechanisms);

/* Answers AUTH with one more challenge, which is encoded here; AUTH comes again with the client's response.
 */
void smtp_server_challenge(struct smtp_server *server, sv challenge);

/* While on, an LF without CR ends a line as CR LF does, in commands and in content that begins meanwhile (at
 * the latest before DATA is answered), and is given out as CR LF: for a network of old devices that a rule
 * names. The end of DATA stays CR LF "." CR LF and nothing else, so that nothing can be smuggled this way
 * either. Off at first. */
void smtp_server_forgive_bare_lf(struct smtp_server *server, bool on);

/* Gives memory back while nothing is under way; it is taken again when needed. */
void smtp_server_rest(struct smtp_server *server);

/* The peer closed, or reading failed. */
void smtp_server_eof(struct smtp_server *server);

/* What is to be sent now; smtp_server_sent says how much of it went. */
sv smtp_server_output(const struct smtp_server *server);
void smtp_server_sent(struct smtp_server *server, size_t n);

/* The next thing that happened; call until SMTP_SERVER_NEED_IO. */
enum smtp_server_event smtp_server_next(struct smtp_server *server);

/* Answers the event that waits. text is one line without its codes, or NULL for the usual words; bytes in it
 * that are not printable ASCII are sent as "?". code is 4yz or 5yz; enhanced is like "5.7.1" (RFC 3463).
 * Refusing HELLO, MAIL, RCPT or DATA leaves the session as it was; END ends the transaction either way. */
void smtp_server_accept(struct smtp_server *server, const char *text);
void smtp_server_refuse(struct smtp_server *server, int code, const char *enhanced, const char *text);

/* Ends the session with a reply at any moment, an owed answer included: 421 for a time-out, a shutdown or too
 * many sessions, 554 for a client that may not talk to us. CLOSED follows. */
void smtp_server_close(struct smtp_server *server, int code, const char *enhanced, const char *text);

/* All views below borrow from server until the next smtp_server_next, _feed or _close. */

sv smtp_server_hello(const struct smtp_server *server); /* what the client calls itself; empty before HELLO */
bool smtp_server_extended(const struct smtp_server *server); /* it said EHLO */

bool smtp_server_encrypted(const struct smtp_server *server); /* inside TLS */

/* After AUTH. Until the exchange ends accept gives 235, a refusal usually 535 5.7.8; the rest is the
 * caller's. */
struct smtp_server_auth {
    sv mechanism; /* one of those offered, in capitals; until the exchange ends */
    bool first;   /* the AUTH command itself: begin anew */
    bool given;   /* response is there; false: AUTH came without an initial response */
    sv response;  /* decoded, may be empty; a secret: until the next call */
};
const struct smtp_server_auth *smtp_server_auth(const struct smtp_server *server);

/* True once AUTH was accepted, until the session ends. */
bool smtp_server_authenticated(const struct smtp_server *server);

enum smtp_return { SMTP_RETURN_UNSAID, SMTP_RETURN_FULL, SMTP_RETURN_HEADERS };

struct smtp_server_mail {
    sv sender;            /* without angle brackets; empty for the null sender */
    uint64_t size;        /* SIZE as the client announced it, 0 without */
    bool eightbit;        /* BODY=8BITMIME */
    bool utf8;            /* SMTPUTF8 (RFC 6531) */
    bool requiretls;      /* REQUIRETLS (RFC 8689), taken inside TLS only */
    enum smtp_return ret; /* RET (RFC 3461) */
    sv envid;             /* ENVID, in xtext as it came, checked; p NULL without */
    sv auth;              /* AUTH, in xtext as it came, checked; "<>" too; p NULL without */
};

/* After MAIL, until the transaction ends; but its views only until the next smtp_server_next. */
const struct smtp_server_mail *smtp_server_mail(const struct smtp_server *server);

/* NOTIFY of RFC 3461; 0: not said. NEVER stands alone. */
enum {
    SMTP_NOTIFY_NEVER = 1 << 0,
    SMTP_NOTIFY_SUCCESS = 1 << 1,
    SMTP_NOTIFY_FAILURE = 1 << 2,
    SMTP_NOTIFY_DELAY = 1 << 3,
};

/* After RCPT. domain is empty for "postmaster" without one (RFC 5321 §4.5.1). */
struct smtp_server_recipient {
    sv whole; /* without angle brackets */
    struct smtp_address parts;
    unsigned notify; /* of SMTP_NOTIFY_… */
    sv orcpt;        /* "rfc822;" and xtext as it came, checked; p NULL without */
};
const struct smtp_server_recipient *smtp_server_recipient(const struct smtp_server *server);

/* After CONTENT: some of the message with dots unstuffed, lines ended by CRLF and nothing else. The last line
 * of a message that came by BDAT gets its CRLF if it had none. */
sv smtp_server_content(const struct smtp_server *server);

/* Content of this transaction so far, counted also where it is past the limit and thrown away. */
uint64_t smtp_server_content_bytes(const struct smtp_server *server);

/* True while the client is inside its content, between 354 and the dot or within a chunk of BDAT. */
bool smtp_server_in_content(const struct smtp_server *server);

/* Grows by one with each whole command read: what a deadline for a whole command looks at. */
uint64_t smtp_server_commands(const struct smtp_server *server);

/* After CLOSED: why the session ended before QUIT; class NONE after QUIT and after a plain disconnect. */
const struct err *smtp_server_failure(const struct smtp_server *server);

#endif
