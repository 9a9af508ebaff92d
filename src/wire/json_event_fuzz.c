/* JSON from bytes of any kind. */
#include "wire/decoding_fuzz.h"
#include "wire/json_event.h"

static void run(struct decoding *decoding, sv record)
{
    sv error;
    json_event_decode(decoding, record, &error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_decoder(data, size, run);
    return 0;
}
