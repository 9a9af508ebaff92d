/* What the decoders' fuzz targets share: a decoder runs over the bytes, and every view it gives is read. */
#ifndef VEDETTE_WIRE_DECODING_FUZZ_H
#define VEDETTE_WIRE_DECODING_FUZZ_H

#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"
#include "wire/decoding.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_ARRIVAL (1795000000LL * NANOS_PER_SECOND)

static inline void fuzz_read_event(const struct event *event)
{
    assert(event->field_count <= EVENT_FIELDS_MAX);
    uint64_t digest = hash_sv(event->message) + hash_sv(event->source.service);
    for (size_t i = 0; i < event->field_count; i++) {
        assert(event->fields[i].name.n > 0);
        digest += hash_sv(event->fields[i].name) + hash_sv(event->fields[i].value);
    }
    /* The sanitizers see to the reads; the sum keeps them from being left out. */
    if (digest == 1)
        abort();
}

/* Runs it in an arena with room and in one that is used up soon. The bytes are copied so that reading past
 * their end is seen. */
static inline void fuzz_decoder(const uint8_t *data, size_t size, void (*run)(struct decoding *, sv))
{
    static const size_t arena_bytes[] = {4 * 1024 * 1024, 4096};
    char *copy = malloc(size + 1);
    assert(copy);
    if (size)
        memcpy(copy, data, size);
    for (size_t i = 0; i < sizeof arena_bytes / sizeof *arena_bytes; i++) {
        struct arena *arena = arena_new(arena_bytes[i]);
        sv record = sv_first(sv_make(realloc(copy, size ? size : 1), size), EVENT_BYTES_MAX);
        copy = (char *)(uintptr_t)record.p;
        struct event event = {
            .raw = record, .message = record, .arrival = FUZZ_ARRIVAL, .time = FUZZ_ARRIVAL};
        struct decoding decoding = {.event = &event, .arena = arena};
        run(&decoding, record);
        fuzz_read_event(&event);
        arena_free(arena);
    }
    free(copy);
}

#endif
