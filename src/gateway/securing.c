#include "gateway/securing.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

/* MTA-STS wants to be asked before each delivery (RFC 8461 §5.1); resolvers remember for us. */
#define TTL_MOST  (300 * NANOS_PER_SECOND)
#define TTL_LEAST NANOS_PER_SECOND

enum { HEARD_MAX = SECURING_WHY_MAX - 160 }; /* beside the verdict */

struct securing {
    struct securing_setup setup;
    struct tls_facts facts;
    struct tlsa *tlsa;
    struct sts_question *question;
    struct loop_timer *end;
    struct tls_context *dane; /* made of the records */
    nanos ttl;
    char heard[HEARD_MAX]; /* what DNS or the policy's server said, if that was not well */
    securing_fn *fn;
    void *arg;
};

void securing_cancel(struct securing *securing)
{
    if (!securing)
        return;
    tlsa_cancel(securing->tlsa);
    sts_cancel(securing->question);
    loop_timer_free(securing->end);
    tls_context_free(securing->dane);
    free(securing);
}

static struct tls_context *context_of(const struct securing *securing, enum tls_level level)
{
    const struct route_hop *hop = &securing->setup.route->hops[0];
    switch (level) {
    case TLS_LEVEL_CLEAR:
    case TLS_LEVEL_REFUSED:
        return NULL;
    case TLS_LEVEL_OFFERED:
    case TLS_LEVEL_ENCRYPTED:
        return hop->anybody;
    case TLS_LEVEL_VERIFIED:
    case TLS_LEVEL_PINNED:
        return hop->tls;
    case TLS_LEVEL_DANE:
        return securing->dane;
    }
    abort();
}

static void finish(void *arg)
{
    struct securing *securing = arg;
    securing_fn *fn = securing->fn;
    void *fn_arg = securing->arg;
    struct tls_verdict verdict = tls_policy_decide(&securing->facts);
    struct secured secured = {.level = verdict.level, .status = verdict.status, .ttl = securing->ttl};
    bool refused = verdict.level == TLS_LEVEL_REFUSED;
    snprintf(secured.why, sizeof secured.why, "%s%s%s", verdict.why,
             refused && securing->heard[0] ? ": " : "", refused ? securing->heard : "");
    if (secured.ttl > TTL_MOST)
        secured.ttl = TTL_MOST;
    if (secured.ttl < TTL_LEAST)
        secured.ttl = TTL_LEAST;
    secured.tls = tls_context_keep(context_of(securing, verdict.level));
    assert(secured.tls || refused || verdict.level == TLS_LEVEL_CLEAR);
    securing_cancel(securing);
    fn(fn_arg, &secured);
}

/* --- The policy --- */

static void on_policy(void *arg, const struct mta_sts_policy *policy, const char *why)
{
    struct securing *securing = arg;
    securing->question = NULL;
    securing->facts.policy = policy != NULL;
    if (policy) {
        securing->facts.mode = policy->mode;
        securing->facts.allowed = mta_sts_policy_allows(policy, sv_of(securing->setup.host));
    }
    if (!securing->heard[0])
        sv_copy(securing->heard, sizeof securing->heard, sv_of(why));
    finish(securing);
}

/* Where it could change nothing, nobody is asked. */
static void ask_policy(struct securing *securing)
{
    const struct tls_facts *facts = &securing->facts;
    bool required = facts->wish == TLS_WISH_REQUIRED && !facts->listed_securely;
    bool decided = facts->records == TLS_RECORDS_LATER || facts->records == TLS_RECORDS_USABLE ||
                   facts->word == CONFIG_TLS_POLICY_DANE_ONLY;
    if (securing->setup.sts && (required || !decided))
        securing->question = sts_ask(securing->setup.sts, securing->setup.domain, on_policy, securing);
    else
        loop_timer_set(securing->end, 0);
}

/* --- The records --- */

/* RFC 7672 §3.2.2: under DANE-TA(2) the certificate may bear the recipient's domain as well. */
static void make_dane(struct securing *securing, const struct tlsa_found *found)
{
    const struct tls_dane dane = {found->base, securing->setup.domain, found->record, found->count};
    int made = tls_client_context(&(struct tls_trust){.dane = &dane}, &securing->dane, NULL);
    assert(made == 0);
}

static void on_records(void *arg, const struct tlsa_found *found)
{
    struct securing *securing = arg;
    securing->tlsa = NULL;
    securing->facts.records = found->records;
    securing->ttl = found->ttl;
    sv_copy(securing->heard, sizeof securing->heard, sv_of(found->why));
    if (found->records == TLS_RECORDS_USABLE)
        make_dane(securing, found);
    ask_policy(securing);
}

/* Of a server that is not vouched for to be the domain's, records would vouch for nothing (§2.2.1). */
static bool may_have_records(const struct tls_facts *facts)
{
    return facts->listed_securely &&
           (facts->wish != TLS_WISH_OPTIONAL || facts->word == CONFIG_TLS_POLICY_DANE_ONLY);
}

struct securing *securing_start(const struct securing_setup *setup, securing_fn *fn, void *arg)
{
    struct securing *securing = calloc(1, sizeof *securing);
    assert(securing && setup->route->kind == ROUTE_MX);
    *securing = (struct securing){.setup = *setup, .ttl = TTL_MOST, .fn = fn, .arg = arg};
    securing->end = loop_timer_new(setup->loop, finish, securing);
    securing->facts = (struct tls_facts){.word = setup->route->tls,
                                         .pinned = setup->route->pinned,
                                         .wish = setup->wish,
                                         .listed_securely = setup->listed_securely};
    const struct tls_facts *facts = &securing->facts;
    const struct tlsa_host host = {.name = setup->host,
                                   .canonical = setup->canonical,
                                   .port = setup->route->hops[0].gateway.port,
                                   .address_securely = setup->address_securely};
    if (facts->pinned || facts->word == CONFIG_TLS_POLICY_NONE)
        loop_timer_set(securing->end, 0);
    else if (may_have_records(facts))
        securing->tlsa = tlsa_ask(setup->loop, setup->asker, &host, on_records, securing);
    else if (facts->wish == TLS_WISH_OPTIONAL)
        loop_timer_set(securing->end, 0);
    else
        ask_policy(securing);
    return securing;
}
