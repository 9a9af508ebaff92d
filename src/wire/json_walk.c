#include "wire/json_walk.h"

#include "base/ascii.h"
#include "base/bytes.h"

/* The functions that take a part of the text take the place where it begins, and return the one behind it, or
 * NULL where it is at fault. */
static const char *fail(struct json_walk *walk, enum json_fault fault)
{
    static const sv texts[] = {
#define X(name, text) SV_INIT(text),
        JSON_FAULTS(X)
#undef X
    };
    walk->error = texts[fault];
    return NULL;
}

static inline char peek(const struct json_walk *walk, const char *at)
{
    return at < walk->end ? *at : '\0';
}

static inline sv rest_from(const struct json_walk *walk, const char *at)
{
    return sv_make(at, (size_t)(walk->end - at));
}

static inline const char *skip_blanks(const struct json_walk *walk, const char *at)
{
    while (at < walk->end && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r'))
        at++;
    return at;
}

/* The four hex digits at s, or −1. */
static int32_t hex4(sv s)
{
    int32_t value = 0;
    if (s.n < 4)
        return -1;
    for (size_t i = 0; i < 4; i++) {
        int digit = ascii_hex(s.p[i]);
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

/* What an escape of one letter stands for, or NUL. */
static const char escapes[256] = {
    ['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
    ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t',
};

/* Puts what the escape at the front of *s stands for into out, which has room for it, and cuts it off. One
 * that JSON does not know stands for itself: devices put Windows paths into their JSON as they are. */
static inline char *take_escape(sv *s, char *out)
{
    uint32_t code;
    char known = s->n > 1 ? escapes[(unsigned char)s->p[1]] : '\0';
    size_t used = s->n > 1 && s->p[1] == 'u' ? read_unicode(sv_from(*s, 2), &code) : 0;
    if (used) {
        *s = sv_from(*s, 2 + used);
        return out + decoding_put_utf8(out, code);
    }
    *s = sv_from(*s, known ? 2 : 1);
    *out = known ? known : '\\';
    return out + 1;
}

/* The text of a string literal with escapes. */
static sv unescape(struct json_walk *walk, sv raw)
{
    char *text = decoding_alloc(walk->decoding, raw.n + BYTES_SPARE), *to = text;
    if (!text)
        return raw;
    for (sv rest = raw; rest.n;) {
        size_t run = bytes_copy_until(to, rest, walk->end, '\\');
        to += run;
        rest = sv_from(rest, run);
        if (rest.n)
            to = take_escape(&rest, to);
    }
    return sv_make(text, (size_t)(to - text));
}

/* Behind a literal's escapes, whose first one stands at `at`: at the quote that ends it, or at the end. */
static const char *skip_escapes(const struct json_walk *walk, const char *at)
{
    while (walk->end - at >= 2 && *at == '\\') {
        at += 2;
        at += bytes_find_either(rest_from(walk, at), '"', '\\');
    }
    return peek(walk, at) == '"' ? at : walk->end;
}

/* A string literal, from its opening quote on. */
static inline const char *take_string(struct json_walk *walk, const char *at, sv *ret, bool *ret_escaped)
{
    const char *start = at + 1, *end = start + bytes_find_either(rest_from(walk, start), '"', '\\');
    *ret_escaped = peek(walk, end) == '\\';
    if (*ret_escaped)
        end = skip_escapes(walk, end);
    if (end == walk->end)
        return fail(walk, JSON_FAULT_OPEN_STRING);
    *ret = sv_make(start, (size_t)(end - start));
    return end + 1;
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
static const char *enter(struct json_walk *walk, const char *at)
{
    size_t path_n = 0;
    if (walk->depth == JSON_DEPTH_MAX)
        return fail(walk, JSON_FAULT_DEPTH);
    if (walk->depth) {
        path_n = json_walk_level(walk)->path_n;
        if (!json_walk_in_array(walk) && !append(walk, &path_n, walk->key))
            return NULL;
        if (*at == '{' && path_n && !append(walk, &path_n, SV(".")))
            return NULL;
    }
    walk->levels[walk->depth++] = (struct json_level){.end = *at == '{' ? '}' : ']', .path_n = path_n};
    walk->entered = true;
    return at + 1;
}

/* Whether a bare value would end amid a word, or as a name does: then it is none (wire/derived.h). */
static bool runs_on(const struct json_walk *walk, const char *at)
{
    char c = peek(walk, at);
    return ascii_alnum(c) || c == '=';
}

static const char *take_literal(struct json_walk *walk, const char *at)
{
    static const struct {
        sv text, value;
        enum event_field_type type;
    } literals[] = {{SV_INIT("true"), SV_INIT("true"), EVENT_BOOLEAN},
                    {SV_INIT("false"), SV_INIT("false"), EVENT_BOOLEAN},
                    {SV_INIT("null"), SV_INIT(""), EVENT_NULL}};
    for (size_t i = 0; i < sizeof literals / sizeof *literals; i++) {
        const char *end = at + literals[i].text.n;
        if (!sv_starts(rest_from(walk, at), literals[i].text) || runs_on(walk, end))
            continue;
        walk->text = literals[i].value;
        walk->type = literals[i].type;
        return end;
    }
    return fail(walk, JSON_FAULT_NO_VALUE);
}

static const char *take_number(struct json_walk *walk, const char *at)
{
    const char *start = at;
    bool digit = false;
    for (; at < walk->end; at++) {
        bool is_digit = ascii_digit(*at);
        if (!is_digit && *at != '-' && *at != '+' && *at != '.' && *at != 'e' && *at != 'E')
            break;
        digit |= is_digit;
    }
    if (!digit)
        return fail(walk, JSON_FAULT_NO_DIGITS);
    if (runs_on(walk, at))
        return fail(walk, JSON_FAULT_NUMBER);
    walk->text = sv_make(start, (size_t)(at - start));
    walk->type = EVENT_NUMBER;
    return at;
}

static inline const char *take_text(struct json_walk *walk, const char *at)
{
    bool escaped;
    at = take_string(walk, at, &walk->text, &escaped);
    if (at && escaped && walk->decoding)
        walk->text = unescape(walk, walk->text);
    walk->type = EVENT_STRING;
    return at;
}

/* A name as nearly all are written: short, without blanks around it or escapes in it. NULL if it is not. */
static inline const char *take_plain_key(struct json_walk *walk, const char *at)
{
#ifdef __SSE2__
    enum { STEP = sizeof(__m128i) };
    if (walk->end - at < STEP + 2 || *at != '"')
        return NULL;
    unsigned hits = bytes_either(bytes_load(at + 1), '"', '\\'), n = hits ? (unsigned)__builtin_ctz(hits) : 0;
    if (at[1 + n] != '"' || at[2 + n] != ':')
        return NULL;
    walk->key = sv_make(at + 1, n);
    return at + 3 + n;
#else
    (void)walk, (void)at;
    return NULL;
#endif
}

static inline const char *take_any_key(struct json_walk *walk, const char *at)
{
    bool escaped;
    at = skip_blanks(walk, at);
    if (peek(walk, at) != '"')
        return fail(walk, JSON_FAULT_NO_NAME);
    at = take_string(walk, at, &walk->key, &escaped);
    if (!at)
        return NULL;
    walk->escaped_names |= escaped;
    if (escaped && walk->decoding)
        walk->key = unescape(walk, walk->key);
    at = skip_blanks(walk, at);
    return peek(walk, at) == ':' ? at + 1 : fail(walk, JSON_FAULT_NO_COLON);
}

static inline const char *take_key(struct json_walk *walk, const char *at)
{
    const char *behind = take_plain_key(walk, at);
    return behind ? behind : take_any_key(walk, at);
}

/* The next value, or the opening of an object or array. */
static inline const char *take_value(struct json_walk *walk, const char *at)
{
    at = skip_blanks(walk, at);
    char c = peek(walk, at);
    if (c == '"')
        return take_text(walk, at);
    if (c == '{' || c == '[')
        return enter(walk, at);
    return c == '-' || ascii_digit(c) ? take_number(walk, at) : take_literal(walk, at);
}

bool json_walk_begin(struct json_walk *walk, sv body, struct decoding *decoding)
{
    /* Not all of it: the path and most levels are never looked at. */
    walk->decoding = decoding;
    walk->end = body.p + body.n;
    walk->at = skip_blanks(walk, body.p);
    walk->depth = 0;
    walk->error = SV_NONE;
    walk->key = SV_NONE;
    walk->escaped_names = false;
    char c = peek(walk, walk->at);
    if (c != '{' && c != '[')
        return false;
    walk->at = enter(walk, walk->at);
    return true;
}

bool json_walk_next(struct json_walk *walk)
{
    const char *at = walk->at;
    while (walk->depth > 0) {
        char end = json_walk_level(walk)->end;
        at = skip_blanks(walk, at);
        char c = peek(walk, at);
        if (c == end) {
            at++;
            walk->depth--;
            walk->entered = false;
            continue;
        }
        if (!walk->entered && c != ',')
            return fail(walk, JSON_FAULT_NO_COMMA);
        at += !walk->entered;
        walk->entered = false;
        if (end == '}' && !(at = take_key(walk, at)))
            return false;
        if (!(at = take_value(walk, at)))
            return false;
        if (!walk->entered) {
            walk->at = at;
            return true;
        }
    }
    if (skip_blanks(walk, at) < walk->end)
        fail(walk, JSON_FAULT_REST);
    return false;
}
