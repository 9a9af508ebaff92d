/* Parts of what the correlator gave, and projections, from bytes of any kind: refused, or read within their
 * bounds. */
#include "wire/correlated.h"
#include "wire/projection.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(1024 * 1024);
    struct correlated correlated;
    struct finding finding;
    struct projection projection = {.seen.raw = SV("a record")};
    sv bytes = sv_make(data, size), key, value;
    struct unpack unpack = UNPACK_FROM(bytes);
    enum correlated_item item = CORRELATED_NONE;
    if (correlated_open(bytes, &correlated))
        while ((item = correlated_next(&correlated, &finding, &key, &value, arena)) != CORRELATED_NONE) {
            if (item == CORRELATED_INVALID)
                break;
            if (item == CORRELATED_CHANGE && (key.n > CORRELATED_KEY_BYTES_MAX || value.n > size))
                abort();
        }
    if (projection_unpack(&unpack, &projection, &projection, arena) &&
        projection.seen.field_count > FINDING_FIELDS_MAX)
        abort();
    arena_free(arena);
    return 0;
}
