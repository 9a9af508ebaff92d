#include "gateway/crowd.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* Twice as many places as members, so that a search is short; a power of two. */
enum { PLACES = 2 * CROWD_MEMBERS_MAX };

struct place {
    uint64_t network; /* 0: free */
    size_t count;
};

struct crowd {
    struct place places[PLACES];
    size_t members;
};

struct crowd *crowd_new(void)
{
    struct crowd *crowd = calloc(1, sizeof *crowd);
    assert(crowd);
    return crowd;
}

void crowd_free(struct crowd *crowd)
{
    free(crowd);
}

/* Never 0: the highest byte tells the families apart. */
static uint64_t network_of(const struct address *client)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    uint64_t network = 0;
    if (client->storage.ss_family == AF_INET) {
        memcpy(&in, &client->storage, sizeof in);
        return 4ULL << 56 | ntohl(in.sin_addr.s_addr) >> 8;
    }
    memcpy(&in6, &client->storage, sizeof in6);
    const uint8_t *bytes = in6.sin6_addr.s6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr))
        return 4ULL << 56 | (uint64_t)bytes[12] << 16 | (uint64_t)bytes[13] << 8 | bytes[14];
    for (int i = 0; i < 6; i++)
        network = network << 8 | bytes[i];
    return 6ULL << 56 | network;
}

/* Neighbouring networks must not be neighbouring places. */
static size_t home_of(uint64_t network)
{
    network *= 0x9e3779b97f4a7c15ULL;
    return network >> 32 & (PLACES - 1);
}

/* The network's place, or the free one where it belongs. */
static size_t find(const struct crowd *crowd, uint64_t network)
{
    size_t at = home_of(network);
    while (crowd->places[at].network && crowd->places[at].network != network)
        at = (at + 1) & (PLACES - 1);
    return at;
}

bool crowd_enter(struct crowd *crowd, const struct address *client, size_t most)
{
    uint64_t network = network_of(client);
    struct place *place = &crowd->places[find(crowd, network)];
    if (place->count >= most || crowd->members == CROWD_MEMBERS_MAX)
        return false;
    place->network = network;
    place->count++;
    crowd->members++;
    return true;
}

/* Moves up those that would not be found past the hole. */
static void vacate(struct crowd *crowd, size_t hole)
{
    for (size_t at = (hole + 1) & (PLACES - 1); crowd->places[at].network; at = (at + 1) & (PLACES - 1)) {
        size_t home = home_of(crowd->places[at].network);
        if (((at - home) & (PLACES - 1)) < ((at - hole) & (PLACES - 1)))
            continue;
        crowd->places[hole] = crowd->places[at];
        hole = at;
    }
    crowd->places[hole] = (struct place){0};
}

void crowd_leave(struct crowd *crowd, const struct address *client)
{
    size_t at = find(crowd, network_of(client));
    assert(crowd->places[at].count > 0);
    crowd->members--;
    if (--crowd->places[at].count == 0)
        vacate(crowd, at);
}

size_t crowd_count(const struct crowd *crowd, const struct address *client)
{
    return crowd->places[find(crowd, network_of(client))].count;
}
