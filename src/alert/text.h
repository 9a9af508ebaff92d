/* Puts the words of events into mails so that they can be read and can do nothing else. Private to alert/. */
#ifndef VEDETTE_ALERT_TEXT_H
#define VEDETTE_ALERT_TEXT_H

#include "base/buf.h"

/* Where the text will stand. Bytes that are no UTF-8, and characters that would change the direction or the
 * lines of what stands around them, become U+FFFD everywhere. */
enum text_place {
    TEXT_HEADER,     /* control characters and runs of spaces become one space */
    TEXT_LINE,       /* control characters become their pictures (U+2400 …) */
    TEXT_BLOCK,      /* the same, but lines stay lines and tabs stay tabs */
    TEXT_HTML_LINE,  /* as TEXT_LINE, and escaped */
    TEXT_HTML_BLOCK, /* as TEXT_BLOCK, and escaped, with <br> at the ends of lines */
};

/* Appends s, cut between characters to at most bytes_max of its bytes and then ended by "…". */
void text_put(struct buf *out, sv s, size_t bytes_max, enum text_place place);

/* Appends "name: text" and CRLF, in ASCII, folded; as RFC 2047 encoded words where the text is not plain
 * ASCII or could be taken for such a word. text has passed through TEXT_HEADER. */
void text_put_header(struct buf *out, const char *name, sv text);

/* Appends a header of mailboxes ("user@example.org" or "Name <user@example.org>"). */
void text_put_mailboxes(struct buf *out, const char *name, const char *const *mailboxes, size_t count);

#endif
