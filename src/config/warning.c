/* What is allowed and yet should be said. */
#include "config/config.h"

#include <stdarg.h>
#include <stdio.h>

__attribute__((format(printf, 4, 5))) static void warn(config_warning_fn *fn, void *arg,
                                                       const struct config_place *at, const char *fmt, ...)
{
    char line[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    fn(arg, at ? at->file : NULL, at ? at->line : 0, line);
}

static void warn_of_gateway(const struct config_gateway *gateway, config_warning_fn *fn, void *arg)
{
    if (gateway->security == SMTP_SECURITY_NONE)
        warn(fn, arg, &gateway->place,
             "Mail over gateway %s goes in the clear, to whoever answers at its address.", gateway->name);
    if (gateway->security == SMTP_SECURITY_STARTTLS && gateway->port == 465)
        warn(fn, arg, &gateway->place,
             "Gateway %s has port 465, where servers speak TLS from the first byte, and "
             "security: starttls.",
             gateway->name);
    if (gateway->security == SMTP_SECURITY_TLS && (gateway->port == 25 || gateway->port == 587))
        warn(fn, arg, &gateway->place,
             "Gateway %s has port %d, where servers expect STARTTLS, and security: tls.", gateway->name,
             gateway->port);
}

static bool starts_clear(const char *url)
{
    sv rest = sv_of(url);
    if (!sv_istarts(rest, SV("http://")))
        return false;
    rest = sv_from(rest, strlen("http://"));
    return !sv_starts(rest, SV("127.")) && !sv_starts(rest, SV("[::1]")) &&
           !sv_istarts(rest, SV("localhost"));
}

static void warn_of_ways(const struct config *config, config_warning_fn *fn, void *arg)
{
    if (config->gateway_count == 1 && config->way_count == 0)
        warn(fn, arg, NULL,
             "There is one gateway and no ways_out: when it is down, nobody is told that alerts wait.");
    for (size_t i = 0; i < config->way_count; i++)
        if (config->ways[i].webhook && starts_clear(config->ways[i].webhook))
            warn(fn, arg, NULL, "Notices to webhook %s go in the clear: write https:// if it can.",
                 config->ways[i].name);
    if (config->heartbeat.url && starts_clear(config->heartbeat.url))
        warn(fn, arg, NULL, "The heartbeat goes in the clear: write https:// if its server can.");
}

static bool offers_scram(const struct config_relay *relay)
{
    for (size_t i = 0; i < relay->mechanisms.count; i++)
        if (sv_starts(sv_of(relay->mechanisms.items[i]), SV("SCRAM-")))
            return true;
    return false;
}

/* Mail in the clear, or to a certificate that nobody has verified, is what the configuration says in words.
 * NULL: it does not. */
static const char *words_of(enum config_tls_policy policy)
{
    switch (policy) {
    case CONFIG_TLS_POLICY_VERIFIED:
    case CONFIG_TLS_POLICY_DANE_ONLY:
        return NULL;
    case CONFIG_TLS_POLICY_REQUIRED:
        return "to whoever answers for the domain, encrypted, where the domain publishes neither DANE nor "
               "MTA-STS";
    case CONFIG_TLS_POLICY_OPPORTUNISTIC:
        return "to whoever answers for the domain, in the clear if that offers no TLS, where the domain "
               "publishes neither DANE nor MTA-STS";
    case CONFIG_TLS_POLICY_NONE:
        return "in the clear, to whoever answers for the domain";
    }
    return NULL;
}

static void warn_of_route(const struct config_route *route, config_warning_fn *fn, void *arg)
{
    const char *words = route->mx ? words_of(route->tls) : NULL;
    if (words)
        warn(fn, arg, &route->place, "Mail over route %s goes %s.", route->name, words);
}

/* One on this machine hears nothing that others could. */
static void warn_of_smarthost(const struct config_smarthost *host, config_warning_fn *fn, void *arg)
{
    sv address = sv_of(host->address);
    if (host->security == SMTP_SECURITY_NONE && !sv_starts(address, SV("127.")) && !sv_eq(address, SV("::1")))
        warn(fn, arg, &host->place,
             "Mail over smarthost %s goes in the clear, to whoever answers at its address.", host->name);
}

static void warn_of_relay(const struct config *config, config_warning_fn *fn, void *arg)
{
    for (size_t i = 0; i < config->relay.rule_count; i++) {
        const struct config_rule *rule = &config->relay.rules[i];
        if (config_rule_is_open(rule))
            warn(fn, arg, &rule->place, "Rule %s makes an open relay: anybody may send anywhere through us.",
                 rule->name);
    }
    if (config_relay_asks_pam(&config->relay) && offers_scram(&config->relay))
        warn(
            fn, arg, NULL,
            "Accounts by PAM can't log in by SCRAM, which clients prefer: write mechanisms: [PLAIN, LOGIN].");
    for (size_t i = 0; i < config->relay.route_count; i++)
        warn_of_route(&config->relay.routes[i], fn, arg);
    for (size_t i = 0; i < config->relay.smarthost_count; i++)
        warn_of_smarthost(&config->relay.smarthosts[i], fn, arg);
    if (config_relay_alone(config) && config->relay.rule_count == 0 && config->relay.domains.count == 0)
        warn(fn, arg, NULL, "The relay has no rules and no domains: it refuses every message.");
}

void config_warnings(const struct config *config, config_warning_fn *fn, void *arg)
{
    for (size_t i = 0; i < config->gateway_count; i++)
        warn_of_gateway(&config->gateways[i], fn, arg);
    warn_of_ways(config, fn, arg);
    warn_of_relay(config, fn, arg);
    if (config->input_count == 0 && !config_relay_alone(config))
        warn(fn, arg, NULL, "There are no inputs: nothing is watched.");
    if (config->input_count > 0 && config->rules.count == 0)
        warn(fn, arg, NULL, "There are no rules: no event will raise an alert.");
    if (config->privileges == CONFIG_PRIVILEGES_KEEP)
        warn(fn, arg, NULL, "privileges is keep: children run as the user who starts Vedette.");
}
