/* CEF from bytes of any kind. */
#include "wire/cef.h"
#include "wire/decoding_fuzz.h"

static void run(struct decoding *decoding, sv record)
{
    cef_decode(decoding, record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_decoder(data, size, run);
    return 0;
}
