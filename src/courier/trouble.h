/* What is wrong with a path, from the moment it is noticed until it is well again: told as an alert over the
 * other gateways, and as a notice on every other way out; told again when it is over. */
#ifndef VEDETTE_COURIER_TROUBLE_H
#define VEDETTE_COURIER_TROUBLE_H

#include "courier/cause.h"
#include "courier/jobs.h"
#include "courier/settings.h"
#include "courier/steps.h"

/* kind, its word, severity, title of the alert: "… (gateway NAME)". At most one of a kind is open for a
 * gateway. */
#define TROUBLE_KINDS(X)                                                                                 \
    X(DOWN, "gateway-down", HIGH, "A gateway does not take mail")                                        \
    X(CANARY, "canary-missed", HIGH, "A test message did not land")                                      \
    X(JUNK, "canary-junk", MEDIUM, "A test message landed in the junk folder")                           \
    X(DRIFT, "dns-drift", HIGH, "A gateway's name leads to another address")                             \
    X(UNPINNED, "name-unresolved", MEDIUM, "A gateway's name cannot be resolved")                        \
    X(MOVED, "address-moved", HIGH, "A gateway's address is reached by another network")                 \
    X(EXPIRY, "certificate-expires", HIGH, "A gateway's certificate is about to expire")                 \
    X(CERTIFICATE, "certificate-changed", HIGH, "A gateway shows another certificate")                   \
    X(UNTRUSTED, "certificate-untrusted", CRITICAL, "A gateway's certificate is not trusted any more")   \
    X(CAPABILITY, "capability-lost", HIGH, "A gateway no longer offers what it did")                     \
    X(CREDENTIALS, "credentials-refused", CRITICAL, "A gateway refuses the account that it took before") \
    X(REVIEW, "review-due", LOW, "A gateway's settings are due to be looked at")                         \
    X(MAILBOX, "mailbox-unreadable", MEDIUM, "A mailbox that Vedette reads cannot be read")

enum trouble_kind {
#define X(name, word, severity, title) TROUBLE_##name,
    TROUBLE_KINDS(X)
#undef X
        TROUBLE_KIND_COUNT
};

const char *trouble_word(enum trouble_kind kind);

struct troubles;

struct troubles_setup {
    struct jobs *jobs;
    struct steps *steps;
    loop_fn *mailed;  /* an alert was committed that is to be sent */
    loop_fn *noticed; /* notices were committed */
    void *arg;
};

struct troubles *troubles_new(const struct troubles_setup *setup, struct settings *settings);
void troubles_settle(struct troubles *troubles, struct settings *settings);
void troubles_free(struct troubles *troubles); /* NULL is fine */

/* Copied. Durable soon: an alert of rule id "vedette.path.WORD" whose mail avoids that gateway while another
 * is configured, and notices, once; while it is open, another raise of the same kind changes its text only,
 * unless `again` says that it got worse. One that flaps is left to the alerts' throttle; raise it again
 * while it lasts. */
struct trouble {
    enum trouble_kind kind;
    const char *gateway;
    enum severity severity; /* SEVERITY_INFORMATIONAL: the kind's own */
    enum cause cause;
    const char *text;   /* what was found, whole sentences */
    const char *advice; /* what to do */
    bool again;
};
void trouble_raise(struct troubles *troubles, const struct trouble *trouble);

/* It is well again; nothing if it was not open. text: what is found now. */
void trouble_resolve(struct troubles *troubles, enum trouble_kind kind, const char *gateway,
                     const char *text);

#endif
