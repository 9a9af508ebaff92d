/* What the TLS of one server must be before mail may go to it: from the route's word, what the domain
 * publishes (RFC 7672, RFC 8461), and what the sender asked for (RFC 8689). Pure. */
#ifndef VEDETTE_GATEWAY_TLS_POLICY_H
#define VEDETTE_GATEWAY_TLS_POLICY_H

#include "config/config.h"
#include "wire/mta_sts.h"

/* What the sender of a message asked for. */
enum tls_wish {
    TLS_WISH_NONE,
    TLS_WISH_REQUIRED, /* REQUIRETLS: over verified TLS, or not at all */
    TLS_WISH_OPTIONAL, /* TLS-Required: No: whatever the recipient's domain publishes */
};

/* What DNSSEC vouches for of the server (RFC 7672 §2.2). */
enum tls_records {
    TLS_RECORDS_NONE,
    TLS_RECORDS_USABLE,
    TLS_RECORDS_UNUSABLE, /* there are some, but none that can verify it: encrypted all the same */
    TLS_RECORDS_LATER,    /* nobody can tell now: it may not be used */
};

struct tls_facts {
    enum config_tls_policy word; /* of the route */
    bool pinned;                 /* the route names the certificate or key itself */
    enum tls_wish wish;
    bool listed_securely; /* DNSSEC vouches for it being the domain's server */
    enum tls_records records;
    bool policy; /* the domain has an MTA-STS policy … */
    enum mta_sts_mode mode;
    bool allowed; /* … and that allows this server */
};

enum tls_level {
    TLS_LEVEL_CLEAR,     /* no TLS */
    TLS_LEVEL_OFFERED,   /* encrypted if the server offers it, whoever answers; else in the clear */
    TLS_LEVEL_ENCRYPTED, /* always, whoever answers */
    TLS_LEVEL_VERIFIED,  /* an authority vouches for its name */
    TLS_LEVEL_PINNED,    /* by the route's own pin */
    TLS_LEVEL_DANE,      /* by its TLSA records */
    TLS_LEVEL_REFUSED,   /* nothing may go there */
};

struct tls_verdict {
    enum tls_level level;
    const char *why;    /* a literal: who decided, or why nothing may go there */
    const char *status; /* RFC 3463, with REFUSED: a literal; "5.…": for good */
};

struct tls_verdict tls_policy_decide(const struct tls_facts *facts);

/* "verified", "dane" … */
const char *tls_level_name(enum tls_level level);

#endif
