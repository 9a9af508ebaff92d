/* Messages of every known program from bytes of any kind; the first byte chooses the program. */
#include "wire/decoding_fuzz.h"
#include "wire/text_event.h"

static void run(struct decoding *decoding, sv record)
{
    static const sv programs[] = {SV_INIT(""),      SV_INIT("sshd"),    SV_INIT("sudo"), SV_INIT("su"),
                                  SV_INIT("audit"), SV_INIT("useradd"), SV_INIT("CRON")};
    const size_t count = sizeof programs / sizeof *programs;
    if (record.n == 0)
        return;
    decoding->program = programs[(unsigned char)record.p[0] % count];
    text_event_decode(decoding, sv_from(record, 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_decoder(data, size, run);
    return 0;
}
