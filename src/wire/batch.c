#include "wire/batch.h"

#include <assert.h>
#include <endian.h>

/* Room that is always left for the cursor, so that ending a batch cannot fail. */
enum { CURSOR_ROOM = BATCH_CURSOR_BYTES_MAX + 4 };

/* The least that a packed finding takes: keeps a count that lies from asking for memory. */
enum { FINDING_BYTES_MIN = 16 };

void batch_begin(struct batch_writer *writer, struct buf *buf, uint64_t serial, sv input)
{
    assert(buf_view(buf).n == 0);
    *writer = (struct batch_writer){.pack = PACK_INTO(buf)};
    pack_u64(&writer->pack, serial);
    pack_sv(&writer->pack, input);
    writer->count_at = buf_view(buf).n;
    pack_u32(&writer->pack, 0);
    assert(writer->pack.ok && buf_room(buf) >= CURSOR_ROOM);
}

bool batch_add(struct batch_writer *writer, const struct finding *finding)
{
    struct buf *buf = writer->pack.buf;
    size_t before = buf_view(buf).n;
    if (writer->count == BATCH_FINDINGS_MAX)
        return false;
    finding_pack(&writer->pack, finding);
    if (!writer->pack.ok || buf_room(buf) < CURSOR_ROOM) {
        buf->end = buf->start + before;
        writer->pack.ok = true;
        return false;
    }
    writer->count++;
    return true;
}

void batch_end(struct batch_writer *writer, sv cursor)
{
    struct buf *buf = writer->pack.buf;
    assert(cursor.n <= BATCH_CURSOR_BYTES_MAX);
    pack_sv(&writer->pack, cursor);
    assert(writer->pack.ok);
    uint32_t count = htole32(writer->count);
    memcpy(buf->bytes + buf->start + writer->count_at, &count, sizeof count);
}

bool batch_read(sv body, struct arena *arena, struct batch *ret)
{
    struct unpack unpack = UNPACK_FROM(body);
    struct batch batch = {.serial = unpack_u64(&unpack), .input = unpack_sv(&unpack)};
    batch.count = unpack_u32(&unpack);
    if (!unpack.ok || batch.count > BATCH_FINDINGS_MAX || batch.count > unpack.rest.n / FINDING_BYTES_MIN)
        return false;
    if (batch.count) {
        batch.findings = arena_alloc(arena, batch.count * sizeof *batch.findings);
        if (!batch.findings)
            return false;
    }
    for (size_t i = 0; i < batch.count; i++)
        if (!finding_unpack(&unpack, &batch.findings[i], arena))
            return false;
    batch.cursor = unpack_sv(&unpack);
    if (!unpack_done(&unpack) || batch.cursor.n > BATCH_CURSOR_BYTES_MAX)
        return false;
    *ret = batch;
    return true;
}
