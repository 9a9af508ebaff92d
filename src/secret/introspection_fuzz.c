/* Whatever a provider answers, only a name that can be shown comes of it. */
#include "secret/introspection.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[64];
    if (introspection_read(200, sv_make(data, size), text, sizeof text) == INTROSPECTION_ACTIVE)
        assert(text[0] && sv_printable(sv_of(text)));
    return 0;
}
