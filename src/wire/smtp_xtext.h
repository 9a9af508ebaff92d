/* xtext of RFC 3461 §4, in which the values of ENVID, ORCPT and AUTH travel. Pure. */
#ifndef VEDETTE_WIRE_SMTP_XTEXT_H
#define VEDETTE_WIRE_SMTP_XTEXT_H

#include "base/buf.h"

/* True if s is xtext and what it decodes to is printable: a line end hidden here is an attack. */
bool smtp_xtext_valid(sv s);

/* Appends what s, which is valid, stands for. −1 past out's maximum. */
int smtp_xtext_decode(sv s, struct buf *out);

#endif
