/* Arbitrary bytes as a segment of the log: whatever is read lies within them, and a record that was written
 * over them is found again. */
#include "store/spool_record.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct spool_record record;
    size_t taken = 0, from = 0;
    sv bytes = sv_make(data, size);
    size_t at;
    while ((at = spool_record_find(bytes, from, 1, &record, &taken)) != SV_NPOS) {
        assert(taken >= SPOOL_RECORD_HEADER && at + taken <= size);
        assert(record.content.n + record.meta.n + record.state.n + SPOOL_RECORD_HEADER <= taken);
        from = at + taken;
    }
    /* The fuzzer cannot guess a checksum: put the right one into what looks like a record. */
    char *copy = malloc(size + 1);
    assert(copy);
    memcpy(copy, data, size);
    if (size >= SPOOL_RECORD_HEADER)
        spool_record_sign(copy, size, 1);
    if (spool_record_read(sv_make(copy, size), 1, &record, &taken))
        assert(taken == size);
    free(copy);
    return 0;
}
