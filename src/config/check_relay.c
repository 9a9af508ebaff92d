/* The relay: rules that contradict themselves, and rules that would let anybody send anywhere. */
#include "config/check_private.h"
#include "config/network.h"
#include "config/pattern.h"
#include "config/rate.h"

#include <assert.h>

#define SAVED_MAX (31 * 86400 * NANOS_PER_SECOND)

static const char *const verdicts[] = {"accept", "reject", "defer", "quarantine", "redirect", "tag"};

static void check_verdict(const struct check *check, const struct config_instance *instance)
{
    const char *second = NULL;
    int given = 0;
    for (size_t i = 0; i < sizeof verdicts / sizeof *verdicts; i++)
        if (config_given(instance, verdicts[i]) && ++given > 1)
            second = verdicts[i];
    if (given == 0)
        config_errors_add(check->errors, instance->own.file, instance->own.line, instance->own.column,
                          "add accept: {} or another verdict",
                          "a rule has exactly one of accept, reject, defer, quarantine, redirect and tag");
    if (second)
        check_refuse(check, instance, second, "make two rules of it",
                     "a rule has exactly one of accept, reject, defer, quarantine, redirect and tag");
}

/* Keys that do something to a message, on a rule that refuses it. */
static void check_refusing(const struct check *check, const struct config_instance *instance)
{
    static const char *const taking[] = {"rate",         "burst",   "quota", "over",   "bare_lf",
                                         "clean_header", "send_as", "route", "rewrite"};
    if (!config_given(instance, "reject") && !config_given(instance, "defer"))
        return;
    for (size_t i = 0; i < sizeof taking / sizeof *taking; i++)
        if (config_given(instance, taking[i]))
            check_refuse(check, instance, taking[i], "drop it", "means nothing on a rule that refuses");
}

/* What a rate saves up while nobody sends is counted in nanoseconds, and no month of it was ever meant. */
static void check_burst(const struct check *check, const struct config_instance *instance)
{
    const struct config_rule *rule = instance->base;
    struct config_rate rate;
    if (!check_has(instance, "burst"))
        return;
    if (rule->burst < 1) {
        check_refuse(check, instance, "burst", "at least 1", "would let nothing through");
        return;
    }
    for (size_t i = 0; i < rule->rate.count; i++)
        if (config_rate_parse(sv_of(rule->rate.items[i]), &rate) &&
            rate.length / rate.count > SAVED_MAX / rule->burst) {
            check_refuse(check, instance, "burst", "give a smaller one, or a quota",
                         "would take the rate over a month to save up");
            break;
        }
}

static void check_companions(const struct check *check, const struct config_instance *instance)
{
    const struct config_rule *rule = instance->base;
    if (config_given(instance, "hours") && !config_given(instance, "time_zone"))
        check_refuse(check, instance, "hours", "add time_zone: and its name, such as Europe/Berlin or UTC",
                     "need a time zone");
    if (config_given(instance, "burst") && !config_given(instance, "rate"))
        check_refuse(check, instance, "burst", "add rate, or drop it", "is of a rate");
    if (config_given(instance, "over") && !config_given(instance, "rate") && !config_given(instance, "quota"))
        check_refuse(check, instance, "over", "add rate or quota, or drop it", "is of a rate or quota");
    if (rule->bare_lf && !config_given(instance, "networks"))
        check_refuse(check, instance, "bare_lf", "name the networks of the old devices",
                     "is for a network only: from anybody it invites smuggling");
    if (config_given(instance, "rewrite") && config_given(instance, "redirect"))
        check_refuse(check, instance, "rewrite", "keep one of the two", "excludes redirect");
}

static bool listens_at(const struct config_relay *relay, const char *address)
{
    for (size_t i = 0; i < relay->listener_count; i++)
        if (relay->listeners[i].address && strcmp(relay->listeners[i].address, address) == 0)
            return true;
    return false;
}

static bool has_account(const struct config_relay *relay, const char *name)
{
    for (size_t i = 0; i < relay->account_count; i++)
        if (relay->accounts[i].name && strcmp(relay->accounts[i].name, name) == 0)
            return true;
    return false;
}

/* What a rule names must be there, or it would silently never match. */
static void check_references(const struct check *check, const struct config_instance *instance)
{
    const struct config_rule *rule = instance->base;
    const struct config_relay *relay = &check->config->relay;
    for (size_t i = 0; i < rule->accounts.count; i++)
        if (strcmp(rule->accounts.items[i], "*") != 0 && !has_account(relay, rule->accounts.items[i])) {
            check_refuse(check, instance, "accounts", "add it to relay.accounts, or correct its name",
                         "an account is named that relay.accounts does not have");
            break;
        }
    for (size_t i = 0; i < rule->listeners.count; i++)
        if (!listens_at(relay, rule->listeners.items[i])) {
            check_refuse(check, instance, "listeners", "write it as it stands in relay.listen",
                         "an address is named that relay.listen does not have");
            break;
        }
}

/* A condition that is an empty list never holds; nobody means that. */
static void check_empty_lists(const struct check *check, const struct config_instance *instance)
{
    for (size_t i = 0; i < instance->section->field_count; i++) {
        const struct config_field *field = &instance->section->fields[i];
        if (!config_type_is_list(field->type) || instance->keys[i].line == 0 || instance->faulty[i])
            continue;
        const void *at = (const char *)instance->base + field->offset;
        if (((const struct config_strings *)at)->count == 0)
            check_refuse(check, instance, field->key, "name some, or drop the key", "the list is empty");
    }
}

/* --- An open relay: from anywhere, from anybody, to anywhere --- */

/* More public addresses than one /8 of IPv4 or one /16 of IPv6 is no network of anybody's own. */
static bool is_everywhere(const struct config_strings *networks)
{
    enum { V4_BITS = 24, V6_BITS_MIN = 16 };
    uint64_t v4 = 0;
    for (size_t i = 0; i < networks->count; i++) {
        struct config_network network;
        if (!config_network_parse(sv_of(networks->items[i]), &network) || config_network_is_private(&network))
            continue;
        if (!config_network_is_v4(&network) && network.bits < V6_BITS_MIN)
            return true;
        if (config_network_is_v4(&network))
            v4 += 1ULL << (128 - network.bits);
    }
    return networks->count == 0 || v4 > 1ULL << V4_BITS;
}

static bool any_is_foreign(const struct config_strings *patterns)
{
    for (size_t i = 0; i < patterns->count; i++)
        if (config_pattern_is_foreign(sv_of(patterns->items[i])))
            return true;
    return false;
}

/* Both must hold, so one that is bounded bounds the rule. */
static bool goes_anywhere(const struct config_rule *rule)
{
    bool recipients = rule->recipients.count == 0 || any_is_foreign(&rule->recipients);
    bool domains = rule->domains.count == 0 || any_is_foreign(&rule->domains);
    return recipients && domains;
}

/* Sender, header, HELO, size and hour are anybody's to choose, so no condition on them closes a relay. */
bool config_rule_is_open(const struct config_rule *rule)
{
    bool lets_out = rule->accept || rule->tag;
    bool identified = rule->accounts.count > 0 || rule->certificates.count > 0;
    return lets_out && !identified && is_everywhere(&rule->networks) && goes_anywhere(rule);
}

static void check_open(const struct check *check, const struct config_instance *instance)
{
    const struct config_rule *rule = instance->base;
    const char *words = check->config->relay.open_relay;
    if (!config_rule_is_open(rule) || (words && strcmp(words, CHECK_OPEN_RELAY) == 0))
        return;
    check_refuse(check, instance, rule->accept ? "accept" : "tag",
                 "add networks, accounts, certificates or domains to the rule, or say it in words: "
                 "open_relay: \"" CHECK_OPEN_RELAY "\"",
                 "this rule makes an open relay: anybody, from anywhere, could send to anywhere through it");
}

/* --- The whole --- */

static void check_rules(const struct check *check, const struct config_instance *relay)
{
    const struct config_instance *first = relay->children[CONFIG_RELAY_RULES];
    for (const struct config_instance *item = first; item; item = item->next) {
        check_verdict(check, item);
        check_refusing(check, item);
        check_companions(check, item);
        check_burst(check, item);
        check_references(check, item);
        check_empty_lists(check, item);
        check_open(check, item);
    }
    check_names(check, first, "give each rule its own name: refusals and the log name it",
                "another rule is called so");
}

static void check_accounts(const struct check *check, const struct config_instance *relay)
{
    const struct config_instance *first = relay->children[CONFIG_RELAY_ACCOUNTS];
    for (const struct config_instance *item = first; item; item = item->next) {
        check_empty_lists(check, item);
        if (config_given(item, "pam") && config_given(item, "password"))
            check_refuse(check, item, "pam", "keep one of the two", "excludes password");
        if (config_given(item, "hours") && !config_given(item, "time_zone"))
            check_refuse(check, item, "hours", "add time_zone: and its name, such as Europe/Berlin or UTC",
                         "need a time zone");
    }
    check_names(check, first, "keep one of the two", "another account is called so");
}

void check_relay(const struct check *check)
{
    const struct config_instance *instance = check->top->children[CONFIG_TOP_RELAY];
    const struct config_relay *relay = &check->config->relay;
    if (!instance)
        return;
    check_bounds(check, instance);
    check_listeners(check, instance);
    if (check_has(instance, "domains") && relay->domains.count == 0)
        check_refuse(check, instance, "domains", "name the domains whose mail is delivered here",
                     "the list is empty");
    if (relay->domains.count && !config_given(instance, "maildir"))
        check_refuse(check, instance, "domains", "add maildir: and the folder that their mail goes to",
                     "need a maildir");
    if (config_given(instance, "maildir") && !config_given(instance, "domains"))
        check_refuse(check, instance, "maildir", "add domains: whose mail goes there", "needs domains");
    if (check_has(instance, "open_relay") && strcmp(relay->open_relay, CHECK_OPEN_RELAY) != 0)
        check_refuse(check, instance, "open_relay", "drop it, or write: \"" CHECK_OPEN_RELAY "\"",
                     "these are not the words");
    check_relay_tls(check, instance);
    check_rules(check, instance);
    check_accounts(check, instance);
    check_routes(check, instance);
    check_dkim(check, instance);
}
