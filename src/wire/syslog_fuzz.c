/* Syslog headers from bytes of any kind. */
#include "wire/decoding_fuzz.h"
#include "wire/syslog.h"

static void run(struct decoding *decoding, sv record)
{
    struct syslog_header header;
    if (syslog_parse(record, FUZZ_ARRIVAL, ZONE_FIXED(3600), &header))
        syslog_apply(decoding, &header);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_decoder(data, size, run);
    return 0;
}
