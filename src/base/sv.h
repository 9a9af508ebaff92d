/* Borrowed strings: a pointer and a length, never NUL-terminated by promise, never owned. */
#ifndef VEDETTE_BASE_SV_H
#define VEDETTE_BASE_SV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct sv {
    const char *p; /* may be NULL only when n is 0 */
    size_t n;      /* bytes */
} sv;

/* A view of a string literal, usable in initialisers. */
#define SV(lit) ((sv){"" lit, sizeof(lit) - 1})
#define SV_INIT(lit)            \
    {                           \
        "" lit, sizeof(lit) - 1 \
    }
#define SV_NONE ((sv){NULL, 0})

/* printf("%.*s", SV_ARG(s)); lengths past INT_MAX are cut. */
#define SV_ARG(s) ((s).n > 0x7fffffff ? 0x7fffffff : (int)(s).n), ((s).p ? (s).p : "")

static inline sv sv_of(const char *cstr)
{
    return cstr ? (sv){cstr, strlen(cstr)} : SV_NONE;
}

static inline sv sv_make(const void *p, size_t n)
{
    return (sv){(const char *)p, n};
}

static inline bool sv_eq(sv a, sv b)
{
    return a.n == b.n && (b.n == 0 || memcmp(a.p, b.p, b.n) == 0);
}

/* Whether the bytes of part are some of those of whole, where they lie. */
static inline bool sv_lies_in(sv part, sv whole)
{
    uintptr_t at = (uintptr_t)part.p - (uintptr_t)whole.p;
    return part.n <= whole.n && at <= whole.n - part.n;
}

/* The part of s from byte `from` on; from past the end gives the empty view at the end. */
static inline sv sv_from(sv s, size_t from)
{
    return from >= s.n ? (sv){s.n ? s.p + s.n : s.p, 0} : (sv){s.p + from, s.n - from};
}

/* The first n bytes of s, or all of it. */
static inline sv sv_first(sv s, size_t n)
{
    return (sv){s.p, n < s.n ? n : s.n};
}

static inline bool sv_starts(sv s, sv prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

static inline bool sv_ends(sv s, sv suffix)
{
    return s.n >= suffix.n && (suffix.n == 0 || memcmp(s.p + (s.n - suffix.n), suffix.p, suffix.n) == 0);
}

/* Cuts prefix off *s if it begins so. */
static inline bool sv_take(sv *s, sv prefix)
{
    if (!sv_starts(*s, prefix))
        return false;
    *s = sv_from(*s, prefix.n);
    return true;
}

/* s without a UTF-8 byte order mark in front. */
static inline sv sv_without_bom(sv s)
{
    sv_take(&s, SV("\xef\xbb\xbf"));
    return s;
}

/* Comparison and search with ASCII case folded; every other byte stands for itself. */
bool sv_ieq(sv a, sv b);
int sv_cmp(sv a, sv b);
bool sv_istarts(sv s, sv prefix);
bool sv_iends(sv s, sv suffix);

#define SV_NPOS ((size_t)-1)

/* Index of the first match in s, or SV_NPOS. */
size_t sv_find(sv s, sv needle);
size_t sv_ifind(sv s, sv needle);
size_t sv_find_char(sv s, char c);

/* Of the last one. */
size_t sv_find_last(sv s, char c);

/* How often c stands in s. */
size_t sv_count_char(sv s, char c);

/* s without the spaces, tabs, CRs and LFs around it. */
sv sv_trim(sv s);

/* Cuts *s at the first `c`: returns what stood before it and leaves in *s what stands after. Without
 * one, returns all of *s and leaves it empty with p NULL, so `while (s.p)` visits every piece. */
sv sv_split(sv *s, char c);

/* Cuts the run of leading spaces and then the word up to the next space off *s; empty at the end. */
sv sv_word(sv *s);

/* A decimal number without sign that fills all of s and fits; false otherwise, *ret untouched. */
bool sv_to_u64(sv s, uint64_t *ret);

/* The same with an optional minus sign. */
bool sv_to_i64(sv s, int64_t *ret);

/* Copies s into dst (cap bytes, cap > 0), cut if need be, always NUL-terminated. Returns bytes copied. */
size_t sv_copy(char *dst, size_t cap, sv s);

/* True if s has no control byte (below 0x20, or 0x7f): what may stand in a header or a log line. */
bool sv_printable(sv s);

/* True if no byte of s is beyond ASCII. */
bool sv_ascii(sv s);

/* True if s is well-formed UTF-8 (no surrogates, no overlong forms). */
bool sv_utf8(sv s);

#endif
