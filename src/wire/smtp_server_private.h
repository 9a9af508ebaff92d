/* What the two halves of the server's session share: bytes and content (smtp_server.c), commands
 * (smtp_server_command.c). */
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
};

enum smtp_server_mode {
    SMTP_SERVER_MODE_GREETING, /* smtp_server_greet was not called yet */
    SMTP_SERVER_MODE_COMMANDS,
    SMTP_SERVER_MODE_CONTENT,
    SMTP_SERVER_MODE_OVER,
};

/* Why the rest of a message is read and thrown away. */
enum smtp_server_swallow {
    SMTP_SERVER_SWALLOW_NOTHING,
    SMTP_SERVER_SWALLOW_SIZE,
    SMTP_SERVER_SWALLOW_LINE,
};

struct smtp_server {
    char name[SMTP_DOMAIN_MAX + 1];
    uint64_t size_limit;
    size_t recipients_max, errors_max;

    struct buf input, output;
    size_t scanned;  /* bytes of input already looked at for a line's end … */
    size_t overlong; /* … and those of the same line that were thrown away before */
    char before;     /* the byte before the one to be looked at next, 0 at the start of a line */
    bool hush;       /* the client must wait until the output has gone: greeting, answer to DATA … */
    size_t hushed;   /* … which is so many bytes, and is taken back from one who does not wait */
    bool reset_due;  /* RESET has to be told */

    enum smtp_server_mode mode;
    enum smtp_server_phase phase;
    enum smtp_server_event owed; /* NEED_IO when no answer is owed */
    size_t errors, idle, recipients;
    uint64_t commands;

    char hello[SMTP_DOMAIN_MAX + 1], hello_asked[SMTP_DOMAIN_MAX + 1];
    bool extended, extended_asked;
    struct smtp_server_mail mail;
    struct smtp_server_recipient recipient;

    struct smtp_data_reader reader;
    enum smtp_server_swallow swallow;
    sv content;
    uint64_t content_bytes;
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

/* What accepting does for each event that is owed. text may be NULL. */
void smtp_server_proceed(struct smtp_server *server, enum smtp_server_event event, const char *text);

#endif
