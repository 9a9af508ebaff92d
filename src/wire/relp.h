/* The server's side of RELP, the Reliable Event Logging Protocol, version 1 (doc/relp.md of librelp): cuts a
 * session's bytes into transactions, and writes their answers. Pure, no copy, no allocation. */
#ifndef VEDETTE_WIRE_RELP_H
#define VEDETTE_WIRE_RELP_H

#include "base/sv.h"

enum {
    RELP_DATA_BYTES_MAX = 16 * 1024 * 1024, /* a frame that claims more ends the session */
    RELP_OFFERS_BYTES_MAX = 4096,           /* an open that brings more does, too */
    RELP_HEADER_BYTES_MAX = 9 + 1 + 32 + 1 + 9 + 1,
};

/* One per session; relp_init starts it. What has a comment is for reading. */
struct relp {
    uint64_t received; /* transactions that came whole, the open too: these may be answered, in order */
    const char *fault; /* after RELP_INVALID, what is wrong: "it …" */
    size_t record_bytes_max;
    unsigned version;
    size_t skip; /* so many bytes of a frame that was cut are still to come, then its end if tail */
    bool tail, counted;
    bool opened, closed, refused;
};

struct relp_record {
    sv text;  /* borrows from the bytes given; never empty; without LF or NUL and a CR in front of it */
    bool cut; /* it was longer than record_bytes_max */
};

enum relp_event {
    RELP_NEED_DATA,
    RELP_OPENED,  /* the session begins: say relp_write_offers, which answers the open */
    RELP_RECORD,  /* a syslog message */
    RELP_CLOSED,  /* once everything before it is answered, say relp_write_ok to it and part */
    RELP_INVALID, /* say relp_write_end and part */
};

void relp_init(struct relp *relp, size_t record_bytes_max);

/* Looks at the front of in, the bytes that are not used up yet. In every case *ret_used bytes of it are done
 * with; call again with the rest, or with more when data is needed. A record longer than record_bytes_max is
 * cut there and its rest is skipped: its transaction counts as received when its last byte has come. So in
 * need never hold more than RELP_HEADER_BYTES_MAX and the larger of record_bytes_max and
 * RELP_OFFERS_BYTES_MAX, and one byte. After CLOSED or INVALID nothing may follow. */
enum relp_event relp_take(struct relp *relp, sv in, struct relp_record *ret, size_t *ret_used);

/* Each writes at most so many bytes and says how many. Transactions are counted from 1, the open. */
enum { RELP_OK_BYTES_MAX = 24, RELP_WORDS_BYTES_MAX = 256 };
size_t relp_write_offers(const struct relp *relp, char out[RELP_WORDS_BYTES_MAX]);
size_t relp_write_ok(uint64_t transaction, char out[RELP_OK_BYTES_MAX]);

/* The last words to a peer: why its open was refused, if it was, and that we close. */
size_t relp_write_end(const struct relp *relp, char out[RELP_WORDS_BYTES_MAX]);

#endif
