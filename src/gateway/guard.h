/* The guard rails: whether a message may pass, which rule says so, and why. relay.rules are read from top to
 * bottom, the first whose conditions all hold decides; where none does, nothing passes. Time arrives as an
 * argument, so the same question always gets the same verdict, but for rates and quotas, which are counted in
 * gateway/limits.h. */
#ifndef VEDETTE_GATEWAY_GUARD_H
#define VEDETTE_GATEWAY_GUARD_H

#include "base/timefmt.h"
#include "config/config.h"
#include "wire/smtp_address.h"

struct guard;
struct limits;

/* When a session asks. Each stage knows what the earlier ones knew, and more. */
enum guard_stage {
    GUARD_MAIL,    /* client, account, sender, the size that was announced */
    GUARD_RCPT,    /* one recipient; asked once for each */
    GUARD_HEADER,  /* the header section, before the body */
    GUARD_CONTENT, /* the size that it is */
};

enum {
    GUARD_TEXT_MAX = 256,               /* of a reply's text, with the NUL */
    GUARD_WHY_MAX = 320,                /* of the reason, with the NUL */
    GUARD_HEADER_BYTES_MAX = 64 * 1024, /* of a header section; a longer one is refused with 552 5.3.4 */
};

/* All views are borrowed for the call. */
struct guard_question {
    enum guard_stage stage;
    nanos now;                  /* since 1970 */
    sv client_ip;               /* as address_ip_text gives it; "::ffff:192.0.2.1" counts as 192.0.2.1 */
    sv listener;                /* as relay.listen has it; empty: unknown */
    sv helo;                    /* what the client calls itself */
    sv account;                 /* authenticated as; empty: not */
    sv certificate_subject;     /* of a verified client certificate, RFC 4514's form; empty: none */
    sv certificate_fingerprint; /* "sha256:" and 64 small hex digits; empty: none */
    unsigned tls;               /* 0 in the clear, 0x0303 TLS 1.2, 0x0304 TLS 1.3: SSL_version's numbers */
    sv sender;                  /* without angle brackets; empty for the null sender */
    uint64_t size;              /* bytes: announced (0: not), and from CONTENT on what it is */
    sv recipient;               /* from RCPT on, without angle brackets */
    size_t recipients;          /* of this transaction taken so far, without this one */
    sv header;                  /* from HEADER on: its lines with their CRLF, without the empty line */
};

/* What is to happen with one recipient of a message. */
enum guard_action {
    GUARD_LATER,      /* nothing against it so far: go on, and ask again at the next stage */
    GUARD_ACCEPT,     /* also for a rule that tags: options.tag is set then */
    GUARD_REJECT,     /* 5yz */
    GUARD_DEFER,      /* 4yz */
    GUARD_QUARANTINE, /* take it, and hold it in the queue until somebody releases it */
    GUARD_REDIRECT,   /* take it for the verdict's recipient instead */
};

/* What the deciding rule switches on. Texts live as long as the guard. */
struct guard_options {
    bool bare_lf;       /* a bare LF in the content is a line end: a network of old devices. Known at RCPT
                           already, and only if every rule that may still decide says so */
    bool clean_header;  /* add what is missing, drop Bcc: gateway/cleanup.h */
    const char *sender; /* stands in for the envelope sender; NULL: as it came. "" never */
    const char *tag;    /* a field to put in front, "Name: value"; NULL: none */
    const char *route;  /* of relay.routes; NULL: by the recipient's domain */
};

struct guard_verdict {
    enum guard_action action;
    int code;                  /* of a REJECT or DEFER, else 0 */
    char enhanced[8];          /* "5.7.1" (RFC 3463) */
    char text[GUARD_TEXT_MAX]; /* names the rule and the remedy; printable ASCII, without codes */
    const char
        *rule; /* its name; "default", "local", "address", "account" or "listener" for what needs no rule */
    const char *file; /* where it stands; NULL for those. Both live as long as the guard */
    int line;
    char why[GUARD_WHY_MAX]; /* one sentence, for the log and for people */
    struct guard_options options;
    char
        recipient[SMTP_PATH_MAX + 1]; /* stands in for the recipient: rewritten, redirected; "": as it came */
};

/* Reads what config's relay has of rules and accounts, checks what goes beyond one key (named time zones,
 * which are read from the system here), and keeps copies. NULL with errors added. Never fails on what
 * config_parse took except for a zone that the system does not know. */
struct guard *guard_new(const struct config *config, struct config_errors *errors);

/* A transaction asks one guard from MAIL to its end, also when a reload brings another meanwhile. */
struct guard *guard_hold(struct guard *guard);
void guard_free(struct guard *guard); /* lets go; NULL is fine */

/* Decides. At MAIL the action is LATER, REJECT or DEFER; at RCPT and HEADER anything, LATER when size or
 * header are still to be looked at; at CONTENT never LATER. Once it is not LATER it need not be asked again
 * for this recipient. When a message is refused after its content for one recipient, it is refused whole.
 * limits: what is counted; the message is counted there when it is let through. NULL: rates and quotas are
 * taken to be unused. */
void guard_ask(const struct guard *guard, struct limits *limits, const struct guard_question *question,
               struct guard_verdict *ret);

/* The same without counting, telling of each rule in turn whether it holds; what holds or does not is a
 * sentence: "the client 203.0.113.9 is in none of its networks". fn is called for the rules up to the one
 * that decides. */
enum guard_match { GUARD_NO, GUARD_PERHAPS, GUARD_YES };
typedef void guard_explain_fn(void *arg, const char *rule, const char *file, int line, enum guard_match match,
                              const char *why);
void guard_explain(const struct guard *guard, const struct limits *limits,
                   const struct guard_question *question, guard_explain_fn *fn, void *arg,
                   struct guard_verdict *ret);

/* Whether relay.accounts lets this account in from there and now: asked once its password is right, before
 * 235. True, or false with a REJECT that says why (for the log: a client is told 535 5.7.8 and no more). */
bool guard_admits(const struct guard *guard, sv account, sv client_ip, nanos now, struct guard_verdict *ret);

/* Goes on with the counts that another guard has of rules with the same name: after a reload. */
void guard_carry(struct guard *guard, const struct guard *from);

/* How often each rule decided, and what: vedette_gateway_decisions_total (base/metrics.h). */
void guard_write_metrics(const struct guard *guard, struct buf *out);

/* "accept", "reject" …; LATER is "later". */
const char *guard_action_name(enum guard_action action);

#endif
