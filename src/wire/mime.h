/* Bodies of several parts, composed by GMime so that the same input gives the same bytes. */
#ifndef VEDETTE_WIRE_MIME_H
#define VEDETTE_WIRE_MIME_H

#include "base/buf.h"

#include <gmime/gmime.h>

/* Before anything of GMime: its tables are global, and made once. */
void mime_use(void);

/* multipart/SUBTYPE; the caller unrefs it. The boundary stands in its type from the start: otherwise GMime
 * opens /dev/urandom to make one up. */
GMimeMultipart *mime_multipart(const char *subtype, const char *boundary);

/* Adds a part; body must stay until it is written. charset may be NULL. */
void mime_add(GMimeMultipart *multipart, const char *type, const char *subtype, const char *charset,
              GMimeContentEncoding encoding, sv body);

/* Its header and body, lines ended by CRLF. −1: out has no room. */
int mime_write(GMimeObject *object, struct buf *out);

#endif
