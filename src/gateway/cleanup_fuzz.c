/* Any header: mended once it is whole, mended again it is the same; what is kept is kept, and the body's
 * bytes, which follow, begin at the same place. */
#include "gateway/cleanup.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OUT_MAX = 256 * 1024 };

static bool has_bcc(sv text)
{
    return sv_istarts(text, SV("bcc:")) || sv_ifind(text, SV("\r\nbcc:")) < sv_find(text, SV("\r\n\r\n"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 64 * 1024)
        return 0;
    struct cleanup cleanup = {.repair = data[0] & 1,
                              .new_from = data[0] & 2,
                              .tag = data[0] & 4 ? SV("X-Tag: yes") : SV_NONE,
                              .sender = SV("a@example.org"),
                              .id = SV("id"),
                              .our_name = SV("gw.example.org"),
                              .now = 1};
    struct buf out = BUF_INIT(OUT_MAX), again = BUF_INIT(OUT_MAX);
    sv header = sv_make(data + 1, size - 1);
    if (cleanup_write(&out, header, &cleanup) != 0)
        abort();
    cleanup.tag = SV_NONE;
    size_t empty = sv_find(buf_view(&out), SV("\r\n\r\n"));
    sv once = empty == SV_NPOS ? buf_view(&out) : sv_first(buf_view(&out), empty + 2);
    if (cleanup_write(&again, once, &cleanup) != 0 || !sv_eq(buf_view(&again), once))
        abort();
    if (cleanup.repair && has_bcc(once))
        abort();
    buf_free(&out);
    buf_free(&again);
    return 0;
}
