#include "wire/correlated.h"

#include <assert.h>
#include <endian.h>

enum item { ITEM_FINDING, ITEM_PUT, ITEM_GONE };
enum { LAST_AT = 8 }; /* after the serial */

void correlated_begin(struct buf *buf, uint64_t serial)
{
    struct pack pack = PACK_INTO(buf);
    assert(buf_view(buf).n == 0);
    pack_u64(&pack, serial);
    pack_u32(&pack, 0);
    assert(pack.ok);
}

void correlated_end(struct buf *buf)
{
    uint32_t last = htole32(1);
    memcpy(buf->bytes + buf->start + LAST_AT, &last, sizeof last);
}

static bool keep(struct buf *buf, const struct pack *pack, size_t before)
{
    if (!pack->ok)
        buf->end = buf->start + before;
    return pack->ok;
}

bool correlated_add_finding(struct buf *buf, const struct finding *finding)
{
    struct pack pack = PACK_INTO(buf);
    size_t before = buf_view(buf).n;
    pack_u32(&pack, ITEM_FINDING);
    finding_pack(&pack, finding);
    return keep(buf, &pack, before);
}

bool correlated_add_change(struct buf *buf, sv key, sv value)
{
    struct pack pack = PACK_INTO(buf);
    size_t before = buf_view(buf).n;
    assert(key.n <= CORRELATED_KEY_BYTES_MAX && value.n <= CORRELATED_VALUE_BYTES_MAX);
    pack_u32(&pack, value.p ? ITEM_PUT : ITEM_GONE);
    pack_sv(&pack, key);
    if (value.p)
        pack_sv(&pack, value);
    return keep(buf, &pack, before);
}

bool correlated_open(sv body, struct correlated *ret)
{
    struct unpack unpack = UNPACK_FROM(body);
    struct correlated correlated = {.serial = unpack_u64(&unpack)};
    uint32_t last = unpack_u32(&unpack);
    if (!unpack.ok || last > 1)
        return false;
    correlated.last = last;
    correlated.rest = unpack;
    *ret = correlated;
    return true;
}

static enum correlated_item next_change(struct unpack *unpack, bool put, sv *ret_key, sv *ret_value)
{
    sv key = unpack_sv(unpack), value = put ? unpack_sv(unpack) : SV_NONE;
    if (!unpack->ok || key.n > CORRELATED_KEY_BYTES_MAX || value.n > CORRELATED_VALUE_BYTES_MAX ||
        (put && !value.n))
        return CORRELATED_INVALID;
    *ret_key = key;
    *ret_value = value;
    return CORRELATED_CHANGE;
}

enum correlated_item correlated_next(struct correlated *correlated, struct finding *ret_finding, sv *ret_key,
                                     sv *ret_value, struct arena *arena)
{
    struct unpack *unpack = &correlated->rest;
    if (unpack->ok && !unpack->rest.n)
        return CORRELATED_NONE;
    uint32_t item = unpack_u32(unpack);
    if (!unpack->ok || item > ITEM_GONE)
        return CORRELATED_INVALID;
    if (item != ITEM_FINDING)
        return next_change(unpack, item == ITEM_PUT, ret_key, ret_value);
    return finding_unpack(unpack, ret_finding, arena) ? CORRELATED_FINDING : CORRELATED_INVALID;
}
