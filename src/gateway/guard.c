#include "gateway/guard.h"

#include "gateway/guard_private.h"

#include <stdarg.h>
#include <stdio.h>

#define local_rule   guard_other_name(GUARD_OTHER_LOCAL)
#define default_rule guard_other_name(GUARD_OTHER_DEFAULT)
#define address_rule guard_other_name(GUARD_OTHER_ADDRESS)
#define account_rule guard_other_name(GUARD_OTHER_ACCOUNT)

void guard_refuse(struct guard_verdict *verdict, enum guard_action action, int code, const char *enhanced,
                  const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(verdict->text, sizeof verdict->text, fmt, args);
    va_end(args);
    for (char *p = verdict->text; *p; p++)
        if (*p < 0x20 || *p == 0x7f)
            *p = '?';
    verdict->action = action;
    verdict->code = code;
    sv_copy(verdict->enhanced, sizeof verdict->enhanced, sv_of(enhanced));
}

__attribute__((format(printf, 2, 3))) static void because(struct guard_verdict *verdict, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(verdict->why, sizeof verdict->why, fmt, args);
    va_end(args);
}

static bool takes(enum guard_action action)
{
    return action == GUARD_ACCEPT || action == GUARD_QUARANTINE || action == GUARD_REDIRECT;
}

/* --- What no rule can allow --- */

/* "u%v@gw", "v!u@gw" and "\"u@v\"@gw" ask to be passed on behind our back; an address literal names a
 * machine, past every rule that speaks of domains. */
static bool address_refused(const struct guard_facts *facts, struct guard_verdict *ret)
{
    if (facts->question->stage < GUARD_RCPT || !(facts->route_hidden || facts->literal))
        return false;
    const char *why = facts->route_hidden ? "a route is hidden in the recipient's address"
                                          : "the recipient's domain is an IP address";
    ret->rule = address_rule;
    because(ret, "%s", why);
    guard_refuse(ret, GUARD_REJECT, 554, "5.7.1", "Relay access denied: %s; write user@domain", why);
    return true;
}

/* --- Accounts' own bounds --- */

static bool account_out_of_bounds(const struct guard_account *account, const struct guard_facts *facts,
                                  struct guard_verdict *ret)
{
    char text[16];
    ret->rule = account_rule;
    if (!guard_networks_contain(&account->networks, facts, NULL)) {
        because(ret, "account %s may not be used from %.*s", account->name,
                SV_ARG(facts->question->client_ip));
        guard_refuse(ret, GUARD_REJECT, 550, "5.7.1", "This account may not be used from your address");
        return true;
    }
    if (!guard_hours_contain(&account->hours, facts->question->now)) {
        struct zone_time time = zone_time(account->hours.zone, facts->question->now);
        because(ret, "account %s may send at %s, and it is %s in %s", account->name, account->hours.text,
                zone_text(&time, text, sizeof text), account->hours.zone_name);
        guard_refuse(ret, GUARD_REJECT, 550, "5.7.1", "This account may send at %s (%s) only",
                     account->hours.text, account->hours.zone_name);
        return true;
    }
    return false;
}

static bool account_refused(const struct limits *limits, const struct guard_facts *facts,
                            struct guard_verdict *ret)
{
    const struct guard_account *account = facts->account;
    if (!account)
        return false;
    if (account_out_of_bounds(account, facts, ret))
        return true;
    if (account->senders.count && !config_mailbox_listed(&account->senders, facts->sender)) {
        because(ret, "sender %.*s does not belong to account %s", SV_ARG(facts->sender), account->name);
        guard_refuse(ret, GUARD_REJECT, 553, "5.7.1",
                     "Sender address not owned by this account: use one of its own");
        return true;
    }
    return facts->question->stage >= GUARD_RCPT && !guard_account_within(limits, facts, ret);
}

bool guard_admits(const struct guard *guard, sv account, sv client_ip, nanos now, struct guard_verdict *ret)
{
    const struct guard_question question = {.now = now, .client_ip = client_ip, .account = account};
    struct guard_facts facts;
    *ret = (struct guard_verdict){.action = GUARD_ACCEPT, .rule = account_rule};
    guard_facts(guard, &question, &facts);
    if (!facts.account) {
        because(ret, "there is no account %.*s", SV_ARG(sv_first(account, GUARD_WHY_MAX / 2)));
        guard_refuse(ret, GUARD_REJECT, 535, "5.7.8", "Authentication failed");
        return false;
    }
    return !account_out_of_bounds(facts.account, &facts, ret);
}

/* --- One rule's verdict --- */

/* "*@domain" keeps what stands before the "@". What would be longer than a path may be is left as it is. */
static void rewrite_as(sv to, sv local, char ret[static SMTP_PATH_MAX + 1])
{
    bool keeps = sv_starts(to, SV("*@"));
    sv rest = keeps ? sv_from(to, 1) : to;
    if ((keeps ? local.n : 0) + rest.n > SMTP_PATH_MAX)
        return;
    size_t n = keeps ? sv_copy(ret, SMTP_PATH_MAX + 1, local) : 0;
    sv_copy(ret + n, SMTP_PATH_MAX + 1 - n, rest);
}

/* The first rewriting whose pattern holds. */
static void rewrite(const struct guard_rule *rule, const struct guard_facts *facts, struct guard_verdict *ret)
{
    for (size_t i = 0; i < rule->rewrite.count; i++) {
        struct config_rewrite one;
        if (config_rewrite_parse(sv_of(rule->rewrite.items[i]), &one) &&
            config_mailbox_matches(one.from, facts->recipient)) {
            rewrite_as(one.to, facts->local, ret->recipient);
            return;
        }
    }
}

static void fill_options(const struct guard_rule *rule, const struct guard_facts *facts,
                         struct guard_verdict *ret)
{
    ret->options = (struct guard_options){.bare_lf = rule->bare_lf,
                                          .clean_header = rule->clean_header,
                                          .sender = rule->send_as,
                                          .tag = rule->tag,
                                          .route = rule->route};
    if (facts->question->stage >= GUARD_RCPT)
        rewrite(rule, facts, ret);
    if (rule->action == GUARD_REDIRECT) {
        sv_copy(ret->recipient, sizeof ret->recipient, sv_of(rule->redirect));
    }
}

static void decide_by(const struct guard_rule *rule, const struct guard_facts *facts,
                      struct guard_verdict *ret)
{
    ret->rule = rule->name;
    ret->file = rule->file;
    ret->line = rule->line;
    ret->action = rule->action;
    because(ret, "rule %s, whose conditions all hold", rule->name);
    if (rule->action == GUARD_REJECT)
        guard_refuse(ret, GUARD_REJECT, 550, "5.7.1", "%s (rule %s)", rule->text, rule->name);
    else if (rule->action == GUARD_DEFER)
        guard_refuse(ret, GUARD_DEFER, 451, "4.7.1", "%s (rule %s)", rule->text, rule->name);
    else
        fill_options(rule, facts, ret);
}

/* --- The walk --- */

/* What the rules may come to while some condition is not known yet. */
struct walk {
    const struct guard *guard;
    const struct limits *limits;
    const struct guard_facts *facts;
    guard_explain_fn *fn;
    void *arg;
    bool perhaps;                     /* a rule before the deciding one may still decide */
    bool takes, rejects, defers;      /* what those rules would do */
    bool strict_lf;                   /* one of those that take does not want bare LFs */
    const struct guard_rule *decided; /* NULL: none of the rules */
    /* The rule that came nearest and would have taken it, for the remedy. */
    const struct guard_rule *nearest;
    enum guard_condition nearest_failed;
    struct guard_why nearest_why;
};

static void note(struct walk *walk, enum guard_action action, bool bare_lf)
{
    walk->perhaps = true;
    walk->takes |= takes(action);
    walk->rejects |= action == GUARD_REJECT;
    walk->defers |= action == GUARD_DEFER;
    walk->strict_lf |= takes(action) && !bare_lf;
}

static void tell(const struct walk *walk, const struct guard_rule *rule, enum guard_match match,
                 const char *why)
{
    if (walk->fn)
        walk->fn(walk->arg, rule->name, rule->file, rule->line, match, why);
}

/* Whoever stands outside a rule's networks is told nothing of it; a rule for everybody is nobody's own. */
static void note_near(struct walk *walk, const struct guard_rule *rule, enum guard_condition failed,
                      const struct guard_why *why)
{
    bool own = rule->networks.count > 0 || rule->accounts.count > 0 || rule->certificates.count > 0;
    bool near = own && failed > GUARD_ON_listeners &&
                (rule->action == GUARD_ACCEPT || rule->action == GUARD_REDIRECT);
    if (!near || (walk->nearest && failed <= walk->nearest_failed))
        return;
    walk->nearest = rule;
    walk->nearest_failed = failed;
    walk->nearest_why = *why;
}

/* True when this rule decides, with its limits' word in *ret if they are reached. */
static bool look_at(struct walk *walk, const struct guard_rule *rule, struct guard_verdict *ret)
{
    enum guard_condition failed = GUARD_CONDITION_COUNT;
    struct guard_why why;
    enum guard_match match = guard_rule_match(rule, walk->facts, &failed, &why);
    if (match == GUARD_NO) {
        note_near(walk, rule, failed, &why);
        tell(walk, rule, GUARD_NO, why.text);
        return false;
    }
    struct guard_verdict over = {.action = GUARD_LATER};
    bool counted = takes(rule->action) && walk->facts->question->stage >= GUARD_RCPT;
    if (counted && !guard_within(walk->limits, rule, walk->facts, &over) && rule->over == CONFIG_OVER_NEXT) {
        tell(walk, rule, GUARD_NO, over.why);
        return false;
    }
    tell(walk, rule, match, over.why[0] ? over.why : why.text);
    if (match == GUARD_PERHAPS) {
        note(walk, over.action == GUARD_LATER ? rule->action : over.action, rule->bare_lf);
        return false;
    }
    decide_by(rule, walk->facts, ret);
    if (over.action != GUARD_LATER) {
        ret->options = (struct guard_options){0};
        ret->action = over.action;
        ret->code = over.code;
        memcpy(ret->enhanced, over.enhanced, sizeof ret->enhanced);
        memcpy(ret->text, over.text, sizeof ret->text);
        because(ret, "rule %s: %s", rule->name, over.why);
    }
    walk->decided = rule;
    return true;
}

/* Mail for our own domains from this machine: the way of a first start, which needs no rule. */
static bool local_allows(struct walk *walk, struct guard_verdict *ret)
{
    const struct guard_facts *facts = walk->facts;
    if (!facts->loopback || walk->guard->domains.count == 0)
        return false;
    bool known = facts->question->stage >= GUARD_RCPT, ours = facts->domain.n == 0;
    for (size_t i = 0; i < walk->guard->domains.count; i++)
        ours |= sv_ieq(sv_of(walk->guard->domains.items[i]), facts->domain);
    if (known && !ours)
        return false;
    if (!known)
        note(walk, GUARD_ACCEPT, false);
    ret->rule = local_rule;
    ret->action = GUARD_ACCEPT;
    because(ret, "mail from this machine for a domain of relay.domains");
    return known;
}

static void remedy(const struct walk *walk, struct guard_verdict *ret)
{
    const struct guard_rule *rule = walk->nearest;
    switch (walk->nearest_failed) {
    case GUARD_ON_identity:
        guard_refuse(ret, GUARD_REJECT, 530, "5.7.0", "Authentication required (rule %s)", rule->name);
        break;
    case GUARD_ON_tls:
        guard_refuse(ret, GUARD_REJECT, 530, "5.7.0", "Must issue a STARTTLS command first: rule %s wants %s",
                     rule->name,
                     rule->tls <= 1        ? "TLS"
                     : rule->tls == 0x0303 ? "TLS 1.2"
                                           : "TLS 1.3");
        break;
    case GUARD_ON_hours:
        guard_refuse(ret, GUARD_REJECT, 550, "5.7.1", "Rule %s takes mail at %s (%s) only", rule->name,
                     rule->hours.text, rule->hours.zone_name);
        break;
    case GUARD_ON_size:
        guard_refuse(ret, GUARD_REJECT, 552, "5.3.4", "Rule %s takes at most %llu bytes", rule->name,
                     (unsigned long long)rule->size);
        break;
    case GUARD_ON_senders:
        guard_refuse(ret, GUARD_REJECT, 553, "5.7.1", "Rule %s does not take mail from this sender address",
                     rule->name);
        break;
    case GUARD_ON_recipients:
    case GUARD_ON_domains:
        guard_refuse(ret, GUARD_REJECT, 550, "5.7.1",
                     "Relay access denied: rule %s does not take mail for this recipient", rule->name);
        break;
    case GUARD_ON_headers:
        guard_refuse(ret, GUARD_REJECT, 550, "5.7.1", "Rule %s: %s", rule->name, walk->nearest_why.text);
        break;
    case GUARD_ON_networks:
    case GUARD_ON_listeners:
    case GUARD_CONDITION_COUNT:
        break;
    }
}

static void deny(const struct walk *walk, struct guard_verdict *ret)
{
    ret->rule = default_rule;
    ret->options = (struct guard_options){0};
    guard_refuse(
        ret, GUARD_REJECT, 550, "5.7.1",
        "Relay access denied: no rule lets %.*s send this; its administrator can add one to relay.rules",
        SV_ARG(sv_first(walk->facts->question->client_ip, 64)));
    if (walk->nearest) {
        because(ret, "no rule allows it; %s came nearest, but %s", walk->nearest->name,
                walk->nearest_why.text);
        remedy(walk, ret);
    } else {
        because(ret, walk->guard->rule_count ? "no rule allows it, and without one nothing passes"
                                             : "there are no rules, and without one nothing passes");
    }
}

/* Refusals are only given early when nothing else can come of it. */
static void settle(const struct walk *walk, struct guard_verdict *ret)
{
    bool may_be_taken = walk->takes || takes(ret->action);
    bool mixed =
        (walk->rejects || ret->action == GUARD_REJECT) && (walk->defers || ret->action == GUARD_DEFER);
    bool at_mail = walk->facts->question->stage == GUARD_MAIL;
    if (at_mail ? !may_be_taken && !mixed : !walk->perhaps || (!may_be_taken && !mixed))
        return;
    bool bare_lf = !walk->strict_lf && (walk->takes || takes(ret->action)) &&
                   (!takes(ret->action) || ret->options.bare_lf);
    *ret = (struct guard_verdict){.action = GUARD_LATER, .rule = default_rule, .options.bare_lf = bare_lf};
    because(ret, "nothing against it so far");
}

static void count(const struct walk *walk, struct limits *limits, const struct guard_verdict *verdict)
{
    if (!takes(verdict->action) || walk->facts->question->stage == GUARD_MAIL)
        return;
    guard_account_count(limits, walk->facts);
    if (walk->decided)
        guard_count(limits, walk->decided, walk->facts);
}

/* An address without a domain goes nowhere; only the postmaster may have one. */
static void name_postmaster(const struct walk *walk, struct guard_verdict *ret)
{
    if (takes(ret->action) && !ret->recipient[0] && sv_ieq(walk->facts->recipient, SV("postmaster")))
        sv_copy(ret->recipient, sizeof ret->recipient, sv_of(walk->guard->postmaster));
}

static void decide(struct walk *walk, struct guard_verdict *ret)
{
    *ret = (struct guard_verdict){.action = GUARD_LATER};
    if (guard_listener_refuses(walk->guard, walk->facts, ret) || address_refused(walk->facts, ret) ||
        account_refused(walk->limits, walk->facts, ret))
        return;
    bool decided = false;
    for (size_t i = 0; !decided && i < walk->guard->rule_count; i++)
        decided = look_at(walk, &walk->guard->rules[i], ret);
    if (!decided && !local_allows(walk, ret))
        deny(walk, ret);
    name_postmaster(walk, ret);
    settle(walk, ret);
}

void guard_ask(const struct guard *guard, struct limits *limits, const struct guard_question *question,
               struct guard_verdict *ret)
{
    struct guard_facts facts;
    guard_facts(guard, question, &facts);
    struct walk walk = {.guard = guard, .limits = limits, .facts = &facts};
    decide(&walk, ret);
    count(&walk, limits, ret);
    if (ret->action != GUARD_LATER)
        guard_hit(guard, ret);
}

void guard_explain(const struct guard *guard, const struct limits *limits,
                   const struct guard_question *question, guard_explain_fn *fn, void *arg,
                   struct guard_verdict *ret)
{
    struct guard_facts facts;
    guard_facts(guard, question, &facts);
    struct walk walk = {.guard = guard, .limits = limits, .facts = &facts, .fn = fn, .arg = arg};
    decide(&walk, ret);
}
