/* Arbitrary bytes as a message's meta and state: what is read can be written, and is then the same. */
#include "gateway/envelope.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_envelope(sv bytes, struct arena *arena)
{
    struct envelope first, second;
    struct buf packed = BUF_INIT(16 * 1024 * 1024);
    if (envelope_unpack(bytes, arena, &first) == 0) {
        int put = envelope_pack(&packed, &first);
        assert(put == 0);
        int read = envelope_unpack(buf_view(&packed), arena, &second);
        assert(read == 0 && second.said.recipient_count == first.said.recipient_count);
        assert(sv_eq(second.said.sender, first.said.sender) && second.arrived == first.arrived);
    }
    buf_free(&packed);
}

static void try_state(sv bytes)
{
    struct envelope_state first, second;
    struct buf packed = BUF_INIT(16 * 1024 * 1024);
    if (envelope_state_unpack(bytes, &first) == 0) {
        int put = envelope_state_pack(&packed, &first);
        assert(put == 0);
        int read = envelope_state_unpack(buf_view(&packed), &second);
        assert(read == 0 && second.attempts == first.attempts && sv_eq(second.route, first.route));
    }
    buf_free(&packed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(1 << 20);
    sv bytes = sv_make(data, size);
    try_envelope(bytes, arena);
    try_state(bytes);
    arena_free(arena);
    return 0;
}
