#include "gateway/tls_policy.h"

#include <stdlib.h>

static struct tls_verdict decided(enum tls_level level, const char *why)
{
    return (struct tls_verdict){.level = level, .why = why};
}

static struct tls_verdict refused(const char *status, const char *why)
{
    return (struct tls_verdict){.level = TLS_LEVEL_REFUSED, .why = why, .status = status};
}

/* What the route asks for where the domain publishes nothing. */
static struct tls_verdict by_word(const struct tls_facts *facts)
{
    switch (facts->word) {
    case CONFIG_TLS_POLICY_NONE:
        return decided(TLS_LEVEL_CLEAR, "the route says tls: none");
    case CONFIG_TLS_POLICY_OPPORTUNISTIC:
        return decided(TLS_LEVEL_OFFERED, "the route says tls: opportunistic");
    case CONFIG_TLS_POLICY_REQUIRED:
        return decided(TLS_LEVEL_ENCRYPTED, "the route says tls: required");
    case CONFIG_TLS_POLICY_VERIFIED:
        return decided(TLS_LEVEL_VERIFIED, "the route says tls: verified");
    case CONFIG_TLS_POLICY_DANE_ONLY:
        return refused("4.7.5",
                       "the route says tls: dane-only, and DNSSEC vouches for no TLSA records that can "
                       "verify the server");
    }
    abort();
}

/* RFC 7672 §2.2: nobody to verify, but somebody to encrypt to. */
static struct tls_verdict at_least_encrypted(struct tls_verdict verdict)
{
    return verdict.level == TLS_LEVEL_OFFERED
               ? decided(TLS_LEVEL_ENCRYPTED, "the server's TLSA records say that it has TLS")
               : verdict;
}

/* DANE goes before MTA-STS (RFC 8461 §2). */
static struct tls_verdict by_what_is_published(const struct tls_facts *facts)
{
    bool enforced = facts->policy && facts->mode == MTA_STS_ENFORCE;
    if (facts->records == TLS_RECORDS_LATER)
        return refused("4.7.5", "DNS does not say now whether the server has TLSA records");
    if (facts->records == TLS_RECORDS_USABLE)
        return decided(TLS_LEVEL_DANE, "the server has TLSA records");
    if (facts->word == CONFIG_TLS_POLICY_DANE_ONLY)
        return by_word(facts);
    if (enforced && !facts->allowed)
        return refused("4.7.5", "the domain's MTA-STS policy does not allow this server");
    if (enforced)
        return decided(TLS_LEVEL_VERIFIED, "the domain has an MTA-STS policy");
    return facts->records == TLS_RECORDS_UNUSABLE ? at_least_encrypted(by_word(facts)) : by_word(facts);
}

static struct tls_verdict usual(const struct tls_facts *facts)
{
    struct tls_facts kept = *facts;
    if (facts->pinned)
        return decided(TLS_LEVEL_PINNED, "the route has a pin");
    if (facts->word == CONFIG_TLS_POLICY_NONE)
        return by_word(facts);
    /* What the configuration asks for itself stands. */
    if (facts->wish == TLS_WISH_OPTIONAL && facts->word != CONFIG_TLS_POLICY_DANE_ONLY) {
        kept.records = TLS_RECORDS_NONE;
        kept.policy = false;
    }
    return by_what_is_published(&kept);
}

/* RFC 8689 §4.2.1: verified, and under a name that somebody vouches for. */
static struct tls_verdict required(const struct tls_facts *facts)
{
    struct tls_verdict verdict = usual(facts);
    bool named = facts->listed_securely || facts->pinned ||
                 (facts->policy && facts->mode != MTA_STS_NONE && facts->allowed);
    switch (verdict.level) {
    case TLS_LEVEL_CLEAR:
        return refused("5.7.10", "the message requires TLS, and the route says tls: none");
    case TLS_LEVEL_REFUSED:
        if (facts->records != TLS_RECORDS_LATER)
            verdict.status = "5.7.10";
        return verdict;
    case TLS_LEVEL_OFFERED:
    case TLS_LEVEL_ENCRYPTED:
        verdict = decided(TLS_LEVEL_VERIFIED, "the message requires TLS");
        break;
    case TLS_LEVEL_VERIFIED:
    case TLS_LEVEL_PINNED:
    case TLS_LEVEL_DANE:
        break;
    }
    return named ? verdict
                 : refused("5.7.10",
                           "the message requires TLS, and neither DNSSEC nor an MTA-STS policy vouches "
                           "for the server's name");
}

struct tls_verdict tls_policy_decide(const struct tls_facts *facts)
{
    return facts->wish == TLS_WISH_REQUIRED ? required(facts) : usual(facts);
}

const char *tls_level_name(enum tls_level level)
{
    switch (level) {
    case TLS_LEVEL_CLEAR:
        return "clear";
    case TLS_LEVEL_OFFERED:
        return "opportunistic";
    case TLS_LEVEL_ENCRYPTED:
        return "required";
    case TLS_LEVEL_VERIFIED:
        return "verified";
    case TLS_LEVEL_PINNED:
        return "pinned";
    case TLS_LEVEL_DANE:
        return "dane";
    case TLS_LEVEL_REFUSED:
        return "refused";
    }
    abort();
}
