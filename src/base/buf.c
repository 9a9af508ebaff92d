#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { BUF_BYTES_MIN = 512 };

size_t buf_room(const struct buf *buf)
{
    return buf->max - (buf->end - buf->start);
}

static void move_to_front(struct buf *buf)
{
    size_t held = buf->end - buf->start;
    if (held && buf->start)
        memmove(buf->bytes, buf->bytes + buf->start, held);
    buf->start = 0;
    buf->end = held;
}

static void grow(struct buf *buf, size_t need)
{
    size_t cap = buf->cap ? buf->cap : BUF_BYTES_MIN;
    while (cap < need)
        cap *= 2;
    /* Not realloc: the old block may hold a secret, and is wiped. */
    char *bytes = malloc(cap);
    assert(bytes);
    if (buf->end)
        memcpy(bytes, buf->bytes, buf->end);
    if (buf->bytes)
        explicit_bzero(buf->bytes, buf->cap);
    free(buf->bytes);
    buf->bytes = bytes;
    buf->cap = cap;
}

char *buf_reserve(struct buf *buf, size_t n)
{
    if (n > buf_room(buf))
        return NULL;
    if (buf->cap - buf->end < n)
        move_to_front(buf);
    if (buf->cap - buf->end < n)
        grow(buf, buf->end + n);
    return buf->bytes + buf->end;
}

void buf_added(struct buf *buf, size_t n)
{
    assert(n <= buf->cap - buf->end);
    buf->end += n;
}

int buf_put(struct buf *buf, sv s)
{
    if (s.n == 0)
        return 0;
    char *to = buf_reserve(buf, s.n);
    if (!to)
        return -1;
    memcpy(to, s.p, s.n);
    buf->end += s.n;
    return 0;
}

int buf_put_char(struct buf *buf, char c)
{
    return buf_put(buf, (sv){&c, 1});
}

int buf_printf(struct buf *buf, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    /* It mostly fits where there is room already. */
    size_t room = buf->cap - buf->end < buf_room(buf) ? buf->cap - buf->end : buf_room(buf);
    char *to = room ? buf->bytes + buf->end : NULL;
    int n = vsnprintf(to, room, fmt, args);
    va_end(args);
    if (n >= 0 && (size_t)n >= room && (to = buf_reserve(buf, (size_t)n + 1)))
        vsnprintf(to, (size_t)n + 1, fmt, again);
    va_end(again);
    if (n < 0 || !to)
        return -1;
    buf->end += (size_t)n;
    return 0;
}

void buf_consume(struct buf *buf, size_t n)
{
    assert(n <= buf->end - buf->start);
    buf->start += n;
    if (buf->start == buf->end)
        buf->start = buf->end = 0;
}

void buf_consume_wiped(struct buf *buf, size_t n)
{
    assert(n <= buf->end - buf->start);
    if (n)
        explicit_bzero(buf->bytes + buf->start, n);
    buf_consume(buf, n);
}

void buf_clear(struct buf *buf)
{
    buf->start = buf->end = 0;
}

void buf_free(struct buf *buf)
{
    if (buf->bytes)
        explicit_bzero(buf->bytes, buf->cap);
    free(buf->bytes);
    *buf = BUF_INIT(buf->max);
}
