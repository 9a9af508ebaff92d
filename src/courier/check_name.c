#include "courier/check_private.h"

#include <stdio.h>

static const nanos GRACE = 1 * NANOS_PER_SECOND; /* for the other resolvers, once one has answered */
static const nanos LUXURY_TIMEOUT = 1 * NANOS_PER_SECOND;

/* --- What the resolvers say of the gateway's name --- */

static bool is_done(const struct check_resolver *resolver)
{
    return resolver->answered[0] && resolver->answered[1];
}

static bool same_ip(const struct address *a, const struct address *b)
{
    char one[ADDRESS_TEXT_MAX], two[ADDRESS_TEXT_MAX];
    return strcmp(address_ip_text(a, one), address_ip_text(b, two)) == 0;
}

static bool has(const struct check_resolver *resolver, const struct address *address)
{
    for (size_t i = 0; i < resolver->found_count; i++)
        if (same_ip(&resolver->found[i], address))
            return true;
    return false;
}

static bool agree(const struct check_resolver *a, const struct check_resolver *b)
{
    if (a->found_count != b->found_count)
        return false;
    for (size_t i = 0; i < a->found_count; i++)
        if (!has(b, &a->found[i]))
            return false;
    return true;
}

static const char *list(const struct check_resolver *resolver, char *text, size_t cap)
{
    char ip[ADDRESS_TEXT_MAX];
    size_t n = 0;
    sv_copy(text, cap, SV("no address"));
    for (size_t i = 0; i < resolver->found_count && n + ADDRESS_TEXT_MAX + 4 < cap; i++)
        n += (size_t)snprintf(text + n, cap - n, "%s%s", n ? ", " : "",
                              address_ip_text(&resolver->found[i], ip));
    return text;
}

static enum advice of_failure(const struct check_resolver *resolver)
{
    switch (resolver->failure) {
    case DNS_FAILURE_NO_ANSWER:
        return ADVICE_name_silent;
    case DNS_FAILURE_UNREACHABLE:
        return ADVICE_name_unreachable;
    case DNS_FAILURE_REFUSED:
        return ADVICE_name_refused;
    case DNS_FAILURE_SERVER:
        return ADVICE_name_server_failed;
    case DNS_FAILURE_MALFORMED:
        return ADVICE_name_malformed;
    case DNS_FAILURE_BOGUS:
        return ADVICE_name_bogus;
    case DNS_FAILURE_NONE:
    case DNS_FAILURE_BAD_QUESTION:
    case DNS_FAILURE_OURS:
        break;
    }
    return ADVICE_name_not_asked;
}

/* The addresses against the configured one. */
static void compare(struct check *check, const struct check_resolver *resolver)
{
    char text[400], ip[ADDRESS_TEXT_MAX];
    const char *host = check->request.gateway.host;
    address_ip_text(&check->address, ip);
    list(resolver, text, sizeof text);
    if (check->unpinned) {
        check_find(check, ADVICE_name_unpinned, "%s leads to %s; %s is tried, and nothing pins it", host,
                   text, ip);
        return;
    }
    if (!has(resolver, &check->address)) {
        check_find(check, ADVICE_name_drift, "%s leads to %s, not to %s", host, text, ip);
        return;
    }
    for (size_t i = 0; i < resolver->found_count; i++)
        if (!same_ip(&resolver->found[i], &check->address) &&
            resolver->found[i].storage.ss_family == check->address.storage.ss_family) {
            check_find(check, ADVICE_name_more, "%s leads to %s", host, text);
            return;
        }
    check_fact(check, CHECK_NAME, "%s leads to %s", host, text);
}

static void tell_answer(struct check *check, const struct check_resolver *resolver)
{
    const char *host = check->request.gateway.host;
    if (resolver->failed)
        check_find(check, of_failure(resolver), "%s: %s", host,
                   *resolver->why ? resolver->why : "the question could not be asked");
    else if (resolver->status[0] == DNS_NO_NAME || resolver->status[1] == DNS_NO_NAME)
        check_find(check, ADVICE_name_missing, "%s does not exist", host);
    else if (resolver->found_count == 0)
        check_find(check, ADVICE_name_no_address, "%s has no address", host);
    else
        compare(check, resolver);
    if (*resolver->aliases)
        check_fact(check, CHECK_NAME, "an alias of %s", resolver->aliases);
    if (!resolver->failed)
        check_fact(check, CHECK_NAME, "DNSSEC: %s, TTL %u s", dns_security_name(resolver->security),
                   (unsigned)resolver->ttl);
}

/* The first that could answer, else the first that failed, else NULL. */
static const struct check_resolver *speaker(const struct check_naming *naming)
{
    for (int failed = 0; failed <= 1; failed++)
        for (size_t i = 0; i < naming->count; i++)
            if (is_done(&naming->resolvers[i]) && naming->resolvers[i].failed == failed)
                return &naming->resolvers[i];
    return NULL;
}

/* One speaks for all; those that say otherwise are told. */
static void tell_resolvers(struct check *check)
{
    struct check_naming *naming = &check->naming;
    const struct check_resolver *first = speaker(naming);
    char text[400], other[400];
    if (!first) {
        check_find(check, ADVICE_name_silent, "%s: no resolver answers", check->request.gateway.host);
        return;
    }
    tell_answer(check, first);
    for (size_t i = 0; i < naming->count; i++) {
        const struct check_resolver *one = &naming->resolvers[i];
        if (one == first || first->failed)
            continue;
        if (!is_done(one) || one->failed)
            check_find(check, ADVICE_name_resolver_fails, "resolver %s: %s", one->server,
                       is_done(one) && *one->why ? one->why : "no answer");
        else if (!agree(one, first))
            check_find(check, ADVICE_name_resolvers_differ, "the resolvers differ: %s says %s, %s says %s",
                       first->server, list(first, text, sizeof text), one->server,
                       list(one, other, sizeof other));
    }
}

static bool host_is_told(const struct check_naming *naming)
{
    for (size_t i = 0; i < naming->count; i++)
        if (!is_done(&naming->resolvers[i]))
            return false;
    return true;
}

static void finish_if_done(struct check *check)
{
    struct check_naming *naming = &check->naming;
    if (check->ended[CHECK_NAME] || !naming->host_told || naming->reverse)
        return;
    check_end(check, CHECK_NAME);
}

static void on_reverse(void *arg, const struct dns_answer *answer)
{
    struct check *check = arg;
    check->naming.reverse = NULL;
    if (answer->status == DNS_FOUND && answer->record_count)
        check_fact(check, CHECK_NAME, "its address is called %s", answer->records[0].name);
    else if (answer->status == DNS_NO_NAME || answer->status == DNS_NO_DATA)
        check_fact(check, CHECK_NAME, "its address has no reverse name");
    finish_if_done(check);
}

static void ask_reverse(struct check *check)
{
    struct check_naming *naming = &check->naming;
    if (naming->dns && !naming->luxury_over)
        naming->reverse = dns_ask_reverse(naming->dns, &check->address, LUXURY_TIMEOUT, on_reverse, check);
}

/* One that a route leads to; of those an IPv4 address, since more machines reach the world so. NULL: none. */
static const struct address *best_of(const struct check_resolver *resolver)
{
    const struct address *best = NULL;
    int best_points = -1;
    for (size_t i = 0; i < resolver->found_count; i++) {
        struct ip_route route;
        struct err err;
        int points = 2 * (route_to(&resolver->found[i], &route, &err) == 0) +
                     (resolver->found[i].storage.ss_family == AF_INET);
        if (points <= best_points)
            continue;
        best = &resolver->found[i];
        best_points = points;
    }
    return best;
}

/* Only a name was given: goes where it leads. False: nowhere. */
static bool follow_name(struct check *check)
{
    const struct check_resolver *first = speaker(&check->naming);
    const struct address *best = first && !first->failed ? best_of(first) : NULL;
    if (!best)
        return false;
    check_take_address(check, best);
    ask_reverse(check);
    return true;
}

static void end_without_address(struct check *check)
{
    if (!check->request.security_given) /* none was found; the report shows what would be tried first */
        check_set_security(check, SMTP_SECURITY_STARTTLS);
    check_find(check, ADVICE_name_only, "%s leads to no address that could be tried",
               check->request.gateway.host);
    check_dialogue_is_over(check, "no address");
    check_skip(check, CHECK_ROUTE, "no address");
}

static void host_done(struct check *check)
{
    if (check->naming.host_told)
        return;
    check->naming.host_told = true;
    bool lost = check->unpinned && !follow_name(check);
    tell_resolvers(check);
    if (lost)
        end_without_address(check);
    finish_if_done(check);
}

static void on_grace(void *arg)
{
    host_done(arg);
}

/* "b.example.org, which is one of c.example.org": what the question led over. */
static void list_aliases(const struct dns_answer *answer, char *text, size_t cap)
{
    size_t n = 0;
    text[0] = '\0';
    for (size_t i = 0; i < answer->chain_count; i++) {
        if (i)
            n += sv_copy(text + n, cap - n, SV(", which is one of "));
        n += sv_copy(text + n, cap - n, sv_of(answer->chain[i]));
    }
}

static void take_answer(struct check_resolver *resolver, size_t which, const struct dns_answer *answer)
{
    resolver->answered[which] = true;
    resolver->queries[which] = NULL;
    resolver->status[which] = answer->status;
    if (answer->status == DNS_FAILED) {
        resolver->failed = true;
        resolver->failure = answer->failure;
        sv_copy(resolver->why, sizeof resolver->why, sv_of(answer->why));
        return;
    }
    for (size_t i = 0; i < answer->record_count; i++)
        resolver->found[resolver->found_count++] = answer->records[i].address;
    if (answer->status == DNS_FOUND) {
        resolver->ttl = answer->ttl_seconds;
        resolver->security = answer->security;
        list_aliases(answer, resolver->aliases, sizeof resolver->aliases);
    }
}

static void answered(struct check_resolver *resolver, size_t which, const struct dns_answer *answer)
{
    struct check *check = resolver->check;
    take_answer(resolver, which, answer);
    if (host_is_told(&check->naming))
        host_done(check);
    else if (is_done(resolver) && !resolver->failed && !loop_timer_pending(check->naming.grace))
        loop_timer_set(check->naming.grace, GRACE);
}

static void on_a(void *arg, const struct dns_answer *answer)
{
    answered(arg, 0, answer);
}

static void on_aaaa(void *arg, const struct dns_answer *answer)
{
    answered(arg, 1, answer);
}

static void ask_resolver(struct check *check, const char *server)
{
    struct check_naming *naming = &check->naming;
    struct check_resolver *resolver = &naming->resolvers[naming->count++];
    struct err err;
    resolver->check = check;
    sv_copy(resolver->server, sizeof resolver->server, sv_of(server));
    const char *servers[] = {resolver->server};
    const struct dns_setup setup = {.loop = check->loop,
                                    .servers = servers,
                                    .server_count = 1,
                                    .trust_anchor_file = check->request.trust_anchor};
    if (dns_new(&setup, &resolver->dns, &err) < 0) {
        resolver->answered[0] = resolver->answered[1] = resolver->failed = true;
        sv_copy(resolver->why, sizeof resolver->why, sv_of(err.cause));
        return;
    }
    const char *host = check->request.gateway.host;
    resolver->queries[0] = dns_ask(resolver->dns, DNS_A, host, check->connect_timeout, on_a, resolver);
    resolver->queries[1] = dns_ask(resolver->dns, DNS_AAAA, host, check->connect_timeout, on_aaaa, resolver);
}

/* --- What is nice to know: our own name --- */

static void on_helo(struct check *check, size_t which, const struct dns_answer *answer)
{
    struct check_naming *naming = &check->naming;
    naming->helo[which] = NULL;
    naming->helo_found = naming->helo_found || answer->status == DNS_FOUND;
    naming->helo_failed = naming->helo_failed || answer->status == DNS_FAILED;
    if (naming->helo[0] || naming->helo[1] || naming->helo_failed)
        return;
    check_fact(check, CHECK_EHLO,
               naming->helo_found ? "our name %s resolves" : "our name %s does not resolve", check->helo);
}

static void on_helo_a(void *arg, const struct dns_answer *answer)
{
    on_helo(arg, 0, answer);
}

static void on_helo_aaaa(void *arg, const struct dns_answer *answer)
{
    on_helo(arg, 1, answer);
}

static void ask_luxuries(struct check *check, const char *const *servers, size_t count)
{
    struct check_naming *naming = &check->naming;
    const struct dns_setup setup = {.loop = check->loop,
                                    .servers = servers,
                                    .server_count = count,
                                    .trust_anchor_file = check->request.trust_anchor};
    struct err err;
    if (dns_new(&setup, &naming->dns, &err) < 0)
        return;
    if (!check->unpinned)
        ask_reverse(check);
    naming->helo[0] = dns_ask(naming->dns, DNS_A, check->helo, LUXURY_TIMEOUT, on_helo_a, check);
    naming->helo[1] = dns_ask(naming->dns, DNS_AAAA, check->helo, LUXURY_TIMEOUT, on_helo_aaaa, check);
}

/* --- From beginning to end --- */

void check_name_begin(struct check *check)
{
    char system[DNS_SERVERS_MAX][DNS_SERVER_TEXT_MAX];
    const char *servers[DNS_SERVERS_MAX];
    struct check_naming *naming = &check->naming;
    size_t count = check->request.resolver_count;
    check_begin(check, CHECK_NAME);
    naming->grace = loop_timer_new(check->loop, on_grace, check);
    if (count > DNS_SERVERS_MAX)
        count = DNS_SERVERS_MAX;
    for (size_t i = 0; i < count; i++)
        servers[i] = check->request.resolvers[i];
    if (!count) {
        count = dns_system_servers(system);
        for (size_t i = 0; i < count; i++)
            servers[i] = system[i];
    }
    if (count)
        ask_luxuries(check, servers, count);
    for (size_t i = 0; i < count && check->request.gateway.host; i++)
        ask_resolver(check, servers[i]);
    if (!check->request.gateway.host) {
        naming->host_told = true;
        check_fact(check, CHECK_NAME, "no name is configured: the address stands for itself");
        finish_if_done(check);
    } else if (!count) {
        naming->host_told = true;
        check_find(check, ADVICE_name_unreachable, "no resolver is configured on this machine");
        if (check->unpinned)
            end_without_address(check);
        finish_if_done(check);
    } else if (host_is_told(naming)) {
        host_done(check);
    }
}

void check_name_luxury_over(struct check *check)
{
    struct check_naming *naming = &check->naming;
    naming->luxury_over = true;
    if (!naming->reverse)
        return;
    dns_cancel(naming->reverse);
    naming->reverse = NULL;
    finish_if_done(check);
}

void check_name_stop(struct check *check)
{
    struct check_naming *naming = &check->naming;
    dns_free(naming->dns);
    naming->dns = NULL;
    naming->reverse = naming->helo[0] = naming->helo[1] = NULL;
    for (size_t i = 0; i < naming->count; i++) {
        dns_free(naming->resolvers[i].dns);
        naming->resolvers[i].dns = NULL;
    }
    loop_timer_free(naming->grace);
    naming->grace = NULL;
}
