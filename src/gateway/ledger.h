/* The gateway's log lines about messages, with all that is known of one: "gateway takes a message" when it is
 * on its way to the disk, "gateway refuses" with the rule and the reason, and "gateway message" when an
 * attempt to pass it on has ended, one line for each recipient whose outcome differs. What is not known takes
 * no room. */
#ifndef VEDETTE_GATEWAY_LEDGER_H
#define VEDETTE_GATEWAY_LEDGER_H

#include "base/sv.h"

/* Views are empty and numbers 0 where there is nothing to say. */
#define LEDGER_FIELDS(X)                                             \
    X(TEXT, id)          /* the queue id that the client was told */ \
    X(TEXT, stage)       /* of a refusal: mail, rcpt, content */     \
    X(TEXT, outcome)     /* of an attempt: sent, later, failed */    \
    X(TEXT, client)      /* IP address */                            \
    X(TEXT, helo)        /* what it called itself */                 \
    X(TEXT, listener)    /* as relay.listen has it */                \
    X(TEXT, account)     /* authenticated as */                      \
    X(TEXT, certificate) /* the client's subject */                  \
    X(TEXT, tls)         /* version */                               \
    X(TEXT, rule)        /* that decided */                          \
    X(TEXT, sender)                                                  \
    X(TEXT, recipient)                                               \
    X(NUMBER, recipients) /* how many are told in this line */       \
    X(NUMBER, bytes)                                                 \
    X(NUMBER, code) /* of a refusal */                               \
    X(TEXT, enhanced)                                                \
    X(TEXT, why)                                                     \
    X(TEXT, route)    /* of relay.routes */                          \
    X(TEXT, next_hop) /* its name */                                 \
    X(TEXT, next_hop_ip)                                             \
    X(TEXT, next_hop_tls) /* "TLSv1.3, verified"; "none" */          \
    X(TEXT, status)       /* RFC 3463 */                             \
    X(TEXT, reply)        /* the next hop's last word */             \
    X(NUMBER, attempts)                                              \
    X(NUMBER, took_ms)   /* this attempt */                          \
    X(NUMBER, queued_ms) /* from its reception to now */

#define LEDGER_C_TEXT             sv
#define LEDGER_C_NUMBER           int64_t
#define LEDGER_MEMBER(type, name) LEDGER_C_##type name;

/* clang-format off */
struct ledger { LEDGER_FIELDS(LEDGER_MEMBER) };
/* clang-format on */

void ledger_log(const char *what, const struct ledger *line);

#endif
