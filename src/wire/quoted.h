/* The quoted-printable encoding of text (RFC 2045 §6.7): ASCII in short lines, whatever the text is. Pure. */
#ifndef VEDETTE_WIRE_QUOTED_H
#define VEDETTE_WIRE_QUOTED_H

#include "base/buf.h"

/* Appends text, whose lines end in LF, in lines of at most 76 characters that end in CRLF. −1: out has no
 * room, and is left with a part of it. */
int quoted_put(struct buf *out, sv text);

#endif
