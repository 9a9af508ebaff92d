/* A header section is the same whole and in pieces, and no byte of the content is lost between it and the
 * body. */
#include "gateway/head.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CONTENT_MAX = 1 << 21 };

static void read_head(struct head *head, sv content, size_t step, struct buf *body)
{
    head_open(head, SV("gw.example.org"));
    for (sv rest = content; rest.n; rest = sv_from(rest, step)) {
        sv piece = sv_first(rest, step);
        size_t used = head->state == HEAD_OPEN ? head_put(head, piece) : 0;
        int failed = head->state == HEAD_OPEN ? 0 : buf_put(body, sv_from(piece, used));
        assert(!failed);
    }
    head_end(head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sv content = sv_make(data, size);
    struct head whole, cut;
    struct buf whole_body = BUF_INIT(CONTENT_MAX), cut_body = BUF_INIT(CONTENT_MAX),
               again = BUF_INIT(CONTENT_MAX);
    read_head(&whole, content, SIZE_MAX, &whole_body);
    read_head(&cut, content, 1, &cut_body);
    assert(whole.state == cut.state && whole.fields == cut.fields && whole.received == cut.received);
    if (whole.state == HEAD_WHOLE) {
        assert(sv_eq(head_text(&whole), head_text(&cut)));
        buf_put(&again, head_text(&whole));
        if (!whole.bare)
            buf_put(&again, SV("\r\n"));
        buf_put(&again, head_rest(&whole));
        buf_put(&again, buf_view(&whole_body));
        assert(sv_eq(buf_view(&again), content));
    }
    head_free(&whole);
    head_free(&cut);
    buf_free(&whole_body);
    buf_free(&cut_body);
    buf_free(&again);
    return 0;
}
