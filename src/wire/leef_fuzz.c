/* LEEF from bytes of any kind. */
#include "wire/decoding_fuzz.h"
#include "wire/leef.h"

static void run(struct decoding *decoding, sv record)
{
    leef_decode(decoding, record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_decoder(data, size, run);
    return 0;
}
