/* Framing of bytes of any kind: records lie within what was given, and whole and byte by byte agree. */
#include <assert.h>

#include "base/buf.h"
#include "base/hash.h"
#include "wire/syslog_frame.h"

enum { RECORD_BYTES_MAX = 32, INPUT_BYTES_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t feed(sv in, size_t step, enum syslog_framing framing)
{
    struct syslog_framer framer;
    syslog_framer_init(&framer, framing, RECORD_BYTES_MAX);
    struct buf held = BUF_INIT(2 * INPUT_BYTES_MAX);
    struct syslog_frame frame;
    uint64_t digest = 0;
    for (size_t at = 0; at < in.n; at += step) {
        assert(buf_put(&held, sv_first(sv_from(in, at), step)) == 0);
        enum syslog_frame_event event;
        do {
            size_t used = 0;
            event = syslog_frame_take(&framer, buf_view(&held), &frame, &used);
            assert(used <= buf_view(&held).n);
            if (event == SYSLOG_FRAME_RECORD) {
                assert(frame.record.n > 0 && frame.record.n <= RECORD_BYTES_MAX);
                digest = digest * 31 + hash_sv(frame.record) + frame.cut;
            }
            buf_consume(&held, used);
        } while (event == SYSLOG_FRAME_RECORD);
        if (event == SYSLOG_FRAME_INVALID) {
            buf_free(&held);
            return digest + 1;
        }
    }
    if (syslog_frame_finish(&framer, buf_view(&held), &frame) == SYSLOG_FRAME_RECORD)
        digest = digest * 31 + hash_sv(frame.record) + frame.cut;
    buf_free(&held);
    return digest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sv in = sv_first(sv_make(data, size), INPUT_BYTES_MAX);
    assert(feed(in, 1, SYSLOG_FRAMING_ANY) == feed(in, INPUT_BYTES_MAX, SYSLOG_FRAMING_ANY));
    assert(feed(in, 1, SYSLOG_FRAMING_LINES) == feed(in, INPUT_BYTES_MAX, SYSLOG_FRAMING_LINES));
    return 0;
}
