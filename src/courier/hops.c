#include "courier/hops.h"

#include "io/loop.h"

#include <assert.h>

static size_t repeated(const struct hops *hops, const char *name)
{
    size_t n = 0;
    while (n < hops->count && strcmp(hops->items[hops->count - 1 - n].name, name) == 0)
        n++;
    return n;
}

void hops_add(struct hops *hops, const char *name, nanos took, sv said)
{
    if (hops->count == HOPS_MAX || repeated(hops, name) >= HOPS_REPEATED_MAX)
        return;
    struct hop *hop = &hops->items[hops->count++];
    hop->name = name;
    hop->at = loop_now();
    hop->took = took;
    size_t n = sv_copy(hop->said, sizeof hop->said, said);
    /* A character may have been cut in two: UTF-8's later bytes are 10xxxxxx. */
    if (n < said.n && !sv_utf8(sv_make(hop->said, n)) && sv_utf8(said)) {
        while (n && ((unsigned char)hop->said[n - 1] & 0xc0) == 0x80)
            n--;
        hop->said[n ? n - 1 : 0] = '\0';
    }
}

static void put_string(struct buf *out, sv text)
{
    bool utf8 = sv_utf8(text);
    int put = buf_put_char(out, '"');
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c == '\n')
            put |= buf_put(out, SV("\\n"));
        else if (c == '"' || c == '\\')
            put |= buf_printf(out, "\\%c", c);
        else
            put |= buf_put_char(out, c < 0x20 || c == 0x7f || (c >= 0x80 && !utf8) ? '?' : (char)c);
    }
    put |= buf_put_char(out, '"');
    assert(put == 0);
}

void hops_json(const struct hops *hops, struct buf *out)
{
    int put = buf_put_char(out, '[');
    for (size_t i = 0; i < hops->count; i++) {
        const struct hop *hop = &hops->items[i];
        put |= buf_printf(out, "%s{\"hop\": \"%s\", \"ms\": %.3f, \"said\": ", i ? ", " : "", hop->name,
                          (double)hop->took / (double)NANOS_PER_MS);
        put_string(out, sv_of(hop->said));
        put |= buf_put_char(out, '}');
    }
    put |= buf_put_char(out, ']');
    assert(put == 0);
}
