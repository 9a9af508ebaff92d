/* The guard's rules, compiled. Private to guard.c, guard_rules.c and guard_match.c. */
#ifndef VEDETTE_GATEWAY_GUARD_PRIVATE_H
#define VEDETTE_GATEWAY_GUARD_PRIVATE_H

#include "base/arena.h"
#include "config/hours.h"
#include "config/network.h"
#include "config/pattern.h"
#include "config/rate.h"
#include "gateway/guard.h"
#include "gateway/zone.h"

enum { GUARD_ACTION_COUNT = GUARD_REDIRECT + 1 };

/* What decides where no rule does. */
#define GUARD_OTHERS(X)   \
    X(DEFAULT, "default") \
    X(LOCAL, "local") X(ADDRESS, "address") X(ACCOUNT, "account") X(LISTENER, "listener")

enum guard_other {
#define X(name, text) GUARD_OTHER_##name,
    GUARD_OTHERS(X)
#undef X
        GUARD_OTHER_COUNT
};

const char *guard_other_name(enum guard_other other);

/* How often somebody decided, and what. */
struct guard_hits {
    uint64_t by_action[GUARD_ACTION_COUNT];
};

/* When somebody may, in a named zone. */
struct guard_hours {
    struct config_hours *spans;
    size_t count;            /* 0: at any time */
    const struct zone *zone; /* NULL where none was named: UTC */
    const char *zone_name;
    const char *text; /* as written, for refusals */
};

struct guard_networks {
    struct config_network *items;
    const char **texts;
    size_t count; /* 0: from anywhere */
};

struct guard_rule {
    const char *name, *file;
    int line;
    struct guard_networks networks;
    struct guard_hours hours;
    struct config_strings listeners, accounts, certificates, senders, recipients, domains, headers, rewrite;
    unsigned tls;
    uint64_t size; /* 0: any */
    struct config_rate *rates, *quotas;
    size_t rate_count, quota_count;
    unsigned burst; /* 0: a rate's whole count */
    enum config_over over;
    enum guard_action action; /* never LATER */
    const char *text, *redirect, *tag, *send_as, *route;
    bool bare_lf, clean_header;
    struct guard_hits *hits;
};

struct guard_account {
    const char *name;
    struct guard_networks networks;
    struct guard_hours hours;
    struct config_strings senders;
    uint32_t quota; /* 0: none */
};

/* What one of our addresses asks of everybody who comes in there, whatever the rules say. */
struct guard_listener {
    const char *address;
    bool encrypt, identify, whole_domains;
};

/* A time zone that rules and accounts share. */
struct guard_zone {
    const char *name;
    struct zone *zone;
    struct guard_zone *next;
};

struct guard {
    struct arena *arena; /* all texts and lists */
    struct guard_zone *zones;
    unsigned holders;
    struct guard_rule *rules;
    size_t rule_count;
    struct guard_account *accounts; /* by name */
    size_t account_count;
    struct config_strings domains; /* delivered here */
    const char *postmaster;        /* who that is without a domain */
    struct guard_listener *listeners;
    size_t listener_count;
    struct guard_hits *other_hits; /* of each guard_other */
};

/* A question with what is worked out of it once. */
struct guard_facts {
    const struct guard_question *question;
    bool has_client, loopback;
    uint8_t client[16];
    sv sender, recipient;       /* the question's, their domains as smtp_address_ascii has them */
    sv local, domain;           /* of that recipient */
    bool route_hidden, literal; /* the recipient asks to be passed on behind our back; is an IP address */
    const struct guard_account *account; /* NULL: not authenticated, or not of relay.accounts */
    char sender_text[SMTP_ADDRESS_ASCII_MAX], recipient_text[SMTP_ADDRESS_ASCII_MAX];
};

void guard_facts(const struct guard *guard, const struct guard_question *question, struct guard_facts *ret);

/* guard_listener.c: true with a REJECT if the client does not meet what is asked where it came in. */
bool guard_listener_refuses(const struct guard *guard, const struct guard_facts *facts,
                            struct guard_verdict *ret);

/* A sentence, as long as it fits. */
struct guard_why {
    char text[GUARD_WHY_MAX];
};
__attribute__((format(printf, 2, 3))) void guard_say(struct guard_why *why, const char *fmt, ...);

/* The conditions of a rule, in the order in which they are looked at. */
#define GUARD_CONDITIONS(X) \
    X(networks)             \
    X(listeners) X(identity) X(senders) X(recipients) X(domains) X(tls) X(hours) X(size) X(headers)

enum guard_condition {
#define X(name) GUARD_ON_##name,
    GUARD_CONDITIONS(X)
#undef X
        GUARD_CONDITION_COUNT
};

/* NO: *ret_failed says which condition, why in a sentence. PERHAPS: why says what is not known yet. */
enum guard_match guard_rule_match(const struct guard_rule *rule, const struct guard_facts *facts,
                                  enum guard_condition *ret_failed, struct guard_why *why);

bool guard_networks_contain(const struct guard_networks *networks, const struct guard_facts *facts,
                            const char **ret_text);
bool guard_hours_contain(const struct guard_hours *hours, nanos now);

const struct guard_account *guard_account_of(const struct guard *guard, sv name);

/* guard_limits.c: whether the rule's and the account's rates and quotas let one more through. False with a
 * DEFER or REJECT in *ret, or, with over: next, only its why. */
bool guard_within(const struct limits *limits, const struct guard_rule *rule, const struct guard_facts *facts,
                  struct guard_verdict *ret);
void guard_count(struct limits *limits, const struct guard_rule *rule, const struct guard_facts *facts);

/* The same for an account's own quota. */
bool guard_account_within(const struct limits *limits, const struct guard_facts *facts,
                          struct guard_verdict *ret);
void guard_account_count(struct limits *limits, const struct guard_facts *facts);

/* guard_hits.c: counts what was decided. The guard is the same for everybody who asks it; its counts are not.
 */
void guard_hit(const struct guard *guard, const struct guard_verdict *verdict);

/* Fills in a refusal. */
__attribute__((format(printf, 5, 6))) void guard_refuse(struct guard_verdict *verdict,
                                                        enum guard_action action, int code,
                                                        const char *enhanced, const char *fmt, ...);

#endif
