/* Internationalised domain names: the form that DNS, certificates and policies have for a name beyond ASCII
 * (RFC 5891, its letters mapped as UTS 46 has it, with "ß" and its like kept as they are). Pure. */
#ifndef VEDETTE_WIRE_IDN_H
#define VEDETTE_WIRE_IDN_H

#include "base/sv.h"

enum { IDN_TEXT_MAX = 254 }; /* with the NUL */

/* The name with A-labels ("xn--…") for its labels beyond ASCII: in text, with a NUL behind it. A name in
 * ASCII is returned as it stands, whatever it is. p is NULL if IDNA allows no such name, or if it would have
 * over 253 bytes. */
sv idn_to_ascii(sv name, char text[static IDN_TEXT_MAX]);

#endif
