/* Envelope senders that carry a token: bounces+4711.<mac>@example.org for mail 4711. A report that comes back
 * to such an address names the mail that it is about, and nobody who has not seen that mail can make it up.
 * Pure. */
#ifndef VEDETTE_WIRE_VERP_H
#define VEDETTE_WIRE_VERP_H

#include "base/err.h"
#include "base/sv.h"

enum {
    VERP_KEY_BYTES = 32,
    VERP_MAC_CHARS = 20, /* base32 in lower case, read in any: 100 bits of keyed BLAKE2b over the mail's id */
    VERP_LOCAL_MAX = 64, /* octets of a local part (RFC 5321 §4.5.3.1.1) */
    VERP_BASE_MAX = VERP_LOCAL_MAX - VERP_MAC_CHARS - 1 - 19 - 1, /* of the configured address's local part */
    VERP_ADDRESS_MAX = 320,
};

/* Whether tokens fit into that address: its local part is at most VERP_BASE_MAX octets, without a quote. */
bool verp_fits(sv address);

/* The sender's address for that mail (id > 0); false if it does not fit into ret. */
bool verp_make(sv address, int64_t mail_id, const unsigned char key[static VERP_KEY_BYTES],
               char ret[static VERP_ADDRESS_MAX]);

enum verp { VERP_NONE, VERP_FORGED, VERP_GOOD };

/* Looks for a token of ours in text: an address, or a header field with several. What forwarders put around
 * it (SRS, BATV) is passed over. FORGED: it looks like one of ours and none is. Compares in constant time.
 * At most VERP_TRIES_MAX places are looked at. *ret_mail_id is set with GOOD only. */
enum { VERP_TRIES_MAX = 16 };
enum verp verp_read(sv text, sv address, const unsigned char key[static VERP_KEY_BYTES],
                    int64_t *ret_mail_id);

#endif
