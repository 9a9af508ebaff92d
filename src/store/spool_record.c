#include "store/spool_record.h"

#include <assert.h>
#include <zlib.h>

static const char MAGIC[4] = {'V', 's', 'p', '1'};

/* magic 4, checksum 4, type 2, flags 2, meta 4, state 4, unused 4, serial 8, content 8, unused 8:
 * little-endian as every machine that this runs on, and no padding, so the struct is the form. */
struct header {
    char magic[4];
    uint32_t checksum; /* of all that follows, seeded with the segment's number */
    uint16_t type, flags;
    uint32_t meta_length, state_length, unused;
    uint64_t serial, content_length, reserved;
};

enum { FLAG_EXTERNAL = 1, CHECKED_FROM = 8 };

_Static_assert(sizeof(struct header) == SPOOL_RECORD_HEADER, "the header has no padding");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the log is written as the machine has numbers");

static size_t payload(const struct spool_record *record)
{
    return record->meta_length + record->state_length +
           (record->external ? 0 : (size_t)record->content_length);
}

size_t spool_record_size(const struct spool_record *record)
{
    size_t n = SPOOL_RECORD_HEADER + payload(record);
    return (n + SPOOL_RECORD_ALIGN - 1) & ~(size_t)(SPOOL_RECORD_ALIGN - 1);
}

void spool_record_finish(char *at, const struct spool_record *record)
{
    struct header header = {
        .type = (uint16_t)record->type,
        .flags = record->external ? FLAG_EXTERNAL : 0,
        .meta_length = (uint32_t)record->meta_length,
        .state_length = (uint32_t)record->state_length,
        .serial = record->serial,
        .content_length = record->content_length,
    };
    size_t size = spool_record_size(record), used = SPOOL_RECORD_HEADER + payload(record);
    assert(size <= SPOOL_RECORD_BYTES_MAX);
    memcpy(header.magic, MAGIC, sizeof MAGIC);
    memcpy(at, &header, sizeof header);
    memset(at + used, 0, size - used);
}

static uint32_t checksum(const char *at, size_t size, uint64_t segment)
{
    uLong sum = crc32(0, (const Bytef *)&segment, sizeof segment);
    return (uint32_t)crc32(sum, (const Bytef *)at + CHECKED_FROM, (uInt)(size - CHECKED_FROM));
}

void spool_record_sign(char *at, size_t size, uint64_t segment)
{
    uint32_t sum = checksum(at, size, segment);
    memcpy(at + offsetof(struct header, checksum), &sum, sizeof sum);
}

static bool is_type(unsigned type)
{
    return type >= SPOOL_RECORD_SEGMENT && type <= SPOOL_RECORD_DONE;
}

/* What the header claims, as far as it can be so. */
static bool read_header(sv bytes, struct spool_record *ret, uint32_t *ret_checksum)
{
    struct header header;
    if (bytes.n < sizeof header || memcmp(bytes.p, MAGIC, sizeof MAGIC) != 0)
        return false;
    memcpy(&header, bytes.p, sizeof header);
    bool external = header.flags & FLAG_EXTERNAL;
    if (!is_type(header.type) || header.flags & ~FLAG_EXTERNAL ||
        header.meta_length > SPOOL_RECORD_BYTES_MAX || header.state_length > SPOOL_RECORD_BYTES_MAX ||
        (!external && header.content_length > SPOOL_RECORD_BYTES_MAX))
        return false;
    *ret = (struct spool_record){
        .type = (enum spool_record_type)header.type,
        .external = external,
        .serial = header.serial,
        .content_length = header.content_length,
        .meta_length = header.meta_length,
        .state_length = header.state_length,
    };
    *ret_checksum = header.checksum;
    return true;
}

bool spool_record_read(sv bytes, uint64_t segment, struct spool_record *ret, size_t *ret_size)
{
    struct spool_record record;
    uint32_t sum;
    if (!read_header(bytes, &record, &sum))
        return false;
    size_t size = spool_record_size(&record);
    if (size > bytes.n || size > SPOOL_RECORD_BYTES_MAX || checksum(bytes.p, size, segment) != sum)
        return false;
    sv rest = sv_from(sv_first(bytes, size), SPOOL_RECORD_HEADER);
    record.content = sv_first(rest, record.external ? 0 : (size_t)record.content_length);
    rest = sv_from(rest, record.content.n);
    record.meta = sv_first(rest, record.meta_length);
    record.state = sv_first(sv_from(rest, record.meta_length), record.state_length);
    *ret = record;
    *ret_size = size;
    return true;
}

size_t spool_record_find(sv bytes, size_t from, uint64_t segment, struct spool_record *ret, size_t *ret_size)
{
    for (size_t at = from; at + SPOOL_RECORD_HEADER <= bytes.n; at += SPOOL_RECORD_ALIGN)
        if (spool_record_read(sv_from(bytes, at), segment, ret, ret_size))
            return at;
    return SV_NPOS;
}
