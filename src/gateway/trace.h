/* The Received field that our gateway puts in front of a message (RFC 5321 §4.4; RFC 3848, RFC 6531 §4.3 and
 * RFC 8314 §4.3 for what it says of the way here). Pure. */
#ifndef VEDETTE_GATEWAY_TRACE_H
#define VEDETTE_GATEWAY_TRACE_H

#include "base/buf.h"
#include "base/timefmt.h"

/* All of it was checked by the server's session: no control byte is in any of these. */
struct trace {
    const sv *recipients;
    size_t recipient_count;
    sv client_name; /* what it called itself */
    sv client_ip;   /* "192.0.2.1" or "2001:db8::1" */
    sv our_name;
    bool extended, utf8;           /* EHLO; SMTPUTF8 asked */
    bool encrypted, authenticated; /* who it authenticated as is nobody's business down the line */
    sv cipher;                     /* as IANA names it, or empty */
    sv id;                         /* the queue id that the client is told */
    nanos now;
};

/* Appends the field, lines ended by CRLF. −1 when out is full. */
int trace_write(struct buf *out, const struct trace *trace);

#endif
