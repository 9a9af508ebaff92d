/* Whatever is accepted must be harmless between "<" and ">" in a command. */
#include "wire/smtp_address.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sv in = sv_make(data, size);
    struct smtp_address address;
    if (smtp_address_parse(in, &address) == SMTP_ADDRESS_NONE) {
        assert(sv_printable(in) && sv_find_char(in, '<') == SV_NPOS && sv_find_char(in, '>') == SV_NPOS);
        assert(address.local.n + 1 + address.domain.n == in.n);
        assert(smtp_domain_check(address.domain) == SMTP_ADDRESS_NONE);
    }
    smtp_domain_check(in);
    return 0;
}
