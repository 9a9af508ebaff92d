#include "watch/sigma_text.h"

#include "base/ascii.h"
#include "watch/pipeline.h"

#include <stdarg.h>
#include <stdio.h>

enum { DASHES = 5 };

static const sv dashes[DASHES] = {SV_INIT("-"), SV_INIT("/"), SV_INIT("\xe2\x80\x93"),
                                  SV_INIT("\xe2\x80\x94"), SV_INIT("\xe2\x80\x95")};

bool sigma_no(const struct sigma_maker *maker, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(maker->problem, maker->cap, fmt, args);
    va_end(args);
    return false;
}

bool sigma_no_room(const struct sigma_maker *maker)
{
    return sigma_no(maker, "there is no more room for rules");
}

/* An empty text with room for that many items. */
static bool new_text(struct sigma_text *ret, size_t room, const struct sigma_maker *maker)
{
    *ret = (struct sigma_text){.items = arena_alloc(maker->scratch, (room + 1) * sizeof *ret->items)};
    return ret->items || sigma_no_room(maker);
}

static void put_bytes(struct sigma_text *text, sv bytes)
{
    for (size_t i = 0; i < bytes.n; i++)
        text->items[text->count++] = (unsigned char)bytes.p[i];
}

static void put_items(struct sigma_text *text, const uint16_t *items, size_t count)
{
    if (count)
        memcpy(text->items + text->count, items, count * sizeof *items);
    text->count += count;
}

/* Wildcards and the four cases of backslashes: \* \? and \\ stand for themselves, any other backslash is one.
 * Two stars beside each other are one. */
static bool read_text(struct sigma_text *ret, sv text, const struct sigma_maker *maker)
{
    if (!new_text(ret, text.n, maker))
        return false;
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        char next = i + 1 < text.n ? text.p[i + 1] : 0;
        if (c == '\\' && (next == '*' || next == '?' || next == '\\'))
            ret->items[ret->count++] = (unsigned char)text.p[++i];
        else if (c == '?')
            ret->items[ret->count++] = SIGMA_ONE;
        else if (c != '*')
            ret->items[ret->count++] = c;
        else if (ret->count == 0 || ret->items[ret->count - 1] != SIGMA_STAR)
            ret->items[ret->count++] = SIGMA_STAR;
    }
    return true;
}

/* A list of texts that grows up to SIGMA_VARIANTS_MAX. */
static bool put_text(struct sigma_texts *texts, struct sigma_text text, const struct sigma_maker *maker)
{
    if (texts->count == SIGMA_VARIANTS_MAX)
        return sigma_no(maker, "this value becomes more than %d texts", SIGMA_VARIANTS_MAX);
    if (!texts->texts || texts->count == texts->cap) {
        texts->cap = texts->cap ? texts->cap * 2 : 4;
        struct sigma_text *larger = arena_alloc(maker->scratch, texts->cap * sizeof *larger);
        if (!larger)
            return sigma_no_room(maker);
        if (texts->count)
            memcpy(larger, texts->texts, texts->count * sizeof *larger);
        texts->texts = larger;
    }
    texts->texts[texts->count++] = text;
    return true;
}

/* --- affixes */

static bool affix(struct sigma_text *text, bool before, bool behind, const struct sigma_maker *maker)
{
    static const uint16_t star = SIGMA_STAR;
    struct sigma_text longer;
    if (!new_text(&longer, text->count + 2, maker))
        return false;
    if (before && (text->count == 0 || text->items[0] != star))
        put_items(&longer, &star, 1);
    put_items(&longer, text->items, text->count);
    if (behind && (longer.count == 0 || longer.items[longer.count - 1] != star))
        put_items(&longer, &star, 1);
    *text = longer;
    return true;
}

/* --- windash */

static bool is_word(const struct sigma_text *text, size_t i)
{
    uint16_t c = i < text->count ? text->items[i] : SIGMA_STAR;
    return ascii_alnum(c) || c == '_' || (c >= 0x80 && c <= UINT8_MAX);
}

/* The items that a dash takes at i, or 0 if there is none. */
static size_t dash_at(const struct sigma_text *text, size_t i)
{
    for (size_t d = 0; d < DASHES; d++) {
        size_t n = 0;
        while (n < dashes[d].n && i + n < text->count && text->items[i + n] == (unsigned char)dashes[d].p[n])
            n++;
        if (n == dashes[d].n)
            return n;
    }
    return 0;
}

/* A dash that begins an option: no word before it, and a word behind it. */
static void windash(struct sigma_text *text)
{
    struct sigma_text out = {text->items, 0}; /* never longer */
    bool word_before = false;
    for (size_t i = 0; i < text->count;) {
        size_t dash = word_before ? 0 : dash_at(text, i);
        if (dash && is_word(text, i + dash)) {
            out.items[out.count++] = SIGMA_DASH;
            i += dash;
            word_before = false;
        } else {
            word_before = is_word(text, i);
            out.items[out.count++] = text->items[i++];
        }
    }
    *text = out;
}

/* The text with its first dash as each of the five characters; the text itself if it has none. */
static bool spell_dash(struct sigma_texts *ret, const struct sigma_text *text,
                       const struct sigma_maker *maker)
{
    size_t at = 0;
    while (at < text->count && text->items[at] != SIGMA_DASH)
        at++;
    if (at == text->count)
        return put_text(ret, *text, maker);
    for (size_t d = 0; d < DASHES; d++) {
        struct sigma_text one;
        if (!new_text(&one, text->count + dashes[d].n, maker))
            return false;
        put_items(&one, text->items, at);
        put_bytes(&one, dashes[d]);
        put_items(&one, text->items + at + 1, text->count - at - 1);
        if (!put_text(ret, one, maker))
            return false;
    }
    return true;
}

static bool has_dash(const struct sigma_texts *texts)
{
    for (size_t t = 0; t < texts->count; t++)
        for (size_t i = 0; i < texts->texts[t].count; i++)
            if (texts->texts[t].items[i] == SIGMA_DASH)
                return true;
    return false;
}

/* An encoding needs to know which dash it is. Every round takes one dash out of each text. */
static bool spell_dashes(struct sigma_texts *texts, const struct sigma_maker *maker)
{
    while (has_dash(texts)) {
        struct sigma_texts next = {0};
        for (size_t i = 0; i < texts->count; i++)
            if (!spell_dash(&next, &texts->texts[i], maker))
                return false;
        *texts = next;
    }
    return true;
}

/* --- encodings */

/* The bytes of a text without marks; {NULL, 0} if it has some, or there is no room. */
static sv bytes_of(const struct sigma_text *text, const struct sigma_maker *maker)
{
    char *bytes = arena_alloc(maker->scratch, text->count + 1);
    for (size_t i = 0; bytes && i < text->count; i++) {
        if (text->items[i] > UINT8_MAX)
            return SV_NONE;
        bytes[i] = (char)text->items[i];
    }
    return (sv){bytes, bytes ? text->count : 0};
}

/* RFC 4648 §4, of `shift` zero bytes and then bytes. Returns the characters, padding among them. */
static size_t encode_base64(struct sigma_text *ret, sv bytes, size_t shift)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t total = shift + bytes.n;
    for (size_t i = 0; i < total; i += 3) {
        uint32_t group = 0;
        for (size_t j = i; j < i + 3; j++)
            group = group << 8 | (j >= shift && j < total ? (unsigned char)bytes.p[j - shift] : 0);
        for (size_t j = 0; j < 4; j++)
            ret->items[ret->count++] =
                i + j > total ? '=' : (unsigned char)letters[group >> (18 - 6 * j) & 0x3f];
    }
    return ret->count;
}

static bool base64(struct sigma_texts *ret, const struct sigma_text *text, const struct sigma_maker *maker)
{
    struct sigma_text encoded;
    sv bytes = bytes_of(text, maker);
    if (!bytes.p)
        return sigma_no(
            maker, "base64 cannot encode a text with wildcards: put contains behind it, and write \\* and "
                   "\\? for the characters themselves");
    if (!new_text(&encoded, bytes.n * 2 + 4, maker))
        return false;
    encode_base64(&encoded, bytes, 0);
    return put_text(ret, encoded, maker);
}

/* The characters that stay the same whatever stands before and behind the bytes, for each of the three places
 * that they can begin at: those to which no other byte contributes. */
static bool base64_offset(struct sigma_texts *ret, const struct sigma_text *text,
                          const struct sigma_maker *maker)
{
    sv bytes = bytes_of(text, maker);
    if (!bytes.p)
        return sigma_no(maker,
                        "base64offset cannot encode a text with wildcards: put contains behind it, and write "
                        "\\* and \\? for the characters themselves");
    if (bytes.n < 2)
        return sigma_no(
            maker, "base64offset needs a text of at least 2 bytes: a shorter one leaves no mark of its own");
    for (size_t shift = 0; shift < 3; shift++) {
        struct sigma_text encoded;
        if (!new_text(&encoded, (bytes.n + shift) * 2 + 4, maker))
            return false;
        encode_base64(&encoded, bytes, shift);
        size_t from = (shift * 8 + 5) / 6, to = (shift + bytes.n) * 8 / 6;
        if (!put_text(ret, (struct sigma_text){encoded.items + from, to - from}, maker))
            return false;
    }
    return true;
}

/* One UTF-8 character at the start of s; its bytes, or 0 if it is not well-formed. */
static size_t read_character(sv s, uint32_t *ret)
{
    unsigned char c = (unsigned char)s.p[0];
    size_t n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
    if (n == 0 || n > s.n || !sv_utf8(sv_first(s, n)))
        return 0;
    uint32_t code = n == 1 ? c : c & (0xffU >> (n + 1));
    for (size_t i = 1; i < n; i++)
        code = code << 6 | ((unsigned char)s.p[i] & 0x3f);
    *ret = code;
    return n;
}

static void put_unit(struct sigma_text *text, uint32_t unit, bool big)
{
    text->items[text->count++] = (uint16_t)(big ? unit >> 8 & 0xff : unit & 0xff);
    text->items[text->count++] = (uint16_t)(big ? unit & 0xff : unit >> 8 & 0xff);
}

static void put_character(struct sigma_text *text, uint32_t code, bool big)
{
    if (code < 0x10000) {
        put_unit(text, code, big);
        return;
    }
    put_unit(text, 0xd800 + ((code - 0x10000) >> 10), big);
    put_unit(text, 0xdc00 + ((code - 0x10000) & 0x3ff), big);
}

/* Wildcards stay: a star as it is, and "?" as two bytes, which is what most characters take. */
static bool utf16(struct sigma_text *text, bool big, bool mark, const struct sigma_maker *maker)
{
    struct sigma_text out;
    char *bytes = arena_alloc(maker->scratch, text->count + 1);
    if (!bytes || !new_text(&out, text->count * 2 + 2, maker))
        return sigma_no_room(maker);
    for (size_t i = 0; i < text->count; i++)
        bytes[i] = (char)(text->items[i] & UINT8_MAX);
    if (mark)
        put_unit(&out, 0xfeff, big);
    for (size_t i = 0; i < text->count;) {
        uint32_t code = 0;
        size_t n = 0, end = i;
        if (text->items[i] == SIGMA_STAR || text->items[i] == SIGMA_ONE) {
            for (size_t j = text->items[i] == SIGMA_ONE ? 2 : 1; j; j--)
                out.items[out.count++] = text->items[i];
            i++;
            continue;
        }
        while (end < text->count && text->items[end] <= UINT8_MAX)
            end++;
        n = read_character((sv){bytes + i, end - i}, &code);
        if (n == 0)
            return sigma_no(maker, "only UTF-8 text can be encoded as UTF-16, and this is encoded already");
        put_character(&out, code, big);
        i += n;
    }
    *text = out;
    return true;
}

/* --- placeholders */

static bool is_name_character(uint16_t c)
{
    return ascii_alnum(c) || c == '_' || c == '-';
}

/* The name of the placeholder that begins at i, between two percent signs; empty if there is none. */
static sv placeholder_at(const struct sigma_text *text, size_t i, const struct sigma_maker *maker)
{
    size_t end = i + 1;
    if (text->items[i] != '%')
        return SV("");
    end += end < text->count && text->items[end] == PIPELINE_VAR_MARK;
    while (end < text->count && is_name_character(text->items[end]))
        end++;
    if (end == i + 1 || end == text->count || text->items[end] != '%')
        return SV("");
    const struct sigma_text name = {text->items + i + 1, end - i - 1};
    return bytes_of(&name, maker);
}

/* What it stands for: a variable of a pipeline's if one has chosen it, else a list of the configuration's. */
static const struct sigma_list *list_of(sv name, const struct sigma_maker *maker)
{
    return name.p[0] == PIPELINE_VAR_MARK ? pipelines_var(maker->pipelines, sv_from(name, 1))
                                          : sigma_lists_find(maker->lists, name);
}

static bool no_list(sv name, const struct sigma_list *list, const struct sigma_maker *maker)
{
    if (list)
        return sigma_no(maker, "placeholder %%%.*s%% cannot be resolved: the list of that name is empty",
                        SV_ARG(sv_first(name, 60)));
    return sigma_no(
        maker, "placeholder %%%.*s%% cannot be resolved: the configuration has no list of that name (lists:)",
        SV_ARG(sv_first(name, 60)));
}

static bool read_entry(struct sigma_text *ret, sv entry, bool literal, const struct sigma_maker *maker)
{
    if (!literal)
        return read_text(ret, entry, maker);
    if (!new_text(ret, entry.n, maker))
        return false;
    put_bytes(ret, entry);
    return true;
}

/* Every text so far, followed by every entry of the list. */
static bool multiply(struct sigma_texts *texts, const struct sigma_list *list, bool literal,
                     const struct sigma_maker *maker)
{
    struct sigma_texts next = {0};
    for (size_t i = 0; i < list->count; i++) {
        struct sigma_text entry, whole;
        if (!read_entry(&entry, list->entries[i], literal, maker))
            return false;
        for (size_t j = 0; j < texts->count; j++) {
            const struct sigma_text *begin = &texts->texts[j];
            if (!new_text(&whole, begin->count + entry.count, maker))
                return false;
            put_items(&whole, begin->items, begin->count);
            put_items(&whole, entry.items, entry.count);
            if (!put_text(&next, whole, maker))
                return false;
        }
    }
    *texts = next;
    return true;
}

/* Every text so far, followed by the items. */
static bool append(struct sigma_texts *texts, const struct sigma_text *tail, const struct sigma_maker *maker)
{
    for (size_t i = 0; i < texts->count; i++) {
        struct sigma_text whole;
        if (!new_text(&whole, texts->texts[i].count + tail->count, maker))
            return false;
        put_items(&whole, texts->texts[i].items, texts->texts[i].count);
        put_items(&whole, tail->items, tail->count);
        texts->texts[i] = whole;
    }
    return true;
}

/* Puts lists in place of the placeholders, from left to right; \% is a percent sign that begins none, and
 * what a list puts in is not looked at. */
static bool expand_text(struct sigma_texts *ret, const struct sigma_text *text, bool literal,
                        const struct sigma_maker *maker)
{
    struct sigma_texts whole = {0};
    struct sigma_text plain, nothing = {0};
    if (!new_text(&plain, text->count, maker) || !put_text(&whole, nothing, maker))
        return false;
    for (size_t i = 0; i < text->count; i++) {
        sv name = placeholder_at(text, i, maker);
        const struct sigma_list *list = name.n ? list_of(name, maker) : NULL;
        if (name.n == 0 || (!list && name.p[0] == PIPELINE_VAR_MARK)) {
            if (text->items[i] == '\\' && i + 1 < text->count && text->items[i + 1] == '%')
                i++;
            plain.items[plain.count++] = text->items[i];
            continue;
        }
        if (!list || list->count == 0)
            return no_list(name, list, maker);
        if (!append(&whole, &plain, maker) || !multiply(&whole, list, literal, maker))
            return false;
        plain.count = 0;
        i += name.n + 1;
    }
    if (!append(&whole, &plain, maker))
        return false;
    for (size_t i = 0; i < whole.count; i++)
        if (!put_text(ret, whole.texts[i], maker))
            return false;
    return true;
}

static bool expand_all(struct sigma_texts *texts, bool literal, const struct sigma_maker *maker)
{
    struct sigma_texts next = {0};
    for (size_t i = 0; i < texts->count; i++)
        if (!expand_text(&next, &texts->texts[i], literal, maker))
            return false;
    *texts = next;
    return true;
}

/* --- the chain */

typedef bool multiply_fn(struct sigma_texts *ret, const struct sigma_text *text,
                         const struct sigma_maker *maker);

static bool each_encoded(struct sigma_texts *texts, multiply_fn *encode, const struct sigma_maker *maker)
{
    struct sigma_texts next = {0};
    if (!spell_dashes(texts, maker))
        return false;
    for (size_t i = 0; i < texts->count; i++)
        if (!encode(&next, &texts->texts[i], maker))
            return false;
    *texts = next;
    return true;
}

static bool each_utf16(struct sigma_texts *texts, bool big, bool mark, const struct sigma_maker *maker)
{
    if (!spell_dashes(texts, maker))
        return false;
    for (size_t i = 0; i < texts->count; i++)
        if (!utf16(&texts->texts[i], big, mark, maker))
            return false;
    return true;
}

static bool each_affixed(struct sigma_texts *texts, bool before, bool behind, const struct sigma_maker *maker)
{
    for (size_t i = 0; i < texts->count; i++)
        if (!affix(&texts->texts[i], before, behind, maker))
            return false;
    return true;
}

static bool apply(struct sigma_texts *texts, enum sigma_modifier modifier, const struct sigma_maker *maker)
{
    if (modifier == SIGMA_MODIFIER_contains)
        return each_affixed(texts, true, true, maker);
    if (modifier == SIGMA_MODIFIER_startswith)
        return each_affixed(texts, false, true, maker);
    if (modifier == SIGMA_MODIFIER_endswith)
        return each_affixed(texts, true, false, maker);
    if (modifier == SIGMA_MODIFIER_base64)
        return each_encoded(texts, base64, maker);
    if (modifier == SIGMA_MODIFIER_base64offset)
        return each_encoded(texts, base64_offset, maker);
    if (modifier == SIGMA_MODIFIER_utf16le || modifier == SIGMA_MODIFIER_wide)
        return each_utf16(texts, false, false, maker);
    if (modifier == SIGMA_MODIFIER_utf16be)
        return each_utf16(texts, true, false, maker);
    if (modifier == SIGMA_MODIFIER_utf16)
        return each_utf16(texts, false, true, maker);
    if (modifier == SIGMA_MODIFIER_expand)
        return expand_all(texts, false, maker);
    for (size_t i = 0; modifier == SIGMA_MODIFIER_windash && i < texts->count; i++)
        windash(&texts->texts[i]);
    return true;
}

static bool begin(struct sigma_texts *ret, struct sigma_text text, const struct sigma_maker *maker)
{
    *ret = (struct sigma_texts){0};
    return put_text(ret, text, maker);
}

bool sigma_text_make(struct sigma_texts *ret, sv text, const struct sigma_key *key,
                     const struct sigma_maker *maker)
{
    struct sigma_text read;
    if (!read_text(&read, text, maker) || !begin(ret, read, maker))
        return false;
    for (size_t i = 0; i < key->chain_count; i++)
        if (!apply(ret, key->chain[i], maker))
            return false;
    return true;
}

bool sigma_text_expand(struct sigma_texts *ret, sv text, const struct sigma_maker *maker)
{
    struct sigma_text read;
    return read_entry(&read, text, true, maker) && begin(ret, read, maker) && expand_all(ret, true, maker);
}
