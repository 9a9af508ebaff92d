#include "gateway/limits.h"

#include "io/durable.h"
#include "wire/pack.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

static_assert(LIMITS_KEY_BYTES == crypto_shorthash_KEYBYTES, "the key of SipHash");

enum {
    RATE_SETS = LIMITS_BUCKETS_MAX / LIMITS_WAYS,
    QUOTA_SETS = LIMITS_QUOTAS_MAX / LIMITS_WAYS,
    FILE_BYTES_MAX = 4 * 1024 * 1024,
    SUM_BYTES = crypto_generichash_BYTES,
};

#define FILE_HEAD SV("vedette quotas 1\n")

/* A bucket is known by the moment at which it is full again (the generic cell rate algorithm). */
struct bucket {
    uint64_t who;
    nanos full_at;
};

struct tally {
    uint64_t who;
    int32_t day;
    uint32_t count;
};

/* The last entry of a set is shared by all who find no place; who is 0 in it and in what is free. */
struct limits {
    uint8_t secret[LIMITS_KEY_BYTES];
    struct bucket buckets[RATE_SETS][LIMITS_WAYS + 1];
    struct tally tallies[QUOTA_SETS][LIMITS_WAYS + 1];
    bool changed;
};

struct limits *limits_new(const uint8_t secret[static LIMITS_KEY_BYTES])
{
    struct limits *limits = calloc(1, sizeof *limits);
    assert(limits);
    memcpy(limits->secret, secret, LIMITS_KEY_BYTES);
    return limits;
}

void limits_free(struct limits *limits)
{
    free(limits);
}

static uint64_t name_of(const struct limits *limits, sv key)
{
    uint64_t who;
    static_assert(sizeof who == crypto_shorthash_BYTES, "SipHash gives 64 bits");
    crypto_shorthash((unsigned char *)&who, (const unsigned char *)(key.p ? key.p : ""), key.n,
                     limits->secret);
    return who ? who : 1;
}

/* --- Rates --- */

/* Where who is counted: its own bucket, one that may be had, or the shared one. */
static const struct bucket *bucket_of(const struct limits *limits, uint64_t who, nanos now)
{
    const struct bucket *set = limits->buckets[who % RATE_SETS], *idle = NULL;
    for (size_t i = 0; i < LIMITS_WAYS; i++) {
        if (set[i].who == who)
            return &set[i];
        if (!idle && set[i].full_at <= now)
            idle = &set[i];
    }
    return idle ? idle : &set[LIMITS_WAYS];
}

static nanos interval_of(const struct limit_rate *rate)
{
    nanos interval = rate->length / rate->count;
    return interval > 0 ? interval : 1;
}

nanos limits_rate_wait(const struct limits *limits, const struct limit_rate *rate, nanos now)
{
    nanos full_at = bucket_of(limits, name_of(limits, rate->key), now)->full_at;
    nanos slack = interval_of(rate) * (nanos)(rate->burst - 1);
    return full_at - slack > now ? full_at - slack - now : 0;
}

void limits_rate_take(struct limits *limits, const struct limit_rate *rate, nanos now)
{
    uint64_t who = name_of(limits, rate->key);
    size_t way = (size_t)(bucket_of(limits, who, now) - limits->buckets[who % RATE_SETS]);
    struct bucket *bucket = &limits->buckets[who % RATE_SETS][way];
    if (way < LIMITS_WAYS)
        bucket->who = who;
    bucket->full_at = (bucket->full_at > now ? bucket->full_at : now) + interval_of(rate);
}

/* --- Quotas --- */

/* Zones are at most 26 hours apart: an entry from the day before yesterday is over everywhere. */
static const struct tally *tally_of(const struct limits *limits, uint64_t who, int64_t day)
{
    const struct tally *set = limits->tallies[who % QUOTA_SETS], *idle = NULL;
    for (size_t i = 0; i < LIMITS_WAYS; i++) {
        if (set[i].who == who)
            return &set[i];
        if (!idle && (set[i].who == 0 || set[i].day < day - 1))
            idle = &set[i];
    }
    return idle ? idle : &set[LIMITS_WAYS];
}

static uint32_t used(const struct tally *tally, uint64_t who, int64_t day)
{
    bool own = tally->who == who || tally->who == 0;
    return own && tally->day >= day ? tally->count : 0;
}

uint32_t limits_quota_left(const struct limits *limits, const struct limit_quota *quota)
{
    uint64_t who = name_of(limits, quota->key);
    uint32_t count = used(tally_of(limits, who, quota->day), who, quota->day);
    return count < quota->count ? quota->count - count : 0;
}

void limits_quota_take(struct limits *limits, const struct limit_quota *quota)
{
    uint64_t who = name_of(limits, quota->key);
    size_t way = (size_t)(tally_of(limits, who, quota->day) - limits->tallies[who % QUOTA_SETS]);
    struct tally *tally = &limits->tallies[who % QUOTA_SETS][way];
    uint32_t count = used(tally, who, quota->day);
    if (way < LIMITS_WAYS)
        tally->who = who;
    /* A clock that went back a day goes on with the later day's count. */
    if (count == 0)
        tally->day = (int32_t)quota->day;
    tally->count = count < UINT32_MAX ? count + 1 : count;
    limits->changed = true;
}

/* --- Their file --- */

bool limits_changed(const struct limits *limits)
{
    return limits->changed;
}

static void sum_of(sv bytes, unsigned char sum[static SUM_BYTES])
{
    crypto_generichash(sum, SUM_BYTES, (const unsigned char *)bytes.p, bytes.n, NULL, 0);
}

int limits_save(struct limits *limits, int folder_fd, const char *name, struct err *err)
{
    struct buf text = BUF_INIT(FILE_BYTES_MAX);
    struct pack pack = PACK_INTO(&text);
    unsigned char sum[SUM_BYTES];
    buf_put(&text, FILE_HEAD);
    pack_sv(&pack, sv_make(limits->secret, sizeof limits->secret));
    for (size_t set = 0; set < QUOTA_SETS; set++)
        for (size_t way = 0; way <= LIMITS_WAYS; way++) {
            const struct tally *tally = &limits->tallies[set][way];
            if (tally->count == 0)
                continue;
            pack_u32(&pack, (uint32_t)(set * (LIMITS_WAYS + 1) + way));
            pack_u64(&pack, tally->who);
            pack_i64(&pack, tally->day);
            pack_u32(&pack, tally->count);
        }
    assert(pack.ok);
    sum_of(buf_view(&text), sum);
    int put = buf_put(&text, sv_make(sum, sizeof sum));
    assert(put == 0);
    int outcome = durable_write(folder_fd, name, buf_view(&text), 0600, err);
    buf_free(&text);
    if (outcome == 0)
        limits->changed = false;
    return outcome;
}

static bool read_tallies(struct limits *limits, struct unpack *unpack)
{
    while (unpack->ok && unpack->rest.n) {
        uint32_t place = unpack_u32(unpack);
        struct tally tally = {.who = unpack_u64(unpack)};
        int64_t day = unpack_i64(unpack);
        tally.day = (int32_t)day;
        tally.count = unpack_u32(unpack);
        size_t set = place / (LIMITS_WAYS + 1), way = place % (LIMITS_WAYS + 1);
        if (!unpack->ok || set >= QUOTA_SETS || tally.day != day ||
            (way == LIMITS_WAYS) != (tally.who == 0) || (tally.who && tally.who % QUOTA_SETS != set))
            return false;
        limits->tallies[set][way] = tally;
    }
    return unpack->ok;
}

static bool read_file(struct limits *limits, sv text)
{
    unsigned char sum[SUM_BYTES];
    if (!text.p || text.n < FILE_HEAD.n + SUM_BYTES || !sv_starts(text, FILE_HEAD))
        return false;
    sum_of(sv_first(text, text.n - SUM_BYTES), sum);
    if (memcmp(sum, text.p + text.n - SUM_BYTES, SUM_BYTES) != 0)
        return false;
    sv body = sv_from(text, FILE_HEAD.n);
    struct unpack unpack = UNPACK_FROM(sv_first(body, body.n - SUM_BYTES));
    sv secret = unpack_sv(&unpack);
    if (!secret.p || secret.n != LIMITS_KEY_BYTES)
        return false;
    memcpy(limits->secret, secret.p, secret.n);
    if (read_tallies(limits, &unpack))
        return true;
    memset(limits->tallies, 0, sizeof limits->tallies);
    return false;
}

int limits_load(struct limits *limits, const char *path, struct err *err)
{
    struct buf text = BUF_INIT(FILE_BYTES_MAX);
    struct err found = {0};
    int outcome = 0;
    if (file_read(path, &text, &found) < 0) {
        if (found.system != ENOENT) {
            *err = found;
            outcome = -1;
        }
    } else if (!read_file(limits, buf_view(&text))) {
        outcome =
            err_set(err, ERR_DATA, "it is written anew; today's quotas begin at 0", "%s is damaged", path);
    }
    buf_free(&text);
    return outcome;
}
