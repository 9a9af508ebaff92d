/* A session of bytes of any kind: records lie within what was given, and whole and byte by byte agree. */
#include <assert.h>

#include "base/buf.h"
#include "base/hash.h"
#include "wire/relp.h"

enum { RECORD_BYTES_MAX = 32, INPUT_BYTES_MAX = 8192 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t feed(sv in, size_t step)
{
    struct relp relp;
    struct relp_record record;
    struct buf held = BUF_INIT((size_t)2 * INPUT_BYTES_MAX);
    uint64_t digest = 0;
    enum relp_event event = RELP_NEED_DATA;
    relp_init(&relp, RECORD_BYTES_MAX);
    for (size_t at = 0; at < in.n && event == RELP_NEED_DATA; at += step) {
        size_t used = 0;
        assert(buf_put(&held, sv_first(sv_from(in, at), step)) == 0);
        while ((event = relp_take(&relp, buf_view(&held), &record, &used)) == RELP_RECORD ||
               event == RELP_OPENED) {
            sv given = buf_view(&held);
            assert(used <= given.n);
            if (event == RELP_RECORD) {
                assert(record.text.n > 0 && record.text.n <= RECORD_BYTES_MAX);
                assert(record.text.p >= given.p && record.text.p + record.text.n <= given.p + used);
                digest = digest * 31 + hash_sv(record.text) + record.cut;
            }
            buf_consume(&held, used);
        }
        assert(used <= buf_view(&held).n);
        buf_consume(&held, used);
    }
    buf_free(&held);
    char words[RELP_WORDS_BYTES_MAX];
    assert(event != RELP_INVALID || relp_write_end(&relp, words) <= sizeof words);
    return digest * 31 + relp.received * 8 + event;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sv in = sv_first(sv_make(data, size), INPUT_BYTES_MAX);
    assert(feed(in, 1) == feed(in, INPUT_BYTES_MAX));
    return 0;
}
