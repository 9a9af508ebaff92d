/* The path check: walks the hops from a gateway's name to a landing and says what it finds at each, with the
 * cause and what to do about it. Sends no mail unless asked to. */
#ifndef VEDETTE_COURIER_CHECK_H
#define VEDETTE_COURIER_CHECK_H

#include "config/config.h"
#include "courier/cause.h"
#include "io/loop.h"
#include "io/reach.h"
#include "io/tls_report.h"
#include "secret/secret.h"

/* In the order in which they are walked. With security tls the hop tls comes right after connect. */
#define CHECK_HOPS(X)             \
    X(NAME, "name")               \
    X(ROUTE, "route")             \
    X(CONNECT, "connect")         \
    X(BANNER, "banner")           \
    X(EHLO, "ehlo")               \
    X(STARTTLS, "starttls")       \
    X(TLS, "tls")                 \
    X(CERTIFICATE, "certificate") \
    X(AUTH, "auth")               \
    X(MAIL, "mail")               \
    X(RCPT, "rcpt")               \
    X(DATA, "data")               \
    X(LANDING, "landing")

enum check_hop_id {
#define X(name, word) CHECK_##name,
    CHECK_HOPS(X)
#undef X
        CHECK_HOP_COUNT
};

const char *check_hop_name(enum check_hop_id id);

enum check_state { CHECK_SKIPPED, CHECK_OK, CHECK_WARN, CHECK_FAIL };
const char *check_state_name(enum check_state state); /* "skipped", "ok", "warn", "fail" */

enum { CHECK_NOTES_MAX = 16, CHECK_FOUND_MAX = 1024, CHECK_RECIPIENTS_MAX = 100 };

/* One thing found at a hop. */
struct check_note {
    enum check_state state; /* OK: a plain fact */
    bool has_cause;
    enum cause cause;
    const char *advice; /* a row of courier/advice.h, filled in; empty with OK */
    const char *text;   /* what was found: a sentence without its full stop */
    const char *row;    /* the advice row's name, NULL with OK: for tests */
};

struct check_hop {
    enum check_hop_id id;
    enum check_state state; /* the worst of its notes */
    nanos took;
    char found[CHECK_FOUND_MAX]; /* its notes in one line, the worst first */
    struct check_note notes[CHECK_NOTES_MAX];
    size_t note_count;
};

/* The three ports, when they were compared. */
struct check_port {
    int port;
    struct reach_report reach;
};

struct check_report {
    const char *gateway; /* configured name, or NULL */
    const char *address; /* NULL if none was given and the name leads nowhere */
    int port;
    enum smtp_security security;            /* as used: configured, or found */
    bool guessed;                           /* port and security were found, not given */
    enum check_state verdict;               /* OK, WARN or FAIL */
    const struct check_note *decisive;      /* what the verdict rests on; NULL with OK */
    struct check_hop hops[CHECK_HOP_COUNT]; /* every one, also those skipped */
    struct check_port ports[3];
    size_t port_count;
    unsigned extensions; /* enum smtp_extension, of the last EHLO */
    uint64_t size_limit;
    const char *mechanisms; /* of AUTH, as offered last */
    const char *software;   /* as the banner says it, or "" */
    bool has_tls;
    struct tls_report tls;
    const char *suggested_verify_name; /* of the certificate when it is for another name; or NULL */
    const char *queue_id;              /* with send */
};

struct check_request {
    /* Copied by value; its strings must outlive the check. port 0: guess port and security (587 starttls, 465
     * tls, 25 starttls or none, all tried at once). name NULL for a check without configuration. address
     * NULL: where host leads to is tried, with a warning that nothing pins it. */
    struct config_gateway gateway;
    bool security_given;           /* false with a port given: found out by looking */
    const struct secret *password; /* of gateway.username; NULL: auth is looked at, not tried */
    const char *const *resolvers;  /* NULL, count 0: those of /etc/resolv.conf, each asked for itself */
    size_t resolver_count;
    const char *trust_anchor;      /* a file, of DNSSEC; NULL: the root's */
    const char *sender;            /* address; NULL: mail, rcpt are skipped */
    const char *const *recipients; /* addresses */
    size_t recipient_count;
    bool ask_recipients; /* false: --no-rcpt */
    bool ask_relay; /* also asks, in a session of its own without a login, whether it relays for strangers */
    bool send;      /* send a test message to the first recipient and wait for it at gateway.landing */
    struct keeper_client *keeper; /* for the landing by IMAP; may be NULL */
    nanos timeout;                /* for each hop; 0: 5 s to connect, 10 s for others */
    nanos landing_timeout;        /* 0: 60 s */
};

struct check_handler {
    /* A hop is done, in their order; valid until the check is freed. */
    void (*hop)(void *arg, const struct check_hop *hop);
    /* One line of the dialogue: who is 'C' or 'S' ('*' for remarks such as the TLS version), secrets masked.
     * May be NULL. */
    void (*line)(void *arg, char who, sv line);
    /* All is done; the report is valid until check_free. */
    void (*done)(void *arg, const struct check_report *report);
};

struct check;

/* Nothing is called before this returns. */
int check_new(struct loop *loop, const struct check_request *request, const struct check_handler *handler,
              void *arg, struct check **ret, struct err *err);
void check_free(struct check *check); /* at any time outside the handler; NULL is fine */

#endif
