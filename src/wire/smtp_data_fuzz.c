/* The content reader gives the same for a whole input and for one byte at a time; what it accepts without a
 * fault goes through the writer and comes back. */
#include "wire/smtp_data.h"

#include <assert.h>

#include "base/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CONTENT_MAX = 1 << 20 };

static bool read_content(sv in, size_t step, struct buf *ret_text, unsigned *ret_faults)
{
    struct smtp_data_reader reader;
    smtp_data_reader_open(&reader);
    while (in.n) {
        size_t used;
        sv text;
        enum smtp_data_event event = smtp_data_read(&reader, sv_first(in, step), &used, &text);
        assert(used > 0 || event == SMTP_DATA_TEXT);
        int failed = buf_put(ret_text, text);
        assert(!failed);
        *ret_faults = reader.faults;
        if (event == SMTP_DATA_END)
            return true;
        in = sv_from(in, used);
    }
    return false;
}

static void write_again(sv content)
{
    struct smtp_data_writer writer;
    struct buf wire = BUF_INIT(2 * CONTENT_MAX), back = BUF_INIT(CONTENT_MAX);
    smtp_data_writer_open(&writer, content);
    char piece[32];
    for (size_t n; (n = smtp_data_write(&writer, piece, sizeof piece)) > 0;)
        buf_put(&wire, (sv){piece, n});
    unsigned faults = 0;
    bool ended = read_content(buf_view(&wire), 7, &back, &faults);
    assert(ended && faults == 0 && sv_eq(buf_view(&back), content));
    buf_free(&wire);
    buf_free(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sv in = sv_make(data, size);
    struct buf whole = BUF_INIT(CONTENT_MAX), bytes = BUF_INIT(CONTENT_MAX);
    unsigned faults = 0, faults_again = 0;
    bool ended = read_content(in, size, &whole, &faults);
    bool ended_again = read_content(in, 1, &bytes, &faults_again);
    assert(ended == ended_again);
    /* Without an end the last byte may be withheld in one and given in the other; with one all is decided. */
    if (ended) {
        assert(sv_eq(buf_view(&whole), buf_view(&bytes)));
        struct smtp_data_facts facts;
        smtp_data_check(buf_view(&whole), &facts);
        assert((facts.faults == 0) == (faults == 0));
        if (faults == 0)
            write_again(buf_view(&whole));
    }
    buf_free(&whole);
    buf_free(&bytes);
    return 0;
}
