/* A network as rules name it: "192.0.2.0/24", "2001:db8::/32", or one address. Pure. */
#ifndef VEDETTE_CONFIG_NETWORK_H
#define VEDETTE_CONFIG_NETWORK_H

#include "base/sv.h"

/* IPv4 as IPv4-mapped IPv6, so that "::ffff:192.0.2.1" and "192.0.2.1" are the same address. */
struct config_network {
    uint8_t address[16];
    unsigned bits; /* 0 to 128 */
};

/* False if text is none, or has bits set beyond its length: 192.0.2.7/24 may mean either. */
bool config_network_parse(sv text, struct config_network *ret);

/* One address; an IPv6 zone ("%eth0") is passed over. */
bool config_address_parse(sv text, uint8_t ret[static 16]);

bool config_network_contains(const struct config_network *network, const uint8_t address[static 16]);

/* True for IPv4, mapped or not. */
bool config_network_is_v4(const struct config_network *network);

/* True if all of it is loopback, private or link-local: addresses that nobody else's packets come from. */
bool config_network_is_private(const struct config_network *network);

#endif
