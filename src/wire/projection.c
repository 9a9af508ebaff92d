#include "wire/projection.h"

enum { RAW_BYTES_MAX = 1024, VALUE_BYTES_MAX = 512 };

void projection_pack(struct pack *pack, const struct projection *projection)
{
    struct event_field fields[FINDING_FIELDS_MAX];
    struct finding seen = projection->seen;
    size_t n = seen.field_count < FINDING_FIELDS_MAX ? seen.field_count : FINDING_FIELDS_MAX;
    for (size_t i = 0; i < n; i++) {
        fields[i] = seen.fields[i];
        fields[i].value = sv_first(fields[i].value, VALUE_BYTES_MAX);
    }
    seen.fields = fields;
    seen.field_count = n;
    seen.raw = sv_first(seen.raw, RAW_BYTES_MAX);
    seen.message = sv_first(seen.message, RAW_BYTES_MAX);
    pack_u64(pack, projection->ordinal);
    finding_pack(pack, &seen);
}

bool projection_unpack(struct unpack *unpack, struct projection *ret, struct arena *arena)
{
    struct projection projection = {.ordinal = unpack_u64(unpack)};
    if (!unpack->ok || !finding_unpack(unpack, &projection.seen, arena))
        return false;
    *ret = projection;
    return true;
}
