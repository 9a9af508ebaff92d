/* Packs numbers and strings into message bodies and reads them back; little-endian, bounds checked. */
#ifndef VEDETTE_WIRE_PACK_H
#define VEDETTE_WIRE_PACK_H

#include <endian.h>
#include <string.h>

#include "base/buf.h"

/* Each appends to the buffer. Past its maximum the buffer is left short and *ok turns false. */
struct pack {
    struct buf *buf;
    bool ok;
};

#define PACK_INTO(b) ((struct pack){.buf = (b), .ok = true})

void pack_u32(struct pack *pack, uint32_t value);
void pack_u64(struct pack *pack, uint64_t value);
void pack_i64(struct pack *pack, int64_t value);
void pack_sv(struct pack *pack, sv value);

/* A place for n bytes that the caller writes himself, and then says so (buf_added); NULL past the maximum. */
char *pack_room(struct pack *pack, size_t n);

/* Write into such a place, and give what follows. */
static inline char *pack_u16_at(char *to, uint16_t value)
{
    value = htole16(value);
    return (char *)memcpy(to, &value, sizeof value) + sizeof value;
}

static inline char *pack_u32_at(char *to, uint32_t value)
{
    value = htole32(value);
    return (char *)memcpy(to, &value, sizeof value) + sizeof value;
}

static inline char *pack_u64_at(char *to, uint64_t value)
{
    value = htole64(value);
    return (char *)memcpy(to, &value, sizeof value) + sizeof value;
}

char *pack_bytes_at(char *to, sv bytes);

/* Reads what pack wrote. Past the end, or a length that lies: zero or empty, and ok turns false for good.
 * Views borrow from the bytes given to it. */
struct unpack {
    sv rest;
    bool ok;
};

#define UNPACK_FROM(bytes) ((struct unpack){.rest = (bytes), .ok = true})

uint16_t unpack_u16(struct unpack *unpack);
uint32_t unpack_u32(struct unpack *unpack);
uint64_t unpack_u64(struct unpack *unpack);
int64_t unpack_i64(struct unpack *unpack);
sv unpack_sv(struct unpack *unpack);
sv unpack_bytes(struct unpack *unpack, size_t n); /* of a length that is known otherwise */

/* True if all was well-formed and nothing is left over. */
bool unpack_done(const struct unpack *unpack);

#endif
