#include "wire/pack.h"

static void put(struct pack *pack, const void *bytes, size_t n)
{
    if (!pack->ok || buf_put(pack->buf, sv_make(bytes, n)) < 0)
        pack->ok = false;
}

void pack_u32(struct pack *pack, uint32_t value)
{
    value = htole32(value);
    put(pack, &value, sizeof value);
}

void pack_u64(struct pack *pack, uint64_t value)
{
    value = htole64(value);
    put(pack, &value, sizeof value);
}

void pack_i64(struct pack *pack, int64_t value)
{
    pack_u64(pack, (uint64_t)value);
}

char *pack_room(struct pack *pack, size_t n)
{
    char *to = pack->ok ? buf_reserve(pack->buf, n) : NULL;
    pack->ok = to != NULL;
    return to;
}

/* Not inline: where a compiler knows a bound it copies with rep movs, which costs more than these few bytes.
 */
char *pack_bytes_at(char *to, sv bytes)
{
    return bytes.n ? mempcpy(to, bytes.p, bytes.n) : to;
}

void pack_sv(struct pack *pack, sv value)
{
    uint32_t n = htole32((uint32_t)value.n);
    char *to = pack_room(pack, value.n <= UINT32_MAX ? sizeof n + value.n : SIZE_MAX);
    if (!to)
        return;
    memcpy(to, &n, sizeof n);
    if (value.n)
        memcpy(to + sizeof n, value.p, value.n);
    buf_added(pack->buf, sizeof n + value.n);
}

sv unpack_bytes(struct unpack *unpack, size_t n)
{
    if (!unpack->ok || unpack->rest.n < n) {
        *unpack = (struct unpack){.ok = false};
        return SV_NONE;
    }
    sv taken = sv_first(unpack->rest, n);
    unpack->rest = sv_from(unpack->rest, n);
    return taken;
}

uint16_t unpack_u16(struct unpack *unpack)
{
    uint16_t value = 0;
    sv bytes = unpack_bytes(unpack, sizeof value);
    if (bytes.n)
        memcpy(&value, bytes.p, sizeof value);
    return le16toh(value);
}

uint32_t unpack_u32(struct unpack *unpack)
{
    uint32_t value = 0;
    sv bytes = unpack_bytes(unpack, sizeof value);
    if (bytes.n)
        memcpy(&value, bytes.p, sizeof value);
    return le32toh(value);
}

uint64_t unpack_u64(struct unpack *unpack)
{
    uint64_t value = 0;
    sv bytes = unpack_bytes(unpack, sizeof value);
    if (bytes.n)
        memcpy(&value, bytes.p, sizeof value);
    return le64toh(value);
}

int64_t unpack_i64(struct unpack *unpack)
{
    return (int64_t)unpack_u64(unpack);
}

sv unpack_sv(struct unpack *unpack)
{
    return unpack_bytes(unpack, unpack_u32(unpack));
}

bool unpack_done(const struct unpack *unpack)
{
    return unpack->ok && unpack->rest.n == 0;
}
