/* What appliances leave out of a header, or put in and should not have (RFC 5322 §3.6, RFC 6409 §8): Date,
 * Message-ID and From added, Bcc dropped, a tag put in front. Only the header section is read and written
 * anew; no byte of the body comes here. Pure. */
#ifndef VEDETTE_GATEWAY_CLEANUP_H
#define VEDETTE_GATEWAY_CLEANUP_H

#include "base/buf.h"
#include "base/timefmt.h"

/* Views are borrowed for the call. */
struct cleanup {
    bool repair;   /* add what is missing, drop Bcc and Resent-Bcc */
    sv tag;        /* "Name: value" to put in front; empty: none */
    sv sender;     /* for a From that is missing: the envelope sender as it will be sent, or empty */
    bool new_from; /* the sender was rewritten: a From with an address that nobody can answer gets it too */
    sv id;         /* of the queue: the Message-ID's left side */
    sv our_name;   /* its right side */
    nanos now;
};

/* Reads header (lines with CRLF, without the empty line that ends it; empty if there is none) and appends
 * what is to be sent instead, again without the empty line. Fields that are kept are kept byte for byte, in
 * their order; those that are added follow them, the tag comes first. The same input gives the same output,
 * and the output given again is left as it is but for the tag.
 *
 * A line that is no field ends the header: what begins there is the body of a message whose empty line was
 * forgotten, and where anything is mended an empty line is put before it. In every case the caller goes on
 * with what came after header, as it came, its empty line first. −1 when out is full. */
int cleanup_write(struct buf *out, sv header, const struct cleanup *cleanup);

#endif
