/* The configuration: read whole, checked whole, every error with its place. Pure: bytes in, struct out. */
#ifndef VEDETTE_CONFIG_CONFIG_H
#define VEDETTE_CONFIG_CONFIG_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/timefmt.h"
#include "config/schema.h"
#include "wire/decode.h"
#include "wire/smtp_client.h"

struct config_strings {
    const char **items;
    size_t count;
};

/* Where things stand in the files, from 1; line 0: not there. */
struct config_place {
    const char *file;
    int line, column;
};

/* A secret that the configuration names. */
struct config_secret {
    const char *reference; /* PROVIDER/NAME */
    const char *whose;     /* the section and key, e.g. "gateways primary: landing: password" */
    struct config_place place;
    struct config_secret *next;
};

enum config_privileges {
    CONFIG_PRIVILEGES_AUTO, /* as root: users of their own if they exist, else root without capabilities, said
                               aloud */
    CONFIG_PRIVILEGES_REQUIRED, /* as root without those users: refuse to start */
    CONFIG_PRIVILEGES_KEEP,     /* no change of user */
};

/* The body of a webhook's request. */
enum config_template {
    CONFIG_TEMPLATE_GENERIC,
    CONFIG_TEMPLATE_SLACK,
    CONFIG_TEMPLATE_TEAMS,
    CONFIG_TEMPLATE_PAGERDUTY,
};

/* What a client of our gateway finds at one of its addresses. */
enum config_listening {
    CONFIG_LISTENING_OFFERED,  /* STARTTLS, if there is a certificate */
    CONFIG_LISTENING_STARTTLS, /* … and no mail before it */
    CONFIG_LISTENING_TLS,      /* TLS from the first byte */
    CONFIG_LISTENING_NONE,     /* no TLS */
};

/* How mail to the hosts of an MX is protected on its way, at the least. But for NONE, what the domain
 * publishes (DANE, MTA-STS) is kept to as well. */
enum config_tls_policy {
    CONFIG_TLS_POLICY_VERIFIED, /* STARTTLS, and an authority that is trusted vouches for the host's name */
    CONFIG_TLS_POLICY_REQUIRED, /* STARTTLS, whoever answers */
    CONFIG_TLS_POLICY_OPPORTUNISTIC, /* STARTTLS where it is to be had, whoever answers; else in the clear */
    CONFIG_TLS_POLICY_DANE_ONLY,     /* to hosts whose certificate DNSSEC vouches for, and no others */
    CONFIG_TLS_POLICY_NONE,          /* in the clear */
};

/* What becomes of a message past a rule's rate or quota. */
enum config_over { CONFIG_OVER_DEFER, CONFIG_OVER_REJECT, CONFIG_OVER_NEXT };

#define CONFIG_C_NAME       const char *
#define CONFIG_C_STRING     const char *
#define CONFIG_C_ADDRESS    const char *
#define CONFIG_C_ENDPOINT   const char *
#define CONFIG_C_HOST       const char *
#define CONFIG_C_PORT       int
#define CONFIG_C_MAILBOX    const char *
#define CONFIG_C_PATH       const char *
#define CONFIG_C_PIN        const char *
#define CONFIG_C_SECRET     const char *
#define CONFIG_C_LENGTH     nanos
#define CONFIG_C_SIZE       int64_t
#define CONFIG_C_COUNT      int
#define CONFIG_C_PROCESSES  int
#define CONFIG_C_BOOLEAN    bool
#define CONFIG_C_PRESENT    bool
#define CONFIG_C_LEVEL      const char *
#define CONFIG_C_SECURITY   enum smtp_security
#define CONFIG_C_LISTENING  enum config_listening
#define CONFIG_C_PRIVILEGES enum config_privileges
#define CONFIG_C_TEMPLATE   enum config_template
#define CONFIG_C_LOG_LEVEL  enum log_level
#define CONFIG_C_LOG_FORMAT enum log_format
#define CONFIG_C_FORMAT     enum decode_format
#define CONFIG_C_LOGSOURCE  const char *
#define CONFIG_C_TLS        unsigned
#define CONFIG_C_TLS_POLICY enum config_tls_policy
#define CONFIG_C_OVER       enum config_over
#define CONFIG_C_ZONE       const char *
#define CONFIG_C_TAG        const char *
#define CONFIG_C_NETWORKS   struct config_strings
#define CONFIG_C_HOURS      struct config_strings
#define CONFIG_C_RATES      struct config_strings
#define CONFIG_C_QUOTAS     struct config_strings
#define CONFIG_C_SENDERS    struct config_strings
#define CONFIG_C_DOMAINS    struct config_strings
#define CONFIG_C_FIELDS     struct config_strings
#define CONFIG_C_REWRITES   struct config_strings
#define CONFIG_C_STRINGS    struct config_strings
#define CONFIG_C_HOSTS      struct config_strings
#define CONFIG_C_MAILBOXES  struct config_strings
#define CONFIG_C_PATHS      struct config_strings
#define CONFIG_C_ENDPOINTS  struct config_strings

#define CONFIG_FIELD(key, type, default_text, help) CONFIG_C_##type key;

/* clang-format off */
struct config_postbox { CONFIG_POSTBOX(CONFIG_FIELD) };
/* Both begin with the fields of a postbox, so that `box` is one. */
struct config_landing { union { struct { CONFIG_POSTBOX(CONFIG_FIELD) }; struct config_postbox box; }; CONFIG_FIELD(recipient, MAILBOX, , ) CONFIG_FIELD(dsn, BOOLEAN, , ) };
struct config_bounces { union { struct { CONFIG_POSTBOX(CONFIG_FIELD) }; struct config_postbox box; }; CONFIG_FIELD(address, MAILBOX, , ) };
struct config_canary { CONFIG_CANARY(CONFIG_FIELD) };
struct config_paths { CONFIG_PATHS(CONFIG_FIELD) };
struct config_way { CONFIG_WAY(CONFIG_FIELD) };
struct config_list { CONFIG_LIST(CONFIG_FIELD) };
struct config_heartbeat { CONFIG_HEARTBEAT(CONFIG_FIELD) };
struct config_correlation { CONFIG_CORRELATION(CONFIG_FIELD) };
struct config_gateway { CONFIG_GATEWAY(CONFIG_FIELD) struct config_landing landing; struct config_place place; };
struct config_input { CONFIG_INPUT(CONFIG_FIELD) const char *label; /* e.g. "syslog udp://127.0.0.1:5514": the input's name everywhere */ struct config_place place, zone_place; };
struct config_alerts { CONFIG_ALERTS(CONFIG_FIELD) };
struct config_delivery { CONFIG_DELIVERY(CONFIG_FIELD) };
struct config_listener { CONFIG_LISTENER(CONFIG_FIELD) };
struct config_rule { CONFIG_RULE(CONFIG_FIELD) struct config_place place; };
struct config_account { CONFIG_ACCOUNT(CONFIG_FIELD) struct config_place place; };
struct config_route { CONFIG_ROUTE(CONFIG_FIELD) struct config_place place; };
struct config_smarthost { CONFIG_SMARTHOST(CONFIG_FIELD) struct config_place place; };
struct config_dkim { CONFIG_DKIM(CONFIG_FIELD) };
struct config_relay {
    CONFIG_RELAY(CONFIG_FIELD)
    struct config_listener *listen; size_t listen_count;
    struct config_listener *listeners; size_t listener_count; /* all: those of listen and listen_tls, nothing in them absent */
    struct config_rule *rules; size_t rule_count; /* the first that matches decides */
    struct config_account *accounts; size_t account_count;
    struct config_route *routes; size_t route_count;
    struct config_smarthost *smarthosts; size_t smarthost_count;
    struct config_place certificate_place, key_place, client_ca_place;
    struct config_dkim *dkim; size_t dkim_count;
    bool present;
};
/* clang-format on */

struct config {
    struct config_gateway *gateways;
    size_t gateway_count;
    struct config_input *inputs;
    size_t input_count;
    struct config_alerts alerts;
    struct config_delivery delivery;
    struct config_relay relay;
    struct config_canary canary;
    struct config_paths paths;
    struct config_bounces bounces; /* address NULL: envelope senders carry no token */
    struct config_way *ways;       /* ways_out */
    size_t way_count;
    struct config_list *lists; /* that rules may name */
    size_t list_count;
    struct config_heartbeat heartbeat; /* url NULL: none */
    struct config_correlation correlation;
    CONFIG_TOP(CONFIG_FIELD)
    struct config_place rules_place, pipelines_place, masks_place;
    struct config_secret *secrets; /* the first of all that are named in any section, once for each naming */
    struct arena *arena;           /* owns everything above */
};

struct config_source {
    const char *name; /* the file's path, as errors name it and as relative paths are resolved against */
    sv text;
};

struct config_error {
    const char *file;
    int line, column; /* from 1; 0 where an error has no place */
    const char *message, *advice;
};

enum { CONFIG_ERRORS_MAX = 200 };

struct config_errors {
    struct config_error items[CONFIG_ERRORS_MAX];
    size_t count;        /* may be larger than CONFIG_ERRORS_MAX: how many there were */
    struct arena *arena; /* owns the texts */
};

void config_errors_init(struct config_errors *errors);
void config_errors_free(struct config_errors *errors);
__attribute__((format(printf, 6, 7))) void config_errors_add(struct config_errors *errors, const char *file,
                                                             int line, int column, const char *advice,
                                                             const char *fmt, ...);

enum {
    CONFIG_BYTES_MAX = 1024 * 1024, /* all sources together */
    CONFIG_NAME_BYTES = 65,         /* of a gateway, a route, a rule and the like, with its NUL */
    CONFIG_GATEWAYS_MAX = 100,
    CONFIG_INPUTS_MAX = 1000,
    CONFIG_PROCESSES_MAX = 16,
    CONFIG_WAYS_MAX = 20,
    CONFIG_ROUTES_MAX = 200,
    CONFIG_SMARTHOSTS_MAX = 100,
    CONFIG_DKIM_MAX = 100,
    CONFIG_DKIM_HEADERS_MAX = 32,
    CONFIG_LISTS_MAX = 1000,
    CONFIG_LIST_ITEMS_MAX = 1000,
    CONFIG_LISTENERS_MAX = 64, /* of listen and listen_tls together */
    CONFIG_RULES_MAX = 1000,
    CONFIG_ACCOUNTS_MAX = 10000,
};

/* Parses and checks; later sources add to lists and may not repeat a scalar. NULL when there was any error;
 * all are in *errors, in the order of the sources and their lines. Sources' names should be absolute paths,
 * because relative paths in them are resolved against the name's folder. machine_name stands in for an absent
 * hostname. What may be absent and has a default that depends on another key is filled in: runtime_directory,
 * hostname, and each gateway's verify_name, helo and sender. The configuration owns its memory: config_free.
 * Does not touch the file system. */
struct config *config_parse(const struct config_source *sources, size_t count, const char *machine_name,
                            struct config_errors *errors);
void config_free(struct config *config);

/* The same, but what could be read comes back although there were errors, so that what it names can be looked
 * at all the same: values with errors are zero, so it is not to be run with. NULL when a source is no YAML.
 */
struct config *config_parse_faulty(const struct config_source *sources, size_t count,
                                   const char *machine_name, struct config_errors *errors);

/* What is allowed and yet should be said: one sentence each, e.g. that a gateway gets mail in the clear. */
typedef void config_warning_fn(void *arg, const char *file, int line, const char *sentence);
void config_warnings(const struct config *config, config_warning_fn *fn, void *arg);

/* The address part of a MAILBOX: "Name <a@b>" → "a@b". And its display name, unquoted, or "". */
sv config_mailbox_address(const char *mailbox);
sv config_mailbox_name(const char *mailbox);

/* The address and port of a syslog URL, or its path: udp, tcp and tls have an address, unix and unix-stream
 * a path. */
enum config_scheme {
    CONFIG_SCHEME_UDP,
    CONFIG_SCHEME_TCP,
    CONFIG_SCHEME_TLS,
    CONFIG_SCHEME_UNIX,
    CONFIG_SCHEME_UNIX_STREAM,
};
int config_syslog_parse(sv url, enum config_scheme *ret_scheme, sv *ret_place, struct err *err);

/* The same of a RELP URL, which has tcp or tls. */
int config_relp_parse(sv url, enum config_scheme *ret_scheme, sv *ret_place, struct err *err);

/* Where a syslog or relp input listens; −1 for other kinds, too, with err untouched. */
int config_input_place(const struct config_input *input, enum config_scheme *ret_scheme, sv *ret_place,
                       struct err *err);

/* The gateway of that name, or NULL. */
const struct config_gateway *config_gateway_named(const struct config *config, sv name);

/* True if the postbox names a mailbox to read. */
static inline bool config_postbox_present(const struct config_postbox *box)
{
    return box->maildir || box->imap;
}

/* There is a relay and nothing else: no gateways, no inputs, so nobody is told anything, and no courier. */
static inline bool config_relay_alone(const struct config *config)
{
    return config->relay.present && config->gateway_count == 0 && config->input_count == 0;
}

/* An account's password is checked by PAM. */
static inline bool config_relay_asks_pam(const struct config_relay *relay)
{
    for (size_t i = 0; i < relay->account_count; i++)
        if (relay->accounts[i].pam)
            return true;
    return false;
}

/* The rule lets anybody, from anywhere, send to anywhere: allowed only with the words of relay.open_relay. */
bool config_rule_is_open(const struct config_rule *rule);

/* A URL, or the name of the secret that holds one: "secret:PROVIDER/NAME" gives PROVIDER/NAME. */
bool config_is_secret(const char *value, const char **ret_reference);

/* Writes every section and key with type, default and help: the text of `vedette help config` and of the
 * manual page. */
void config_describe(struct buf *out);

#endif
