/* What comes out is a name of ASCII letters, digits, hyphens and dots, within its bounds, and stays what it
 * is. */
#include "wire/idn.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[IDN_TEXT_MAX], again[IDN_TEXT_MAX];
    sv in = sv_make(data, size), name = idn_to_ascii(in, text);
    if (sv_ascii(in) || !name.p)
        return 0;
    assert(name.p == text && name.n > 0 && name.n < sizeof text && text[name.n] == '\0');
    for (size_t i = 0; i < name.n; i++)
        assert((text[i] >= 'a' && text[i] <= 'z') || (text[i] >= '0' && text[i] <= '9') || text[i] == '-' ||
               text[i] == '.');
    assert(idn_to_ascii(name, again).p == text);
    return 0;
}
