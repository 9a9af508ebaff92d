/* Whether a rule's conditions hold, one function each, and why not in a sentence. */
#include "gateway/guard_private.h"
#include "wire/mail_field.h"

#include <assert.h>
#include <gmime/gmime.h>
#include <stdarg.h>
#include <stdio.h>

enum { SHOWN_MAX = 80, HEADER_FIELDS_MAX = 2000 };

void guard_say(struct guard_why *why, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(why->text, sizeof why->text, fmt, args);
    va_end(args);
}

/* As much of an outside text as a sentence should carry. */
static sv shown(sv text)
{
    return text.n ? sv_first(text, SHOWN_MAX) : SV("<>");
}

static void recipient_facts(sv recipient, struct guard_facts *ret)
{
    struct smtp_address parts;
    if (smtp_address_parse(recipient, &parts) == SMTP_ADDRESS_NONE) {
        ret->local = parts.local;
        ret->domain = parts.domain;
        ret->literal = parts.literal;
    } else {
        ret->local = recipient;
    }
    for (size_t i = 0; i < ret->local.n; i++)
        if (ret->local.p[i] == '%' || ret->local.p[i] == '!' || ret->local.p[i] == '@')
            ret->route_hidden = true;
}

void guard_facts(const struct guard *guard, const struct guard_question *question, struct guard_facts *ret)
{
    static const struct config_network loopback4 = {{[10] = 0xff, [11] = 0xff, [12] = 127}, 104};
    static const struct config_network loopback6 = {{[15] = 1}, 128};
    *ret = (struct guard_facts){.question = question};
    ret->sender = smtp_address_ascii(question->sender, ret->sender_text);
    ret->has_client = config_address_parse(question->client_ip, ret->client);
    ret->loopback = ret->has_client && (config_network_contains(&loopback4, ret->client) ||
                                        config_network_contains(&loopback6, ret->client));
    if (question->stage >= GUARD_RCPT) {
        ret->recipient = smtp_address_ascii(question->recipient, ret->recipient_text);
        recipient_facts(ret->recipient, ret);
    }
    if (question->account.n)
        ret->account = guard_account_of(guard, question->account);
}

bool guard_networks_contain(const struct guard_networks *networks, const struct guard_facts *facts,
                            const char **ret_text)
{
    for (size_t i = 0; facts->has_client && i < networks->count; i++)
        if (config_network_contains(&networks->items[i], facts->client)) {
            if (ret_text)
                *ret_text = networks->texts[i];
            return true;
        }
    return networks->count == 0;
}

bool guard_hours_contain(const struct guard_hours *hours, nanos now)
{
    if (hours->count == 0)
        return true;
    struct zone_time time = zone_time(hours->zone, now);
    for (size_t i = 0; i < hours->count; i++)
        if (config_hours_contain(&hours->spans[i], time.weekday, time.minute))
            return true;
    return false;
}

static bool listed(const struct config_strings *list, sv text)
{
    for (size_t i = 0; i < list->count; i++)
        if (sv_eq(sv_of(list->items[i]), text))
            return true;
    return false;
}

/* --- One function per condition: only asked when the rule has it --- */

static enum guard_match on_networks(const struct guard_rule *rule, const struct guard_facts *facts,
                                    struct guard_why *why)
{
    if (guard_networks_contain(&rule->networks, facts, NULL))
        return GUARD_YES;
    guard_say(why, "the client %.*s is in none of its networks", SV_ARG(shown(facts->question->client_ip)));
    return GUARD_NO;
}

static enum guard_match on_listeners(const struct guard_rule *rule, const struct guard_facts *facts,
                                     struct guard_why *why)
{
    sv listener = facts->question->listener;
    if (listed(&rule->listeners, listener))
        return GUARD_YES;
    guard_say(why, "the session is at %.*s, not at one of its listeners",
              SV_ARG(listener.n ? shown(listener) : SV("an address that is not known")));
    return GUARD_NO;
}

static bool certificate_listed(const struct config_strings *list, const struct guard_question *question)
{
    for (size_t i = 0; question->certificate_fingerprint.n && i < list->count; i++) {
        sv item = sv_of(list->items[i]);
        bool pin = sv_istarts(item, SV("sha256:"));
        if (pin ? sv_ieq(item, question->certificate_fingerprint)
                : config_glob(item, question->certificate_subject))
            return true;
    }
    return false;
}

static enum guard_match on_identity(const struct guard_rule *rule, const struct guard_facts *facts,
                                    struct guard_why *why)
{
    const struct guard_question *question = facts->question;
    bool account = question->account.n &&
                   (listed(&rule->accounts, question->account) || listed(&rule->accounts, SV("*")));
    if (account || certificate_listed(&rule->certificates, question))
        return GUARD_YES;
    if (question->account.n)
        guard_say(why, "account %.*s is none of its accounts", SV_ARG(shown(question->account)));
    else if (question->certificate_fingerprint.n)
        guard_say(why, "certificate %.*s is none of its certificates",
                  SV_ARG(shown(question->certificate_subject)));
    else
        guard_say(why, "the client has not authenticated");
    return GUARD_NO;
}

static enum guard_match on_senders(const struct guard_rule *rule, const struct guard_facts *facts,
                                   struct guard_why *why)
{
    if (config_mailbox_listed(&rule->senders, facts->sender))
        return GUARD_YES;
    guard_say(why, "sender %.*s is none of its senders", SV_ARG(shown(facts->sender)));
    return GUARD_NO;
}

static enum guard_match on_recipients(const struct guard_rule *rule, const struct guard_facts *facts,
                                      struct guard_why *why)
{
    if (facts->question->stage < GUARD_RCPT) {
        guard_say(why, "the recipient is not known yet");
        return GUARD_PERHAPS;
    }
    if (config_mailbox_listed(&rule->recipients, facts->recipient))
        return GUARD_YES;
    guard_say(why, "recipient %.*s is none of its recipients", SV_ARG(shown(facts->recipient)));
    return GUARD_NO;
}

static enum guard_match on_domains(const struct guard_rule *rule, const struct guard_facts *facts,
                                   struct guard_why *why)
{
    if (facts->question->stage < GUARD_RCPT) {
        guard_say(why, "the recipient is not known yet");
        return GUARD_PERHAPS;
    }
    for (size_t i = 0; i < rule->domains.count; i++)
        if (config_domain_matches(sv_of(rule->domains.items[i]), facts->domain))
            return GUARD_YES;
    guard_say(why, "%.*s is none of its domains",
              SV_ARG(facts->domain.n ? shown(facts->domain) : SV("a recipient without domain")));
    return GUARD_NO;
}

static enum guard_match on_tls(const struct guard_rule *rule, const struct guard_facts *facts,
                               struct guard_why *why)
{
    unsigned tls = facts->question->tls;
    if (tls >= rule->tls)
        return GUARD_YES;
    const char *least = rule->tls <= 1 ? "TLS" : rule->tls == 0x0303 ? "TLS 1.2" : "TLS 1.3";
    guard_say(why, "the session is %s, and it wants %s", tls ? "TLS of an older version" : "in the clear",
              least);
    return GUARD_NO;
}

static enum guard_match on_hours(const struct guard_rule *rule, const struct guard_facts *facts,
                                 struct guard_why *why)
{
    char text[16];
    if (guard_hours_contain(&rule->hours, facts->question->now))
        return GUARD_YES;
    struct zone_time time = zone_time(rule->hours.zone, facts->question->now);
    guard_say(why, "it is %s in %s, and its hours are %s", zone_text(&time, text, sizeof text),
              rule->hours.zone_name, rule->hours.text);
    return GUARD_NO;
}

static enum guard_match on_size(const struct guard_rule *rule, const struct guard_facts *facts,
                                struct guard_why *why)
{
    const struct guard_question *question = facts->question;
    if (question->size > rule->size) {
        guard_say(why, "the message has %llu bytes, and it takes %llu", (unsigned long long)question->size,
                  (unsigned long long)rule->size);
        return GUARD_NO;
    }
    if (question->stage == GUARD_CONTENT)
        return GUARD_YES;
    guard_say(why, "the size is known when the message is there");
    return GUARD_PERHAPS;
}

/* What encoded words (RFC 2047) stand for, as a reader sees it. */
static bool decoded_matches(sv glob, const char *flat)
{
    char *text = g_mime_utils_header_decode_text(NULL, flat);
    bool matches = text && config_glob(glob, sv_of(text));
    g_free(text);
    return matches;
}

/* Folds are taken out for the match, and encoded words are read: neither hides anything. A value past the
 * pattern's reach is cut. */
static bool value_matches(sv glob, sv value)
{
    enum { VALUE_BYTES_MAX = 4096 };
    char flat[VALUE_BYTES_MAX + 1];
    size_t n = 0;
    for (size_t i = 0; i < value.n && n < VALUE_BYTES_MAX; i++)
        if (value.p[i] != '\r' && value.p[i] != '\n' && value.p[i] != '\0')
            flat[n++] = value.p[i];
    flat[n] = '\0';
    return config_glob(glob, sv_make(flat, n)) || (strstr(flat, "=?") && decoded_matches(glob, flat));
}

static bool header_holds(const struct config_header_pattern *pattern, sv header)
{
    struct mail_field field;
    bool there = false;
    for (size_t i = 0; i < HEADER_FIELDS_MAX && mail_field_next(&header, &field); i++) {
        if (!sv_ieq(sv_trim(field.name), pattern->name))
            continue;
        there = true;
        if (pattern->glob.p && value_matches(pattern->glob, field.value))
            return true;
    }
    return pattern->glob.p ? false : there != pattern->absent;
}

static enum guard_match on_headers(const struct guard_rule *rule, const struct guard_facts *facts,
                                   struct guard_why *why)
{
    if (facts->question->stage < GUARD_HEADER) {
        guard_say(why, "the header is not known yet");
        return GUARD_PERHAPS;
    }
    for (size_t i = 0; i < rule->headers.count; i++) {
        struct config_header_pattern pattern;
        bool ok = config_header_pattern_parse(sv_of(rule->headers.items[i]), &pattern);
        assert(ok);
        if (header_holds(&pattern, facts->question->header))
            continue;
        guard_say(why, "the header does not meet \"%.*s\"", SV_ARG(shown(sv_of(rule->headers.items[i]))));
        return GUARD_NO;
    }
    return GUARD_YES;
}

static bool has_condition(const struct guard_rule *rule, enum guard_condition condition)
{
    switch (condition) {
    case GUARD_ON_networks:
        return rule->networks.count > 0;
    case GUARD_ON_listeners:
        return rule->listeners.count > 0;
    case GUARD_ON_identity:
        return rule->accounts.count > 0 || rule->certificates.count > 0;
    case GUARD_ON_senders:
        return rule->senders.count > 0;
    case GUARD_ON_recipients:
        return rule->recipients.count > 0;
    case GUARD_ON_domains:
        return rule->domains.count > 0;
    case GUARD_ON_tls:
        return rule->tls > 0;
    case GUARD_ON_hours:
        return rule->hours.count > 0;
    case GUARD_ON_size:
        return rule->size > 0;
    case GUARD_ON_headers:
        return rule->headers.count > 0;
    case GUARD_CONDITION_COUNT:
        break;
    }
    return false;
}

enum guard_match guard_rule_match(const struct guard_rule *rule, const struct guard_facts *facts,
                                  enum guard_condition *ret_failed, struct guard_why *why)
{
    static enum guard_match (*const conditions[])(const struct guard_rule *, const struct guard_facts *,
                                                  struct guard_why *) = {
#define X(name) [GUARD_ON_##name] = on_##name,
        GUARD_CONDITIONS(X)
#undef X
    };
    enum guard_match match = GUARD_YES;
    guard_say(why, "all its conditions hold");
    for (unsigned i = 0; i < GUARD_CONDITION_COUNT; i++) {
        struct guard_why found;
        enum guard_match one =
            has_condition(rule, (enum guard_condition)i) ? conditions[i](rule, facts, &found) : GUARD_YES;
        if (one == GUARD_YES)
            continue;
        if (one == GUARD_NO || match == GUARD_YES)
            *why = found;
        match = one;
        if (one == GUARD_NO) {
            *ret_failed = (enum guard_condition)i;
            return GUARD_NO;
        }
    }
    return match;
}
