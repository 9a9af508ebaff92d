#include "wire/device_pairs.h"

#include "base/bytes.h"

enum { KEY_BYTES_MAX = 65 };

static inline bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static inline bool is_of_keys(char c)
{
    static const bool of_keys[256] = {
        ['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['0' ... '9'] = true, ['_'] = true,
        ['.'] = true,         ['-'] = true,         ['['] = true,         [']'] = true,
    };
    return of_keys[(unsigned char)c];
}

#ifdef __SSE2__
enum { STEP = sizeof(__m128i) };

/* Which of the bytes are from first to last: 0xff there. */
static inline __m128i within(__m128i bytes, char first, char last)
{
    __m128i above = _mm_sub_epi8(bytes, _mm_set1_epi8(first));
    return _mm_cmpeq_epi8(_mm_min_epu8(above, _mm_set1_epi8((char)(last - first))), above);
}

static inline __m128i are(__m128i bytes, char c)
{
    return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(c));
}

/* Which of the sixteen bytes at p cannot stand in a key, a bit for each. But for two bits `[`, `]`, `_` and Y
 * are the same in ASCII. */
static inline unsigned not_of_keys(const char *p)
{
    __m128i bytes = bytes_load(p);
    __m128i letters = within(_mm_or_si128(bytes, _mm_set1_epi8(0x20)), 'a', 'z');
    __m128i digits = _mm_andnot_si128(are(bytes, '/'), within(bytes, '-', '9'));
    __m128i others = are(_mm_or_si128(bytes, _mm_set1_epi8('[' ^ ']')), '_');
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(letters, digits), others)) ^ 0xffff;
}
#endif

/* Where the key that ends at `at` begins, if it is one; nothing in front of `least` is looked at. */
static inline const char *key_begin(const char *at, const char *least)
{
#ifdef __SSE2__
    if (at - least >= STEP) {
        unsigned others = not_of_keys(at - STEP);
        if (others)
            return at - STEP + (32 - __builtin_clz(others));
    }
#endif
    while (at > least && is_of_keys(at[-1]))
        at--;
    return at;
}

/* Where the key that begins at `at` ends, if it is one; nothing from `most` on is looked at. */
static inline const char *key_end(const char *at, const char *most)
{
#ifdef __SSE2__
    if (most - at >= STEP) {
        unsigned others = not_of_keys(at);
        if (others)
            return at + __builtin_ctz(others);
    }
#endif
    while (at < most && is_of_keys(*at))
        at++;
    return at;
}

static inline const char *find(const struct device_pairs *pairs, const char *from, char c)
{
    return from + bytes_find(sv_make(from, (size_t)(pairs->end - from)), c);
}

/* The next key behind `from`. */
static void find_key(struct device_pairs *pairs, const char *from)
{
    for (;;) {
        const char *equals = find(pairs, from, '=');
        if (equals == pairs->end)
            break;
        const char *key =
            key_begin(equals, equals - pairs->begin > KEY_BYTES_MAX ? equals - KEY_BYTES_MAX : pairs->begin);
        if (key < equals && (key == pairs->begin || is_space(key[-1]))) {
            pairs->key = key;
            pairs->key_end = equals;
            return;
        }
        from = equals + 1;
    }
    pairs->key = NULL;
}

/* Whether there is nothing at `at`, or spaces and then a key: that is the next one. */
static bool find_key_here(struct device_pairs *pairs, const char *at)
{
    const char *key = at;
    while (key < pairs->end && is_space(*key))
        key++;
    pairs->key = NULL;
    if (key == pairs->end)
        return true;
    const char *equals = key_end(key, pairs->end - key > KEY_BYTES_MAX ? key + KEY_BYTES_MAX : pairs->end);
    if (key == at || equals == key || equals == pairs->end || *equals != '=')
        return false;
    pairs->key = key;
    pairs->key_end = equals;
    return true;
}

void device_pairs_begin(struct device_pairs *pairs, sv extension)
{
    *pairs = (struct device_pairs){
        .begin = extension.p, .end = extension.p + extension.n, .backslash = extension.p};
    find_key(pairs, extension.p);
}

/* The value in the quotes that open at `from`; false if none closes. */
static bool take_quoted(struct device_pairs *pairs, const char *from, sv *ret_value)
{
    for (const char *at = from + 1; at < pairs->end; at++) {
        at = find(pairs, at, '"');
        if (at < pairs->end && find_key_here(pairs, at + 1)) {
            *ret_value = sv_make(from + 1, (size_t)(at - from - 1));
            return true;
        }
    }
    pairs->quotes_end = true; /* none further on either, so the search is not made again */
    return false;
}

static inline sv take_value(struct device_pairs *pairs, const char *from)
{
    sv value;
    if (from < pairs->end && *from == '"' && !pairs->quotes_end && take_quoted(pairs, from, &value))
        return value;
    find_key(pairs, from);
    const char *end = pairs->key ? pairs->key : pairs->end;
    while (end > from && is_space(end[-1]))
        end--;
    return sv_make(from, (size_t)(end - from));
}

bool device_pairs_next(struct device_pairs *pairs, sv *ret_key, sv *ret_value, bool *ret_escaped)
{
    if (!pairs->key)
        return false;
    const char *equals = pairs->key_end;
    *ret_key = sv_make(pairs->key, (size_t)(equals - pairs->key));
    sv value = take_value(pairs, equals + 1);
    if (pairs->backslash < value.p)
        pairs->backslash = find(pairs, value.p, '\\');
    *ret_escaped = pairs->backslash < value.p + value.n;
    *ret_value = value;
    return true;
}
