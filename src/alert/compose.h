/* Writes the mail that tells a person of an alert: multipart/alternative, plain text first, sober HTML
 * second. */
#ifndef VEDETTE_ALERT_COMPOSE_H
#define VEDETTE_ALERT_COMPOSE_H

#include "base/buf.h"
#include "config/config.h"
#include "store/store.h"

enum { COMPOSE_BYTES_MAX = 1024 * 1024 };

/* Appends the whole message, lines ended by CRLF, none over 998 octets, ready for DATA before dot-stuffing.
 * The same mail always gives the same bytes (boundary and dates come from it). from is a MAILBOX, to the
 * recipients that the To header names. A raw mail (mail->content) is given as it is. −1 only if the finding's
 * bytes are damaged. */
int compose(const struct store_mail *mail, const char *from, const struct config_strings *to,
            const char *hostname, struct buf *out, struct err *err);

#endif
