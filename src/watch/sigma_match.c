#include "watch/sigma_value.h"

#include "base/ascii.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { PLAIN_NUMBER_BYTES_MAX = 16, REGEX_SET_TEXTS_MAX = 4 };

struct sigma_scratch {
    struct regex_runner *regex;
};

struct sigma_scratch *sigma_scratch_new(void)
{
    struct sigma_scratch *scratch = calloc(1, sizeof *scratch);
    assert(scratch);
    scratch->regex = regex_runner_new(SIGMA_REGEX_SHARE);
    return scratch;
}

void sigma_scratch_free(struct sigma_scratch *scratch)
{
    if (!scratch)
        return;
    regex_runner_free(scratch->regex);
    free(scratch);
}

uint64_t sigma_scratch_limits(const struct sigma_scratch *scratch)
{
    return regex_runner_given_up(scratch->regex);
}

static unsigned char fold(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c + ('a' - 'A')) : c;
}

void sigma_fold(char *dst, const char *src, size_t n)
{
    size_t i = 0;
#ifdef __SSE2__
    /* Sixteen bytes at once: this is done to every record that a rule might match. */
    const __m128i below_a = _mm_set1_epi8('A' - 1), above_z = _mm_set1_epi8('Z' + 1),
                  bit = _mm_set1_epi8(0x20);
    while (i < n && n >= sizeof bit) {
        i = i + sizeof bit <= n ? i : n - sizeof bit; /* the last sixteen, some of them once more */
        __m128i c = _mm_loadu_si128((const __m128i *)(const void *)(src + i));
        __m128i upper = _mm_and_si128(_mm_cmpgt_epi8(c, below_a), _mm_cmplt_epi8(c, above_z));
        _mm_storeu_si128((__m128i *)(void *)(dst + i), _mm_or_si128(c, _mm_and_si128(upper, bit)));
        i += sizeof bit;
    }
#endif
    for (; i < n; i++)
        dst[i] = (char)fold((unsigned char)src[i]);
}

bool sigma_number(sv s, double *ret)
{
    char text[64], *end;
    if (s.n == 0 || s.n >= sizeof text)
        return false;
    sv_copy(text, sizeof text, s);
    bool hex = text[0] == '0' && text[1] == 'x', octal = text[0] == '0' && text[1] == 'o';
    if (hex || octal) {
        unsigned char c = (unsigned char)text[2];
        if (hex ? ascii_hex((char)c) < 0 : !ascii_digit(c))
            return false;
        *ret = (double)strtoull(text + 2, &end, hex ? 16 : 8);
        return *end == 0;
    }
    if (strspn(text, "0123456789+-.eE") != s.n || !strpbrk(text, "0123456789"))
        return false;
    double number = strtod(text, &end);
    if (*end != 0)
        return false;
    *ret = number;
    return true;
}

bool sigma_address(sv text, uint8_t address[static 16], bool *ret_v6)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    char copy[INET6_ADDRSTRLEN + 1];
    if (text.n == 0 || text.n >= sizeof copy || memchr(text.p, 0, text.n))
        return false;
    sv_copy(copy, sizeof copy, text);
    if (inet_pton(AF_INET, copy, address) == 1) {
        *ret_v6 = false;
        return true;
    }
    if (inet_pton(AF_INET6, copy, address) != 1)
        return false;
    *ret_v6 = memcmp(address, mapped, sizeof mapped) != 0;
    if (!*ret_v6)
        memmove(address, address + sizeof mapped, 4);
    return true;
}

/* Not strncasecmp: that one stops at a NUL, which a JSON string may hold. */
static bool same(const char *subject, sv text, bool cased)
{
    if (cased)
        return text.n == 0 || (subject && memcmp(subject, text.p, text.n) == 0);
    for (size_t i = 0; i < text.n; i++)
        if (fold((unsigned char)subject[i]) != (unsigned char)text.p[i])
            return false;
    return true;
}

static bool contains(const struct sigma_value *value, const struct sigma_subject *subject)
{
    if (value->text.n == 0)
        return true;
    sv hay = value->cased ? subject->text : subject->folded;
    if (hay.p)
        return sv_find(hay, value->text) != SV_NPOS;
    for (size_t i = 0; i + value->text.n <= subject->text.n; i++)
        if (same(subject->text.p + i, value->text, value->cased))
            return true;
    return false;
}

/* Bytes of the character at the start of s: a well-formed UTF-8 sequence, else one byte. */
static size_t character(sv s)
{
    unsigned char c = (unsigned char)s.p[0];
    size_t n = c < 0xc2 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 1;
    return n > 1 && n <= s.n && sv_utf8(sv_first(s, n)) ? n : 1;
}

/* Bytes that the mark or byte takes from the start of s (not empty); 0 if it does not match. */
static size_t step(uint16_t mark, sv s, bool cased)
{
    unsigned char c = (unsigned char)s.p[0];
    if (mark == SIGMA_ONE)
        return character(s);
    if (mark == SIGMA_DASH) {
        if (c == '-' || c == '/')
            return 1;
        bool dash = sv_starts(s, SV("\xe2\x80\x93")) || sv_starts(s, SV("\xe2\x80\x94")) ||
                    sv_starts(s, SV("\xe2\x80\x95"));
        return dash ? 3 : 0;
    }
    return (cased ? c : fold(c)) == mark;
}

/* Going back to the last star only is enough: an earlier one could not take anything that it cannot. */
static bool glob(const struct sigma_value *value, sv s)
{
    const uint16_t *pattern = value->pattern;
    size_t at = 0, p = 0, n = value->pattern_count, star = SV_NPOS, resume = 0;
    while (at < s.n) {
        if (p < n && pattern[p] == SIGMA_STAR) {
            star = ++p;
            resume = at;
            continue;
        }
        size_t taken = p < n ? step(pattern[p], sv_from(s, at), value->cased) : 0;
        if (taken) {
            at += taken;
            p++;
        } else if (star != SV_NPOS) {
            p = star;
            resume += character(sv_from(s, resume));
            at = resume;
        } else {
            return false;
        }
    }
    while (p < n && pattern[p] == SIGMA_STAR)
        p++;
    return p == n;
}

static bool cidr(const struct sigma_value *value, sv s)
{
    uint8_t address[16];
    bool v6;
    if (!sigma_address(s, address, &v6) || v6 != value->v6)
        return false;
    size_t bytes = value->prefix_bits / 8, bits = value->prefix_bits % 8;
    if (memcmp(address, value->address, bytes) != 0)
        return false;
    return bits == 0 || (address[bytes] ^ value->address[bytes]) >> (8 - bits) == 0;
}

/* Digits and a point, few enough for a double to tell any two of them apart: an equal number then has the
 * same digits, which is what the search in raw bytes goes by (watch/needs.h). */
static bool is_plain_number(sv s)
{
    if (s.n > PLAIN_NUMBER_BYTES_MAX)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!ascii_digit(s.p[i]) && s.p[i] != '.' && s.p[i] != '-')
            return false;
    return true;
}

static bool number(const struct sigma_value *value, const struct sigma_subject *subject)
{
    double other;
    if (value->part)
        return sigma_time_part(subject->text, value->part, &other) && other == value->number;
    if (sv_eq(value->text, subject->text))
        return true;
    return subject->type == EVENT_NUMBER && is_plain_number(subject->text) &&
           sigma_number(subject->text, &other) && other == value->number;
}

static bool compare(const struct sigma_value *value, sv s)
{
    double other;
    if (!(value->part ? sigma_time_part(s, value->part, &other) : sigma_number(s, &other)))
        return false;
    if (value->kind == SIGMA_LESS)
        return other < value->number;
    if (value->kind == SIGMA_LESS_EQUAL)
        return other <= value->number;
    return value->kind == SIGMA_GREATER ? other > value->number : other >= value->number;
}

/* Alternatives are never ANY_OF themselves. NOLINTNEXTLINE(misc-no-recursion) */
static bool any_of(const struct sigma_value *value, const struct sigma_subject *subject,
                   struct sigma_scratch *scratch)
{
    const struct gram_set *grams = subject->grams ? subject->grams : &gram_set_full;
    for (size_t i = 0; i < value->alternative_count; i++)
        if ((!value->grams || gram_set_has(grams, value->grams[i])) &&
            sigma_value_match(&value->alternatives[i], subject, scratch))
            return true;
    return false;
}

static bool has_one(sv folded, const struct text_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        if (sv_find(folded, set->texts[i]) != SV_NPOS)
            return true;
    return false;
}

/* Whether one text of each small set stands in the folded text: to look for them takes less than to run the
 * expression. */
static bool has_sets(const struct sigma_value *value, sv folded)
{
    for (size_t i = 0; i < value->set_count && folded.p; i++)
        if (value->sets[i].count <= REGEX_SET_TEXTS_MAX && !has_one(folded, &value->sets[i]))
            return false;
    return true;
}

/* NOLINTNEXTLINE(misc-no-recursion) */
bool sigma_value_match(const struct sigma_value *value, const struct sigma_subject *subject,
                       struct sigma_scratch *scratch)
{
    sv s = subject->text, text = value->text;
    bool folded = subject->folded.p && !value->cased;
    const char *start = folded ? subject->folded.p : s.p;
    if (subject->type == EVENT_NULL)
        return value->kind == SIGMA_NULL || (value->kind == SIGMA_EXISTS && value->number != 0);
    switch (value->kind) {
    case SIGMA_ANYTHING:
        return true;
    case SIGMA_EXACT:
        return s.n == text.n && same(start, text, value->cased || folded);
    case SIGMA_PREFIX:
        return s.n >= text.n && same(start, text, value->cased || folded);
    case SIGMA_SUFFIX:
        return s.n >= text.n && same(start + (s.n - text.n), text, value->cased || folded);
    case SIGMA_CONTAINS:
        return contains(value, subject);
    case SIGMA_GLOB:
        return glob(value, s);
    case SIGMA_NUMBER:
        return number(value, subject);
    case SIGMA_NULL:
        return false;
    case SIGMA_REGEX:
        return has_sets(value, subject->folded) &&
               regex_run(scratch->regex, value->regex, s, 0) == REGEX_FOUND;
    case SIGMA_CIDR:
        return cidr(value, s);
    case SIGMA_LESS:
    case SIGMA_LESS_EQUAL:
    case SIGMA_GREATER:
    case SIGMA_GREATER_EQUAL:
        return compare(value, s);
    case SIGMA_EXISTS:
        return value->number != 0;
    case SIGMA_FIELD:
        return false;
    case SIGMA_ANY_OF:
        return any_of(value, subject, scratch);
    }
    return false;
}

/* Both as they came, so a letter is folded on either side. */
static bool same_text(const char *a, const char *b, size_t n, bool cased)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char x = (unsigned char)a[i], y = (unsigned char)b[i];
        if (cased ? x != y : fold(x) != fold(y))
            return false;
    }
    return true;
}

bool sigma_value_match_field(const struct sigma_value *value, const struct sigma_subject *subject,
                             const struct sigma_subject *other)
{
    sv s = subject->text, o = other->text;
    double a, b;
    if (subject->type == EVENT_NULL || other->type == EVENT_NULL)
        return false;
    if (value->relation == SIGMA_EXACT && subject->type == EVENT_NUMBER && other->type == EVENT_NUMBER &&
        sigma_number(s, &a) && sigma_number(o, &b) && a == b)
        return true;
    if (s.n < o.n)
        return false;
    if (value->relation == SIGMA_PREFIX)
        return same_text(s.p, o.p, o.n, value->cased);
    if (value->relation == SIGMA_SUFFIX)
        return same_text(s.p + (s.n - o.n), o.p, o.n, value->cased);
    if (value->relation == SIGMA_EXACT)
        return s.n == o.n && same_text(s.p, o.p, o.n, value->cased);
    for (size_t i = 0; i + o.n <= s.n; i++)
        if (same_text(s.p + i, o.p, o.n, value->cased))
            return true;
    return false;
}
