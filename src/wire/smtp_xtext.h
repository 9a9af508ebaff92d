/* xtext of RFC 3461 §4, in which the values of ENVID, ORCPT and AUTH travel. Pure. */
#ifndef VEDETTE_WIRE_SMTP_XTEXT_H
#define VEDETTE_WIRE_SMTP_XTEXT_H

#include "base/buf.h"

/* True if s is an atom, as the type of an original recipient's address is. */
bool smtp_atom_valid(sv s);

/* True if s is xtext and what it decodes to is printable: a line end hidden here is an attack. */
bool smtp_xtext_valid(sv s);

/* The same with UTF-8 as it stands, as addresses of the type utf-8 may have it where SMTPUTF8 is (RFC 6533
 * §3). */
bool smtp_unitext_valid(sv s);

/* Appends what s, which is valid, stands for. −1 past out's maximum. */
int smtp_xtext_decode(sv s, struct buf *out);

/* Appends an address of the type utf-8 in its form of 7 bits (RFC 6533 §3). escaped: what of printable ASCII
 * is written so too. −1 past out's maximum, or if text is not UTF-8. */
int smtp_utf8_xtext(sv text, const char *escaped, struct buf *out);

#endif
