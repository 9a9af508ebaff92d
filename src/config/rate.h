/* Rates and quotas as rules write them: "60/1m per sender", "1000/day per account". Pure. */
#ifndef VEDETTE_CONFIG_RATE_H
#define VEDETTE_CONFIG_RATE_H

#include "base/timefmt.h"

/* name, word: whose messages are counted together */
#define CONFIG_PER(X)                                                                      \
    X(RULE, "rule")           /* everybody's */                                            \
    X(NETWORK, "network")     /* those of the entry of the rule's networks that matched */ \
    X(CLIENT, "client")       /* of one IPv4 address, or of one IPv6 /64 */                \
    X(ACCOUNT, "account")     /* of one account; those without are counted together */     \
    X(SENDER, "sender")       /* of one envelope sender */                                 \
    X(RECIPIENT, "recipient") /* to one recipient */

enum config_per {
#define X(name, word) CONFIG_PER_##name,
    CONFIG_PER(X)
#undef X
};

const char *config_per_word(enum config_per per);

struct config_rate {
    unsigned count; /* 1 to 1,000,000 … */
    nanos length;   /* … in so long, 1 s to 1 d; of a quota: 0 */
    enum config_per per;
};

/* "COUNT/LENGTH", "COUNT/LENGTH per WORD"; LENGTH as 30s, 5m, 1h, or "second", "minute", "hour". */
bool config_rate_parse(sv text, struct config_rate *ret);

/* "COUNT/day", "COUNT/day per WORD". */
bool config_quota_parse(sv text, struct config_rate *ret);

#endif
