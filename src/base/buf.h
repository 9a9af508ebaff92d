/* Growable byte buffers with a mandatory maximum: append at the end, consume from the front. */
#ifndef VEDETTE_BASE_BUF_H
#define VEDETTE_BASE_BUF_H

#include "base/sv.h"

struct buf {
    char *bytes;
    size_t start, end, cap, max;
};

/* An empty buffer that will never hold more than max bytes. No memory is taken yet. */
#define BUF_INIT(max_bytes) ((struct buf){.max = (max_bytes)})

/* What the buffer holds; valid until the next call that changes it. */
static inline sv buf_view(const struct buf *buf)
{
    return (sv){buf->bytes ? buf->bytes + buf->start : NULL, buf->end - buf->start};
}

/* Bytes that still fit. */
size_t buf_room(const struct buf *buf);

/* Each appends all or nothing: 0, or -1 past the maximum. */
int buf_put(struct buf *buf, sv s);
int buf_put_char(struct buf *buf, char c);
__attribute__((format(printf, 2, 3))) int buf_printf(struct buf *buf, const char *fmt, ...);

/* A place for at least n bytes at the end (NULL past the maximum); buf_added says how many were written. */
char *buf_reserve(struct buf *buf, size_t n);
void buf_added(struct buf *buf, size_t n);

/* Drops n bytes from the front (n at most what it holds). */
void buf_consume(struct buf *buf, size_t n);

/* The same, and overwrites them: for bytes that may have held a secret. */
void buf_consume_wiped(struct buf *buf, size_t n);

void buf_clear(struct buf *buf);

/* Wipes and frees the memory; the buffer is empty and usable again. */
void buf_free(struct buf *buf);

#endif
