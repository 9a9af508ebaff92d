#include "wire/imap_line.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sv line = sv_make(data, size), numbers;
    uint32_t n = 0;
    nanos at;
    if (imap_line_search(line, &numbers))
        while (imap_line_number(&numbers, &n))
            assert(n > 0);
    if (imap_line_fetch(line, &n, &at))
        assert(n > 0);
    if (imap_line_uid_validity(line, &n))
        assert(n > 0);
    return 0;
}
