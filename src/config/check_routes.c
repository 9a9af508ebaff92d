/* The relay's routes and the smarthosts that they name. */
#include "config/check_private.h"

static const struct config_smarthost *host_named(const struct config_relay *relay, const char *name)
{
    for (size_t i = 0; i < relay->smarthost_count; i++)
        if (relay->smarthosts[i].name && strcmp(relay->smarthosts[i].name, name) == 0)
            return &relay->smarthosts[i];
    return NULL;
}

static void check_smarthost(const struct check *check, const struct config_instance *instance)
{
    const struct config_smarthost *host = instance->base;
    check_bounds(check, instance);
    check_peer(check, instance, host->security);
    if (!config_given(instance, "address") && !config_given(instance, "host"))
        check_refuse(check, instance, "name", "add its IP address as address, or its name as host",
                     "nothing says where this smarthost is");
}

/* What is said of the hosts of an MX. */
static void check_mx(const struct check *check, const struct config_instance *instance)
{
    static const char *const keys[] = {"port", "tls", "ca_file", "pin"};
    const struct config_route *route = instance->base;
    bool word = check_has(instance, "tls");
    for (size_t i = 0; !route->mx && i < sizeof keys / sizeof *keys; i++)
        if (config_given(instance, keys[i]))
            check_refuse(check, instance, keys[i], "add mx: true, or drop it", "is for routes by mx only");
    if (route->mx && route->ca_file && word && route->tls == CONFIG_TLS_POLICY_NONE)
        check_refuse(check, instance, "ca_file", "use tls: verified, or drop it",
                     "has no certificate to check with tls: none");
    if (route->mx && route->pin && word && route->tls != CONFIG_TLS_POLICY_VERIFIED)
        check_refuse(check, instance, "pin", "use tls: verified, or drop it",
                     "says that the certificate counts, and tls says that it does not");
    if (route->pin && route->ca_file)
        check_refuse(check, instance, "pin", "keep one of the two", "excludes ca_file");
}

static void check_route(const struct check *check, const struct config_instance *instance)
{
    const struct config_route *route = instance->base;
    check_bounds(check, instance);
    if (config_given(instance, "via") + route->mx + config_given(instance, "maildir") +
            config_given(instance, "lmtp") !=
        1)
        config_errors_add(check->errors, instance->own.file, instance->own.line, instance->own.column,
                          "name smarthosts as via, an LMTP server, or a maildir, or say mx: true",
                          "a route has exactly one of via, mx, lmtp and maildir");
    check_mx(check, instance);
    if (check_has(instance, "via") && route->via.count == 0)
        check_refuse(check, instance, "via", "name at least one of relay.smarthosts", "the list is empty");
    for (size_t i = 0; i < route->via.count; i++)
        if (!host_named(&check->config->relay, route->via.items[i])) {
            check_refuse(check, instance, "via", "add it to relay.smarthosts, or correct its name",
                         "a smarthost is named that relay.smarthosts does not have");
            break;
        }
}

static void check_route_of_rule(const struct check *check, const struct config_instance *instance)
{
    const struct config_rule *rule = instance->base;
    const struct config_relay *relay = &check->config->relay;
    bool found = !rule->route;
    for (size_t i = 0; i < relay->route_count && !found; i++)
        found = relay->routes[i].name && strcmp(relay->routes[i].name, rule->route) == 0;
    if (!found)
        check_refuse(check, instance, "route", "add it to relay.routes, or correct its name",
                     "a route is named that relay.routes does not have");
}

void check_routes(const struct check *check, const struct config_instance *relay)
{
    const struct config_instance *routes = relay->children[CONFIG_RELAY_ROUTES];
    const struct config_instance *hosts = relay->children[CONFIG_RELAY_SMARTHOSTS];
    for (const struct config_instance *item = routes; item; item = item->next)
        check_route(check, item);
    for (const struct config_instance *item = hosts; item; item = item->next)
        check_smarthost(check, item);
    check_names(check, routes, "give each its own name", "another route is called so");
    check_names(check, hosts, "give each its own name", "another smarthost is called so");
    for (const struct config_instance *item = relay->children[CONFIG_RELAY_RULES]; item; item = item->next)
        check_route_of_rule(check, item);
}
