/* Where errands go: a line of them, the next hops with what is known of their health, and the sessions. */
#include "gateway/carrier.h"

#include "base/log.h"

#include <assert.h>
#include <stdlib.h>

enum { BACKOFF_SHIFT_MAX = 5 };

struct hop_health {
    nanos up_at; /* monotonic; 0: up */
    unsigned failures;
    int carriers;
};

struct destination {
    struct destination *next;
    struct relay *relay;
    struct route_table *table; /* keeps route alive */
    const struct route *route;
    char *domain; /* MX only, else NULL */
    struct errand *first, *last;
    size_t waiting, errands; /* in line; and all that go here */
    struct hop_health hops[ROUTE_HOPS_MAX];
    struct carrier *carriers;
    size_t carrier_count, connecting;
    struct maildrop *maildrop;
    struct loop_timer *wake;
    char trouble[SAID_MAX];
    bool retired, draining, pumping;
};

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

static bool hop_is_up(const struct destination *destination, size_t hop, nanos now)
{
    return destination->hops[hop].up_at <= now;
}

/* One that failed is tried with one session until that works. */
static bool hop_has_room(const struct destination *destination, size_t hop)
{
    int most = destination->hops[hop].failures ? 1 : destination->route->connections;
    return destination->hops[hop].carriers < most;
}

/* Of those that are up and have room the most preferred; among equals by weight and chance. −1: none. */
static int choose_hop(struct destination *destination)
{
    const struct route *route = destination->route;
    nanos now = loop_monotonic();
    int best = -1;
    uint64_t weights = 0;
    for (size_t i = 0; i < route->hop_count; i++) {
        if (!hop_is_up(destination, i, now) || !hop_has_room(destination, i))
            continue;
        if (best >= 0 && route->hops[i].preference > route->hops[best].preference)
            continue;
        if (best < 0 || route->hops[i].preference < route->hops[best].preference)
            weights = 0;
        unsigned weight = route->hops[i].weight > 0 ? (unsigned)route->hops[i].weight : 1;
        weights += weight;
        if (weights == weight || relay_chance(destination->relay) % weights < weight)
            best = (int)i;
    }
    return best;
}

bool destination_has_other(const struct destination *destination, size_t hop)
{
    nanos now = loop_monotonic();
    for (size_t i = 0; i < destination->route->hop_count; i++)
        if (i != hop && hop_is_up(destination, i, now))
            return true;
    return false;
}

void destination_hop_works(struct destination *destination, size_t hop)
{
    struct hop_health *health = &destination->hops[hop];
    if (health->failures)
        LOG_INFO("gateway reaches a next hop again", LOG_STR("route", destination->route->name),
                 LOG_STR("hop", destination->route->hops[hop].gateway.name));
    health->failures = 0;
    health->up_at = 0;
    destination->trouble[0] = '\0';
}

void destination_hop_failed(struct destination *destination, size_t hop, const char *why)
{
    struct hop_health *health = &destination->hops[hop];
    const struct route *route = destination->route;
    unsigned shift = health->failures < BACKOFF_SHIFT_MAX ? health->failures : BACKOFF_SHIFT_MAX;
    nanos rest = route->hold_down << shift;
    if (rest > route->retry_max)
        rest = route->retry_max;
    health->failures++;
    health->up_at = loop_monotonic() + rest;
    sv_copy(destination->trouble, sizeof destination->trouble, sv_of(why));
    LOG_WARNING("gateway cannot use a next hop", LOG_STR("route", route->name),
                LOG_STR("hop", route->hops[hop].gateway.name), LOG_STR("why", why),
                LOG_INT("again_in_ms", rest / NANOS_PER_MS), LOG_INT("waiting", destination->waiting));
}

static void wake_for_hops(struct destination *destination)
{
    nanos now = loop_monotonic(), first = 0;
    for (size_t i = 0; i < destination->route->hop_count; i++) {
        nanos at = destination->hops[i].up_at;
        if (at > now && (!first || at < first))
            first = at;
    }
    if (first)
        loop_timer_set(destination->wake, first - now);
}

/* --- Carriers --- */

static void open_carriers(struct destination *destination)
{
    while (destination->connecting < destination->waiting) {
        int hop = choose_hop(destination);
        if (hop < 0) {
            wake_for_hops(destination);
            return;
        }
        struct carrier *carrier = carrier_open(destination, (size_t)hop, destination->relay);
        if (!carrier)
            continue; /* it told why, and the hop is down now */
        carrier_link(carrier, destination->carriers);
        destination->carriers = carrier;
        destination->carrier_count++;
        destination->connecting++;
        destination->hops[hop].carriers++;
    }
}

static void feed_maildrop(struct destination *destination);

static void pump(struct destination *destination)
{
    if (destination->draining || destination->pumping)
        return;
    destination->pumping = true;
    if (destination->route->kind == ROUTE_MAILDIR) {
        feed_maildrop(destination);
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
    pump(arg);
}

void destination_connected(struct destination *destination)
{
    destination->connecting--;
}

void destination_carrier_gone(struct destination *destination, struct carrier *carrier, bool was_connecting)
{
    struct carrier *before = destination->carriers;
    destination->hops[carrier_hop(carrier)].carriers--;
    destination->carrier_count--;
    destination->connecting -= was_connecting;
    if (before == carrier) {
        destination->carriers = carrier_next(carrier);
    } else {
        while (carrier_next(before) != carrier)
            before = carrier_next(before);
        carrier_link(before, carrier_next(carrier));
    }
    loop_timer_set(destination->wake, 0);
    relay_check_drained(destination->relay);
}

/* --- Maildir --- */

static void on_dropped(void *arg)
{
    struct destination *destination = arg;
    pump(destination);
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
        if (run_begin(run, destination_take(destination), destination->route->name))
            maildrop_deliver(destination->maildrop, run, on_dropped, destination);
    }
}

/* --- Destinations --- */

static bool is_for(const struct destination *destination, const struct route *route, sv domain)
{
    return destination->route == route && !destination->retired &&
           (route->kind != ROUTE_MX || sv_ieq(sv_of(destination->domain), domain));
}

struct destination *destination_for(struct relay *relay, const struct route *route, sv domain)
{
    for (struct destination *at = relay->destinations; at; at = at->next)
        if (is_for(at, route, domain))
            return at;
    struct destination *destination = calloc(1, sizeof *destination);
    assert(destination);
    destination->relay = relay;
    destination->table = route_table_keep(relay->routes);
    destination->route = route;
    if (route->kind == ROUTE_MX)
        destination->domain = strndup(domain.p, domain.n);
    destination->wake = loop_timer_new(relay->loop, on_wake, destination);
    destination->draining = relay->draining;
    destination->next = relay->destinations;
    relay->destinations = destination;
    relay->destination_count++;
    return destination;
}

void destination_put(struct errand *errand, bool front)
{
    line_put(errand->destination, errand, front);
    pump(errand->destination);
}

const struct route *destination_route(const struct destination *destination)
{
    return destination->route;
}

struct destination *destination_next(const struct destination *destination)
{
    return destination->next;
}

const char *destination_trouble(const struct destination *destination)
{
    return destination->trouble;
}

void destination_hurry(struct destination *destination)
{
    for (size_t i = 0; i < ROUTE_HOPS_MAX; i++)
        destination->hops[i].up_at = 0;
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

void destinations_sweep(struct relay *relay)
{
    for (struct destination *at = relay->destinations, *next; at; at = next) {
        next = at->next;
        bool kept = !at->retired && at->route->kind != ROUTE_MX;
        if (!kept && !at->errands && !destination_is_busy(at))
            destination_free(at);
    }
}

void destination_free(struct destination *destination)
{
    struct destination **at = &destination->relay->destinations;
    while (*at != destination)
        at = &(*at)->next;
    *at = destination->next;
    destination->relay->destination_count--;
    while (destination->carriers) {
        struct carrier *carrier = destination->carriers;
        destination->carriers = carrier_next(carrier);
        carrier_free(carrier);
    }
    destination->draining = true;
    maildrop_free(destination->maildrop);
    loop_timer_free(destination->wake);
    route_table_free(destination->table);
    free(destination->domain);
    free(destination);
}

/* What waits and rests finds its way by the new table; what is under way ends by the old one. */
void destinations_retire(struct relay *relay)
{
    for (struct destination *at = relay->destinations; at; at = at->next)
        at->retired = true;
    for (struct letter *letter = relay->first, *next; letter; letter = next) {
        next = letter->next;
        if (letter_forget_errands(letter))
            letter_send(letter);
    }
}
