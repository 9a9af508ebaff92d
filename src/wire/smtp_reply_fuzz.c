/* The reply reader gives the same for a whole input and for one byte at a time, within its bounds. */
#include "wire/smtp_reply.h"

#include <assert.h>

#include "base/hash.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t digest(sv in, size_t step)
{
    struct smtp_reply reply = {0};
    uint64_t all = 0;
    while (in.n) {
        sv text = SV_NONE;
        size_t used;
        enum smtp_reply_event event = smtp_reply_feed(&reply, sv_first(in, step), &used, &text);
        assert(used > 0 && reply.line_count <= SMTP_REPLY_LINES_MAX);
        if (event != SMTP_REPLY_NEED_DATA)
            all = all * 31 + hash_sv(text) + (uint64_t)event * 7 + (uint64_t)reply.code;
        if (event == SMTP_REPLY_INVALID)
            return all + hash_sv(sv_of(reply.fault));
        assert(text.n <= SMTP_REPLY_LINE_BYTES_MAX);
        in = sv_from(in, used);
    }
    return all;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sv in = sv_make(data, size);
    assert(digest(in, size) == digest(in, 1));
    return 0;
}
