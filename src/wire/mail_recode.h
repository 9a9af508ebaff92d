/* Writes a mail so that every gateway takes it: ASCII alone, no line over 998 octets, no NUL, no bare CR. */
#ifndef VEDETTE_WIRE_MAIL_RECODE_H
#define VEDETTE_WIRE_MAIL_RECODE_H

#include "base/buf.h"
#include "base/err.h"

/* content: a whole mail in lines ended by CRLF. One that any gateway takes as it is comes out as it is. In
 * others header fields become encoded words (RFC 2047) and are folded, and bodies become quoted-printable or
 * base64 (RFC 2045), so that what is read is what was written, bare CRs and NULs of a body too. -1: it has no
 * form that could be sent, or out has no room. */
int mail_recode(sv content, struct buf *out, struct err *err);

#endif
