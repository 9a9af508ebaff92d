#include "watch/sigma_value.h"

#include "watch/sigma_regex.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* Marks in a pattern, above every byte. */
enum { PLAIN_NUMBER_BYTES_MAX = 16 };

enum { ONE = 256, STAR, DASH };

enum { JIT_STACK_BYTES_MIN = 32 * 1024, JIT_STACK_BYTES_MAX = 512 * 1024, REGEX_HEAP_KIB_MAX = 4096 };

struct sigma_scratch {
    pcre2_match_data *data;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
    uint64_t limits;
};

struct sigma_scratch *sigma_scratch_new(void)
{
    struct sigma_scratch *scratch = calloc(1, sizeof *scratch);
    assert(scratch);
    scratch->data = pcre2_match_data_create(1, NULL);
    scratch->context = pcre2_match_context_create(NULL);
    scratch->stack = pcre2_jit_stack_create(JIT_STACK_BYTES_MIN, JIT_STACK_BYTES_MAX, NULL);
    assert(scratch->data && scratch->context);
    pcre2_set_match_limit(scratch->context, SIGMA_REGEX_STEPS_MAX);
    pcre2_set_heap_limit(scratch->context, REGEX_HEAP_KIB_MAX);
    if (scratch->stack)
        pcre2_jit_stack_assign(scratch->context, NULL, scratch->stack);
    return scratch;
}

void sigma_scratch_free(struct sigma_scratch *scratch)
{
    if (!scratch)
        return;
    pcre2_jit_stack_free(scratch->stack);
    pcre2_match_context_free(scratch->context);
    pcre2_match_data_free(scratch->data);
    free(scratch);
}

uint64_t sigma_scratch_limits(const struct sigma_scratch *scratch)
{
    return scratch->limits;
}

__attribute__((format(printf, 3, 4))) static bool no(char *problem, size_t cap, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(problem, cap, fmt, args);
    va_end(args);
    return false;
}

static unsigned char fold(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c + ('a' - 'A')) : c;
}

void sigma_fold(char *dst, const char *src, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = (char)fold((unsigned char)src[i]);
}

static bool is_word(sv text, size_t i)
{
    unsigned char c = i < text.n ? (unsigned char)text.p[i] : 0;
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c >= 0x80;
}

/* windash: a dash or slash that begins an option, so that "-f", "/f" and "–f" are the same. */
static bool is_option_dash(sv text, size_t i)
{
    return (text.p[i] == '-' || text.p[i] == '/') && (i == 0 || !is_word(text, i - 1)) &&
           is_word(text, i + 1);
}

/* Reads wildcards and the four escapes: \* \? and \\ stand for themselves, any other backslash is one. */
static size_t read_pattern(uint16_t *pattern, sv text, bool cased, bool windash)
{
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        char next = i + 1 < text.n ? text.p[i + 1] : 0;
        if (c == '\\' && (next == '*' || next == '?' || next == '\\'))
            pattern[n++] = (unsigned char)text.p[++i];
        else if (c == '*' && (n == 0 || pattern[n - 1] != STAR))
            pattern[n++] = STAR;
        else if (c == '?')
            pattern[n++] = ONE;
        else if (windash && is_option_dash(text, i))
            pattern[n++] = DASH;
        else if (c != '*')
            pattern[n++] = cased ? c : fold(c);
    }
    return n;
}

static bool all_literal(const uint16_t *pattern, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (pattern[i] >= ONE)
            return false;
    return true;
}

static bool set_literal(struct sigma_value *ret, const uint16_t *pattern, size_t n, struct arena *arena)
{
    char *text = arena_alloc(arena, n + 1);
    for (size_t i = 0; text && i < n; i++)
        text[i] = (char)pattern[i];
    ret->text = (sv){text, n};
    return text != NULL;
}

/* The cheapest comparison that means the same as the pattern. */
static bool classify(struct sigma_value *ret, uint16_t *pattern, size_t n, struct arena *arena)
{
    bool lead = n > 0 && pattern[0] == STAR, trail = n > 0 && pattern[n - 1] == STAR;
    if (n == 1 && lead) {
        ret->kind = SIGMA_ANYTHING;
        return true;
    }
    size_t from = lead ? 1 : 0, count = n - from - (trail ? 1 : 0);
    if (all_literal(pattern + from, count)) {
        ret->kind = lead ? (trail ? SIGMA_CONTAINS : SIGMA_SUFFIX) : (trail ? SIGMA_PREFIX : SIGMA_EXACT);
        return set_literal(ret, pattern + from, count, arena);
    }
    ret->kind = SIGMA_GLOB;
    ret->pattern = pattern;
    ret->pattern_count = n;
    return true;
}

static bool compile_text(struct sigma_value *ret, sv text, const struct sigma_key *key, struct arena *arena,
                         char *problem, size_t cap)
{
    bool keyword = key->field.n == 0;
    if (keyword && text.n == 0)
        return no(problem, cap, "an empty keyword would match every event");
    bool contains = keyword || sigma_has(key, SIGMA_MODIFIER_contains);
    bool lead = contains || sigma_has(key, SIGMA_MODIFIER_endswith);
    bool trail = contains || sigma_has(key, SIGMA_MODIFIER_startswith);
    ret->cased = sigma_has(key, SIGMA_MODIFIER_cased);
    uint16_t *pattern = arena_alloc(arena, (text.n + 2) * sizeof *pattern);
    if (!pattern)
        return no(problem, cap, "there is no more room for rules");
    size_t n = 0;
    if (lead)
        pattern[n++] = STAR;
    n += read_pattern(pattern + n, text, ret->cased, sigma_has(key, SIGMA_MODIFIER_windash));
    if (lead && n > 1 && pattern[1] == STAR) {
        pattern++;
        n--;
    }
    if (trail && (n == 0 || pattern[n - 1] != STAR))
        pattern[n++] = STAR;
    return classify(ret, pattern, n, arena) || no(problem, cap, "there is no more room for rules");
}

/* A number as YAML writes it: decimal with fraction and exponent, 0x hexadecimal, 0o octal. */
static bool to_number(sv s, double *ret)
{
    char text[64], *end;
    if (s.n == 0 || s.n >= sizeof text)
        return false;
    sv_copy(text, sizeof text, s);
    bool hex = text[0] == '0' && text[1] == 'x', octal = text[0] == '0' && text[1] == 'o';
    if (hex || octal) {
        unsigned char c = (unsigned char)text[2];
        if (!((c >= '0' && c <= '9') || (hex && fold(c) >= 'a' && fold(c) <= 'f')))
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

static uint32_t regex_options(const struct sigma_key *key)
{
    uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C;
    if (sigma_has(key, SIGMA_MODIFIER_i) || sigma_has(key, SIGMA_MODIFIER_ignorecase))
        options |= PCRE2_CASELESS;
    if (sigma_has(key, SIGMA_MODIFIER_m) || sigma_has(key, SIGMA_MODIFIER_multiline))
        options |= PCRE2_MULTILINE;
    if (sigma_has(key, SIGMA_MODIFIER_s) || sigma_has(key, SIGMA_MODIFIER_dotall))
        options |= PCRE2_DOTALL;
    return options;
}

static bool compile_regex(struct sigma_value *ret, sv text, const struct sigma_key *key, struct arena *arena,
                          char *problem, size_t cap)
{
    uint32_t options = regex_options(key);
    int code;
    PCRE2_SIZE at;
    ret->kind = SIGMA_REGEX;
    ret->regex = pcre2_compile((PCRE2_SPTR)text.p, text.n, options, &code, &at, NULL);
    if (!ret->regex) {
        char why[160];
        pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof why);
        return no(problem, cap, "this regular expression is wrong at character %zu: %s", at + 1, why);
    }
    /* Without a JIT (a kernel that forbids writable code) the interpreter does the same more slowly. */
    (void)pcre2_jit_compile(ret->regex, PCRE2_JIT_COMPLETE);
    ret->text = sigma_regex_literal(text, options & PCRE2_CASELESS, arena);
    return true;
}

static bool read_address(sv text, uint8_t address[static 16], bool *ret_v6)
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

static bool compile_cidr(struct sigma_value *ret, sv text, char *problem, size_t cap)
{
    ret->kind = SIGMA_CIDR;
    sv bits = text, address = sv_split(&bits, '/');
    if (!read_address(address, ret->address, &ret->v6))
        return no(problem, cap, "'%.*s' is no network: write it as 192.0.2.0/24 or 2001:db8::/32",
                  SV_ARG(sv_first(text, 60)));
    uint64_t count = ret->v6 ? 128 : 32, most = count;
    if (bits.p && (!sv_to_u64(bits, &count) || count > most))
        return no(problem, cap, "'/%.*s' is no prefix length: 0 to %d", SV_ARG(sv_first(bits, 20)),
                  (int)most);
    ret->prefix_bits = (uint8_t)count;
    return true;
}

static bool compile_comparison(struct sigma_value *ret, sv text, const struct sigma_key *key, char *problem,
                               size_t cap)
{
    ret->kind = sigma_has(key, SIGMA_MODIFIER_lt)    ? SIGMA_LESS
                : sigma_has(key, SIGMA_MODIFIER_lte) ? SIGMA_LESS_EQUAL
                : sigma_has(key, SIGMA_MODIFIER_gt)  ? SIGMA_GREATER
                                                     : SIGMA_GREATER_EQUAL;
    if (!to_number(text, &ret->number))
        return no(problem, cap, "lt, lte, gt and gte compare numbers, and '%.*s' is none",
                  SV_ARG(sv_first(text, 60)));
    return true;
}

static bool compile_exists(struct sigma_value *ret, sv text, char *problem, size_t cap)
{
    ret->kind = SIGMA_EXISTS;
    bool yes = sv_ieq(text, SV("true"));
    if (!yes && !sv_ieq(text, SV("false")))
        return no(problem, cap, "exists is followed by true or false");
    ret->number = yes;
    return true;
}

/* Null and plain numbers keep their YAML meaning unless a modifier makes text of them. */
static bool compile_plain(struct sigma_value *ret, sv text, const struct sigma_key *key, struct arena *arena)
{
    if (key->field.n == 0)
        return false;
    const uint64_t text_only =
        1ULL << SIGMA_MODIFIER_contains | 1ULL << SIGMA_MODIFIER_startswith | 1ULL << SIGMA_MODIFIER_endswith;
    if (key->modifiers & text_only)
        return false;
    if (text.n == 0 || sv_eq(text, SV("~")) || sv_ieq(text, SV("null"))) {
        ret->kind = SIGMA_NULL;
        return true;
    }
    if (!to_number(text, &ret->number))
        return false;
    ret->kind = SIGMA_NUMBER;
    ret->text = arena_sv(arena, text);
    return ret->text.p != NULL;
}

bool sigma_value_compile(struct sigma_value *ret, sv text, bool plain, const struct sigma_key *key,
                         struct arena *arena, char *problem, size_t cap)
{
    *ret = (struct sigma_value){0};
    if (text.n > SIGMA_VALUE_BYTES_MAX)
        return no(problem, cap, "this value is longer than %d bytes", SIGMA_VALUE_BYTES_MAX);
    if (sigma_has(key, SIGMA_MODIFIER_re))
        return compile_regex(ret, text, key, arena, problem, cap);
    if (sigma_has(key, SIGMA_MODIFIER_cidr))
        return compile_cidr(ret, text, problem, cap);
    if (sigma_has(key, SIGMA_MODIFIER_exists))
        return compile_exists(ret, text, problem, cap);
    if (sigma_has(key, SIGMA_MODIFIER_lt) || sigma_has(key, SIGMA_MODIFIER_lte) ||
        sigma_has(key, SIGMA_MODIFIER_gt) || sigma_has(key, SIGMA_MODIFIER_gte))
        return compile_comparison(ret, text, key, problem, cap);
    if (plain && compile_plain(ret, text, key, arena))
        return true;
    return compile_text(ret, text, key, arena, problem, cap);
}

void sigma_value_free(struct sigma_value *value)
{
    if (value->kind == SIGMA_REGEX)
        pcre2_code_free(value->regex);
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
        return memmem(hay.p, hay.n, value->text.p, value->text.n) != NULL;
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
    if (mark == ONE)
        return character(s);
    if (mark == DASH) {
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
        if (p < n && pattern[p] == STAR) {
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
    while (p < n && pattern[p] == STAR)
        p++;
    return p == n;
}

static bool regex(const struct sigma_value *value, sv s, struct sigma_scratch *scratch)
{
    int code =
        pcre2_match(value->regex, (PCRE2_SPTR)(s.p ? s.p : ""), s.n, 0, 0, scratch->data, scratch->context);
    if (code == PCRE2_ERROR_MATCHLIMIT || code == PCRE2_ERROR_DEPTHLIMIT || code == PCRE2_ERROR_HEAPLIMIT ||
        code == PCRE2_ERROR_JIT_STACKLIMIT)
        scratch->limits++;
    return code >= 0;
}

static bool cidr(const struct sigma_value *value, sv s)
{
    uint8_t address[16];
    bool v6;
    if (!read_address(s, address, &v6) || v6 != value->v6)
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
        if (!(s.p[i] >= '0' && s.p[i] <= '9') && s.p[i] != '.' && s.p[i] != '-')
            return false;
    return true;
}

static bool number(const struct sigma_value *value, const struct sigma_subject *subject)
{
    if (sv_eq(value->text, subject->text))
        return true;
    double other;
    return subject->type == EVENT_NUMBER && is_plain_number(subject->text) &&
           to_number(subject->text, &other) && other == value->number;
}

static bool compare(const struct sigma_value *value, sv s)
{
    double other;
    if (!to_number(s, &other))
        return false;
    if (value->kind == SIGMA_LESS)
        return other < value->number;
    if (value->kind == SIGMA_LESS_EQUAL)
        return other <= value->number;
    return value->kind == SIGMA_GREATER ? other > value->number : other >= value->number;
}

bool sigma_value_match(const struct sigma_value *value, const struct sigma_subject *subject,
                       struct sigma_scratch *scratch)
{
    sv s = subject->text, text = value->text;
    if (subject->type == EVENT_NULL)
        return value->kind == SIGMA_NULL || (value->kind == SIGMA_EXISTS && value->number != 0);
    switch (value->kind) {
    case SIGMA_ANYTHING:
        return true;
    case SIGMA_EXACT:
        return s.n == text.n && same(s.p, text, value->cased);
    case SIGMA_PREFIX:
        return s.n >= text.n && same(s.p, text, value->cased);
    case SIGMA_SUFFIX:
        return s.n >= text.n && same(s.p + (s.n - text.n), text, value->cased);
    case SIGMA_CONTAINS:
        return contains(value, subject);
    case SIGMA_GLOB:
        return glob(value, s);
    case SIGMA_NUMBER:
        return number(value, subject);
    case SIGMA_NULL:
        return false;
    case SIGMA_REGEX:
        return regex(value, s, scratch);
    case SIGMA_CIDR:
        return cidr(value, s);
    case SIGMA_LESS:
    case SIGMA_LESS_EQUAL:
    case SIGMA_GREATER:
    case SIGMA_GREATER_EQUAL:
        return compare(value, s);
    case SIGMA_EXISTS:
        return value->number != 0;
    }
    return false;
}
