#include "gateway/lookup.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define TTL_MIN    (1 * NANOS_PER_SECOND)
#define TTL_MAX    (3600 * NANOS_PER_SECOND)
#define TTL_UNSURE (60 * NANOS_PER_SECOND) /* some of what was asked got no answer */

enum { V6, V4, FAMILIES };

/* The addresses of one family of one host. */
struct family {
    struct host *host;
    struct question *question; /* NULL: answered, or never asked */
    bool secure;
    struct address addresses[LOOKUP_FAMILY_MAX];
    enum place places[LOOKUP_FAMILY_MAX];
    size_t count;
};

struct host {
    struct lookup *lookup;
    const struct route_hop *of;
    char name[MX_NAME_MAX]; /* "": its address is configured */
    char canonical[MX_NAME_MAX];
    int preference;
    struct family families[FAMILIES];
};

struct lookup {
    struct lookup_setup setup;
    lookup_fn *fn;
    void *arg;
    struct question *mx;
    struct loop_timer *at_once; /* where nothing has to be asked */
    struct host *hosts;         /* once it is known how many: many lookups wait in line for that */
    size_t host_count, open;    /* questions on hosts */
    bool listed_securely, implicit, unsure, bogus;
    char trouble[DNS_WHY_MAX]; /* of a question without an answer */
    nanos ttl;
    struct lookup_result *result; /* NULL: nothing is decided yet */
};

static_assert((int)MX_HOSTS_MAX >= (int)ROUTE_HOPS_MAX, "a route's smarthosts fit");

static void lookup_free(struct lookup *lookup)
{
    question_cancel(lookup->mx);
    for (size_t i = 0; i < lookup->host_count; i++)
        for (size_t j = 0; j < FAMILIES; j++)
            question_cancel(lookup->hosts[i].families[j].question);
    loop_timer_free(lookup->at_once);
    free(lookup->hosts);
    free(lookup->result);
    free(lookup);
}

static struct lookup_result *result_of(struct lookup *lookup)
{
    if (!lookup->result)
        lookup->result = calloc(1, sizeof *lookup->result);
    assert(lookup->result);
    return lookup->result;
}

static void tell(struct lookup *lookup)
{
    result_of(lookup)->bogus = lookup->bogus;
    lookup->fn(lookup->arg, lookup->result);
    lookup_free(lookup);
}

__attribute__((format(printf, 4, 5))) static void decide(struct lookup *lookup, enum mx_verdict verdict,
                                                         const char *status, const char *fmt, ...)
{
    struct lookup_result *result = result_of(lookup);
    va_list args;
    result->verdict = verdict;
    result->status = status;
    result->count = 0;
    va_start(args, fmt);
    vsnprintf(result->why, sizeof result->why, fmt, args);
    va_end(args);
}

/* Domains come from senders; a line of the log holds that much. */
static const char *domain_of(const struct lookup *lookup)
{
    return lookup->setup.domain ? lookup->setup.domain : lookup->setup.route->name;
}

static void note_ttl(struct lookup *lookup, const struct dns_answer *answer)
{
    nanos ttl = (nanos)answer->ttl_seconds * NANOS_PER_SECOND;
    if (ttl < lookup->ttl)
        lookup->ttl = ttl;
}

static void note_failure(struct lookup *lookup, const struct dns_answer *answer)
{
    if (answer->status != DNS_FAILED)
        return;
    lookup->unsure = true;
    lookup->bogus |= answer->failure == DNS_FAILURE_BOGUS;
    snprintf(lookup->trouble, sizeof lookup->trouble, "%s %.80s: %.200s", dns_type_name(answer->type),
             answer->question, answer->why[0] ? answer->why : "no answer");
}

/* --- What the answers come to --- */

static bool is_mx(const struct lookup *lookup)
{
    return lookup->setup.route->kind == ROUTE_MX;
}

/* Looks where each address is; whether one of them is ours. */
static bool place_host(struct lookup *lookup, struct host *host)
{
    bool ours = host->name[0] && mx_is_ours(host->canonical, ourselves_names(lookup->setup.ourselves));
    for (size_t i = 0; i < FAMILIES; i++)
        for (size_t j = 0; j < host->families[i].count; j++) {
            struct family *family = &host->families[i];
            if (host->name[0]) /* what the configuration says goes */
                family->places[j] = ourselves_place(lookup->setup.ourselves, &family->addresses[j]);
            ours |= family->places[j] == PLACE_OURS;
        }
    return ours;
}

static void add_place(struct lookup *lookup, size_t number, const struct family *family, size_t i)
{
    const struct host *host = &lookup->hosts[number];
    struct lookup_result *result = result_of(lookup);
    if (result->count == LOOKUP_PLACES_MAX)
        return;
    result->places[result->count++] = (struct lookup_place){.of = host->of,
                                                            .host = host->name[0] ? host->name : NULL,
                                                            .canonical = host->canonical,
                                                            .address = family->addresses[i],
                                                            .preference = host->preference,
                                                            .host_number = (unsigned)number,
                                                            .listed_securely = lookup->listed_securely,
                                                            .address_securely = family->secure};
}

/* IPv6 and IPv4 take turns, so that a family which does not work costs one try; what no way leads to now
 * comes last. */
static void add_places(struct lookup *lookup, size_t number, enum place where)
{
    const struct host *host = &lookup->hosts[number];
    for (size_t i = 0; i < LOOKUP_FAMILY_MAX; i++)
        for (size_t j = 0; j < FAMILIES; j++)
            if (i < host->families[j].count && host->families[j].places[i] == where)
                add_place(lookup, number, &host->families[j], i);
}

/* Preferences from here on lead back to us (RFC 5321 §5.1). A smarthost is just not one of its own. */
static int list_places(struct lookup *lookup)
{
    bool ours[MX_HOSTS_MAX] = {false};
    int limit = INT32_MAX;
    for (size_t i = 0; i < lookup->host_count; i++) {
        ours[i] = place_host(lookup, &lookup->hosts[i]);
        if (ours[i] && is_mx(lookup) && lookup->hosts[i].preference < limit)
            limit = lookup->hosts[i].preference;
    }
    for (size_t i = 0; i < lookup->host_count; i++) {
        if (lookup->hosts[i].preference >= limit)
            continue;
        add_places(lookup, i, PLACE_ELSEWHERE);
        add_places(lookup, i, PLACE_LOST);
    }
    return limit;
}

static void conclude(struct lookup *lookup)
{
    struct lookup_result *result = result_of(lookup);
    const char *domain = domain_of(lookup);
    int limit = list_places(lookup);
    nanos most = lookup->unsure ? TTL_UNSURE : TTL_MAX;
    result->verdict = MX_HOSTS;
    result->ttl = lookup->ttl > most ? most : lookup->ttl < TTL_MIN ? TTL_MIN : lookup->ttl;
    if (result->count == 0 && lookup->unsure)
        decide(lookup, MX_LATER, "4.4.3", "451 4.4.3 where mail for %.255s goes cannot be looked up: %s",
               domain, lookup->trouble);
    else if (result->count == 0 && !is_mx(lookup))
        decide(lookup, MX_LATER, "4.4.3", "451 4.4.3 no address is found for the smarthosts of route %s",
               domain);
    else if (result->count == 0 && limit != INT32_MAX)
        decide(lookup, MX_LOOP, "5.4.6",
               "554 5.4.6 mail for %.255s leads back to us, and it is not delivered here", domain);
    else if (result->count == 0 && lookup->implicit)
        decide(lookup, MX_NO_DOMAIN, "5.1.2", "550 5.1.2 %.255s has neither MX nor address in DNS", domain);
    else if (result->count == 0)
        decide(lookup, MX_NO_DOMAIN, "5.4.4", "550 5.4.4 none of the mail servers of %.255s has an address",
               domain);
    tell(lookup);
}

/* --- Addresses --- */

static void on_addresses(void *arg, const struct dns_answer *answer)
{
    struct family *family = arg;
    struct lookup *lookup = family->host->lookup;
    family->question = NULL;
    family->secure = answer->security == DNS_SECURE;
    note_failure(lookup, answer);
    if (answer->status == DNS_FOUND)
        note_ttl(lookup, answer);
    if (answer->status != DNS_FAILED)
        sv_copy(family->host->canonical, sizeof family->host->canonical, sv_of(dns_canonical(answer)));
    for (size_t i = 0; i < answer->record_count && family->count < LOOKUP_FAMILY_MAX; i++) {
        struct address *address = &family->addresses[family->count++];
        *address = answer->records[i].address;
        address_set_port(address, (uint16_t)family->host->of->gateway.port);
    }
    if (--lookup->open == 0)
        conclude(lookup);
}

static void make_room(struct lookup *lookup, size_t count)
{
    lookup->hosts = calloc(count ? count : 1, sizeof *lookup->hosts);
    assert(lookup->hosts);
}

static struct host *add_host(struct lookup *lookup, const struct route_hop *of, const char *name,
                             int preference)
{
    struct host *host = &lookup->hosts[lookup->host_count++];
    host->lookup = lookup;
    host->of = of;
    host->preference = preference;
    sv_copy(host->name, sizeof host->name, sv_of(name));
    sv_copy(host->canonical, sizeof host->canonical, sv_of(name));
    for (size_t i = 0; i < FAMILIES; i++)
        host->families[i].host = host;
    return host;
}

static void ask_addresses(struct host *host)
{
    struct lookup *lookup = host->lookup;
    static const enum dns_type types[FAMILIES] = {[V6] = DNS_AAAA, [V4] = DNS_A};
    for (size_t i = 0; i < FAMILIES; i++) {
        struct family *family = &host->families[i];
        family->question = asker_ask(lookup->setup.asker, types[i], host->name, on_addresses, family);
        lookup->open++;
    }
}

static void start_smarthosts(struct lookup *lookup)
{
    const struct route *route = lookup->setup.route;
    make_room(lookup, route->hop_count);
    for (size_t i = 0; i < route->hop_count; i++) {
        const struct config_gateway *gateway = &route->hops[i].gateway;
        bool named = !gateway->address;
        struct host *host =
            add_host(lookup, &route->hops[i], named ? gateway->host : "", route->hops[i].preference);
        struct family *family = &host->families[V4];
        if (named)
            ask_addresses(host);
        else if (address_parse(sv_of(gateway->address), (uint16_t)gateway->port, &family->addresses[0],
                               NULL) == 0)
            family->count = 1;
    }
    if (lookup->open == 0)
        loop_timer_set(lookup->at_once, 0);
}

/* --- MX --- */

static void take_verdict(struct lookup *lookup, const struct mx_plan *plan)
{
    const char *domain = domain_of(lookup);
    switch (plan->verdict) {
    case MX_HOSTS:
        make_room(lookup, plan->count);
        for (size_t i = 0; i < plan->count; i++)
            ask_addresses(add_host(lookup, &lookup->setup.route->hops[0], plan->hosts[i].name,
                                   (int)plan->hosts[i].preference));
        return;
    case MX_NO_MAIL:
        decide(lookup, plan->verdict, plan->status, "556 5.1.10 %.255s takes no mail: its MX is null",
               domain);
        break;
    case MX_NO_DOMAIN:
        decide(lookup, plan->verdict, plan->status, "550 5.1.2 there is no mail domain %.255s", domain);
        break;
    case MX_LOOP:
        decide(lookup, plan->verdict, plan->status,
               "554 5.4.6 we are the best mail server for %.255s, and it is not delivered here", domain);
        break;
    case MX_LATER:
        decide(lookup, plan->verdict, plan->status, "451 4.4.3 the MX of %.255s cannot be looked up: %s",
               domain, lookup->trouble);
        break;
    }
    tell(lookup);
}

static void on_mx(void *arg, const struct dns_answer *answer)
{
    struct lookup *lookup = arg;
    struct mx_plan plan;
    lookup->mx = NULL;
    note_failure(lookup, answer);
    if (answer->status == DNS_FOUND)
        note_ttl(lookup, answer);
    mx_plan(answer, ourselves_names(lookup->setup.ourselves), lookup->setup.chance, &plan);
    lookup->listed_securely = plan.secure;
    lookup->implicit = plan.implicit;
    take_verdict(lookup, &plan);
}

static void on_time(void *arg)
{
    struct lookup *lookup = arg;
    if (is_mx(lookup))
        tell(lookup);
    else
        conclude(lookup);
}

struct lookup *lookup_start(const struct lookup_setup *setup, struct loop *loop, lookup_fn *fn, void *arg)
{
    struct lookup *lookup = calloc(1, sizeof *lookup);
    assert(lookup);
    lookup->setup = *setup;
    lookup->fn = fn;
    lookup->arg = arg;
    lookup->ttl = TTL_MAX;
    lookup->at_once = loop_timer_new(loop, on_time, lookup);
    if (!is_mx(lookup)) {
        start_smarthosts(lookup);
    } else if (sv_starts(sv_of(setup->domain), SV("["))) {
        decide(lookup, MX_NO_DOMAIN, "5.1.2", "550 5.1.2 an IP address is no mail domain: %.255s",
               setup->domain);
        loop_timer_set(lookup->at_once, 0);
    } else {
        lookup->mx = asker_ask(setup->asker, DNS_MX, setup->domain, on_mx, lookup);
    }
    return lookup;
}

void lookup_cancel(struct lookup *lookup)
{
    if (lookup)
        lookup_free(lookup);
}
