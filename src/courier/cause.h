/* Says in one word of a closed list why a gateway did not take a message, and what to do about it. Pure: one
 * table of rows, told from phrase, then phase, then code. */
#ifndef VEDETTE_COURIER_CAUSE_H
#define VEDETTE_COURIER_CAUSE_H

#include "base/err.h"
#include "wire/dsn.h"
#include "wire/smtp_client.h"

/* name, the word that machines read, what to do when no row knows better */
#define CAUSES(X)                                                                                            \
    X(UNKNOWN, "unknown", "read the gateway's own words")                                                    \
    X(ROUTING, "routing", "check the address and the route to it, and that mail does not go in a circle")    \
    X(FIREWALL, "firewall", "allow this machine to reach that address and port")                             \
    X(DNS, "dns", "check the name and the resolver that the gateway uses")                                   \
    X(TLS, "tls", "check that port and security fit together: 465 is tls, 587 and 25 are starttls")          \
    X(TRUST, "trust",                                                                                        \
      "give the authority that signed its certificate as ca_file, or the name it bears as "                  \
      "verify_name, or pin it")                                                                              \
    X(AUTHENTICATION, "authentication", "check username, password and mechanism; was the password changed?") \
    X(RELAY_POLICY, "relay-policy", "authenticate, or have the gateway permit this machine's address")       \
    X(SENDER_POLICY, "sender-policy", "use a sender that this account or address may send as")               \
    X(RECIPIENT, "recipient", "correct the recipient's address")                                             \
    X(MAILBOX_FULL, "mailbox-full", "have the mailbox emptied, and name a second recipient")                 \
    X(CONTENT, "content", "have the gateway's filter let alerts from this sender through")                   \
    X(SIZE, "size", "raise the gateway's limit, or send less")                                               \
    X(RATE, "rate", "it is tried again; have the gateway's limit for this machine raised")                   \
    X(REPUTATION, "reputation",                                                                              \
      "give this machine a reverse name and have it taken off the list, or send "                            \
      "over a smarthost")                                                                                    \
    X(SENDER_AUTHENTICATION, "sender-authentication",                                                        \
      "add this machine to the sender domain's SPF, or sign"                                                 \
      " with DKIM")                                                                                          \
    X(GATEWAY_FAULT, "gateway-fault", "look at the gateway itself: its service, its disk, its log")

enum cause {
#define X(name, word, advice) CAUSE_##name,
    CAUSES(X)
#undef X
};

const char *cause_name(enum cause cause);

/* UNKNOWN for a word that is none. */
enum cause cause_named(sv word);

struct cause_told {
    enum cause cause;
    const char *advice; /* a literal, never empty */
};

/* Of a reply at that stage that was not a success. */
struct cause_told cause_of_answer(enum smtp_stage stage, const struct smtp_answer *answer);

/* Of a connection that did not come about: err is the stream's. */
struct cause_told cause_of_connect(const struct err *err);

/* Of a certificate that was not accepted: err is the stream's. */
struct cause_told cause_of_distrust(const struct err *err);

/* Of one recipient that a delivery report tells of: phrase, then phase, then code, like an answer. */
struct cause_told cause_of_report(const struct dsn_recipient *recipient);

/* Of words alone; CAUSE_UNKNOWN with the first advice if no phrase is known. */
struct cause_told cause_of_phrase(sv text);

/* Whether the phrase stands in text from a word's start, in any case. */
bool cause_says(sv text, const char *phrase);

/* With the cause's own advice if advice is NULL. */
struct cause_told cause_tell(enum cause cause, const char *advice);

/* Of a session that broke or fell silent at that stage without an answer. */
struct cause_told cause_of_break(enum smtp_stage stage, const struct err *err);

#endif
