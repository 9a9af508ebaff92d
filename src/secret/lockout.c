#include "secret/lockout.h"

#include "base/hash.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>

enum { WAYS = 8, SETS = LOCKOUT_ENTRIES_MAX / WAYS }; /* an entry has its place in one small set */

struct entry {
    uint64_t key; /* 0: free */
    unsigned failures;
    nanos last;
};

struct lockout {
    struct entry sets[SETS][WAYS];
};

struct lockout *lockout_new(void)
{
    struct lockout *lockout = calloc(1, sizeof *lockout);
    assert(lockout);
    return lockout;
}

void lockout_free(struct lockout *lockout)
{
    free(lockout);
}

/* The first bytes of an address that make its network; an address that is none is its own. */
static size_t network_of(sv client_ip, unsigned char network[static 16])
{
    char text[INET6_ADDRSTRLEN + 1];
    sv_copy(text, sizeof text, client_ip);
    if (inet_pton(AF_INET, text, network) == 1)
        return 3;
    static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (inet_pton(AF_INET6, text, network) != 1)
        return 0;
    if (memcmp(network, mapped, sizeof mapped) != 0)
        return 6;
    memmove(network, network + 12, 3);
    return 3;
}

static uint64_t key_of(sv client_ip, sv account)
{
    char bytes[17 + 256];
    unsigned char network[16];
    size_t n = network_of(client_ip, network);
    account = sv_first(account, 255);
    bytes[0] = (char)n;
    memcpy(bytes + 1, network, n);
    if (account.n)
        memcpy(bytes + 1 + n, account.p, account.n);
    uint64_t key = hash_sv(sv_make(bytes, 1 + n + account.n));
    return key ? key : 1;
}

/* The entry of that key, or the one to be used for it: free, or quiet longest. */
static struct entry *find(struct lockout *lockout, uint64_t key)
{
    struct entry *set = lockout->sets[key % SETS], *oldest = set;
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].key == key)
            return &set[i];
        if (set[i].key == 0 || (oldest->key && set[i].last < oldest->last))
            oldest = &set[i];
    }
    return oldest;
}

static nanos delay_of(const struct entry *entry)
{
    nanos delay = NANOS_PER_SECOND;
    if (entry->failures < LOCKOUT_FREE)
        return 0;
    for (unsigned i = LOCKOUT_FREE; i < entry->failures && delay < LOCKOUT_DELAY_MAX; i++)
        delay *= 2;
    return delay < LOCKOUT_DELAY_MAX ? delay : LOCKOUT_DELAY_MAX;
}

nanos lockout_wait(struct lockout *lockout, sv client_ip, sv account, nanos now)
{
    uint64_t key = key_of(client_ip, account);
    const struct entry *entry = find(lockout, key);
    nanos until = entry->key == key ? entry->last + delay_of(entry) : 0;
    return until > now ? until - now : 0;
}

void lockout_failed(struct lockout *lockout, sv client_ip, sv account, nanos now)
{
    uint64_t key = key_of(client_ip, account);
    struct entry *entry = find(lockout, key);
    if (entry->key != key || now - entry->last > LOCKOUT_DELAY_MAX)
        *entry = (struct entry){.key = key};
    entry->failures++;
    entry->last = now;
}

void lockout_passed(struct lockout *lockout, sv client_ip, sv account)
{
    uint64_t key = key_of(client_ip, account);
    struct entry *entry = find(lockout, key);
    if (entry->key == key)
        *entry = (struct entry){0};
}
