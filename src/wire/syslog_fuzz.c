/* Syslog headers from bytes of any kind. */
#include "wire/decoding_fuzz.h"
#include "wire/syslog.h"

static void run(struct decoding *decoding, sv record)
{
    struct syslog_header header;
    decoding->zone = ZONE_FIXED(3600);
    if (syslog_parse(record, &header))
        syslog_apply(decoding, &header);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_decoder(data, size, run);
    return 0;
}
