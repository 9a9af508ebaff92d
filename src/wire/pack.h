/* Packs numbers and strings into message bodies and reads them back; little-endian, bounds checked. */
#ifndef VEDETTE_WIRE_PACK_H
#define VEDETTE_WIRE_PACK_H

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

/* Reads what pack wrote. Past the end, or a length that lies: zero or empty, and ok turns false for good.
 * Views borrow from the bytes given to it. */
struct unpack {
    sv rest;
    bool ok;
};

#define UNPACK_FROM(bytes) ((struct unpack){.rest = (bytes), .ok = true})

uint32_t unpack_u32(struct unpack *unpack);
uint64_t unpack_u64(struct unpack *unpack);
int64_t unpack_i64(struct unpack *unpack);
sv unpack_sv(struct unpack *unpack);

/* True if all was well-formed and nothing is left over. */
bool unpack_done(const struct unpack *unpack);

#endif
