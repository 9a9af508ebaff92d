/* Records from bytes of any kind, in every format: decode never fails, and says nothing in words of its own
 * that wire/derived.h does not tell; decode_source says nothing else. The last byte chooses the format. */
#include "wire/decode.h"
#include "wire/decoding_fuzz.h"
#include "wire/derived_check.h"

static void run(struct decoding *decoding, sv record)
{
    enum decode_format format = DECODE_AUTO;
    if (record.n) {
        record.n--;
        format = (enum decode_format)((unsigned char)record.p[record.n] % (DECODE_TEXT + 1));
    }
    decode(decoding->event, record, format, FUZZ_ARRIVAL, ZONE_FIXED(-3600), decoding->arena);
    assert(decoding->event->format);
    assert(source_is_told(decoding->event, record, format));
    assert(!derived_unexplained(decoding->event, format == DECODE_AUTO));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_decoder(data, size, run);
    return 0;
}
