#include "watch/testing_generator.h"

#include "base/ascii.h"

#include <stdio.h>

enum { TEXT_BYTES_MAX = 256, PART_BYTES_MAX = 100, DEPTH_MAX = 3 };

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* What a rule is made with. */
struct maker {
    struct dice *dice;
    const struct event *event;
    struct buf *out;
};

static size_t roll(const struct maker *maker, size_t sides)
{
    return dice_roll(maker->dice, sides);
}

/* --- text */

/* A double-quoted scalar of YAML. */
static void put_quoted(const struct maker *maker, sv text)
{
    buf_put(maker->out, SV("\""));
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c == '"' || c == '\\')
            buf_printf(maker->out, "\\%c", c);
        else if (c < ' ' || c == 0x7f)
            buf_printf(maker->out, "\\x%02x", (unsigned)c);
        else
            buf_put(maker->out, (sv){text.p + i, 1});
    }
    buf_put(maker->out, SV("\""));
}

static bool is_yaml_text(sv text)
{
    return sv_utf8(text) && !(text.n && memchr(text.p, 0, text.n)) && text.n < TEXT_BYTES_MAX;
}

static bool begins_character(sv s, size_t at)
{
    return at >= s.n || ((unsigned char)s.p[at] & 0xc0) != 0x80;
}

/* A part of what the field holds; a word if that has no text. */
static sv part_of(const struct maker *maker, sv value, bool from_start, bool to_end)
{
    size_t from = from_start || value.n == 0 ? 0 : roll(maker, value.n);
    size_t to = to_end || value.n == from ? value.n : from + 1 + roll(maker, value.n - from);
    while (from < to && !begins_character(value, from))
        from++;
    while (to < value.n && !begins_character(value, to))
        to++;
    sv part = sv_first(sv_from(value, from), to - from);
    if (part.n > PART_BYTES_MAX)
        part = SV("");
    if (roll(maker, 12) && is_yaml_text(part))
        return part;
    do
        part = generate_word(maker->dice);
    while (!is_yaml_text(part));
    return part;
}

static size_t put_byte(char *dst, size_t n, char c)
{
    if (n < TEXT_BYTES_MAX)
        dst[n++] = c;
    return n;
}

/* Every dash of a text multiplies what the reference looks for by five. */
static sv with_few_dashes(sv part)
{
    size_t dashes = 0;
    for (size_t i = 0; i < part.n; i++)
        if ((part.p[i] == '-' || part.p[i] == '/' || part.p[i] == '\xe2') && ++dashes > 3)
            return sv_first(part, i);
    return part;
}

/* Text as a pattern: what is special behind a backslash, a piece now and then a wildcard, a letter the other
 * case, a backslash single where it may be. */
static sv pattern_of(const struct maker *maker, sv text, bool wild, char dst[static TEXT_BYTES_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i], next = i + 1 < text.n ? text.p[i + 1] : 0;
        bool alone = begins_character(text, i) && begins_character(text, i + 1);
        size_t chance = roll(maker, 24);
        if (wild && alone && chance == 0) {
            n = put_byte(dst, n, '?');
        } else if (wild && alone && chance == 1) {
            n = put_byte(dst, n, '*');
        } else if (c == '*' || c == '?') {
            n = put_byte(dst, put_byte(dst, n, '\\'), c);
        } else if (c == '\\') {
            bool single = next && !strchr("*?\\", next) && roll(maker, 2) && chance > 2;
            n = put_byte(dst, n, '\\');
            n = single ? n : put_byte(dst, n, '\\');
        } else if (chance < 4 && ascii_letter(c)) {
            n = put_byte(dst, n, (char)(c ^ 0x20));
        } else {
            n = put_byte(dst, n, c);
        }
    }
    return (sv){dst, n};
}

/* A letter or digit, in an expression of its own that matches it. */
static size_t put_form(const struct maker *maker, char *dst, size_t n, char c)
{
    static const char *const forms[] = {"(@|xy)", "[@z]", "(?:@)?", "@{1,2}", "(x.|@)+", "(?:|@)", "(@|@@*)"};
    const char *form = forms[roll(maker, COUNT(forms))];
    for (size_t i = 0; form[i]; i++)
        n = put_byte(dst, n, form[i] == '@' ? c : form[i]);
    return n;
}

static sv expression_of(const struct maker *maker, sv text, char dst[static TEXT_BYTES_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < text.n && n < TEXT_BYTES_MAX - 16; i++) {
        char c = text.p[i];
        bool alone = begins_character(text, i) && begins_character(text, i + 1);
        if (alone && roll(maker, 16) == 0) {
            n = put_byte(dst, n, '.');
            n = roll(maker, 2) ? n : put_byte(dst, n, '*');
            continue;
        }
        if (ascii_alnum(c) && roll(maker, 12) == 0) {
            n = put_form(maker, dst, n, c);
            continue;
        }
        if (alone && strchr("\\^$.|?*+()[]{}#", c))
            n = put_byte(dst, n, '\\');
        n = put_byte(dst, n, c);
        if (alone && roll(maker, 16) == 0)
            n = put_byte(dst, n, "+?"[roll(maker, 2)]);
        if (alone && roll(maker, 64) == 0)
            n = put_byte(dst, n, '|');
    }
    return (sv){dst, n};
}

/* --- items; each writes "key: value" for a field that the event has, mostly */

static const struct event_field *pick_field(const struct maker *maker)
{
    static const struct event_field absent = {SV_INIT("absent.field"), SV_INIT("x"), EVENT_STRING};
    size_t count = maker->event->field_count;
    return count == 0 || roll(maker, 16) == 0 ? &absent : &maker->event->fields[roll(maker, count)];
}

static void put_key(const struct maker *maker, sv name, const char *modifiers)
{
    char key[TEXT_BYTES_MAX * 2];
    int n = snprintf(key, sizeof key, "%.*s%s", SV_ARG(name), modifiers);
    buf_put(maker->out, SV("            "));
    put_quoted(maker, (sv){key, n > 0 && (size_t)n < sizeof key ? (size_t)n : 0});
    buf_put(maker->out, SV(": "));
}

/* Mostly one or two; now and then so many that an engine may have a way of its own for them. */
static size_t count_values(const struct maker *maker, bool several)
{
    if (roll(maker, 4) == 0)
        return 3 + roll(maker, 10);
    return several ? 2 : 1 + (roll(maker, 3) == 0);
}

static void put_text_item(const struct maker *maker, const struct event_field *field)
{
    static const struct {
        const char *modifiers;
        bool from_start, to_end, several;
    } kinds[] = {
        {"", true, true, false},
        {"|cased", true, true, false},
        {"|contains", false, false, false},
        {"|contains|all", false, false, true},
        {"|all|contains", false, false, true},
        {"|startswith", true, false, false},
        {"|endswith", false, true, false},
        {"|contains|cased", false, false, false},
        {"|cased|startswith", true, false, false},
        {"|neq", true, true, false},
        {"|contains|neq", false, false, false},
        {"|contains|windash", false, false, false},
        {"|windash|contains|all", false, false, true},
        {"|endswith|windash", false, true, false},
        {"|windash", true, true, false},
    };
    char text[TEXT_BYTES_MAX];
    size_t kind = roll(maker, COUNT(kinds));
    bool dashes = strstr(kinds[kind].modifiers, "windash") != NULL, several = kinds[kind].several;
    size_t count = count_values(maker, several);
    put_key(maker, field->name, kinds[kind].modifiers);
    buf_put(maker->out, SV("["));
    for (size_t i = 0; i < count; i++) {
        sv from = i < 2 || several ? field->value : generate_word(maker->dice),
           part = part_of(maker, from, kinds[kind].from_start, kinds[kind].to_end);
        buf_put(maker->out, i ? SV(", ") : SV(""));
        put_quoted(maker, pattern_of(maker, dashes ? with_few_dashes(part) : part, true, text));
    }
    buf_put(maker->out, SV("]\n"));
}

static void put_regex_item(const struct maker *maker, const struct event_field *field)
{
    static const char *const keys[] = {"|re",   "|re|i",          "|re|s",
                                       "|re|m", "|re|ignorecase", "|re|dotall|multiline"};
    static const char *const fixed[] = {"^[a-z]+$", "o{2}", "(ro|al)", "\\d+", "^.$", "x?y?"};
    char text[TEXT_BYTES_MAX];
    put_key(maker, field->name, keys[roll(maker, COUNT(keys))]);
    if (roll(maker, 5) == 0)
        put_quoted(maker, sv_of(fixed[roll(maker, COUNT(fixed))]));
    else
        put_quoted(maker, expression_of(maker, part_of(maker, field->value, false, false), text));
    buf_put(maker->out, SV("\n"));
}

static void put_encoded_item(const struct maker *maker, const struct event_field *field)
{
    static const char *const keys[] = {"|base64",
                                       "|base64|contains",
                                       "|base64offset|contains",
                                       "|wide|base64offset|contains",
                                       "|utf16le|base64",
                                       "|utf16be|base64|contains",
                                       "|utf16|base64",
                                       "|wide|contains",
                                       "|utf16be|contains",
                                       "|utf16|contains",
                                       "|utf16le|startswith",
                                       "|base64offset|contains|all",
                                       "|expand|base64offset|contains",
                                       "|windash|wide|contains"};
    static const char *const plain[] = {"\"foobar\"", "\"whoami\"", "\"WhoAmI\"", "\"hoam\"",
                                        "[\"foob\", \"whoami\"]"};
    const char *key = keys[roll(maker, COUNT(keys))];
    put_key(maker, field->name, key);
    buf_printf(maker->out, "%s\n", strstr(key, "expand") ? "\"%ab%\"" : plain[roll(maker, COUNT(plain))]);
}

static void put_expand_item(const struct maker *maker, const struct event_field *field)
{
    static const char *const items[][2] = {
        {"|expand", "\"%admins%\""},        {"|contains|expand", "\"%admins%\""},
        {"|expand|cidr", "\"%nets%\""},     {"|expand|gte", "\"%numbers%\""},
        {"|re|expand", "\"r%parts%t\""},    {"|expand", "\"100\\\\%\""},
        {"|expand|neq", "\"%admins%\""},    {"|expand", "\"\\\\%admins%\""},
        {"|expand|contains", "\"%any%e\""}, {"|expand|startswith", "\"a%parts%ce%any%\""},
    };
    size_t i = roll(maker, COUNT(items));
    put_key(maker, field->name, items[i][0]);
    buf_printf(maker->out, "%s\n", items[i][1]);
}

static void put_other_item(const struct maker *maker, const struct event_field *field)
{
    static const char *const items[][2] = {
        {"", "null"},
        {"", "\"\""},
        {"", "[null, root]"},
        {"|exists", "true"},
        {"|exists", "false"},
        {"|cidr", "192.0.2.0/24"},
        {"|cidr", "[\"198.51.100.128/25\", \"2001:db8::/33\"]"},
        {"|cidr", "192.0.2.7"},
        {"", "10"},
        {"", "0x10"},
        {"", "[4624, -1]"},
        {"|lt", "11"},
        {"|lte", "10"},
        {"|gt", "-2"},
        {"|gte", "4624"},
        {"|gt|neq", "10"},
        {"|contains", "1"},
        {"|minute", "15"},
        {"|hour", "[8, 23]"},
        {"|hour|gte", "18"},
        {"|day", "24"},
        {"|day|neq", "2"},
        {"|week", "[53, 48]"},
        {"|month|lt", "12"},
        {"|year", "2026"},
        {"", "\"*\""},
        {"", "\"?*\""},
    };
    size_t i = roll(maker, COUNT(items));
    put_key(maker, field->name, items[i][0]);
    buf_printf(maker->out, "%s\n", items[i][1]);
}

static void put_reference_item(const struct maker *maker, const struct event_field *field)
{
    static const char *const keys[] = {"|fieldref",          "|fieldref|neq",      "|fieldref|startswith",
                                       "|fieldref|endswith", "|fieldref|contains", "|cased|fieldref"};
    put_key(maker, field->name, keys[roll(maker, COUNT(keys))]);
    put_quoted(maker, pick_field(maker)->name);
    buf_put(maker->out, SV("\n"));
}

/* A field whose name a key can hold. */
static const struct event_field *pick_nameable(const struct maker *maker)
{
    static const struct event_field user = {SV_INIT("user.name"), SV_INIT("root"), EVENT_STRING};
    const struct event_field *field = pick_field(maker);
    bool nameable = is_yaml_text(field->name) && field->name.n && !memchr(field->name.p, '|', field->name.n);
    return nameable ? field : &user;
}

/* One item or two; keys of one map must differ, and so do their fields. */
static void put_items(const struct maker *maker)
{
    static void (*const kinds[])(const struct maker *, const struct event_field *) = {
        put_text_item,    put_text_item,   put_text_item,  put_regex_item,
        put_encoded_item, put_expand_item, put_other_item, put_reference_item};
    const struct event_field *first = pick_nameable(maker), *second = pick_nameable(maker);
    kinds[roll(maker, COUNT(kinds))](maker, first);
    if (roll(maker, 3) == 0 && !sv_eq(first->name, second->name))
        kinds[roll(maker, COUNT(kinds))](maker, second);
}

/* --- selections */

static void put_keywords(const struct maker *maker)
{
    static const char *const keys[] = {"|all",          "|contains", "|re",     "|cased|all",
                                       "|base64offset", "|expand",   "|windash"};
    char text[TEXT_BYTES_MAX];
    size_t key = roll(maker, COUNT(keys) * 2);
    if (key < COUNT(keys))
        buf_printf(maker->out, "        '%s':\n", keys[key]);
    for (size_t n = 1 + roll(maker, 2); n; n--) {
        const struct event_field *field = pick_field(maker);
        sv from = roll(maker, 3) ? field->value : maker->event->raw,
           part = part_of(maker, from, false, false);
        buf_put(maker->out, key < COUNT(keys) ? SV("            - ") : SV("        - "));
        part = with_few_dashes(part);
        if (part.n < 2 || !sv_utf8(part))
            part = SV("root");
        if (key < COUNT(keys) && strcmp(keys[key], "|re") == 0)
            put_quoted(maker, expression_of(maker, part, text));
        else if (key < COUNT(keys) && strcmp(keys[key], "|base64offset") == 0)
            put_quoted(maker, SV("foobar"));
        else if (key < COUNT(keys) && strcmp(keys[key], "|expand") == 0)
            put_quoted(maker, SV("%admins%"));
        else
            put_quoted(maker, pattern_of(maker, part, true, text));
        buf_put(maker->out, SV("\n"));
    }
}

static void put_selection(const struct maker *maker, const char *name)
{
    buf_printf(maker->out, "    %s:\n", name);
    switch (roll(maker, 5)) {
    case 0:
        put_keywords(maker);
        return;
    case 1:
        for (size_t i = 0; i < 2; i++) {
            buf_put(maker->out, SV("        -\n"));
            put_items(maker);
        }
        return;
    default:
        put_items(maker);
    }
}

/* NOLINTNEXTLINE(misc-no-recursion): bounded by DEPTH_MAX. */
static void put_condition(const struct maker *maker, size_t depth)
{
    static const char *const leaves[] = {"sel_a",      "sel_b",        "flt_c",     "_d",
                                         "1 of sel_*", "all of sel_*", "1 of them", "all of them",
                                         "2 of them",  "1 of _*",      "1 of *_c",  "any of flt_*"};
    size_t kind = depth == DEPTH_MAX ? 0 : roll(maker, 6);
    if (kind == 3)
        buf_put(maker->out, SV("not "));
    if (kind < 4) {
        buf_printf(maker->out, "%s", leaves[roll(maker, COUNT(leaves))]);
        return;
    }
    bool closed = roll(maker, 2);
    buf_put(maker->out, closed ? (roll(maker, 4) ? SV("(") : SV("not (")) : SV(""));
    put_condition(maker, depth + 1);
    buf_put(maker->out, kind == 4 ? SV(" and ") : SV(" or "));
    put_condition(maker, depth + 1);
    buf_put(maker->out, closed ? SV(")") : SV(""));
}

static void put_source_part(const struct maker *maker, const char *key, sv value, const char *other)
{
    size_t kind = roll(maker, 8);
    if (kind == 0)
        buf_printf(maker->out, "%s: %s, ", key, other);
    else if (kind < 4 && value.n && is_yaml_text(value))
        buf_printf(maker->out, "%s: %.*s, ", key, SV_ARG(value));
}

void generate_rule(struct dice *dice, const struct event *event, size_t number, struct buf *out)
{
    const struct maker maker = {dice, event, out};
    bool none = event->source.product.n == 0;
    buf_printf(out, "---\ntitle: t\nid: r%zu\nlogsource: {", number);
    put_source_part(&maker, "category", event->source.category, "process_creation");
    put_source_part(&maker, "service", event->source.service, "auth");
    buf_printf(out, "product: %.*s}\ndetection:\n",
               SV_ARG(none || roll(&maker, 12) == 0 ? SV("linux") : event->source.product));
    put_selection(&maker, "sel_a");
    put_selection(&maker, "sel_b");
    put_selection(&maker, "flt_c");
    put_selection(&maker, "_d");
    if (roll(&maker, 8) == 0) {
        buf_put(out, SV("    condition:\n        - "));
        put_condition(&maker, 0);
        buf_put(out, SV("\n        - "));
    } else {
        buf_put(out, SV("    condition: "));
    }
    put_condition(&maker, 0);
    buf_put(out, SV("\n"));
}
