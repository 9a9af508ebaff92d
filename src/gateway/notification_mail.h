/* Composes a delivery status notification (RFC 3464 in RFC 6522's form): for people, for machines, and the
 * message that it is about. Pure: time comes in. */
#ifndef VEDETTE_GATEWAY_NOTIFICATION_MAIL_H
#define VEDETTE_GATEWAY_NOTIFICATION_MAIL_H

#include "base/buf.h"
#include "gateway/envelope.h"

enum notification_kind {
    NOTIFICATION_FAILED,
    NOTIFICATION_DELAYED,
    NOTIFICATION_DELIVERED,
    NOTIFICATION_RELAYED
};

struct notification_recipient {
    size_t index; /* into the envelope */
    enum notification_kind kind;
    const char *status; /* "5.1.1" */
    sv said;            /* the next hop's words, or ours; may be empty */
    sv remote;          /* that next hop: its name, or its address in brackets; empty: the words are ours */
};

struct notification {
    const struct envelope *about;
    const struct notification_recipient *recipients;
    size_t count; /* 1 … SMTP_RECIPIENTS_MAX */
    sv content;   /* of the message; only its header goes back unless RET=FULL was asked for */
    sv to, id, hostname;
    nanos now, until; /* until: of a delay, when it is given up */
};

enum { NOTIFICATION_BYTES_MAX = 32 * 1024 * 1024 };

/* CRLF line ends, no bare one; in ASCII, but for an addressee beyond it. −1 past the buffer's maximum. */
int notification_compose(struct buf *out, const struct notification *notification);

#endif
