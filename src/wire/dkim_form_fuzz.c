/* A body has the same form whole and by one byte at a time, and its form is its own form; a header's form
 * ends no line but its own. */
#include "wire/dkim_form.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CONTENT_MAX = 1 << 21 };

static void keep(void *arg, sv bytes)
{
    int failed = buf_put(arg, bytes);
    assert(!failed);
}

static void form_body(sv body, size_t step, struct buf *out)
{
    struct dkim_body form;
    dkim_body_open(&form, keep, out);
    for (; body.n; body = sv_from(body, step))
        dkim_body_feed(&form, sv_first(body, step));
    dkim_body_end(&form);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const sv names[] = {SV_INIT("From"), SV_INIT("From"), SV_INIT("Subject"), SV_INIT("To")};
    sv head, body;
    struct buf whole = BUF_INIT(CONTENT_MAX), bytes = BUF_INIT(CONTENT_MAX), again = BUF_INIT(CONTENT_MAX),
               fields = BUF_INIT(CONTENT_MAX);
    dkim_split(sv_make(data, size), &head, &body);
    form_body(body, body.n + 1, &whole);
    form_body(body, 1, &bytes);
    form_body(buf_view(&whole), 7, &again);
    assert(sv_eq(buf_view(&whole), buf_view(&bytes)));
    assert(sv_eq(buf_view(&whole), buf_view(&again)));
    int failed = dkim_form_header(head, names, sizeof names / sizeof *names, SV("D: b="), &fields);
    size_t lines = 0;
    for (sv rest = buf_view(&fields); (failed == 0) && rest.n; lines++) {
        size_t end = sv_find(rest, SV("\r\n"));
        rest = end == SV_NPOS ? SV_NONE : sv_from(rest, end + 2);
    }
    assert(lines >= 1 && lines <= 5);
    buf_free(&whole);
    buf_free(&bytes);
    buf_free(&again);
    buf_free(&fields);
    return 0;
}
