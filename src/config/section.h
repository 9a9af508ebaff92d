/* The schema as tables: sections, their keys, and one parse function per type. Private to this room. */
#ifndef VEDETTE_CONFIG_SECTION_H
#define VEDETTE_CONFIG_SECTION_H

#include "config/config.h"

/* name, type of a list's items or itself, its parse_ function in value.c, what is expected */
#define CONFIG_TYPES(X)                                                                                    \
    X(NAME, NAME, name, "a name of letters, digits, \".\", \"_\" and \"-\"")                               \
    X(STRING, STRING, string, "a text")                                                                    \
    X(ADDRESS, ADDRESS, address, "an IP address such as 192.0.2.25 or 2001:db8::25")                       \
    X(ENDPOINT, ENDPOINT, endpoint, "an address and port such as 127.0.0.1:2525 or [::1]:2525")            \
    X(HOST, HOST, host, "a domain name such as mail.example.org")                                          \
    X(PORT, PORT, port, "a port from 1 to 65535")                                                          \
    X(MAILBOX, MAILBOX, mailbox, "a mailbox such as soc@example.org or SOC <soc@example.org>")             \
    X(PATH, PATH, path, "a path")                                                                          \
    X(PIN, PIN, pin, "sha256: and 64 hex digits")                                                          \
    X(SECRET, SECRET, secret, "secret:PROVIDER/NAME")                                                      \
    X(LENGTH, LENGTH, length, "a length of time such as 500ms, 10s, 15m, 4h or 2d")                        \
    X(SIZE, SIZE, size, "a size in bytes such as 512, 64K or 10M")                                         \
    X(COUNT, COUNT, count, "a number from 0 to 1000000")                                                   \
    X(PROCESSES, PROCESSES, processes, "auto or a number from 1 to 16")                                    \
    X(BOOLEAN, BOOLEAN, boolean, "true or false")                                                          \
    X(PRESENT, PRESENT, present, "{}")                                                                     \
    X(SECURITY, SECURITY, security, "tls, starttls or none")                                               \
    X(LISTENING, LISTENING, listening, "offered, starttls, tls or none")                                   \
    X(PRIVILEGES, PRIVILEGES, privileges, "auto, required or keep")                                        \
    X(LOG_LEVEL, LOG_LEVEL, log_level, "error, warning, info or debug")                                    \
    X(LOG_FORMAT, LOG_FORMAT, log_format, "logfmt or json")                                                \
    X(FORMAT, FORMAT, format, "auto, json, cef, leef, syslog or text")                                     \
    X(TEMPLATE, TEMPLATE, template, "generic, slack, teams or pagerduty")                                  \
    X(LEVEL, LEVEL, level, "informational, low, medium, high or critical")                                 \
    X(LOGSOURCE, LOGSOURCE, logsource, "product/category/service, parts may be empty")                     \
    X(TLS, TLS, tls, "any, 1.2 or 1.3")                                                                    \
    X(TLS_POLICY, TLS_POLICY, tls_policy, "verified, required, opportunistic, dane-only or none")          \
    X(OVER, OVER, over, "defer, reject or next")                                                           \
    X(ZONE, ZONE, zone, "a time zone by its name, such as Europe/Berlin or UTC")                           \
    X(TAG, TAG, tag, "a header field such as X-Relay: outside hours")                                      \
    X(NETWORK, NETWORK, network, "a network such as 192.0.2.0/24, 2001:db8::/32 or 192.0.2.7")             \
    X(SPAN, SPAN, span, "days and times such as Mon-Fri 07:00-19:00")                                      \
    X(RATE, RATE, rate, "a rate such as 60/1m per sender")                                                 \
    X(QUOTA, QUOTA, quota, "a quota such as 1000/day per account")                                         \
    X(SENDER, SENDER, sender, "an address such as a@example.org, @example.org, *-alert@example.org or <>") \
    X(DOMAIN, DOMAIN, domain, "a domain such as example.org or .example.org")                              \
    X(FIELD, FIELD, field, "a header condition such as Subject: *backup*, Date or !Date")                  \
    X(REWRITE, REWRITE, rewrite, "a rewriting such as root@* -> soc@example.org")                          \
    X(NETWORKS, NETWORK, network, "a list of networks")                                                    \
    X(HOURS, SPAN, span, "a list of days and times")                                                       \
    X(RATES, RATE, rate, "a list of rates")                                                                \
    X(QUOTAS, QUOTA, quota, "a list of quotas")                                                            \
    X(SENDERS, SENDER, sender, "a list of addresses")                                                      \
    X(DOMAINS, DOMAIN, domain, "a list of domains")                                                        \
    X(FIELDS, FIELD, field, "a list of header conditions")                                                 \
    X(REWRITES, REWRITE, rewrite, "a list of rewritings")                                                  \
    X(STRINGS, STRING, string, "a list of texts")                                                          \
    X(HOSTS, HOST, host, "a list of domain names")                                                         \
    X(MAILBOXES, MAILBOX, mailbox, "a list of mailboxes")                                                  \
    X(PATHS, PATH, path, "a list of paths")                                                                \
    X(ENDPOINTS, ENDPOINT, endpoint, "a list of addresses with ports")

enum config_type {
#define X(name, item, parse, what) CONFIG_TYPE_##name,
    CONFIG_TYPES(X)
#undef X
};

const char *config_type_name(enum config_type type);     /* "LENGTH" */
const char *config_type_expected(enum config_type type); /* "a length of time such as …" */
enum config_type config_type_item(enum config_type type);
bool config_type_is_list(enum config_type type);

struct config_value {
    sv text;
    const char *file; /* relative paths are resolved against its folder */
    struct arena *arena;
};

/* Reads a value (not a list) into its C form at ret. The cause fits behind "KEY: ", and never holds the text
 * of a SECRET. */
int config_value_parse(enum config_type type, const struct config_value *value, void *ret, struct err *err);

enum { CONFIG_KEYS_MAX = 50, CONFIG_CHILDREN_MAX = 16 };

struct config_field {
    const char *key;
    enum config_type type;
    size_t offset;
    const char *fallback, *help;
};

struct config_section;

/* A key whose value is a section of its own, or a list of them. */
struct config_child {
    const char *key;
    const struct config_section *section;
    size_t offset;       /* of the struct; of the pointer to the first one when it is a list */
    size_t count_offset; /* lists: of the size_t that counts them */
    size_t max;          /* lists: how many there may be; 0: not a list */
    const char *help;
};

struct config_section {
    const char *name;
    size_t size; /* of its struct */
    const struct config_field *fields;
    size_t field_count;
    const struct config_child *children;
    size_t child_count;
    bool shorthand; /* in a list a value alone stands for a section with nothing but its first key */
};

extern const struct config_section config_section_top;
enum {
    CONFIG_TOP_GATEWAYS,
    CONFIG_TOP_INPUTS,
    CONFIG_TOP_ALERTS,
    CONFIG_TOP_DELIVERY,
    CONFIG_TOP_RELAY,
    CONFIG_TOP_CANARY,
    CONFIG_TOP_PATHS,
    CONFIG_TOP_BOUNCES,
    CONFIG_TOP_WAYS,
    CONFIG_TOP_HEARTBEAT,
    CONFIG_TOP_LISTS,
    CONFIG_TOP_CORRELATION,
};

enum {
    CONFIG_RELAY_RULES,
    CONFIG_RELAY_ACCOUNTS,
    CONFIG_RELAY_ROUTES,
    CONFIG_RELAY_SMARTHOSTS,
    CONFIG_RELAY_DKIM,
    CONFIG_RELAY_LISTEN
};

/* One section as it was found. */
struct config_instance {
    const struct config_section *section;
    void *base; /* its struct */
    struct config_place own, keys[CONFIG_KEYS_MAX], child_keys[CONFIG_CHILDREN_MAX];
    struct config_instance *children[CONFIG_CHILDREN_MAX]; /* the first of each; the rest by next */
    bool faulty[CONFIG_KEYS_MAX], faulty_children[CONFIG_CHILDREN_MAX]; /* an error was told already */
    struct config_instance *next;                                       /* next in the same list */
};

/* The place of a key if it was given, else of the section. */
struct config_place config_place_of(const struct config_instance *instance, const char *key);
bool config_given(const struct config_instance *instance, const char *key);
bool config_faulty(const struct config_instance *instance, const char *key);

/* reader.c: fills top and all below it from the files; the structs of list items are separate until then. */
struct config_reader {
    struct arena *arena;
    struct config_errors *errors;
    struct config_instance *top;
    bool broken; /* a file could not be read as YAML, so nothing can be said about what is missing */
};
void config_read(struct config_reader *reader, const struct config_source *source);

/* secrets.c: finds config->secrets, after the children's structs are where they stay. */
void config_find_secrets(struct config *config, const struct config_instance *top);

/* check.c: what goes beyond one key, after defaults are in. */
void config_check(const struct config *config, const struct config_instance *top,
                  struct config_errors *errors);

#endif
