#include "gateway/next_hop.h"

#include "base/hash.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { BACKOFF_SHIFT_MAX = 5, MX_BACKOFF_SHIFT_MAX = 12, UNPROVEN_CARRIERS_MAX = 2 };

#define REFUSED_FOR (300 * NANOS_PER_SECOND)

/* --- The list --- */

static struct next_hop *hop_new(const struct route_hop *of, const char *host, const char *address)
{
    struct next_hop *hop = calloc(1, sizeof *hop);
    assert(hop);
    hop->of = of;
    hop->gateway = of->gateway;
    sv_copy(hop->host, sizeof hop->host, sv_of(host));
    sv_copy(hop->address, sizeof hop->address, sv_of(address));
    hop->gateway.address = hop->address;
    if (host && !of->gateway.name)
        hop->gateway.name = hop->gateway.host = hop->gateway.verify_name = hop->host;
    hop->preference = of->preference;
    hop->listed = true;
    hop->tls = tls_context_keep(of->tls);
    hop->level = of->tls ? TLS_LEVEL_VERIFIED : TLS_LEVEL_CLEAR;
    hop->secured_until = of->gateway.name ? INT64_MAX : 0; /* of an MX it has to be found out */
    return hop;
}

static void hop_free(struct next_hop *hop)
{
    securing_cancel(hop->securing);
    tls_context_free(hop->tls);
    free(hop);
}

void next_hops_configure(struct next_hops *hops)
{
    struct next_hop **end = &hops->first;
    for (size_t i = 0; i < hops->route->hop_count; i++) {
        const struct route_hop *of = &hops->route->hops[i];
        *end = hop_new(of, NULL, of->gateway.address);
        (*end)->host_number = (unsigned)i;
        end = &(*end)->next;
    }
}

/* Takes the hop of that place out of *from. NULL: there is none. */
static struct next_hop *take_known(struct next_hop **from, const struct lookup_place *place,
                                   const char *address)
{
    for (; *from; from = &(*from)->next) {
        struct next_hop *hop = *from;
        if (hop->of != place->of || strcmp(hop->address, address) != 0 ||
            !sv_ieq(sv_of(hop->host), sv_of(place->host)))
            continue;
        *from = hop->next;
        return hop;
    }
    return NULL;
}

/* Those that nobody uses are forgotten, the others stay until their carriers are gone. */
static void forget_unlisted(struct next_hop **at)
{
    while (*at) {
        struct next_hop *hop = *at;
        hop->listed = false;
        if (hop->carriers) {
            at = &hop->next;
        } else {
            *at = hop->next;
            hop_free(hop);
        }
    }
}

void next_hops_list(struct next_hops *hops, const struct lookup_result *found)
{
    struct next_hop *known = hops->first, **end = &hops->first;
    for (size_t i = 0; i < found->count; i++) {
        const struct lookup_place *place = &found->places[i];
        char address[ADDRESS_TEXT_MAX];
        address_ip_text(&place->address, address);
        struct next_hop *hop = take_known(&known, place, address);
        if (!hop)
            hop = hop_new(place->of, place->host, address);
        sv_copy(hop->canonical, sizeof hop->canonical, sv_of(place->canonical));
        hop->preference = place->preference;
        hop->host_number = place->host_number;
        hop->listed_securely = place->listed_securely;
        hop->address_securely = place->address_securely;
        hop->listed = true;
        *end = hop;
        end = &hop->next;
    }
    *end = known;
    forget_unlisted(end);
}

void next_hops_unlist(struct next_hops *hops)
{
    forget_unlisted(&hops->first);
}

void next_hops_free(struct next_hops *hops)
{
    while (hops->first) {
        struct next_hop *hop = hops->first;
        assert(!hop->carriers);
        hops->first = hop->next;
        hop_free(hop);
    }
}

void next_hop_keep(struct next_hop *hop)
{
    hop->carriers++;
}

void next_hop_let_go(struct next_hops *hops, struct next_hop *hop)
{
    hop->carriers--;
    if (hop->listed || hop->carriers)
        return;
    struct next_hop **at = &hops->first;
    while (*at != hop)
        at = &(*at)->next;
    *at = hop->next;
    hop_free(hop);
}

/* --- Security --- */

void next_hop_secure(struct next_hop *hop, const struct secured *secured, nanos now)
{
    tls_context_free(hop->tls);
    hop->tls = secured->tls;
    hop->level = secured->level;
    hop->secured_until = now + secured->ttl;
}

bool next_hop_is_clear(const struct next_hop *hop, nanos now)
{
    return !hop->tls || (hop->level == TLS_LEVEL_OFFERED && hop->clear_until > now);
}

void next_hop_refuse(struct next_hop *hop, const char *status, const char *why, nanos now)
{
    hop->refused_until = now + REFUSED_FOR;
    hop->refusal = status;
    sv_copy(hop->refused_why, sizeof hop->refused_why, sv_of(why));
}

const struct next_hop *next_hops_all_refused(const struct next_hops *hops, nanos now)
{
    const struct next_hop *refused = NULL;
    for (const struct next_hop *hop = hops->first; hop; hop = hop->next) {
        if (hop->listed && hop->refused_until <= now)
            return NULL;
        if (hop->listed && !refused)
            refused = hop;
    }
    return refused;
}

void next_hops_forgive(struct next_hops *hops)
{
    for (struct next_hop *hop = hops->first; hop; hop = hop->next)
        hop->refused_until = 0;
}

void next_hops_stop_securing(struct next_hops *hops)
{
    for (struct next_hop *hop = hops->first; hop; hop = hop->next) {
        securing_cancel(hop->securing);
        hop->securing = NULL;
    }
}

/* --- Health --- */

static bool is_up(const struct next_hop *hop, nanos now)
{
    return hop->listed && hop->up_at <= now && hop->refused_until <= now;
}

/* One that failed is tried with one session until that works; a stranger begins with two. */
static bool has_room(const struct next_hops *hops, const struct next_hop *hop)
{
    int most = hops->route->connections;
    if (hop->failures)
        most = 1;
    else if (hops->route->kind == ROUTE_MX && !hop->proven && most > UNPROVEN_CARRIERS_MAX)
        most = UNPROVEN_CARRIERS_MAX;
    return hop->carriers < most;
}

/* While that one session tries, the others count as if it were still down. */
static bool is_usable(const struct next_hops *hops, const struct next_hop *hop, nanos now)
{
    return is_up(hop, now) && (!hop->failures || has_room(hops, hop));
}

static bool best_preference(const struct next_hops *hops, nanos now, int *ret)
{
    bool found = false;
    for (const struct next_hop *hop = hops->first; hop; hop = hop->next) {
        if (!is_usable(hops, hop, now) || (found && hop->preference >= *ret))
            continue;
        found = true;
        *ret = hop->preference;
    }
    return found;
}

struct next_hop *next_hops_choose(const struct next_hops *hops, nanos now, uint32_t chance)
{
    struct next_hop *best = NULL;
    const struct next_hop *last = NULL;
    uint64_t weights = 0;
    size_t lots = 0;
    int preference = 0;
    if (!best_preference(hops, now, &preference))
        return NULL;
    for (struct next_hop *hop = hops->first; hop; hop = hop->next) {
        if (hop->preference != preference || !is_usable(hops, hop, now) ||
            (last && last->host_number == hop->host_number))
            continue;
        last = hop;
        if (!has_room(hops, hop))
            continue;
        unsigned weight = hop->of->weight > 0 ? (unsigned)hop->of->weight : 1;
        weights += weight;
        if (hash_lot(chance, lots++) % weights < weight)
            best = hop;
    }
    return best;
}

bool next_hops_other(const struct next_hops *hops, const struct next_hop *than, nanos now)
{
    for (const struct next_hop *hop = hops->first; hop; hop = hop->next)
        if (hop != than && is_up(hop, now))
            return true;
    return false;
}

nanos next_hops_due(const struct next_hops *hops, nanos now)
{
    nanos first = 0;
    for (const struct next_hop *hop = hops->first; hop; hop = hop->next) {
        nanos at = hop->up_at > hop->refused_until ? hop->up_at : hop->refused_until;
        if (hop->listed && at > now && (!first || at < first))
            first = at;
    }
    return first;
}

void next_hops_hurry(struct next_hops *hops)
{
    for (struct next_hop *hop = hops->first; hop; hop = hop->next) {
        hop->up_at = hop->refused_until = hop->clear_until = 0;
        hop->secured_until = hop->secured_until == INT64_MAX ? INT64_MAX : 0;
    }
}

nanos next_hop_failed(const struct next_hops *hops, struct next_hop *hop, nanos now)
{
    const struct route *route = hops->route;
    unsigned most = route->kind == ROUTE_MX ? MX_BACKOFF_SHIFT_MAX : BACKOFF_SHIFT_MAX;
    nanos rest = route->hold_down << (hop->failures < most ? hop->failures : most);
    if (rest > route->retry_max)
        rest = route->retry_max;
    hop->failures++;
    hop->proven = false;
    hop->up_at = now + rest;
    return rest;
}

bool next_hop_works(struct next_hop *hop)
{
    bool failed = hop->failures > 0;
    hop->failures = 0;
    hop->up_at = 0;
    hop->proven = true;
    return failed;
}

char *next_hop_text(const struct next_hop *hop, char text[static NEXT_HOP_TEXT_MAX])
{
    snprintf(text, NEXT_HOP_TEXT_MAX, "%s [%s]", hop->gateway.name, hop->address);
    return text;
}
