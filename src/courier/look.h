/* One quiet look at a gateway: its name in DNS, the way to its address, one EHLO without mail or login. What
 * it means is for courier/watches.h to say. */
#ifndef VEDETTE_COURIER_LOOK_H
#define VEDETTE_COURIER_LOOK_H

#include "courier/session.h"
#include "courier/settings.h"
#include "io/dns.h"

struct look;

enum { LOOK_TEXT_MAX = 512, LOOK_NAME_MAX = 72 };

/* What was found. Texts hold nothing that may not stand in a line. */
struct look_found {
    char gateway[LOOK_NAME_MAX];

    /* The name; asked is false without one. */
    bool asked;
    enum dns_status status;
    enum dns_failure failure;
    char why[DNS_WHY_MAX];
    char addresses[LOOK_TEXT_MAX]; /* all of them, by ", " */
    bool pinned;                   /* the configured address is among them */

    /* The way as the kernel chooses it; "" when there is none. */
    char way[LOOK_TEXT_MAX];

    /* The session. */
    bool stripped; /* STARTTLS is configured, and EHLO did not offer it */
    bool complete; /* it came as far as it goes: inside TLS where that is configured */
    struct session_offer offer;
    char mechanisms[LOOK_TEXT_MAX]; /* by spaces */

    /* Its certificate; fingerprint "" if none was shown. */
    char fingerprint[80], issuer[256];
    nanos not_after;       /* of the certificate … */
    nanos chain_not_after; /* … and the first end in its chain */
    bool trusted;
    char distrust[LOOK_TEXT_MAX], advice[LOOK_TEXT_MAX];
};

/* found: valid until it returns. The look is over; free it then or later. */
typedef void look_fn(void *arg, const struct look_found *found);

struct look_setup {
    struct loop *loop;
    struct settings *settings; /* kept */
    size_t gateway;            /* index into its gateways */
    struct tls_context *tls;   /* a looking one; NULL with security: none */
    look_fn *done;
    void *arg;
};

/* done is called once, never before this returns, in at most a few minutes. */
struct look *look_new(const struct look_setup *setup);

/* Ends it if it is not over. NULL is fine; may be called from done. */
void look_free(struct look *look);

#endif
