#include "wire/batch.h"

#include <assert.h>
#include <endian.h>

/* Room that is always left for the cursor, so that ending a batch cannot fail. */
enum { CURSOR_ROOM = BATCH_CURSOR_BYTES_MAX + 4 };

/* The least that a packed finding takes: keeps a count that lies from asking for memory. */
enum { FINDING_BYTES_MIN = 12 };

enum item { ITEM_FINDING, ITEM_PROJECTION };
enum { ITEM_HEAD_BYTES = 8 }; /* of a projection: kind and length */

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

static uint32_t wire_u32(size_t number)
{
    return htole32((uint32_t)number);
}

/* Keeps what was packed since `before` if it fits with the cursor, else takes it back. */
static bool item_end(struct batch_writer *writer, size_t before)
{
    struct buf *buf = writer->pack.buf;
    if (!writer->pack.ok || buf_room(buf) < CURSOR_ROOM) {
        buf->end = buf->start + before;
        writer->pack.ok = true;
        return false;
    }
    writer->count++;
    return true;
}

bool batch_add(struct batch_writer *writer, const struct finding *finding)
{
    size_t before = buf_view(writer->pack.buf).n;
    if (writer->count == BATCH_FINDINGS_MAX)
        return false;
    pack_u32(&writer->pack, ITEM_FINDING);
    finding_pack(&writer->pack, finding);
    return item_end(writer, before);
}

bool batch_add_projection(struct batch_writer *writer, const struct projection *projection, bool again)
{
    struct buf *buf = writer->pack.buf;
    size_t before = buf_view(buf).n;
    if (writer->count == BATCH_FINDINGS_MAX)
        return false;
    pack_u32(&writer->pack, ITEM_PROJECTION);
    pack_u32(&writer->pack, 0); /* its length, known below */
    projection_pack(&writer->pack, projection, again && writer->projected);
    size_t length = buf_view(buf).n - before;
    if (!item_end(writer, before))
        return false;
    writer->projected = true;
    uint32_t n = wire_u32(length - ITEM_HEAD_BYTES);
    memcpy(buf->bytes + buf->start + before + sizeof n, &n, sizeof n);
    return true;
}

void batch_end(struct batch_writer *writer, sv cursor)
{
    struct buf *buf = writer->pack.buf;
    assert(cursor.n <= BATCH_CURSOR_BYTES_MAX);
    pack_sv(&writer->pack, cursor);
    assert(writer->pack.ok);
    uint32_t count = wire_u32(writer->count);
    memcpy(buf->bytes + buf->start + writer->count_at, &count, sizeof count);
}

static bool read_item(struct unpack *unpack, struct arena *arena, struct batch *batch)
{
    uint32_t kind = unpack_u32(unpack);
    if (unpack->ok && kind == ITEM_FINDING)
        return finding_unpack(unpack, &batch->findings[batch->count++], arena);
    sv projection = unpack_sv(unpack);
    if (!unpack->ok || kind != ITEM_PROJECTION || projection.n > PROJECTION_BYTES_MAX)
        return false;
    batch->projections[batch->projection_count++] = projection;
    return true;
}

bool batch_read(sv body, struct arena *arena, struct batch *ret)
{
    struct unpack unpack = UNPACK_FROM(body);
    struct batch batch = {.serial = unpack_u64(&unpack), .input = unpack_sv(&unpack)};
    size_t count = unpack_u32(&unpack);
    if (!unpack.ok || count > BATCH_FINDINGS_MAX || count > unpack.rest.n / FINDING_BYTES_MIN)
        return false;
    if (count) {
        batch.findings = arena_alloc(arena, count * sizeof *batch.findings);
        batch.projections = arena_alloc(arena, count * sizeof *batch.projections);
        if (!batch.findings || !batch.projections)
            return false;
    }
    for (size_t i = 0; i < count; i++)
        if (!read_item(&unpack, arena, &batch))
            return false;
    batch.cursor = unpack_sv(&unpack);
    if (!unpack_done(&unpack) || batch.cursor.n > BATCH_CURSOR_BYTES_MAX)
        return false;
    *ret = batch;
    return true;
}
