/* What is done to short runs of bytes again and again, inline: compared, and looked through sixteen at a
 * time. Nothing is read past their ends. */
#ifndef VEDETTE_BASE_BYTES_H
#define VEDETTE_BASE_BYTES_H

#include "base/sv.h"

#ifdef __SSE2__
#include <emmintrin.h>

/* Which of the sixteen bytes at p are a or b, a bit for each. */
static inline unsigned bytes_either(const char *p, __m128i a, __m128i b)
{
    __m128i c = _mm_loadu_si128((const __m128i *)(const void *)p);
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(c, a), _mm_cmpeq_epi8(c, b)));
}
#endif

/* Index of the first a or b in s, or s.n. For what is expected near; sv_find_char is better for what is far.
 */
static inline size_t bytes_find_either(sv s, char a, char b)
{
    size_t at = 0;
#ifdef __SSE2__
    enum { STEP = sizeof(__m128i) };
    const __m128i first = _mm_set1_epi8(a), second = _mm_set1_epi8(b);
    unsigned hits;
    for (; at + STEP <= s.n; at += STEP)
        if ((hits = bytes_either(s.p + at, first, second)))
            return at + (unsigned)__builtin_ctz(hits);
    if (s.n >= STEP) { /* the last ones, together with some that are known */
        hits = bytes_either(s.p + s.n - STEP, first, second);
        return hits ? s.n - STEP + (unsigned)__builtin_ctz(hits) : s.n;
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
