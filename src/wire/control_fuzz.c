/* Frames from bytes of any kind: a frame lies within what was given and is put back the same. */
#include <stdlib.h>

#include "wire/control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sv in = sv_make(data, size);
    enum control_type type;
    sv body;
    size_t used;
    while (control_take(in, &type, &body, &used) == CONTROL_FRAME) {
        struct buf again = BUF_INIT(used);
        if (used > in.n || control_put(&again, type, body) < 0 ||
            !sv_eq(buf_view(&again), sv_first(in, used)))
            abort();
        buf_free(&again);
        in = sv_from(in, used);
    }
    return 0;
}
