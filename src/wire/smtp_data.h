/* A message's content on its way through DATA (RFC 5321 §4.5.2): what it must look like, dot-stuffing for the
 * client, and the reverse for the server. Pure, no allocation. Only CRLF ends a line, and only CR LF "." CR
 * LF ends the content, in both directions. */
#ifndef VEDETTE_WIRE_SMTP_DATA_H
#define VEDETTE_WIRE_SMTP_DATA_H

#include "base/sv.h"

enum { SMTP_DATA_LINE_MAX = 998 /* octets without CRLF, RFC 5322 §2.1.1 */ };

/* Several can hold at once. */
enum smtp_data_fault {
    SMTP_DATA_BARE_CR = 1 << 0, /* a CR that no LF follows */
    SMTP_DATA_BARE_LF = 1 << 1, /* an LF that no CR precedes */
    SMTP_DATA_NUL = 1 << 2,
    SMTP_DATA_LONG_LINE = 1 << 3,
};

struct smtp_data_facts {
    unsigned faults;   /* of enum smtp_data_fault; 0: may be sent */
    size_t fault_line; /* number of the line with the first fault, from 1 */
    bool eight_bit;    /* has bytes past ASCII: needs 8BITMIME */
};

/* Looks at a whole content, not stuffed. A last line without CRLF is no fault: the writer ends it. */
void smtp_data_check(sv content, struct smtp_data_facts *ret);

/* "line 7 has a bare LF", for a cause; the first of the faults. Returns text. */
const char *smtp_data_fault_text(const struct smtp_data_facts *facts, char *text, size_t cap);

/* Gives a content without faults out piece by piece, stuffed. The members are the module's own. */
struct smtp_data_writer {
    sv rest, then;
    bool line_start, last;
};

enum { SMTP_DATA_PIECE_MIN = 16 };

/* content must stay until the last piece was made. */
void smtp_data_writer_open(struct smtp_data_writer *writer, sv content);

/* Right after open: gives front out before the content. It must be whole lines, and stay as long. */
void smtp_data_writer_front(struct smtp_data_writer *writer, sv front);

/* Writes the next piece into out (cap ≥ SMTP_DATA_PIECE_MIN) and returns its length. The piece with the final
 * dot always has the end of the content too, so that no prefix of what was sent can pass for a whole message.
 * Returns 0 after the last. */
size_t smtp_data_write(struct smtp_data_writer *writer, char *out, size_t cap);

/* True once the piece that ends in the final dot was made. */
bool smtp_data_writer_done(const struct smtp_data_writer *writer);

/* Reads what a client sends after 354. Zero it with smtp_data_reader_open; faults may be read at any time and
 * are kept until the next open. The other members are the module's own. */
struct smtp_data_reader {
    unsigned faults;
    int state;
    size_t line_bytes;
    bool plain, forgives_lf;
};

enum smtp_data_event {
    SMTP_DATA_NEED_DATA, /* all of in was used and there is no text: feed more */
    SMTP_DATA_TEXT,      /* *ret_text is the next of the content */
    SMTP_DATA_END,       /* the final dot; what is left of in is the next command */
};

void smtp_data_reader_open(struct smtp_data_reader *reader);

/* After open: for content whose length is known (BDAT, RFC 3030): dots are content like anything else, and
 * END never comes. */
void smtp_data_reader_plain(struct smtp_data_reader *reader);

/* After open: an LF without CR is no fault and comes out as CR LF; a dot behind it is unstuffed. It never is
 * part of the end, which stays CR LF "." CR LF. */
void smtp_data_reader_forgive_lf(struct smtp_data_reader *reader);

/* The content is over although no END came: true if its last line has no end yet. A CR that waited for its LF
 * is now a fault. The reader is then at the start of a line. */
bool smtp_data_reader_finish(struct smtp_data_reader *reader);

/* Takes a part of in; *ret_used says how much (0 is possible with TEXT: call again with the same in).
 * *ret_text borrows from in, or is static. Its CRLFs are there, its stuffing is not.
 *
 * Faults do not stop the reader: with a bare CR or LF whoever calls must answer 550 5.5.2 and close, since
 * peers do not agree where such a message ends (CVE-2023-51764); after a NUL or a long line it may read on to
 * the END and answer 554 5.6.0. Look at reader->faults after every call. */
enum smtp_data_event smtp_data_read(struct smtp_data_reader *reader, sv in, size_t *ret_used, sv *ret_text);

#endif
