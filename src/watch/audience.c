#include "watch/audience.h"

#include <assert.h>
#include <stdlib.h>

#include "base/bits.h"
#include "base/hash.h"
#include "watch/rule_source.h"
#include "watch/ruleset_priv.h"

enum {
    KEPT = 128,
    PROBES = 8,
    KEY_BYTES_MAX = 192, /* a longer log source is looked up anew each time */
    RECENT = 16,         /* log sources that decoders told last */
};

struct kept {
    struct audience audience;
    char key[KEY_BYTES_MAX];
    size_t key_n; /* 0: not to be found again */
    bool used;
};

struct recent {
    struct logsource source;
    const struct kept *kept;
};

struct audiences {
    const struct ruleset *ruleset;
    const uint64_t *always;
    size_t words; /* of a set of rules */
    uint64_t *pool;
    struct kept kept[KEPT];
    struct recent recent[RECENT];
    size_t recent_next;
    uint64_t forgotten;
};

struct audiences *audiences_new(const struct ruleset *ruleset, const uint64_t *always)
{
    struct audiences *audiences = calloc(1, sizeof *audiences);
    assert(audiences);
    audiences->ruleset = ruleset;
    audiences->always = always;
    audiences->words = bits_words(ruleset->count) + 1;
    audiences->pool = calloc(audiences->words * KEPT, sizeof *audiences->pool);
    assert(audiences->pool);
    for (size_t i = 0; i < KEPT; i++)
        audiences->kept[i].audience.rules = audiences->pool + audiences->words * i;
    return audiences;
}

void audiences_free(struct audiences *audiences)
{
    if (!audiences)
        return;
    free(audiences->pool);
    free(audiences);
}

/* "product/category/service"; 0 if it is too long to be kept. */
static size_t source_key(const struct logsource *source, char key[static KEY_BYTES_MAX])
{
    const sv parts[] = {source->product, source->category, source->service};
    size_t n = 0;
    for (size_t i = 0; i < 3; i++) {
        if (parts[i].n >= KEY_BYTES_MAX - n)
            return 0;
        if (parts[i].n)
            memcpy(key + n, parts[i].p, parts[i].n);
        n += parts[i].n;
        key[n++] = '\n';
    }
    return n;
}

static void gather(const struct audiences *audiences, const struct logsource *source, struct audience *ret)
{
    const struct ruleset *ruleset = audiences->ruleset;
    memset(ret->rules, 0, audiences->words * sizeof *ret->rules);
    ret->any = ret->any_always = false;
    ret->family = ruleset->prefilter ? prefilter_family(ruleset->prefilter, source) : 0;
    for (size_t i = 0; i < ruleset->count; i++) {
        if (!rule_source_agrees(&ruleset->rules[i].about.source, source))
            continue;
        bits_add(ret->rules, i);
        ret->any = true;
        ret->any_always |= bits_has(audiences->always, i);
    }
}

static void forget(struct audiences *audiences, const struct kept *kept)
{
    for (size_t i = 0; i < RECENT; i++)
        if (audiences->recent[i].kept == kept)
            audiences->recent[i].kept = NULL;
    audiences->forgotten++;
}

static const struct kept *find(struct audiences *audiences, const struct logsource *source)
{
    char key[KEY_BYTES_MAX];
    size_t n = source_key(source, key);
    size_t first = hash_sv((sv){key, n}) % KEPT;
    struct kept *kept = &audiences->kept[first];
    for (size_t i = 0; n && i < PROBES; i++) {
        struct kept *place = &audiences->kept[(first + i) % KEPT];
        if (place->key_n == n && memcmp(place->key, key, n) == 0)
            return place;
        if (!place->used) {
            kept = place;
            break;
        }
    }
    if (kept->used)
        forget(audiences, kept);
    gather(audiences, source, &kept->audience);
    kept->used = true;
    kept->key_n = n;
    memcpy(kept->key, key, n);
    return kept;
}

static bool same_place(sv a, sv b)
{
    return a.p == b.p && a.n == b.n;
}

/* Nearly all are known again by where their names lie; services tell most of them apart. */
static const struct kept *find_recent(struct audiences *audiences, const struct logsource *source)
{
    for (size_t i = 0; i < RECENT; i++) {
        const struct recent *recent = &audiences->recent[i];
        if (same_place(recent->source.service, source->service) &&
            same_place(recent->source.category, source->category) &&
            same_place(recent->source.product, source->product) && recent->kept)
            return recent->kept;
    }
    return NULL;
}

const struct audience *audience_of(struct audiences *audiences, const struct logsource *source)
{
    const struct kept *kept = find_recent(audiences, source);
    return &(kept ? kept : find(audiences, source))->audience;
}

const struct audience *audience_remembered(struct audiences *audiences, const struct logsource *source)
{
    const struct kept *kept = find_recent(audiences, source);
    if (kept)
        return &kept->audience;
    kept = find(audiences, source);
    audiences->recent[audiences->recent_next] = (struct recent){*source, kept};
    audiences->recent_next = (audiences->recent_next + 1) % RECENT;
    return &kept->audience;
}

uint64_t audiences_forgotten(const struct audiences *audiences)
{
    return audiences->forgotten;
}
