/* Findings from bytes of any kind: what is accepted packs again to the same bytes. */
#include <stdlib.h>

#include "wire/finding.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct unpack unpack = UNPACK_FROM(sv_make(data, size));
    struct arena *arena = arena_new(64 * 1024);
    struct finding finding;
    if (finding_unpack(&unpack, &finding, arena)) {
        struct buf again = BUF_INIT(FINDING_BYTES_MAX);
        struct pack pack = PACK_INTO(&again);
        finding_pack(&pack, &finding);
        if (!pack.ok || !sv_eq(buf_view(&again), sv_first(sv_make(data, size), size - unpack.rest.n)))
            abort();
        buf_free(&again);
    }
    arena_free(arena);
    return 0;
}
