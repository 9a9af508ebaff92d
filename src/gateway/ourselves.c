#include "gateway/ourselves.h"

#include "io/route.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdlib.h>

struct ourselves {
    char *names[2];
    struct address *listening;
    size_t count;
};

struct ourselves *ourselves_new(const struct config *config)
{
    const struct config_relay *relay = &config->relay;
    struct ourselves *ourselves = calloc(1, sizeof *ourselves);
    assert(ourselves);
    ourselves->names[0] = strdup(config->hostname ? config->hostname : "localhost");
    ourselves->listening = calloc(relay->listener_count + 1, sizeof *ourselves->listening);
    assert(ourselves->names[0] && ourselves->listening);
    for (size_t i = 0; i < relay->listener_count; i++)
        if (address_parse_pair(sv_of(relay->listeners[i].address), &ourselves->listening[ourselves->count],
                               NULL) == 0)
            ourselves->count++;
    return ourselves;
}

void ourselves_free(struct ourselves *ourselves)
{
    if (!ourselves)
        return;
    free(ourselves->names[0]);
    free(ourselves->listening);
    free(ourselves);
}

const char *const *ourselves_names(const struct ourselves *ourselves)
{
    return (const char *const *)ourselves->names;
}

static bool is_v4(const struct address *address)
{
    return address->storage.ss_family == AF_INET;
}

static bool is_wildcard(const struct address *address)
{
    const void *at = &address->storage;
    if (is_v4(address))
        return ((const struct sockaddr_in *)at)->sin_addr.s_addr == htonl(INADDR_ANY);
    return IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)at)->sin6_addr);
}

static bool same_ip(const struct address *a, const struct address *b)
{
    char left[ADDRESS_TEXT_MAX], right[ADDRESS_TEXT_MAX];
    return strcmp(address_ip_text(a, left), address_ip_text(b, right)) == 0;
}

enum place ourselves_place(const struct ourselves *ourselves, const struct address *address)
{
    struct ip_route route;
    struct err err = {.class = ERR_NONE};
    bool way = route_to(address, &route, &err) == 0;
    if (!way && err.class == ERR_UNAVAILABLE)
        return PLACE_LOST;
    for (size_t i = 0; i < ourselves->count; i++) {
        const struct address *at = &ourselves->listening[i];
        bool ours =
            is_wildcard(at) ? way && route.own && (!is_v4(at) || is_v4(address)) : same_ip(at, address);
        if (address_port(at) == address_port(address) && ours)
            return PLACE_OURS;
    }
    return PLACE_ELSEWHERE;
}
