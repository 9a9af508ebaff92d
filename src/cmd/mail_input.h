/* Makes a mail that a program wrote to `sendmail` fit to be sent: CRLF lines, Date, From, Message-ID, no Bcc,
 * and nothing that some gateway would refuse. */
#ifndef VEDETTE_CMD_MAIL_INPUT_H
#define VEDETTE_CMD_MAIL_INPUT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/timefmt.h"

enum { MAIL_INPUT_BYTES_MAX = 15 * 1024 * 1024, MAIL_INPUT_RECIPIENTS_MAX = 100 };

struct mail_input {
    struct buf content;                                /* the mail, ready for DATA before dot-stuffing */
    const char *recipients[MAIL_INPUT_RECIPIENTS_MAX]; /* from To, Cc and Bcc */
    size_t recipient_count;
    struct arena *arena; /* owns the recipients */
};

struct mail_input_defaults {
    const char *from;     /* a MAILBOX for an absent From */
    const char *hostname; /* for an absent Message-ID */
    nanos now;
    uint64_t unique;
};

/* raw: lines ended by LF or CRLF; a mail without header fields gets them and a blank line. With dot_ends a
 * line with nothing but a dot ends it, as sendmail without -i has it. */
int mail_input_read(struct mail_input *ret, sv raw, bool dot_ends, const struct mail_input_defaults *defaults,
                    struct err *err);
void mail_input_free(struct mail_input *input);

#endif
