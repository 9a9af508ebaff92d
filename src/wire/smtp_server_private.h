/* What the parts of the server's session share: bytes and lines (smtp_server.c), content by DATA and BDAT
 * (smtp_server_content.c), commands (smtp_server_command.c), the envelope (smtp_server_envelope.c), TLS and
 * AUTH (smtp_server_auth.c). */
#ifndef VEDETTE_WIRE_SMTP_SERVER_PRIVATE_H
#define VEDETTE_WIRE_SMTP_SERVER_PRIVATE_H

#include "base/buf.h"
#include "wire/smtp_data.h"
#include "wire/smtp_server.h"

/* Where the dialogue is; bits, so that a command's row can name several. */
enum smtp_server_phase {
    SMTP_SERVER_PHASE_HELLO = 1 << 0, /* no HELO or EHLO yet */
    SMTP_SERVER_PHASE_READY = 1 << 1, /* no transaction */
    SMTP_SERVER_PHASE_MAIL = 1 << 2,  /* a sender and no recipient */
    SMTP_SERVER_PHASE_RCPT = 1 << 3,  /* at least one recipient */
    SMTP_SERVER_PHASE_CHUNK = 1 << 4, /* at least one chunk of content (BDAT), and not the last */
};

enum { SMTP_SERVER_TRANSACTION = SMTP_SERVER_PHASE_MAIL | SMTP_SERVER_PHASE_RCPT | SMTP_SERVER_PHASE_CHUNK };

enum smtp_server_mode {
    SMTP_SERVER_MODE_GREETING, /* smtp_server_greet was not called yet */
    SMTP_SERVER_MODE_COMMANDS,
    SMTP_SERVER_MODE_TLS,     /* the handshake is the caller's */
    SMTP_SERVER_MODE_AUTH,    /* a response is expected */
    SMTP_SERVER_MODE_CONTENT, /* of DATA */
    SMTP_SERVER_MODE_CHUNK,   /* the octets of one BDAT */
    SMTP_SERVER_MODE_OVER,
};

/* Why the rest of a message, or of a chunk, is read and thrown away. */
enum smtp_server_swallow {
    SMTP_SERVER_SWALLOW_NOTHING,
    SMTP_SERVER_SWALLOW_SIZE,
    SMTP_SERVER_SWALLOW_LINE,
    SMTP_SERVER_SWALLOW_ORDER,   /* BDAT where none may come */
    SMTP_SERVER_SWALLOW_REFUSED, /* the caller refused the content: refused_… */
};

enum { SMTP_SERVER_TEXT_MAX = 400 /* of a reply line */ };

struct smtp_server {
    char name[SMTP_DOMAIN_MAX + 1];
    uint64_t size_limit;
    size_t recipients_max, errors_max;
    bool starttls, encrypted, authenticated, forgives_lf;
    char mechanisms[SMTP_SERVER_MECHANISMS_MAX + 1];

    struct buf input, output;
    size_t scanned;     /* bytes of input already looked at for a line's end … */
    size_t overlong;    /* … and those of the same line that were thrown away before */
    bool overlong_auth; /* that line began as AUTH does */
    char before;        /* the byte before the one to be looked at next, 0 at the start of a line */
    bool hush;          /* the client must wait until the output has gone: greeting, answer to DATA … */
    size_t hushed;      /* … which is so many bytes, and is taken back from one who does not wait */
    bool reset_due;     /* RESET has to be told */
    bool tls_due;       /* … and WANT_TLS … */
    bool auth_over;     /* … and AUTH_OVER */

    enum smtp_server_mode mode;
    enum smtp_server_phase phase;
    enum smtp_server_event owed; /* NEED_IO when no answer is owed */
    size_t errors, idle, recipients;
    uint64_t commands;

    char hello[SMTP_DOMAIN_MAX + 1], hello_asked[SMTP_DOMAIN_MAX + 1];
    bool extended, extended_asked;
    struct smtp_server_mail mail;
    struct smtp_server_recipient recipient;

    struct smtp_server_auth auth;
    char mechanism[SMTP_SERVER_MECHANISMS_MAX + 1];
    struct buf response; /* decoded; wiped */

    struct smtp_data_reader reader;
    enum smtp_server_swallow swallow;
    sv content;
    uint64_t content_bytes;
    uint64_t chunk_left; /* octets of this BDAT that are still to come */
    bool chunk_last;
    int refused_code; /* the reply that waits for the chunk's end */
    char refused_enhanced[12];
    char *refused_text;
    struct err failure;
};

/* One reply line; enhanced may be NULL, text is made harmless. */
void smtp_server_reply(struct smtp_server *server, int code, const char *enhanced, const char *text);

/* 554 to a client that did not wait for its turn, in place of the reply that it did not wait for. */
void smtp_server_early(struct smtp_server *server);

/* The reply to a command that cannot be done; counts, and ends the session when there were too many. */
void smtp_server_fault(struct smtp_server *server, int code, const char *enhanced, const char *text);

/* Ends the session after a last reply. cause goes into smtp_server_failure. */
void smtp_server_end(struct smtp_server *server, int code, const char *enhanced, const char *text);

/* Forgets the transaction, and has RESET told if there was one. */
void smtp_server_abandon(struct smtp_server *server);

/* Carries one command line (without CRLF) out: replies, or leaves an event in server->owed. */
void smtp_server_command(struct smtp_server *server, sv line);

/* 501 to a command whose arguments are wrong. False, so that checks read well. */
bool smtp_server_syntax_fault(struct smtp_server *server, const char *text);

/* What accepting does for each event that is owed. text may be NULL. */
void smtp_server_proceed(struct smtp_server *server, enum smtp_server_event event, const char *text);

/* The arguments of MAIL and RCPT. False: replied to, and wrong. */
bool smtp_server_check_mail(struct smtp_server *server, sv arguments);
bool smtp_server_check_rcpt(struct smtp_server *server, sv arguments);

/* STARTTLS and AUTH as commands, and a line that answers a challenge. */
void smtp_server_starttls(struct smtp_server *server, sv arguments);
void smtp_server_begin_auth(struct smtp_server *server, sv arguments);
void smtp_server_auth_response(struct smtp_server *server, sv line);

/* The exchange is over: forgets and wipes it. */
void smtp_server_end_auth(struct smtp_server *server);

/* 500 5.5.6 to a line of AUTH that is too long. */
void smtp_server_auth_too_long(struct smtp_server *server);

/* DATA was accepted, by the caller and the phase. */
void smtp_server_begin_data(struct smtp_server *server, const char *text);

/* BDAT: its octets follow, whatever is thought of it. */
void smtp_server_begin_chunk(struct smtp_server *server, sv arguments);

/* The answer to the DATA event of a BDAT. */
void smtp_server_refuse_chunk(struct smtp_server *server, int code, const char *enhanced, const char *text);

/* CONTENT, an event that is owed now, or NEED_IO to go round once more. */
enum smtp_server_event smtp_server_read_content(struct smtp_server *server);
enum smtp_server_event smtp_server_read_chunk(struct smtp_server *server);

#endif
