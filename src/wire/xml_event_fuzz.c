/* The Vault's XML from bytes of any kind. */
#include "wire/decoding_fuzz.h"
#include "wire/xml_event.h"

static void run(struct decoding *decoding, sv record)
{
    xml_event_decode(decoding, record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_decoder(data, size, run);
    return 0;
}
