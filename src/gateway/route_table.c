#include "gateway/route_table.h"

#include "config/pattern.h"
#include "io/address.h"
#include "wire/smtp_address.h"

#include <assert.h>
#include <stdlib.h>

enum { TABLE_BYTES_MAX = 4 * 1024 * 1024 };

#define LOCAL_RETRY_FIRST (60 * NANOS_PER_SECOND)
#define LOCAL_RETRY_MAX   (3600 * NANOS_PER_SECOND)
#define LOCAL_EXPIRE      (5 * 86400 * NANOS_PER_SECOND)
#define LOCAL_WARN_AFTER  (4 * 3600 * NANOS_PER_SECOND)
#define LOCAL_HOLD_DOWN   (10 * NANOS_PER_SECOND)

struct route_table {
    struct arena *arena; /* all texts */
    struct route *routes;
    size_t count;
    int references;
};

static const char *copy(struct route_table *table, const char *text)
{
    char *copied = text ? arena_cstr(table->arena, sv_of(text)) : NULL;
    assert(copied || !text);
    return copied;
}

static struct config_strings copy_list(struct route_table *table, const struct config_strings *list)
{
    const char **items = arena_alloc(table->arena, list->count * sizeof *items + 1);
    assert(items);
    for (size_t i = 0; i < list->count; i++)
        items[i] = copy(table, list->items[i]);
    return (struct config_strings){items, list->count};
}

/* Mail for relay.domains is delivered here. */
static void add_local(struct route_table *table, const struct config_relay *relay)
{
    table->routes[table->count++] = (struct route){.name = "local",
                                                   .kind = ROUTE_MAILDIR,
                                                   .domains = copy_list(table, &relay->domains),
                                                   .maildir = copy(table, relay->maildir),
                                                   .stays_here = true,
                                                   .retry_first = LOCAL_RETRY_FIRST,
                                                   .retry_max = LOCAL_RETRY_MAX,
                                                   .expire = LOCAL_EXPIRE,
                                                   .warn_after = LOCAL_WARN_AFTER,
                                                   .hold_down = LOCAL_HOLD_DOWN};
}

static struct config_gateway as_gateway(struct route_table *table, const struct config_smarthost *host)
{
    return (struct config_gateway){
        .name = copy(table, host->name),
        .address = copy(table, host->address),
        .host = copy(table, host->host),
        .port = host->port,
        .security = host->security,
        .verify_name = copy(table, host->verify_name),
        .username = copy(table, host->username),
        .password = copy(table, host->password),
        .auth = copy(table, host->auth),
        .helo = copy(table, host->helo),
        .connect_timeout = host->connect_timeout,
        .stage_timeout = host->stage_timeout,
    };
}

static int add_hop(struct route_table *table, struct route *route, const struct config_smarthost *host,
                   struct err *err)
{
    if (route->hop_count == ROUTE_HOPS_MAX)
        return err_set(err, ERR_LIMIT, "make two routes of it", "route %s has over %d smarthosts",
                       route->name, ROUTE_HOPS_MAX);
    struct route_hop *hop = &route->hops[route->hop_count];
    struct tls_trust trust = {host->ca_file, host->ca_directory, host->pin};
    hop->gateway = as_gateway(table, host);
    hop->preference = host->preference;
    hop->weight = host->weight;
    if (host->security != SMTP_SECURITY_NONE) {
        if (tls_client_context(&trust, &hop->tls, err) < 0)
            return err_prefix(err, "smarthost %s", host->name);
        tls_client_keep_sessions(hop->tls);
    }
    route->hop_count++;
    return 0;
}

/* An address on this machine or near it: in the clear, as LMTP is. */
static int add_lmtp(struct route_table *table, struct route *route, const char *endpoint, struct err *err)
{
    struct address address;
    char ip[ADDRESS_TEXT_MAX];
    if (address_parse_pair(sv_of(endpoint), &address, err) < 0)
        return err_prefix(err, "route %s", route->name);
    route->stays_here = address_is_loopback(&address);
    route->hops[route->hop_count++] = (struct route_hop){
        .gateway = {.name = copy(table, endpoint),
                    .address = copy(table, address_ip_text(&address, ip)),
                    .port = address_port(&address),
                    .security = SMTP_SECURITY_NONE},
    };
    return 0;
}

/* What the configuration says of all hosts of an MX. */
static int add_mx(struct route_table *table, struct route *route, const struct config_route *config,
                  const char *hostname, struct err *err)
{
    struct route_hop *hop = &route->hops[route->hop_count];
    const struct tls_trust trust = {.ca_file = config->ca_file, .pin = config->pin};
    bool clear = config->tls == CONFIG_TLS_POLICY_NONE;
    bool anybody =
        config->tls == CONFIG_TLS_POLICY_REQUIRED || config->tls == CONFIG_TLS_POLICY_OPPORTUNISTIC;
    hop->gateway = (struct config_gateway){.port = config->port,
                                           .helo = copy(table, hostname),
                                           .security = clear ? SMTP_SECURITY_NONE : SMTP_SECURITY_STARTTLS};
    route->tls = config->tls;
    route->pinned = config->pin != NULL;
    if ((!clear && tls_client_context(&trust, &hop->tls, err) < 0) ||
        (anybody && tls_client_context(&(struct tls_trust){.anybody = true}, &hop->anybody, err) < 0))
        return err_prefix(err, "route %s", route->name);
    if (!clear)
        tls_client_keep_sessions(hop->tls);
    route->hop_count++;
    return 0;
}

static enum route_kind kind_of(const struct config_route *config)
{
    if (config->maildir)
        return ROUTE_MAILDIR;
    if (config->mx)
        return ROUTE_MX;
    return config->lmtp ? ROUTE_LMTP : ROUTE_SMARTHOSTS;
}

static int add_route(struct route_table *table, const struct config *whole, const struct config_route *config,
                     struct err *err)
{
    const struct config_relay *relay = &whole->relay;
    struct route *route = &table->routes[table->count++];
    *route = (struct route){.name = copy(table, config->name),
                            .kind = kind_of(config),
                            .domains = copy_list(table, &config->domains),
                            .mailboxes = copy_list(table, &config->mailboxes),
                            .maildir = copy(table, config->maildir),
                            .stays_here = config->maildir != NULL,
                            .connections = config->connections,
                            .retry_first = config->retry_first,
                            .retry_max = config->retry_max,
                            .expire = config->expire,
                            .warn_after = config->warn_after,
                            .hold_down = config->hold_down};
    if (config->lmtp && add_lmtp(table, route, config->lmtp, err) < 0)
        return -1;
    if (config->mx && add_mx(table, route, config, whole->hostname, err) < 0)
        return -1;
    for (size_t i = 0; i < config->via.count; i++)
        for (size_t j = 0; j < relay->smarthost_count; j++)
            if (strcmp(relay->smarthosts[j].name, config->via.items[i]) == 0 &&
                add_hop(table, route, &relay->smarthosts[j], err) < 0)
                return -1;
    return 0;
}

int route_table_new(const struct config *config, struct route_table **ret, struct err *err)
{
    const struct config_relay *relay = &config->relay;
    struct route_table *table = calloc(1, sizeof *table);
    assert(table);
    table->references = 1;
    table->arena = arena_new(TABLE_BYTES_MAX);
    table->routes = calloc(relay->route_count + 1, sizeof *table->routes);
    assert(table->routes);
    if (relay->domains.count && relay->maildir)
        add_local(table, relay);
    for (size_t i = 0; i < relay->route_count; i++)
        if (add_route(table, config, &relay->routes[i], err) < 0) {
            route_table_free(table);
            return -1;
        }
    *ret = table;
    return 0;
}

struct route_table *route_table_keep(struct route_table *table)
{
    table->references++;
    return table;
}

void route_table_free(struct route_table *table)
{
    if (!table || --table->references)
        return;
    for (size_t i = 0; i < table->count; i++)
        for (size_t j = 0; j < ROUTE_HOPS_MAX; j++) {
            tls_context_free(table->routes[i].hops[j].tls);
            tls_context_free(table->routes[i].hops[j].anybody);
        }
    free(table->routes);
    arena_free(table->arena);
    free(table);
}

/* How exact: 0 not at all, 1 takes all, else the length of what matches; a domain itself beats one above. */
static size_t fit(const struct route *route, sv domain)
{
    size_t best = route->domains.count == 0;
    for (size_t i = 0; i < route->domains.count; i++) {
        sv pattern = sv_of(route->domains.items[i]);
        size_t exact = 0;
        if (sv_ieq(pattern, domain))
            exact = 2 * pattern.n + 1;
        else if (pattern.n && pattern.p[0] == '.' && sv_iends(domain, pattern))
            exact = 2 * pattern.n;
        else if (sv_eq(pattern, SV("*")))
            exact = 1;
        best = exact > best ? exact : best;
    }
    return best;
}

const struct route *route_for(const struct route_table *table, sv domain)
{
    const struct route *best = NULL;
    size_t best_fit = 0;
    char text[IDN_TEXT_MAX];
    domain = idn_to_ascii(domain, text);
    for (size_t i = 0; domain.n && i < table->count; i++) {
        size_t how = fit(&table->routes[i], domain);
        if (how > best_fit) {
            best = &table->routes[i];
            best_fit = how;
        }
    }
    return best;
}

const struct route *route_at(const struct route_table *table, size_t i)
{
    return i < table->count ? &table->routes[i] : NULL;
}

const struct route *route_named(const struct route_table *table, sv name)
{
    for (size_t i = 0; i < table->count; i++)
        if (sv_eq(sv_of(table->routes[i].name), name))
            return &table->routes[i];
    return NULL;
}

bool route_has_mailbox(const struct route *route, sv recipient)
{
    char text[SMTP_ADDRESS_ASCII_MAX];
    struct smtp_address parts;
    return route->mailboxes.count == 0 || smtp_address_parse(recipient, &parts) != SMTP_ADDRESS_NONE ||
           sv_ieq(parts.local, SV("postmaster")) ||
           config_mailbox_listed(&route->mailboxes, smtp_address_ascii(recipient, text));
}

const char *route_tls_word(const struct route *route, const struct route_hop *hop)
{
    if (route->kind != ROUTE_MX)
        return hop->tls ? "verified" : "none";
    switch (route->tls) {
    case CONFIG_TLS_POLICY_VERIFIED:
        return route->pinned ? "pinned" : "verified";
    case CONFIG_TLS_POLICY_REQUIRED:
        return "required";
    case CONFIG_TLS_POLICY_OPPORTUNISTIC:
        return "opportunistic";
    case CONFIG_TLS_POLICY_DANE_ONLY:
        return "dane-only";
    case CONFIG_TLS_POLICY_NONE:
        return "none";
    }
    abort();
}

bool route_table_wants_sts(const struct route_table *table)
{
    for (size_t i = 0; i < table->count; i++)
        if (table->routes[i].kind == ROUTE_MX && table->routes[i].tls != CONFIG_TLS_POLICY_NONE)
            return true;
    return false;
}

bool route_asks_dns(const struct route *route)
{
    for (size_t i = 0; i < route->hop_count; i++)
        if (!route->hops[i].gateway.address)
            return true;
    return false;
}
