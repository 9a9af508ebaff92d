/* What a canary says. Pure. */
#ifndef VEDETTE_COURIER_CANARY_MAIL_H
#define VEDETTE_COURIER_CANARY_MAIL_H

#include "base/buf.h"
#include "config/config.h"

enum { CANARY_MAIL_BYTES_MAX = 16 * 1024, CANARY_MESSAGE_ID_MAX = 320 };

struct canary_mail {
    const struct config *config;
    const struct config_gateway *gateway;
    const char *token;
    nanos now;
};

/* The whole mail with its Message-ID. */
void canary_mail_write(const struct canary_mail *mail, char ret_message_id[static CANARY_MESSAGE_ID_MAX],
                       struct buf *out);

#endif
