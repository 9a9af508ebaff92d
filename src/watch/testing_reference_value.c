#include "watch/testing_reference.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <time.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum { ANY_ONE = 1000, ANY_MANY };

/* What a rule writes, as bytes and wildcards; a value may stand for several. */
struct text {
    int *tokens;
    size_t n;
    struct text *next;
};

/* What one value is compared with. */
struct about {
    const char *key;
    const struct event_field *field;
    const struct event *event;
    const struct sigma_lists *lists;
    struct arena *arena;
};

static int lower(int c)
{
    return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

static bool same_byte(int a, int b, bool cased)
{
    return cased ? a == b : lower(a) == lower(b);
}

static struct text *new_text(struct arena *arena, size_t room)
{
    struct text *text = reference_alloc(arena, sizeof *text);
    *text = (struct text){.tokens = reference_alloc(arena, (room + 1) * sizeof *text->tokens)};
    return text;
}

/* Puts a list of texts before another. */
static struct text *join(struct text *first, struct text *then)
{
    struct text *last = first;
    if (!first)
        return then;
    while (last->next)
        last = last->next;
    last->next = then;
    return first;
}

static struct text *read_text(struct arena *arena, sv written, bool wildcards)
{
    struct text *text = new_text(arena, written.n);
    for (size_t i = 0; i < written.n; i++) {
        int c = (unsigned char)written.p[i];
        if (wildcards && c == '\\' && i + 1 < written.n && strchr("*?\\", written.p[i + 1]))
            c = (unsigned char)written.p[++i];
        else if (wildcards && c == '*')
            c = ANY_MANY;
        else if (wildcards && c == '?')
            c = ANY_ONE;
        text->tokens[text->n++] = c;
    }
    return text;
}

/* The text with a part of it replaced by bytes. */
static struct text *replaced(struct arena *arena, const struct text *text, size_t from, size_t to,
                             const struct text *by)
{
    struct text *out = new_text(arena, text->n + by->n);
    for (size_t i = 0; i < from; i++)
        out->tokens[out->n++] = text->tokens[i];
    for (size_t i = 0; i < by->n; i++)
        out->tokens[out->n++] = by->tokens[i];
    for (size_t i = to; i < text->n; i++)
        out->tokens[out->n++] = text->tokens[i];
    return out;
}

static sv bytes_of(struct arena *arena, const struct text *text)
{
    char *bytes = reference_alloc(arena, text->n);
    for (size_t i = 0; i < text->n; i++) {
        assert(text->tokens[i] < 256);
        bytes[i] = (char)text->tokens[i];
    }
    return (sv){bytes, text->n};
}

/* --- modifiers of text, each giving a list */

static bool is_word(const struct text *text, size_t i)
{
    int c = i < text->n ? text->tokens[i] : ANY_MANY;
    return c < ANY_ONE &&
           (c >= 0x80 || c == '_' || (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z'));
}

static const char *const dashes[] = {"-", "/", "–", "—", "―"};

static size_t dash_at(const struct text *text, size_t at)
{
    for (size_t d = 0; d < 5; d++) {
        size_t n = strlen(dashes[d]), i = 0;
        while (i < n && at + i < text->n && text->tokens[at + i] == (unsigned char)dashes[d][i])
            i++;
        if (i == n && (at == 0 || !is_word(text, at - 1)) && is_word(text, at + n))
            return n;
    }
    return 0;
}

/* Every way to write the dashes from `from` on. NOLINTNEXTLINE(misc-no-recursion): few dashes. */
static struct text *windash(struct arena *arena, struct text *text, size_t from)
{
    struct text *all = NULL;
    for (size_t at = from; at < text->n; at++) {
        size_t n = dash_at(text, at);
        if (!n)
            continue;
        for (size_t d = 0; d < 5; d++) {
            struct text *dash = read_text(arena, sv_of(dashes[d]), false);
            struct text *one = replaced(arena, text, at, at + n, dash);
            all = join(all, windash(arena, one, at + dash->n));
        }
        return all;
    }
    text->next = NULL;
    return text;
}

/* Bits to letters, six at a time; what is missing at the end is zero. */
static struct text *base64(struct arena *arena, sv bytes, size_t before, bool whole)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t bits = (before + bytes.n) * 8;
    struct text *text = new_text(arena, bits / 6 + 6);
    for (size_t bit = 0; bit < bits; bit += 6) {
        unsigned letter = 0;
        bool ours = true;
        for (size_t i = bit; i < bit + 6; i++) {
            bool is_ours = i >= before * 8 && i < bits;
            unsigned byte = is_ours ? (unsigned char)bytes.p[i / 8 - before] : 0;
            letter = letter << 1 | (byte >> (7 - i % 8) & 1);
            ours = ours && is_ours;
        }
        if (whole || ours)
            text->tokens[text->n++] = letters[letter];
    }
    while (whole && text->n % 4)
        text->tokens[text->n++] = '=';
    return text;
}

/* ASCII only: all that the generator encodes. */
static struct text *utf16(struct arena *arena, const struct text *text, bool big, bool mark)
{
    struct text *out = new_text(arena, text->n * 2 + 2);
    if (mark) {
        out->tokens[out->n++] = 0xff;
        out->tokens[out->n++] = 0xfe;
    }
    for (size_t i = 0; i < text->n; i++) {
        assert(text->tokens[i] < 0x80 || text->tokens[i] == ANY_MANY);
        if (big && text->tokens[i] != ANY_MANY)
            out->tokens[out->n++] = 0;
        out->tokens[out->n++] = text->tokens[i];
        if (!big && text->tokens[i] != ANY_MANY)
            out->tokens[out->n++] = 0;
    }
    return out;
}

/* The placeholder that begins at i: its name, or nothing. */
static sv placeholder(struct arena *arena, const struct text *text, size_t i)
{
    struct text name = {text->tokens + i + 1, 0, NULL};
    if (text->tokens[i] != '%')
        return SV("");
    while (i + 1 + name.n < text->n &&
           (is_word(text, i + 1 + name.n) || text->tokens[i + 1 + name.n] == '-') &&
           text->tokens[i + 1 + name.n] < 0x80)
        name.n++;
    return i + 1 + name.n < text->n && text->tokens[i + 1 + name.n] == '%' ? bytes_of(arena, &name) : SV("");
}

/* NOLINTNEXTLINE(misc-no-recursion): as many levels as placeholders. */
static struct text *expand(const struct about *about, const struct text *text, size_t from, bool wildcards)
{
    struct text *all = NULL;
    for (size_t i = from; i < text->n; i++) {
        const struct text nothing = {0};
        if (text->tokens[i] == '\\' && i + 1 < text->n && text->tokens[i + 1] == '%') {
            text = replaced(about->arena, text, i, i + 1, &nothing);
            continue;
        }
        sv name = placeholder(about->arena, text, i);
        if (name.n == 0)
            continue;
        const struct sigma_list *list = sigma_lists_find(about->lists, name);
        assert(list);
        for (size_t e = 0; e < list->count; e++) {
            struct text *entry = read_text(about->arena, list->entries[e], wildcards);
            struct text *one = replaced(about->arena, text, i, i + name.n + 2, entry);
            all = join(all, expand(about, one, i + entry->n, wildcards));
        }
        return all;
    }
    return replaced(about->arena, text, 0, 0, &(struct text){0});
}

static struct text *modify(const struct about *about, struct text *text, sv modifier, bool wildcards)
{
    struct arena *arena = about->arena;
    const int many = ANY_MANY;
    const struct text star = {(int *)(uintptr_t)&many, 1, NULL};
    struct text *all = NULL;
    if (sv_eq(modifier, SV("windash")))
        return windash(arena, text, 0);
    if (sv_eq(modifier, SV("expand")))
        return expand(about, text, 0, wildcards);
    if (sv_eq(modifier, SV("base64")))
        return base64(arena, bytes_of(arena, text), 0, true);
    if (sv_eq(modifier, SV("wide")) || sv_eq(modifier, SV("utf16le")))
        return utf16(arena, text, false, false);
    if (sv_eq(modifier, SV("utf16be")))
        return utf16(arena, text, true, false);
    if (sv_eq(modifier, SV("utf16")))
        return utf16(arena, text, false, true);
    for (size_t before = 0; before < 3 && sv_eq(modifier, SV("base64offset")); before++)
        all = join(all, base64(arena, bytes_of(arena, text), before, false));
    if (all)
        return all;
    if (sv_eq(modifier, SV("contains")) || sv_eq(modifier, SV("endswith")))
        text = replaced(arena, text, 0, 0, &star);
    if (sv_eq(modifier, SV("contains")) || sv_eq(modifier, SV("startswith")))
        text = replaced(arena, text, text->n, text->n, &star);
    return text;
}

/* All the texts that the value stands for, its key's modifiers applied from left to right. */
static struct text *texts_of(const struct about *about, sv written, bool wildcards)
{
    struct text *texts = read_text(about->arena, written, wildcards);
    sv rest = sv_of(about->key);
    sv field = sv_split(&rest, '|');
    while (rest.p) {
        sv modifier = sv_split(&rest, '|');
        struct text *changed = NULL;
        for (struct text *text = texts, *next; text; text = next) {
            next = text->next;
            text->next = NULL;
            changed = join(changed, modify(about, text, modifier, wildcards));
        }
        texts = changed;
    }
    if (field.n || !wildcards)
        return texts;
    struct text *around = NULL;
    for (struct text *text = texts, *next; text; text = next) {
        next = text->next;
        text->next = NULL;
        around = join(around, modify(about, text, SV("contains"), true));
    }
    return around;
}

/* --- comparisons */

static size_t character(sv s, size_t at)
{
    for (size_t n = 4; n > 1; n--) {
        sv one = sv_first(sv_from(s, at), n);
        unsigned char c = (unsigned char)s.p[at];
        bool lead =
            (n == 2 && c >= 0xc2 && c < 0xe0) || (n == 3 && c >= 0xe0 && c < 0xf0) || (n == 4 && c >= 0xf0);
        if (lead && one.n == n && sv_utf8(one))
            return n;
    }
    return 1;
}

/* Where in the value a match of the tokens so far may end, token by token. */
static bool text_fits(const struct text *text, sv s, bool cased)
{
    bool *here = calloc(s.n + 1, 1), *next = calloc(s.n + 1, 1);
    assert(here && next);
    here[0] = true;
    for (size_t t = 0; t < text->n; t++) {
        memset(next, 0, s.n + 1);
        for (size_t i = 0; i <= s.n; i++) {
            int token = text->tokens[t];
            if (token == ANY_MANY && here[i]) {
                next[i] = true;
                if (i < s.n)
                    here[i + character(s, i)] = true;
            } else if (token == ANY_ONE && here[i] && i < s.n) {
                next[i + character(s, i)] = true;
            } else if (here[i] && i < s.n && same_byte(token, (unsigned char)s.p[i], cased)) {
                next[i + 1] = true;
            }
        }
        bool *swap = here;
        here = next;
        next = swap;
    }
    bool fits = here[s.n];
    free(here);
    free(next);
    return fits;
}

static bool regex_fits(const char *key, sv expression, sv s)
{
    uint32_t options =
        PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NO_DOTSTAR_ANCHOR | PCRE2_NO_START_OPTIMIZE;
    int code;
    PCRE2_SIZE at;
    options |= reference_has(key, "i") || reference_has(key, "ignorecase") ? PCRE2_CASELESS : 0;
    options |= reference_has(key, "m") || reference_has(key, "multiline") ? PCRE2_MULTILINE : 0;
    options |= reference_has(key, "s") || reference_has(key, "dotall") ? PCRE2_DOTALL : 0;
    pcre2_code *regex = pcre2_compile((PCRE2_SPTR)expression.p, expression.n, options, &code, &at, NULL);
    assert(regex);
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    bool found = pcre2_match(regex, (PCRE2_SPTR)(s.n ? s.p : ""), s.n, 0, 0, data, NULL) >= 0;
    pcre2_match_data_free(data);
    pcre2_code_free(regex);
    return found;
}

/* The bits of an address in network order; an IPv4 one that stands in an IPv6 one is IPv4. */
static size_t address_bits(sv s, unsigned char ret[16])
{
    char text[64];
    unsigned char six[16];
    if (s.n == 0 || s.n >= sizeof text || memchr(s.p, 0, s.n))
        return 0;
    sv_copy(text, sizeof text, s);
    if (inet_pton(AF_INET, text, ret) == 1)
        return 32;
    if (inet_pton(AF_INET6, text, six) != 1)
        return 0;
    if (memcmp(six, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) == 0) {
        memcpy(ret, six + 12, 4);
        return 32;
    }
    memcpy(ret, six, 16);
    return 128;
}

static bool cidr_fits(sv network, sv s)
{
    unsigned char a[16], b[16];
    sv rest = network;
    size_t bits = address_bits(sv_split(&rest, '/'), a);
    uint64_t length = bits;
    if (rest.p)
        sv_to_u64(rest, &length);
    if (bits == 0 || address_bits(s, b) != bits)
        return false;
    for (size_t i = 0; i < length; i++)
        if ((a[i / 8] ^ b[i / 8]) & (0x80 >> i % 8))
            return false;
    return true;
}

static bool number_of(sv s, double *ret)
{
    char text[64], *end;
    if (s.n == 0 || s.n >= sizeof text || memchr(s.p, 0, s.n))
        return false;
    sv_copy(text, sizeof text, s);
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'o')) {
        if (!text[2] || strspn(text + 2, text[1] == 'x' ? "0123456789abcdefABCDEF" : "0123456789") != s.n - 2)
            return false;
        *ret = (double)strtoull(text + 2, &end, text[1] == 'x' ? 16 : 8);
        return *end == 0;
    }
    if (strspn(text, "0123456789.eE+-") != s.n)
        return false;
    double number = strtod(text, &end);
    if (end == text || *end)
        return false;
    *ret = number;
    return true;
}

/* The C library reads dates and counts weeks. */
static bool read_date(sv s, struct tm *ret, bool *ret_clock)
{
    char text[64];
    struct tm tm = {0};
    uint64_t seconds;
    if (s.n >= sizeof text)
        return false;
    sv_copy(text, sizeof text, s);
    *ret_clock = true;
    const char *end = strptime(text, "%Y-%m-%d", &tm);
    if (end == text + 10) {
        *ret_clock = *end != 0;
        if (*end && (!strchr("Tt ", *end) || !strptime(end + 1, "%H:%M", &tm)))
            return false;
    } else if (s.n == 10 && sv_to_u64(s, &seconds)) {
        time_t time = (time_t)seconds;
        gmtime_r(&time, &tm);
    } else {
        return false;
    }
    struct tm whole = tm;
    time_t time = timegm(&whole);
    gmtime_r(&time, ret);
    return ret->tm_mday == tm.tm_mday && ret->tm_mon == tm.tm_mon;
}

static bool part_of(const char *key, sv s, double *ret)
{
    char week[8];
    struct tm tm;
    bool clock;
    if (!read_date(s, &tm, &clock))
        return false;
    (void)strftime(week, sizeof week, "%V", &tm);
    bool of_clock = reference_has(key, "minute") || reference_has(key, "hour");
    *ret = reference_has(key, "minute")  ? tm.tm_min
           : reference_has(key, "hour")  ? tm.tm_hour
           : reference_has(key, "day")   ? tm.tm_mday
           : reference_has(key, "week")  ? strtod(week, NULL)
           : reference_has(key, "month") ? tm.tm_mon + 1
                                         : tm.tm_year + 1900;
    return clock || !of_clock;
}

static bool is_part(const char *key)
{
    return reference_has(key, "minute") || reference_has(key, "hour") || reference_has(key, "day") ||
           reference_has(key, "week") || reference_has(key, "month") || reference_has(key, "year");
}

static bool order_fits(const struct about *about, sv written)
{
    const char *key = about->key;
    double wanted, found;
    sv s = about->field->value;
    if (!number_of(written, &wanted) || !(is_part(key) ? part_of(key, s, &found) : number_of(s, &found)))
        return false;
    if (reference_has(key, "lt"))
        return found < wanted;
    if (reference_has(key, "lte"))
        return found <= wanted;
    if (reference_has(key, "gt"))
        return found > wanted;
    return reference_has(key, "gte") ? found >= wanted : found == wanted;
}

/* A few digits, as few as the engine compares by value. */
static bool is_plain_number(const struct event_field *field)
{
    sv s = field->value;
    char text[20];
    if (field->type != EVENT_NUMBER || s.n > 16)
        return false;
    sv_copy(text, sizeof text, s);
    return strspn(text, "0123456789.-") == s.n;
}

static bool number_fits(const struct about *about, sv written)
{
    double wanted, found;
    if (sv_eq(written, about->field->value))
        return true;
    return is_plain_number(about->field) && number_of(written, &wanted) &&
           number_of(about->field->value, &found) && wanted == found;
}

static bool reference_fits(const struct about *about, sv name)
{
    const char *key = about->key;
    bool cased = reference_has(key, "cased");
    bool head = reference_has(key, "contains") || reference_has(key, "endswith");
    bool tail = reference_has(key, "contains") || reference_has(key, "startswith");
    for (size_t i = 0; i < about->event->field_count; i++) {
        const struct event_field *other = &about->event->fields[i];
        double a, b;
        if (!sv_eq(other->name, name) || other->type == EVENT_NULL)
            continue;
        struct text *text = read_text(about->arena, other->value, false);
        if (head)
            text = modify(about, text, SV("endswith"), false);
        if (tail)
            text = modify(about, text, SV("startswith"), false);
        if (text_fits(text, about->field->value, cased))
            return true;
        if (!head && !tail && other->type == EVENT_NUMBER && about->field->type == EVENT_NUMBER &&
            number_of(other->value, &a) && number_of(about->field->value, &b) && a == b)
            return true;
    }
    return false;
}

static bool any_kind(const struct about *about, sv written)
{
    sv s = about->field->value;
    if (reference_has(about->key, "re"))
        return regex_fits(about->key, written, s);
    return reference_has(about->key, "cidr") ? cidr_fits(written, s) : order_fits(about, written);
}

static bool changes_text(const char *key)
{
    static const char *const names[] = {"contains",     "startswith", "endswith", "base64",
                                        "base64offset", "utf16",      "utf16le",  "utf16be",
                                        "wide",         "windash",    "expand"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (reference_has(key, names[i]))
            return true;
    return false;
}

static bool is_kind(const char *key)
{
    static const char *const names[] = {"re", "cidr", "lt", "lte", "gt", "gte"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (reference_has(key, names[i]))
            return true;
    return is_part(key);
}

bool reference_value(const char *key, const struct yaml_node *node, const struct event_field *field,
                     const struct event *event, const struct sigma_lists *lists, struct arena *arena)
{
    const struct about about = {key, field, event, lists, arena};
    bool null = field->type == EVENT_NULL, plain = node->plain && key[0] && key[0] != '|';
    double number;
    if (reference_has(key, "fieldref"))
        return !null && reference_fits(&about, node->text);
    if (is_kind(key)) {
        for (struct text *text = texts_of(&about, node->text, false); text && !null; text = text->next)
            if (any_kind(&about, bytes_of(arena, text)))
                return true;
        return false;
    }
    if (plain && !changes_text(key)) {
        if (node->text.n == 0 || sv_eq(node->text, SV("~")) || sv_ieq(node->text, SV("null")))
            return null;
        if (number_of(node->text, &number))
            return !null && number_fits(&about, node->text);
    }
    for (struct text *text = texts_of(&about, node->text, true); text && !null; text = text->next)
        if (text_fits(text, field->value, reference_has(key, "cased")))
            return true;
    return false;
}
