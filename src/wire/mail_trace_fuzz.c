#include "wire/mail_trace.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sv mail = sv_make(data, size);
    struct mail_trace trace;
    const struct mail_trace_landing landing = {.by = "imap", .folder = sv_first(mail, 10), .at = 1};
    struct buf out = BUF_INIT(64 * 1024);
    mail_trace_read(mail, &trace);
    assert(trace.hop_count <= MAIL_TRACE_HOPS_MAX);
    assert(sv_printable(sv_of(trace.authserv)) && sv_printable(sv_of(trace.changed)));
    for (size_t i = 0; i < trace.hop_count; i++)
        assert(sv_printable(sv_of(trace.hops[i].by)) && trace.hops[i].at >= 0);
    int put = mail_trace_json(&trace, &landing, &out);
    assert(put == 0);
    buf_free(&out);
    return 0;
}
