/* How a destination's sessions are secured, and what becomes of what may not go. */
#include "base/log.h"
#include "gateway/destination_private.h"

#include <stdio.h>

#define CLEAR_FOR (3600 * NANOS_PER_SECOND) /* then TLS is tried again where it did not work */

static void on_secured(void *arg, const struct secured *secured)
{
    struct next_hop *hop = arg;
    struct destination *destination = hop->destination;
    nanos now = loop_monotonic();
    hop->securing = NULL;
    next_hop_secure(hop, secured, now);
    if (secured->level == TLS_LEVEL_REFUSED && secured->status[0] == '5') {
        next_hop_refuse(hop, secured->status, secured->why, now);
    } else if (secured->level == TLS_LEVEL_REFUSED) {
        hop->secured_until = 0;
        destination_hop_failed(destination, hop, secured->why);
    }
    destination_pump(destination);
}

bool destination_knows_security(struct destination *destination, struct next_hop *hop)
{
    struct relay *relay = destination->relay;
    if (hop->secured_until > loop_monotonic())
        return true;
    const struct securing_setup setup = {.loop = relay->loop,
                                         .asker = relay->asker,
                                         .sts = relay->sts,
                                         .route = destination->route,
                                         .domain = destination->domain,
                                         .wish = destination->wish,
                                         .host = hop->host,
                                         .canonical = hop->canonical,
                                         .listed_securely = hop->listed_securely,
                                         .address_securely = hop->address_securely};
    hop->destination = destination;
    if (!hop->securing)
        hop->securing = securing_start(&setup, on_secured, hop);
    return false;
}

bool destination_may_not_use(const struct destination *destination, struct next_hop *hop)
{
    if (destination->wish != TLS_WISH_REQUIRED || hop->tls || destination->route->kind == ROUTE_MX)
        return false;
    next_hop_refuse(hop, "5.7.10", "the message requires TLS, and mail goes there in the clear",
                    loop_monotonic());
    return true;
}

bool destination_all_refuse(struct destination *destination)
{
    const struct next_hop *hop = next_hops_all_refused(&destination->hops, loop_monotonic());
    if (!hop || destination->dead_end)
        return false;
    char text[NEXT_HOP_TEXT_MAX], why[LOOKUP_WHY_MAX];
    snprintf(why, sizeof why, "550 %s %.120s: %.250s", hop->refusal, next_hop_text(hop, text),
             hop->refused_why);
    destination_set_dead_end(destination, OUTCOME_FAILED, hop->refusal, why);
    return true;
}

void destination_hop_refused(struct next_hop *hop, const char *why)
{
    next_hop_refuse(hop, "5.7.30", why, loop_monotonic());
}

void destination_tls_failed(struct destination *destination, struct next_hop *hop, const char *why,
                            bool lasting)
{
    nanos now = loop_monotonic();
    if (hop->level == TLS_LEVEL_OFFERED) {
        hop->clear_until = now + CLEAR_FOR;
        LOG_WARNING(
            "gateway sends in the clear, as tls: opportunistic says: TLS with a next hop does not work",
            LOG_STR("route", destination->route->name), LOG_STR("hop", hop->gateway.name),
            LOG_STR("address", hop->address), LOG_STR("why", why));
        return;
    }
    if (destination->route->kind == ROUTE_MX)
        hop->secured_until = 0; /* what is published may have changed (RFC 8461 §5) */
    if (destination->wish == TLS_WISH_REQUIRED && lasting)
        next_hop_refuse(hop, "5.7.10", why, now);
    else
        destination_hop_failed(destination, hop, why);
}
