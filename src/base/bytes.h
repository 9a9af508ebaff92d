/* What is done to short runs of bytes again and again, inline: compared, and looked through sixteen at a
 * time. Nothing is read past their ends. */
#ifndef VEDETTE_BASE_BYTES_H
#define VEDETTE_BASE_BYTES_H

#include "base/sv.h"

#ifdef __SSE2__
#include <emmintrin.h>

/* Which of the sixteen bytes are a or b, a bit for each. */
static inline unsigned bytes_either(__m128i bytes, char a, char b)
{
    __m128i first = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(a)), second = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b));
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(first, second));
}

static inline __m128i bytes_load(const char *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/* Of eight bytes and eight more. */
static inline __m128i bytes_load_halves(const char *low, const char *high)
{
    return _mm_unpacklo_epi64(_mm_loadl_epi64((const __m128i *)(const void *)low),
                              _mm_loadl_epi64((const __m128i *)(const void *)high));
}
#endif

/* Index of the first a or b in s, or s.n. For what is expected near; sv_find_char is better for what is far.
 */
static inline size_t bytes_find_either(sv s, char a, char b)
{
    size_t at = 0;
#ifdef __SSE2__
    enum { HALF = 8, STEP = 16 };
    unsigned hits;
    for (; at + STEP <= s.n; at += STEP)
        if ((hits = bytes_either(bytes_load(s.p + at), a, b)))
            return at + (unsigned)__builtin_ctz(hits);
    /* The last ones, together with some that are known. */
    if (s.n >= STEP) {
        hits = bytes_either(bytes_load(s.p + s.n - STEP), a, b);
        return hits ? s.n - STEP + (unsigned)__builtin_ctz(hits) : s.n;
    }
    if (s.n >= HALF) {
        hits = bytes_either(bytes_load_halves(s.p, s.p + s.n - HALF), a, b);
        size_t hit = hits ? (unsigned)__builtin_ctz(hits) : STEP;
        return hit < HALF ? hit : hit - STEP + s.n;
    }
#endif
    while (at < s.n && s.p[at] != a && s.p[at] != b)
        at++;
    return at;
}

static inline size_t bytes_find(sv s, char c)
{
    return bytes_find_either(s, c, c);
}

/* How many bytes at the front of s are ASCII and no less than `least`. */
static inline size_t bytes_plain(sv s, char least)
{
    size_t n = 0;
#ifdef __SSE2__
    enum { AT_ONCE = 16 };
    for (; n + AT_ONCE <= s.n; n += AT_ONCE) {
        /* As signed numbers those that are not ASCII are below, too. */
        __m128i below = _mm_cmplt_epi8(bytes_load(s.p + n), _mm_set1_epi8(least));
        unsigned others = (unsigned)_mm_movemask_epi8(below);
        if (others)
            return n + (unsigned)__builtin_ctz(others);
    }
#endif
    while (n < s.n && (signed char)s.p[n] >= least)
        n++;
    return n;
}

/* Copies s up to the first c, which is expected near, and returns how much that was. What lies behind s may
 * be read up to `end`, and BYTES_SPARE bytes be written behind what is copied. */
enum { BYTES_SPARE = 16 };
static inline size_t bytes_copy_until(char *to, sv s, const char *end, char c)
{
    size_t at = 0;
#ifdef __SSE2__
    while (at < s.n && end - (s.p + at) >= BYTES_SPARE) {
        __m128i bytes = bytes_load(s.p + at);
        unsigned hits = bytes_either(bytes, c, c);
        _mm_storeu_si128((__m128i *)(void *)(to + at), bytes);
        if (hits) {
            at += (unsigned)__builtin_ctz(hits);
            return at < s.n ? at : s.n;
        }
        at += BYTES_SPARE;
    }
#else
    (void)end;
#endif
    for (; at < s.n && s.p[at] != c; at++)
        to[at] = s.p[at];
    return at < s.n ? at : s.n;
}

/* Whether the n bytes at a and b are the same. */
static inline bool bytes_eq(const char *a, const char *b, size_t n)
{
    uint64_t x, y;
    uint32_t u, v;
    if (n < 4)
        return n == 0 || (a[0] == b[0] && a[n / 2] == b[n / 2] && a[n - 1] == b[n - 1]);
    if (n < 8) {
        memcpy(&u, a, 4), memcpy(&v, b, 4);
        uint32_t head = u ^ v;
        memcpy(&u, a + n - 4, 4), memcpy(&v, b + n - 4, 4);
        return (head | (u ^ v)) == 0;
    }
    for (size_t at = 0; at + 8 < n; at += 8) {
        memcpy(&x, a + at, 8), memcpy(&y, b + at, 8);
        if (x != y)
            return false;
    }
    memcpy(&x, a + n - 8, 8), memcpy(&y, b + n - 8, 8);
    return x == y;
}

#endif
