/* Base64 (RFC 4648 §4), exact: one text for each sequence of bytes, nothing else is accepted. */
#ifndef VEDETTE_WIRE_BASE64_H
#define VEDETTE_WIRE_BASE64_H

#include "base/buf.h"

/* Appends the encoded form of in. 0, or -1 past the buffer's maximum. */
int base64_encode(sv in, struct buf *out);

/* Appends the decoded form. -1 past the maximum, or if in is not what base64_encode would have made: missing
 * or superfluous padding, stray bits in the last character, line breaks, other bytes. out is then as before.
 */
int base64_decode(sv in, struct buf *out);

#endif
