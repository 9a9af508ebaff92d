/* What each receiver of notices wants to read, made from a notice's generic JSON. Pure. */
#ifndef VEDETTE_COURIER_WAY_BODY_H
#define VEDETTE_COURIER_WAY_BODY_H

#include "base/buf.h"
#include "base/err.h"
#include "config/config.h"

enum { WAY_BODY_BYTES_MAX = 64 * 1024 };

/* The body of a webhook's request. key: PagerDuty's routing key, else empty. -1 with ERR_DATA when body is no
 * notice. */
int way_body_webhook(enum config_template template, sv body, sv key, struct buf *out, struct err *err);

/* One syslog message (RFC 5424) without framing: CEF, or with cef false plain text. */
int way_body_syslog(bool cef, sv body, struct buf *out, struct err *err);

/* One clean line for a console. */
int way_body_line(sv body, struct buf *out, struct err *err);

#endif
