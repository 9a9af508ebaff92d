#include "config/network.h"

#include <arpa/inet.h>

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool config_address_parse(sv text, uint8_t ret[static 16])
{
    char ip[INET6_ADDRSTRLEN];
    uint8_t bytes[16];
    text = sv_first(text, sv_find_char(text, '%'));
    if (text.n == 0 || text.n >= sizeof ip || memchr(text.p, '\0', text.n))
        return false;
    sv_copy(ip, sizeof ip, text);
    if (inet_pton(AF_INET6, ip, bytes) == 1) {
        memcpy(ret, bytes, sizeof bytes);
        return true;
    }
    if (inet_pton(AF_INET, ip, bytes) != 1)
        return false;
    memcpy(ret, mapped, sizeof mapped);
    memcpy(ret + sizeof mapped, bytes, 4);
    return true;
}

/* The bits of byte i that a length of `bits` covers. */
static uint8_t mask(unsigned bits, unsigned i)
{
    if (bits >= (i + 1) * 8)
        return 0xff;
    return bits <= i * 8 ? 0 : (uint8_t)(0xff << (8 - (bits - i * 8)));
}

bool config_network_parse(sv text, struct config_network *ret)
{
    struct config_network network;
    sv rest = text, address = sv_split(&rest, '/');
    bool v4 = sv_find_char(address, ':') == SV_NPOS;
    uint64_t bits = v4 ? 32 : 128;
    if (sv_find_char(address, '%') != SV_NPOS || !config_address_parse(address, network.address))
        return false;
    if (rest.p && (!sv_to_u64(rest, &bits) || bits > (v4 ? 32 : 128) || (rest.n > 1 && rest.p[0] == '0')))
        return false;
    network.bits = (unsigned)bits + (v4 ? 96 : 0);
    for (unsigned i = 0; i < sizeof network.address; i++)
        if (network.address[i] & (uint8_t)~mask(network.bits, i))
            return false;
    *ret = network;
    return true;
}

bool config_network_contains(const struct config_network *network, const uint8_t address[static 16])
{
    for (unsigned i = 0; i * 8 < network->bits; i++)
        if ((network->address[i] ^ address[i]) & mask(network->bits, i))
            return false;
    return true;
}

bool config_network_is_v4(const struct config_network *network)
{
    return network->bits >= 96 && memcmp(network->address, mapped, sizeof mapped) == 0;
}

bool config_network_is_private(const struct config_network *network)
{
    static const char *const private[] = {
        "127.0.0.0/8",   "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16",
        "100.64.0.0/10", "::1",        "fc00::/7",      "fe80::/10"};
    for (size_t i = 0; i < sizeof private / sizeof *private; i++) {
        struct config_network known;
        if (config_network_parse(sv_of(private[i]), &known) && network->bits >= known.bits &&
            config_network_contains(&known, network->address))
            return true;
    }
    return false;
}
