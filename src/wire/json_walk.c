#include "wire/json_walk.h"

#include "base/ascii.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

static bool fail(struct json_walk *walk, enum json_fault fault)
{
    static const sv texts[] = {
#define X(name, text) SV_INIT(text),
        JSON_FAULTS(X)
#undef X
    };
    walk->error = texts[fault];
    return false;
}

static char peek(const struct json_walk *walk)
{
    return walk->at < walk->s.n ? walk->s.p[walk->at] : '\0';
}

static void skip_blanks(struct json_walk *walk)
{
    for (; walk->at < walk->s.n; walk->at++) {
        char c = walk->s.p[walk->at];
        if (c != ' ' && c != '\n' && c != '\t' && c != '\r')
            return;
    }
}

/* The four hex digits at s, or −1. */
static int32_t hex4(sv s)
{
    int32_t value = 0;
    if (s.n < 4)
        return -1;
    for (size_t i = 0; i < 4; i++) {
        int digit = decoding_hex_digit(s.p[i]);
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* Reads the digits of `\uXXXX`, and of a second one when the first is half of a pair. A half that stands
 * alone becomes U+FFFD. Returns the bytes taken, 0 if they are no digits. */
static size_t read_unicode(sv s, uint32_t *ret)
{
    int32_t first = hex4(s);
    if (first < 0)
        return 0;
    *ret = (uint32_t)first;
    if (first < 0xd800 || first > 0xdfff)
        return 4;
    int32_t second = s.n >= 10 && s.p[4] == '\\' && s.p[5] == 'u' ? hex4(sv_from(s, 6)) : -1;
    if (first <= 0xdbff && second >= 0xdc00 && second <= 0xdfff) {
        *ret = 0x10000 + (((uint32_t)first - 0xd800) << 10) + ((uint32_t)second - 0xdc00);
        return 10;
    }
    *ret = 0xfffd;
    return 4;
}

/* The text of a string literal with escapes. An escape that JSON does not know stands for itself: devices put
 * Windows paths into their JSON as they are. */
static sv unescape(struct json_walk *walk, sv raw)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char *text = decoding_alloc(walk->decoding, raw.n);
    size_t n = 0;
    if (!text)
        return raw;
    for (size_t i = 0; i < raw.n; i++) {
        if (raw.p[i] != '\\' || i + 1 == raw.n) {
            text[n++] = raw.p[i];
            continue;
        }
        char c = raw.p[i + 1];
        const char *known = memchr(from, c, sizeof from - 1);
        uint32_t code;
        size_t used = c == 'u' ? read_unicode(sv_from(raw, i + 2), &code) : 0;
        if (used) {
            n += decoding_put_utf8(text + n, code);
            i += 1 + used;
        } else if (known) {
            text[n++] = to[known - from];
            i++;
        } else {
            text[n++] = '\\';
        }
    }
    return sv_make(text, n);
}

#ifdef __SSE2__
/* Bytes at the front of s in which there is neither a quote nor a backslash, sixteen at a time. */
static size_t plain_bytes(sv s)
{
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\');
    size_t at = 0;
    for (; at + sizeof quote <= s.n; at += sizeof quote) {
        __m128i c = _mm_loadu_si128((const __m128i *)(const void *)(s.p + at));
        unsigned hits =
            (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(c, quote), _mm_cmpeq_epi8(c, backslash)));
        if (hits)
            return at + (unsigned)__builtin_ctz(hits);
    }
    return at;
}
#else
static size_t plain_bytes(sv s)
{
    (void)s;
    return 0;
}
#endif

/* Index of the quote that ends the string literal whose text begins at s, or s.n. */
static size_t string_end(sv s, bool *ret_escaped)
{
    *ret_escaped = false;
    for (size_t i = plain_bytes(s); i < s.n; i++) {
        if (s.p[i] == '"')
            return i;
        if (s.p[i] != '\\')
            continue;
        *ret_escaped = true;
        i += 1 + plain_bytes(sv_from(s, i + 2));
    }
    return s.n;
}

/* A string literal, from its opening quote on. */
static bool take_string(struct json_walk *walk, sv *ret)
{
    bool escaped;
    sv rest = sv_from(walk->s, walk->at + 1);
    size_t end = string_end(rest, &escaped);
    if (end == rest.n)
        return fail(walk, JSON_FAULT_OPEN_STRING);
    *ret = sv_first(rest, end);
    if (escaped && walk->decoding)
        *ret = unescape(walk, *ret);
    walk->at += end + 2;
    return true;
}

static bool append(struct json_walk *walk, size_t *n, sv s)
{
    if (JSON_NAME_BYTES_MAX - *n < s.n)
        return fail(walk, JSON_FAULT_LONG_NAME);
    if (s.n)
        memcpy(walk->path + *n, s.p, s.n);
    *n += s.n;
    return true;
}

/* At `{` or `[`. */
static bool enter(struct json_walk *walk, bool array)
{
    size_t path_n = 0;
    if (walk->depth == JSON_DEPTH_MAX)
        return fail(walk, JSON_FAULT_DEPTH);
    if (walk->depth) {
        const struct json_level *level = &walk->levels[walk->depth - 1];
        path_n = level->path_n;
        if (!level->array && !append(walk, &path_n, walk->key))
            return false;
        if (!array && path_n && !append(walk, &path_n, SV(".")))
            return false;
    }
    walk->levels[walk->depth++] = (struct json_level){.array = array, .path_n = path_n};
    walk->entered = true;
    walk->at++;
    return true;
}

static bool tell(struct json_walk *walk, sv text, enum event_field_type type)
{
    walk->text = text;
    walk->type = type;
    walk->valued = true;
    return true;
}

static bool take_literal(struct json_walk *walk)
{
    static const struct {
        sv text, value;
        enum event_field_type type;
    } literals[] = {{SV_INIT("true"), SV_INIT("true"), EVENT_BOOLEAN},
                    {SV_INIT("false"), SV_INIT("false"), EVENT_BOOLEAN},
                    {SV_INIT("null"), SV_INIT(""), EVENT_NULL}};
    sv rest = sv_from(walk->s, walk->at);
    for (size_t i = 0; i < sizeof literals / sizeof *literals; i++) {
        if (!sv_starts(rest, literals[i].text))
            continue;
        walk->at += literals[i].text.n;
        return tell(walk, literals[i].value, literals[i].type);
    }
    return fail(walk, JSON_FAULT_NO_VALUE);
}

static bool take_number(struct json_walk *walk)
{
    size_t start = walk->at;
    bool digit = false;
    for (; walk->at < walk->s.n; walk->at++) {
        char c = walk->s.p[walk->at];
        bool is_digit = ascii_digit(c);
        if (!is_digit && c != '-' && c != '+' && c != '.' && c != 'e' && c != 'E')
            break;
        digit |= is_digit;
    }
    char next = peek(walk);
    if (!digit)
        return fail(walk, JSON_FAULT_NO_DIGITS);
    if (ascii_alnum(next))
        return fail(walk, JSON_FAULT_NUMBER);
    return tell(walk, sv_first(sv_from(walk->s, start), walk->at - start), EVENT_NUMBER);
}

static bool take_value(struct json_walk *walk)
{
    sv text;
    skip_blanks(walk);
    char c = peek(walk);
    if (c == '"')
        return take_string(walk, &text) && tell(walk, text, EVENT_STRING);
    if (c == '{' || c == '[')
        return enter(walk, c == '[');
    if (c == '-' || (c >= '0' && c <= '9'))
        return take_number(walk);
    return take_literal(walk);
}

static bool take_key(struct json_walk *walk)
{
    skip_blanks(walk);
    if (peek(walk) != '"')
        return fail(walk, JSON_FAULT_NO_NAME);
    if (!take_string(walk, &walk->key))
        return false;
    skip_blanks(walk);
    if (peek(walk) != ':')
        return fail(walk, JSON_FAULT_NO_COLON);
    walk->at++;
    return true;
}

/* One step inside the innermost object or array: the next value, or its end. */
static bool step(struct json_walk *walk)
{
    bool array = walk->levels[walk->depth - 1].array, first = walk->entered;
    walk->entered = walk->valued = false;
    skip_blanks(walk);
    char c = peek(walk);
    if (c == (array ? ']' : '}')) {
        walk->at++;
        walk->depth--;
        return true;
    }
    if (!first) {
        if (c != ',')
            return fail(walk, JSON_FAULT_NO_COMMA);
        walk->at++;
    }
    return (array || take_key(walk)) && take_value(walk);
}

bool json_walk_begin(struct json_walk *walk, sv body, struct decoding *decoding)
{
    /* Not all of it: the path and most levels are never looked at. */
    walk->decoding = decoding;
    walk->s = body;
    walk->at = walk->depth = 0;
    walk->error = walk->key = SV_NONE;
    skip_blanks(walk);
    return (peek(walk) == '{' || peek(walk) == '[') && enter(walk, peek(walk) == '[');
}

bool json_walk_next(struct json_walk *walk)
{
    while (walk->depth > 0) {
        if (!step(walk))
            return false;
        if (walk->valued)
            return true;
    }
    skip_blanks(walk);
    if (walk->at < walk->s.n)
        fail(walk, JSON_FAULT_REST);
    return false;
}
