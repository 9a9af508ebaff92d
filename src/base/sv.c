#include "base/sv.h"

#include "base/bytes.h"

#include <strings.h>

#ifdef __SSE2__
#include <emmintrin.h>

enum { SHORT_NEEDLE_BYTES_MAX = 64 }; /* of longer ones a search must not depend on what they are */
#endif

bool sv_ieq(sv a, sv b)
{
    return a.n == b.n && (a.n == 0 || strncasecmp(a.p, b.p, a.n) == 0);
}

int sv_cmp(sv a, sv b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n ? memcmp(a.p, b.p, n) : 0;
    if (order)
        return order;
    return (a.n > b.n) - (a.n < b.n);
}

bool sv_istarts(sv s, sv prefix)
{
    return s.n >= prefix.n && sv_ieq(sv_first(s, prefix.n), prefix);
}

bool sv_iends(sv s, sv suffix)
{
    return s.n >= suffix.n && sv_ieq(sv_from(s, s.n - suffix.n), suffix);
}

#ifdef __SSE2__
/* A needle's first and last byte, sixteen times each. */
struct ends {
    __m128i first, last;
    size_t apart;
};

/* At which of the sixteen places from p on both stand: 0xff there. */
static inline __m128i ends_at(const char *p, const struct ends *ends)
{
    __m128i a = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i b = _mm_loadu_si128((const __m128i *)(const void *)(p + ends->apart));
    return _mm_and_si128(_mm_cmpeq_epi8(a, ends->first), _mm_cmpeq_epi8(b, ends->last));
}

static inline uint64_t places(__m128i hits)
{
    return (unsigned)_mm_movemask_epi8(hits);
}

/* The first of the places from p on at which the needle stands, or SV_NPOS. */
static inline size_t whole_at(const char *p, uint64_t hits, sv needle)
{
    for (; hits; hits &= hits - 1) {
        size_t place = (size_t)__builtin_ctzll(hits);
        if (memcmp(p + place, needle.p, needle.n) == 0)
            return place;
    }
    return SV_NPOS;
}

/* Sixty-four places at once, then sixteen: where the needle's ends stand, the rest is compared. The C
 * library's memmem takes its time with short needles, and nearly all of ours are short. */
static size_t find_short(sv s, sv needle)
{
    enum { STEP = sizeof(__m128i) };
    const struct ends ends = {_mm_set1_epi8(needle.p[0]), _mm_set1_epi8(needle.p[needle.n - 1]),
                              needle.n - 1};
    size_t at = 0, place;
    for (; at + 4 * STEP + ends.apart <= s.n; at += 4 * STEP) {
        const char *p = s.p + at;
        __m128i a = ends_at(p, &ends), b = ends_at(p + STEP, &ends), c = ends_at(p + 2 * STEP, &ends),
                d = ends_at(p + 3 * STEP, &ends);
        if (places(_mm_or_si128(_mm_or_si128(a, b), _mm_or_si128(c, d))) == 0)
            continue;
        uint64_t hits = places(a) | places(b) << STEP | places(c) << 2 * STEP | places(d) << 3 * STEP;
        if ((place = whole_at(p, hits, needle)) != SV_NPOS)
            return at + place;
    }
    for (; at + STEP + ends.apart <= s.n; at += STEP)
        if ((place = whole_at(s.p + at, places(ends_at(s.p + at, &ends)), needle)) != SV_NPOS)
            return at + place;
    if (at && at + needle.n <= s.n) { /* the last sixteen, some of them once more */
        at = s.n - STEP - ends.apart;
        place = whole_at(s.p + at, places(ends_at(s.p + at, &ends)), needle);
        return place == SV_NPOS ? SV_NPOS : at + place;
    }
    for (; at + needle.n <= s.n; at++)
        if (s.p[at] == needle.p[0] && memcmp(s.p + at, needle.p, needle.n) == 0)
            return at;
    return SV_NPOS;
}
#endif

size_t sv_find(sv s, sv needle)
{
    if (needle.n == 0)
        return 0;
    if (s.n < needle.n)
        return SV_NPOS;
#ifdef __SSE2__
    if (needle.n <= SHORT_NEEDLE_BYTES_MAX)
        return find_short(s, needle);
#endif
    const char *hit = memmem(s.p, s.n, needle.p, needle.n);
    return hit ? (size_t)(hit - s.p) : SV_NPOS;
}

size_t sv_ifind(sv s, sv needle)
{
    if (needle.n == 0)
        return 0;
    for (size_t i = 0; i + needle.n <= s.n; i++)
        if (((s.p[i] ^ needle.p[0]) & ~0x20) == 0 && strncasecmp(s.p + i, needle.p, needle.n) == 0)
            return i;
    return SV_NPOS;
}

size_t sv_find_char(sv s, char c)
{
    const char *hit = s.n ? memchr(s.p, c, s.n) : NULL;
    return hit ? (size_t)(hit - s.p) : SV_NPOS;
}

size_t sv_find_last(sv s, char c)
{
    const char *hit = s.n ? memrchr(s.p, c, s.n) : NULL;
    return hit ? (size_t)(hit - s.p) : SV_NPOS;
}

size_t sv_count_char(sv s, char c)
{
    size_t count = 0, at = 0;
#ifdef __SSE2__
    const __m128i wanted = _mm_set1_epi8(c);
    for (; at + sizeof wanted <= s.n; at += sizeof wanted) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(s.p + at));
        __m128i ones = _mm_and_si128(_mm_cmpeq_epi8(bytes, wanted), _mm_set1_epi8(1));
        __m128i sums = _mm_sad_epu8(ones, _mm_setzero_si128());
        count += (size_t)_mm_cvtsi128_si64(sums) + (size_t)_mm_extract_epi16(sums, 4);
    }
#endif
    for (; at < s.n; at++)
        count += s.p[at] == c;
    return count;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

sv sv_trim(sv s)
{
    while (s.n && is_blank(s.p[0]))
        s = sv_from(s, 1);
    while (s.n && is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

sv sv_split(sv *s, char c)
{
    size_t at = sv_find_char(*s, c);
    sv head = at == SV_NPOS ? *s : sv_first(*s, at);
    *s = at == SV_NPOS ? SV_NONE : sv_from(*s, at + 1);
    return head;
}

sv sv_word(sv *s)
{
    while (s->n && s->p[0] == ' ')
        *s = sv_from(*s, 1);
    sv word = sv_first(*s, bytes_find(*s, ' '));
    *s = sv_from(*s, word.n);
    return word;
}

bool sv_to_u64(sv s, uint64_t *ret)
{
    enum { SAFE_DIGITS = 19 }; /* of any value */
    uint64_t value = 0;
    if (s.n == 0)
        return false;
    if (s.n <= SAFE_DIGITS) {
        for (size_t i = 0; i < s.n; i++) {
            unsigned digit = (unsigned)(s.p[i] - '0');
            if (digit > 9)
                return false;
            value = value * 10 + digit;
        }
        *ret = value;
        return true;
    }
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        if (__builtin_mul_overflow(value, 10U, &value) ||
            __builtin_add_overflow(value, (uint64_t)(s.p[i] - '0'), &value))
            return false;
    }
    *ret = value;
    return true;
}

bool sv_to_i64(sv s, int64_t *ret)
{
    bool negative = s.n && s.p[0] == '-';
    uint64_t value;
    if (!sv_to_u64(negative ? sv_from(s, 1) : s, &value) || value > (uint64_t)INT64_MAX)
        return false;
    *ret = negative ? -(int64_t)value : (int64_t)value;
    return true;
}

size_t sv_copy(char *dst, size_t cap, sv s)
{
    size_t n = s.n < cap ? s.n : cap - 1;
    if (n)
        memcpy(dst, s.p, n);
    dst[n] = '\0';
    return n;
}

bool sv_printable(sv s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return false;
    return true;
}

bool sv_ascii(sv s)
{
    uint64_t any = 0, some;
    size_t i = 0;
    for (; i + sizeof some <= s.n; i += sizeof some) {
        memcpy(&some, s.p + i, sizeof some);
        any |= some;
    }
    for (; i < s.n; i++)
        any |= (unsigned char)s.p[i];
    return (any & UINT64_C(0x8080808080808080)) == 0;
}

/* The length of the well-formed sequence at p, or 0 (Unicode 15, table 3-7). */
static size_t utf8_sequence(const unsigned char *p, size_t n)
{
    if (p[0] < 0x80)
        return 1;
    size_t len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || n < len)
        return 0;
    unsigned char low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
    unsigned char high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

bool sv_utf8(sv s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    for (size_t i = 0; i < s.n;) {
        size_t len = utf8_sequence(p + i, s.n - i);
        if (len == 0)
            return false;
        i += len;
    }
    return true;
}
