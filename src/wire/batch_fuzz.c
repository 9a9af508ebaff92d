/* Batches from bytes of any kind: refused, or read within their bounds. */
#include "wire/batch.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(1024 * 1024);
    struct batch batch;
    if (batch_read(sv_make(data, size), arena, &batch) &&
        (batch.count > BATCH_FINDINGS_MAX || batch.cursor.n > BATCH_CURSOR_BYTES_MAX || batch.input.n > size))
        abort();
    arena_free(arena);
    return 0;
}
