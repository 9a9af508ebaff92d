/* Rates and quotas of rules and accounts. */
#include "gateway/guard_private.h"
#include "gateway/limits.h"

#include <stdio.h>

#include "base/ascii.h"

enum { KEY_MAX = 640 };

/* What is counted: "RULE rate WORD WHO", letters folded because addresses do not tell them apart. */
struct key {
    char text[KEY_MAX];
    size_t n;
};

static void key_add(struct key *key, sv text)
{
    for (size_t i = 0; i < text.n && key->n < sizeof key->text; i++) {
        char c = text.p[i];
        key->text[key->n++] = ascii_lower(c);
    }
    if (key->n < sizeof key->text)
        key->text[key->n++] = '\0';
}

static void key_add_client(struct key *key, const struct guard_facts *facts)
{
    enum { V4_BYTES = 16, V6_BYTES = 8 };
    struct config_network own = {.bits = 128};
    memcpy(own.address, facts->client, sizeof own.address);
    char text[2 * sizeof facts->client + 1];
    size_t n = config_network_is_v4(&own) ? V4_BYTES : V6_BYTES;
    for (size_t i = 0; i < n; i++)
        snprintf(text + 2 * i, sizeof text - 2 * i, "%02x", facts->client[i]);
    key_add(key, facts->has_client ? sv_make(text, 2 * n) : SV("unknown"));
}

static struct key key_of(const struct guard_rule *rule, const char *what, enum config_per per,
                         const struct guard_facts *facts)
{
    struct key key = {.n = 0};
    const char *network = NULL;
    key_add(&key, sv_of(rule->name));
    key_add(&key, sv_of(what));
    key_add(&key, sv_of(config_per_word(per)));
    switch (per) {
    case CONFIG_PER_RULE:
        break;
    case CONFIG_PER_NETWORK:
        guard_networks_contain(&rule->networks, facts, &network);
        if (network)
            key_add(&key, sv_of(network));
        else
            key_add_client(&key, facts);
        break;
    case CONFIG_PER_CLIENT:
        key_add_client(&key, facts);
        break;
    case CONFIG_PER_ACCOUNT:
        key_add(&key, facts->question->account);
        break;
    case CONFIG_PER_SENDER:
        key_add(&key, facts->sender);
        break;
    case CONFIG_PER_RECIPIENT:
        key_add(&key, facts->recipient);
        break;
    }
    return key;
}

static struct limit_rate rate_of(const struct guard_rule *rule, const struct config_rate *rate,
                                 const struct key *key)
{
    return (struct limit_rate){.key = sv_make(key->text, key->n),
                               .count = rate->count,
                               .length = rate->length,
                               .burst = rule->burst ? rule->burst : rate->count};
}

static struct limit_quota quota_of(const struct guard_rule *rule, const struct config_rate *quota,
                                   const struct key *key, nanos now)
{
    return (struct limit_quota){.key = sv_make(key->text, key->n),
                                .count = quota->count,
                                .day = zone_time(rule->hours.zone, now).day};
}

static void refuse_over(struct guard_verdict *ret, const struct guard_rule *rule, const char *fmt_why,
                        const char *remedy)
{
    snprintf(ret->why, sizeof ret->why, "%s", fmt_why);
    if (rule->over == CONFIG_OVER_REJECT)
        guard_refuse(ret, GUARD_REJECT, 550, "5.7.1", "Rule %s: %s", rule->name, fmt_why);
    else
        guard_refuse(ret, GUARD_DEFER, 451, "4.7.1", "Rule %s: %s; %s", rule->name, fmt_why, remedy);
}

bool guard_within(const struct limits *limits, const struct guard_rule *rule, const struct guard_facts *facts,
                  struct guard_verdict *ret)
{
    char why[160], remedy[64], length[32];
    for (size_t i = 0; limits && i < rule->rate_count; i++) {
        const struct config_rate *rate = &rule->rates[i];
        struct key key = key_of(rule, "rate", rate->per, facts);
        struct limit_rate limit = rate_of(rule, rate, &key);
        nanos wait = limits_rate_wait(limits, &limit, facts->question->now);
        if (wait == 0)
            continue;
        snprintf(why, sizeof why, "its rate of %u in %s per %s is used up", rate->count,
                 time_length(rate->length, length, sizeof length), config_per_word(rate->per));
        nanos seconds = (wait + NANOS_PER_SECOND - 1) / NANOS_PER_SECOND;
        snprintf(remedy, sizeof remedy, "try again in %s",
                 time_length(seconds * NANOS_PER_SECOND, length, sizeof length));
        refuse_over(ret, rule, why, remedy);
        return false;
    }
    for (size_t i = 0; limits && i < rule->quota_count; i++) {
        const struct config_rate *quota = &rule->quotas[i];
        struct key key = key_of(rule, "quota", quota->per, facts);
        struct limit_quota limit = quota_of(rule, quota, &key, facts->question->now);
        if (limits_quota_left(limits, &limit) > 0)
            continue;
        snprintf(why, sizeof why, "its quota of %u a day per %s is used up", quota->count,
                 config_per_word(quota->per));
        snprintf(remedy, sizeof remedy, "it begins anew at midnight in %s", rule->hours.zone_name);
        refuse_over(ret, rule, why, remedy);
        return false;
    }
    return true;
}

void guard_count(struct limits *limits, const struct guard_rule *rule, const struct guard_facts *facts)
{
    for (size_t i = 0; limits && i < rule->rate_count; i++) {
        struct key key = key_of(rule, "rate", rule->rates[i].per, facts);
        struct limit_rate limit = rate_of(rule, &rule->rates[i], &key);
        limits_rate_take(limits, &limit, facts->question->now);
    }
    for (size_t i = 0; limits && i < rule->quota_count; i++) {
        struct key key = key_of(rule, "quota", rule->quotas[i].per, facts);
        struct limit_quota limit = quota_of(rule, &rule->quotas[i], &key, facts->question->now);
        limits_quota_take(limits, &limit);
    }
}

/* Names of rules have no space, so an account's key is none of theirs. */
static struct limit_quota account_quota(const struct guard_account *account, struct key *key, nanos now)
{
    *key = (struct key){.n = 0};
    key_add(key, SV("the account"));
    key_add(key, sv_of(account->name));
    return (struct limit_quota){.key = sv_make(key->text, key->n),
                                .count = account->quota,
                                .day = zone_time(account->hours.zone, now).day};
}

bool guard_account_within(const struct limits *limits, const struct guard_facts *facts,
                          struct guard_verdict *ret)
{
    const struct guard_account *account = facts->account;
    struct key key;
    if (!limits || !account || account->quota == 0)
        return true;
    struct limit_quota limit = account_quota(account, &key, facts->question->now);
    if (limits_quota_left(limits, &limit) > 0)
        return true;
    snprintf(ret->why, sizeof ret->why, "account %s has used up its quota of %u a day", account->name,
             account->quota);
    guard_refuse(ret, GUARD_DEFER, 451, "4.7.1",
                 "The quota of this account, %u a day, is used up; it begins "
                 "anew at midnight in %s",
                 account->quota, account->hours.zone_name);
    return false;
}

void guard_account_count(struct limits *limits, const struct guard_facts *facts)
{
    struct key key;
    if (!limits || !facts->account || facts->account->quota == 0)
        return;
    struct limit_quota limit = account_quota(facts->account, &key, facts->question->now);
    limits_quota_take(limits, &limit);
}
