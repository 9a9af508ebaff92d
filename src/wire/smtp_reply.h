/* Reads SMTP replies (RFC 5321 §4.2) from bytes as they arrive. Pure: no I/O, no allocation. */
#ifndef VEDETTE_WIRE_SMTP_REPLY_H
#define VEDETTE_WIRE_SMTP_REPLY_H

#include "base/sv.h"

enum {
    SMTP_REPLY_LINE_BYTES_MAX = 2048, /* with its CRLF; the standard asks for 512 */
    SMTP_REPLY_LINES_MAX = 100,
    SMTP_REPLY_BYTES_MAX = 64 * 1024, /* all lines of one reply */
};

enum smtp_reply_event {
    SMTP_REPLY_NEED_DATA,
    SMTP_REPLY_LINE,    /* a line, and more of the same reply follow */
    SMTP_REPLY_END,     /* the last line of a reply */
    SMTP_REPLY_INVALID, /* not SMTP, or past a bound; fault says what. Do not feed any more */
};

/* Zero it to begin with. Public: code, line_count, fault. */
struct smtp_reply {
    int code;          /* 200 … 599, of the line given last */
    size_t line_count; /* of the reply, the line given last included */
    const char *fault; /* after INVALID: completes "the gateway's reply …" */
    bool ended;
    size_t length, bytes;
    char line[SMTP_REPLY_LINE_BYTES_MAX];
};

/* Takes at most one line from in; *ret_used says how much. *ret_text, set with LINE and END, is what follows
 * the code and its separator; any byte but LF can stand in it. It borrows from reply until the next call.
 * Only CRLF ends a line; a bare LF is invalid, a bare CR is text. All lines must have the same code. */
enum smtp_reply_event smtp_reply_feed(struct smtp_reply *reply, sv in, size_t *ret_used, sv *ret_text);

#endif
