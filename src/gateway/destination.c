/* Where errands go: a line of them, the next hops with what is known of their health, and the sessions. */
#include "gateway/destination_private.h"

#include "base/hash.h"
#include "base/log.h"
#include "wire/idn.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { FAILED_AT_ONCE_MAX = 100 };

#define ASK_AGAIN_AFTER (30 * NANOS_PER_SECOND)
#define STALE_MAX       (86400 * NANOS_PER_SECOND) /* so long an old answer does where no new one comes */

/* --- The line --- */

static void line_put(struct destination *destination, struct errand *errand, bool front)
{
    errand->next = front ? destination->first : NULL;
    errand->previous = front ? NULL : destination->last;
    if (errand->next)
        errand->next->previous = errand;
    else
        destination->last = errand;
    if (errand->previous)
        errand->previous->next = errand;
    else
        destination->first = errand;
    destination->waiting++;
    errand->state = ERRAND_WAITING;
}

void destination_take_out(struct errand *errand)
{
    struct destination *destination = errand->destination;
    if (errand->previous)
        errand->previous->next = errand->next;
    else
        destination->first = errand->next;
    if (errand->next)
        errand->next->previous = errand->previous;
    else
        destination->last = errand->previous;
    errand->next = errand->previous = NULL;
    destination->waiting--;
}

struct errand *destination_take(struct destination *destination)
{
    struct errand *errand = destination->draining ? NULL : destination->first;
    if (errand)
        destination_take_out(errand);
    return errand;
}

/* --- Hops --- */

bool destination_has_other(const struct destination *destination, const struct next_hop *hop)
{
    return next_hops_other(&destination->hops, hop, loop_monotonic());
}

void destination_hop_works(struct destination *destination, struct next_hop *hop)
{
    bool news = !hop->proven;
    if (next_hop_works(hop))
        LOG_INFO("gateway reaches a next hop again", LOG_STR("route", destination->route->name),
                 LOG_STR("hop", hop->gateway.name), LOG_STR("address", hop->address));
    destination->trouble[0] = '\0';
    if (news)
        loop_timer_set(destination->wake, 0); /* it takes more sessions from now on */
}

void destination_hop_failed(struct destination *destination, struct next_hop *hop, const char *why)
{
    char text[NEXT_HOP_TEXT_MAX];
    nanos rest = next_hop_failed(&destination->hops, hop, loop_monotonic());
    snprintf(destination->trouble, sizeof destination->trouble, "%s: %s", next_hop_text(hop, text), why);
    LOG_WARNING("gateway cannot use a next hop", LOG_STR("route", destination->route->name),
                LOG_STR("hop", hop->gateway.name), LOG_STR("address", hop->address), LOG_STR("why", why),
                LOG_INT("again_in_ms", rest / NANOS_PER_MS), LOG_INT("waiting", destination->waiting));
}

static void wake_for_hops(struct destination *destination)
{
    nanos now = loop_monotonic(), first = next_hops_due(&destination->hops, now);
    if (first)
        loop_timer_set(destination->wake, first - now);
}

/* --- Where they are --- */

static void forget_dead_end(struct destination *destination)
{
    free(destination->dead_end);
    destination->dead_end = NULL;
}

/* What waits has its answer from DNS, some of it in each turn of the loop. */
static void end_waiting(struct destination *destination)
{
    const struct dead_end *why = destination->dead_end;
    struct run *run = destination->relay->spare;
    struct errand *errand;
    for (size_t i = 0; i < FAILED_AT_ONCE_MAX && (errand = destination_take(destination)); i++) {
        if (!run_begin(run, errand, NULL))
            continue;
        run->touched = true;
        run_set_open(run, why->kind, why->status, sv_of(why->why));
        run_end(run);
    }
    if (destination->waiting) {
        loop_timer_set(destination->wake, 0);
        return;
    }
    forget_dead_end(destination);
    next_hops_forgive(&destination->hops);
}

/* An old answer does, if the new one is only missing. */
static bool is_stale_good(const struct destination *destination, const struct lookup_result *found)
{
    return found->verdict == MX_LATER && !found->bogus && loop_monotonic() < destination->stale_until;
}

void destination_set_dead_end(struct destination *destination, enum outcome_kind kind, const char *status,
                              const char *why)
{
    assert(!destination->dead_end);
    destination->dead_end = malloc(sizeof *destination->dead_end);
    assert(destination->dead_end);
    *destination->dead_end = (struct dead_end){.kind = kind, .status = status};
    sv_copy(destination->dead_end->why, sizeof destination->dead_end->why, sv_of(why));
}

static void take_dead_end(struct destination *destination, const struct lookup_result *found)
{
    destination_set_dead_end(destination, found->verdict == MX_LATER ? OUTCOME_LATER : OUTCOME_FAILED,
                             found->status, found->why);
    next_hops_unlist(&destination->hops);
    destination->stale_until = 0;
}

static void on_found(void *arg, const struct lookup_result *found)
{
    struct destination *destination = arg;
    destination->lookup = NULL;
    if (found->verdict == MX_HOSTS) {
        next_hops_list(&destination->hops, found);
        destination->known_until = loop_monotonic() + found->ttl;
        destination->stale_until = loop_monotonic() + STALE_MAX;
    } else if (is_stale_good(destination, found)) {
        destination->known_until = loop_monotonic() + ASK_AGAIN_AFTER;
    } else {
        take_dead_end(destination, found);
    }
    if (found->verdict != MX_HOSTS)
        LOG_WARNING("gateway learns from DNS of no next hop", LOG_STR("route", destination->route->name),
                    LOG_STR("domain", destination->domain), LOG_STR("why", found->why),
                    LOG_INT("waiting", destination->waiting));
    destination_pump(destination);
}

/* Whether it is known where to go; asks if not. */
static bool knows_hops(struct destination *destination)
{
    struct relay *relay = destination->relay;
    if (!route_asks_dns(destination->route) || destination->known_until > loop_monotonic())
        return true;
    const struct lookup_setup setup = {.asker = relay->asker,
                                       .ourselves = relay->ourselves,
                                       .route = destination->route,
                                       .domain = destination->domain,
                                       .chance = arc4random()};
    if (!destination->lookup)
        destination->lookup = lookup_start(&setup, relay->loop, on_found, destination);
    return false;
}

/* --- The anteroom: who waits for one of the sessions that all destinations have together --- */

static void anteroom_wake(struct relay *relay)
{
    if (relay->anteroom && relay->carriers < CARRIERS_MAX)
        loop_timer_set(relay->anteroom->wake, 0);
}

static void anteroom_leave(struct destination *destination)
{
    struct relay *relay = destination->relay;
    struct destination **at = &relay->anteroom, *last = NULL;
    if (!destination->in_anteroom)
        return;
    for (; *at != destination; at = &last->next_in_anteroom) {
        last = *at;
        assert(last && "who is in the anteroom is on its list");
    }
    *at = destination->next_in_anteroom;
    if (relay->anteroom_last == destination)
        relay->anteroom_last = last;
    destination->in_anteroom = false;
    anteroom_wake(relay);
}

static void anteroom_join(struct destination *destination)
{
    struct relay *relay = destination->relay;
    bool first = !relay->anteroom;
    if (destination->in_anteroom)
        return;
    *(first ? &relay->anteroom : &relay->anteroom_last->next_in_anteroom) = destination;
    relay->anteroom_last = destination;
    destination->next_in_anteroom = NULL;
    destination->in_anteroom = true;
    for (struct destination *at = relay->destinations; first && at; at = at->next)
        for (struct carrier *carrier = at->carriers; carrier; carrier = carrier_next(carrier))
            carrier_hurry(carrier); /* servers that keep silent have had the others' time */
}

/* Whoever waits longest goes first, and by one session at a time. */
static bool anteroom_lets_in(struct destination *destination)
{
    struct relay *relay = destination->relay;
    if (relay->carriers < CARRIERS_MAX && (!relay->anteroom || relay->anteroom == destination)) {
        anteroom_leave(destination);
        return true;
    }
    anteroom_join(destination);
    anteroom_wake(relay);
    return false;
}

/* --- Carriers --- */

static void open_carriers(struct destination *destination)
{
    while (destination->connecting < destination->waiting && knows_hops(destination)) {
        struct next_hop *hop = next_hops_choose(&destination->hops, loop_monotonic(), arc4random());
        if (!hop) {
            if (destination_all_refuse(destination))
                loop_timer_set(destination->wake, 0);
            else
                wake_for_hops(destination);
            break;
        }
        if (destination_may_not_use(destination, hop))
            continue;
        if (!destination_knows_security(destination, hop))
            break;
        if (!anteroom_lets_in(destination))
            return;
        struct carrier *carrier = carrier_open(destination, hop, destination->relay);
        if (!carrier)
            continue; /* it told why, and the hop is down now */
        carrier_link(carrier, destination->carriers);
        destination->carriers = carrier;
        destination->carrier_count++;
        destination->connecting++;
        destination->relay->carriers++;
        next_hop_keep(hop);
    }
    anteroom_leave(destination); /* it has what it wants, or cannot use it now */
}

static void feed_maildrop(struct destination *destination);

void destination_pump(struct destination *destination)
{
    if (destination->draining || destination->pumping)
        return;
    destination->pumping = true;
    if (destination->route->kind == ROUTE_MAILDIR) {
        feed_maildrop(destination);
    } else if (destination->dead_end) {
        loop_timer_set(destination->wake, 0); /* later: whoever puts errands may be on a walk over letters */
    } else {
        for (struct carrier *at = destination->carriers; at && destination->waiting; at = carrier_next(at))
            if (carrier_is_idle(at))
                carrier_go(at);
        open_carriers(destination);
    }
    destination->pumping = false;
}

static void on_wake(void *arg)
{
    struct destination *destination = arg;
    if (destination->dead_end && !destination->draining)
        end_waiting(destination);
    else
        destination_pump(destination);
}

void destination_connected(struct destination *destination)
{
    destination->connecting--;
}

void destination_carrier_gone(struct destination *destination, struct carrier *carrier, bool was_connecting)
{
    struct carrier *before = destination->carriers;
    destination->carrier_count--;
    destination->connecting -= was_connecting;
    if (before == carrier) {
        destination->carriers = carrier_next(carrier);
    } else {
        while (carrier_next(before) != carrier)
            before = carrier_next(before);
        carrier_link(before, carrier_next(carrier));
    }
    next_hop_let_go(&destination->hops, carrier_hop(carrier));
    destination->relay->carriers--;
    anteroom_wake(destination->relay);
    loop_timer_set(destination->wake, 0);
    relay_check_drained(destination->relay);
}

/* --- Maildir --- */

static void on_dropped(void *arg)
{
    struct destination *destination = arg;
    destination_pump(destination);
    relay_check_drained(destination->relay);
}

static bool open_maildrop(struct destination *destination)
{
    struct err err = {.class = ERR_NONE};
    if (destination->maildrop)
        return true;
    if (maildrop_new(destination->relay->loop, destination->route->maildir, destination->relay->hostname,
                     &destination->maildrop, &err) == 0)
        return true;
    LOG_ERROR("gateway cannot open a Maildir", LOG_STR("route", destination->route->name), LOG_ERR(&err));
    sv_copy(destination->trouble, sizeof destination->trouble, sv_of(err.cause));
    loop_timer_set(destination->wake, destination->route->hold_down);
    return false;
}

static void feed_maildrop(struct destination *destination)
{
    if (!destination->waiting || !open_maildrop(destination))
        return;
    while (destination->waiting && maildrop_room(destination->maildrop)) {
        struct run *run = maildrop_run(destination->maildrop);
        if (run_begin(run, destination_take(destination), NULL))
            maildrop_deliver(destination->maildrop, run, on_dropped, destination);
    }
}

/* --- Destinations --- */

static struct destination **bucket_of(struct relay *relay, const struct route *route, sv domain)
{
    uint64_t hash = hash_sv_fold(sv_of(route->name));
    if (route->kind == ROUTE_MX)
        hash ^= hash_sv_fold(domain);
    return &relay->buckets[hash % DESTINATION_BUCKETS];
}

static struct destination *destination_new(struct relay *relay, const struct route *route, sv domain,
                                           enum tls_wish wish)
{
    struct destination *destination = calloc(1, sizeof *destination);
    assert(destination);
    destination->relay = relay;
    destination->wish = wish;
    destination->table = route_table_keep(relay->routes);
    destination->route = destination->hops.route = route;
    if (!route_asks_dns(route))
        next_hops_configure(&destination->hops);
    if (route->kind == ROUTE_MX) {
        destination->domain = strndup(domain.n ? domain.p : "", domain.n);
        assert(destination->domain);
    }
    destination->wake = loop_timer_new(relay->loop, on_wake, destination);
    destination->draining = relay->draining;
    return destination;
}

struct destination *destination_for(struct relay *relay, const struct route *route, sv domain,
                                    enum tls_wish wish)
{
    char text[IDN_TEXT_MAX];
    domain = idn_to_ascii(domain, text); /* as DNS and all that is published there have it */
    struct destination **bucket = bucket_of(relay, route, domain);
    for (struct destination *at = *bucket; at; at = at->next_in_bucket)
        if (at->route == route && at->wish == wish &&
            (route->kind != ROUTE_MX || sv_ieq(sv_of(at->domain), domain)))
            return at;
    struct destination *destination = destination_new(relay, route, domain, wish);
    destination->next_in_bucket = *bucket;
    *bucket = destination;
    destination->next = relay->destinations;
    if (destination->next)
        destination->next->previous = destination;
    relay->destinations = destination;
    relay->destination_count++;
    return destination;
}

void destination_put(struct errand *errand, bool front)
{
    line_put(errand->destination, errand, front);
    destination_pump(errand->destination);
}

const struct route *destination_route(const struct destination *destination)
{
    return destination->route;
}

enum tls_wish destination_wish(const struct destination *destination)
{
    return destination->wish;
}

struct destination *destination_next(const struct destination *destination)
{
    return destination->next;
}

const char *destination_domain(const struct destination *destination)
{
    return destination->domain;
}

const char *destination_trouble(const struct destination *destination)
{
    return destination->trouble;
}

void destination_hurry(struct destination *destination)
{
    next_hops_hurry(&destination->hops);
    destination->known_until = 0;
    loop_timer_set(destination->wake, 0);
}

void destination_drain(struct destination *destination)
{
    destination->draining = true;
    for (struct carrier *at = destination->carriers, *next; at; at = next) {
        next = carrier_next(at);
        carrier_drain(at);
    }
}

bool destination_is_busy(const struct destination *destination)
{
    return destination->carrier_count || (destination->maildrop && maildrop_is_busy(destination->maildrop));
}

void destination_keep(struct destination *destination)
{
    destination->errands++;
}

void destination_let_go(struct destination *destination)
{
    destination->errands--;
}

bool destination_is_retired(const struct destination *destination)
{
    return destination->retired;
}

/* One of an MX is worth its memory while what DNS said of it holds. */
static bool is_needed(const struct destination *destination)
{
    if (destination->errands || destination_is_busy(destination))
        return true;
    if (destination->retired)
        return false;
    return destination->route->kind != ROUTE_MX || destination->lookup ||
           (destination->relay->destination_count <= DESTINATIONS_MAX &&
            destination->known_until > loop_monotonic());
}

void destinations_sweep(struct relay *relay)
{
    for (struct destination *at = relay->destinations, *next; at; at = next) {
        next = at->next;
        if (!is_needed(at))
            destination_free(at);
    }
}

/* Nobody finds it any more. */
static void leave_bucket(struct destination *destination)
{
    struct destination **at = bucket_of(destination->relay, destination->route, sv_of(destination->domain));
    while (*at && *at != destination)
        at = &(*at)->next_in_bucket;
    if (*at)
        *at = destination->next_in_bucket;
}

void destination_free(struct destination *destination)
{
    struct relay *relay = destination->relay;
    leave_bucket(destination);
    anteroom_leave(destination);
    if (destination->previous)
        destination->previous->next = destination->next;
    else
        relay->destinations = destination->next;
    if (destination->next)
        destination->next->previous = destination->previous;
    relay->destination_count--;
    while (destination->carriers) {
        struct carrier *carrier = destination->carriers;
        destination->carriers = carrier_next(carrier);
        next_hop_let_go(&destination->hops, carrier_hop(carrier));
        carrier_free(carrier);
        relay->carriers--;
    }
    destination->draining = true;
    lookup_cancel(destination->lookup);
    forget_dead_end(destination);
    next_hops_free(&destination->hops);
    maildrop_free(destination->maildrop);
    loop_timer_free(destination->wake);
    route_table_free(destination->table);
    free(destination->domain);
    free(destination);
}

void destinations_retire(struct relay *relay)
{
    for (struct destination *at = relay->destinations; at; at = at->next) {
        leave_bucket(at);
        at->retired = true;
        lookup_cancel(at->lookup);
        at->lookup = NULL;
        next_hops_stop_securing(&at->hops);
    }
}
