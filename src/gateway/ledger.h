/* What is known of one message to one recipient, from its client to the next hop's answer: one structured log
 * line at its end, and the same facts for the live view. */
#ifndef VEDETTE_GATEWAY_LEDGER_H
#define VEDETTE_GATEWAY_LEDGER_H

#include "base/buf.h"
#include "base/timefmt.h"

/* What an inbound session knows when it hands a message in; it travels with the message. Views are empty and
 * numbers 0 where there is nothing to say. None has a control byte. */
#define LEDGER_RECEPTION(X)                                                           \
    X(TEXT, client)        /* IP address */                                           \
    X(TEXT, helo)          /* what it called itself */                                \
    X(TEXT, listener)      /* as relay.listen has it */                               \
    X(TEXT, account)       /* authenticated as */                                     \
    X(TEXT, mechanism)     /* SASL */                                                 \
    X(TEXT, certificate)   /* the client's subject */                                 \
    X(TEXT, tls)           /* version and cipher, "TLSv1.3 TLS_AES_256_GCM_SHA384" */ \
    X(TEXT, rule)          /* that decided */                                         \
    X(TEXT, action)        /* accept, tag, quarantine or redirect */                  \
    X(TEXT, sender)        /* as it came */                                           \
    X(TEXT, recipient)     /* as it came */                                           \
    X(NUMBER, bytes)       /* of its content as it came */                            \
    X(NUMBER, received_at) /* nanoseconds since 1970 */

/* What the queue knows at the end. */
#define LEDGER_DELIVERY(X)                                                       \
    X(TEXT, id)       /* the queue id that the client was told */                \
    X(TEXT, outcome)  /* delivered, deferred, bounced, held, expired, deleted */ \
    X(TEXT, route)    /* of relay.routes */                                      \
    X(TEXT, next_hop) /* its name and address, or a Maildir */                   \
    X(TEXT, next_tls) /* version, cipher and how it was verified */              \
    X(TEXT, reply)    /* the next hop's last word */                             \
    X(TEXT, cause)    /* class of a failure */                                   \
    X(NUMBER, attempts)                                                          \
    X(NUMBER, queued_ms) /* from its reception to now */

#define LEDGER_C_TEXT            sv
#define LEDGER_C_NUMBER          int64_t
#define LEDGER_FIELD(type, name) LEDGER_C_##type name;

/* clang-format off */
struct ledger_reception { LEDGER_RECEPTION(LEDGER_FIELD) };
struct ledger_delivery { LEDGER_DELIVERY(LEDGER_FIELD) };
/* clang-format on */

enum { LEDGER_PACKED_MAX = 8 * 1024 };

/* Reception facts as bytes for whoever keeps the message, and back; views borrow from the bytes. −1: more
 * than LEDGER_PACKED_MAX, or not what pack wrote. */
int ledger_pack(const struct ledger_reception *reception, struct buf *out);
int ledger_unpack(sv bytes, struct ledger_reception *ret);

/* The log line "gateway message" with every fact that is there. */
void ledger_log(const struct ledger_reception *reception, const struct ledger_delivery *delivery);

/* The log line "gateway refuses" of a message, recipient or session that was not taken. stage: "mail",
 * "rcpt", "header", "content", "auth", "connect". */
void ledger_refused(const struct ledger_reception *reception, const char *stage, int code,
                    const char *enhanced, const char *why);

#endif
