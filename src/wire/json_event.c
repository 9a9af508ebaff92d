#include "wire/json_event.h"

#include "wire/derive.h"

struct level {
    bool array;
    size_t path_n; /* of the path in front of the keys here, or the name of the array */
    sv name;       /* the array's name, made when its first plain value comes */
};

struct json {
    struct decoding *decoding;
    sv s;
    size_t at;
    sv error;
    size_t depth;
    struct level levels[JSON_DEPTH_MAX];
    sv key; /* of the value that comes next, in an object */
    char path[JSON_NAME_BYTES_MAX];
};

static bool fail(struct json *json, sv error)
{
    json->error = error;
    return false;
}

static char peek(const struct json *json)
{
    return json->at < json->s.n ? json->s.p[json->at] : '\0';
}

static void skip_blanks(struct json *json)
{
    for (; json->at < json->s.n; json->at++) {
        char c = json->s.p[json->at];
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
static sv unescape(struct json *json, sv raw)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char *text = decoding_alloc(json->decoding, raw.n);
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

/* Index of the quote that ends the string literal whose text begins at s, or s.n. Nearly all are short: a
 * plain loop beats two searches. */
static size_t string_end(sv s, bool *ret_escaped)
{
    *ret_escaped = false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"')
            return i;
        if (s.p[i] == '\\') {
            *ret_escaped = true;
            i++;
        }
    }
    return s.n;
}

/* A string literal, from its opening quote on. */
static bool take_string(struct json *json, sv *ret)
{
    bool escaped;
    sv rest = sv_from(json->s, json->at + 1);
    size_t end = string_end(rest, &escaped);
    if (end == rest.n)
        return fail(json, SV("a string does not end"));
    *ret = escaped ? unescape(json, sv_first(rest, end)) : sv_first(rest, end);
    json->at += end + 2;
    return true;
}

static sv path_of(const struct json *json, size_t n)
{
    return sv_make(json->path, n);
}

/* The name of a plain value at this point; empty if it has none or the arena is used up. */
static sv value_name(struct json *json)
{
    struct level *level = &json->levels[json->depth - 1];
    if (!level->array)
        return level->path_n ? decoding_join(json->decoding, path_of(json, level->path_n), json->key)
                             : json->key;
    if (!level->name.p)
        level->name = decoding_join(json->decoding, path_of(json, level->path_n), SV_NONE);
    return level->name;
}

static void add_value(struct json *json, sv value, enum event_field_type type)
{
    /* Past the maximum no name is made, lest a long one be made for nothing again and again. */
    bool full = json->decoding->event->field_count >= EVENT_FIELDS_MAX;
    sv name = full ? json->key : value_name(json);
    if (name.n || full)
        decoding_add_typed(json->decoding, name, value, type);
}

static bool append(struct json *json, size_t *n, sv s)
{
    if (JSON_NAME_BYTES_MAX - *n < s.n)
        return fail(json, SV("a name is too long"));
    if (s.n)
        memcpy(json->path + *n, s.p, s.n);
    *n += s.n;
    return true;
}

/* At `{` or `[`. */
static bool enter(struct json *json, bool array)
{
    size_t path_n = 0;
    if (json->depth == JSON_DEPTH_MAX)
        return fail(json, SV("it is nested too deeply"));
    if (json->depth) {
        const struct level *level = &json->levels[json->depth - 1];
        path_n = level->path_n;
        if (!level->array && !append(json, &path_n, json->key))
            return false;
        if (!array && path_n && !append(json, &path_n, SV(".")))
            return false;
    }
    json->levels[json->depth++] = (struct level){.array = array, .path_n = path_n};
    json->at++;
    return true;
}

static bool take_literal(struct json *json)
{
    static const struct {
        sv text, value;
        enum event_field_type type;
    } literals[] = {{SV_INIT("true"), SV_INIT("true"), EVENT_BOOLEAN},
                    {SV_INIT("false"), SV_INIT("false"), EVENT_BOOLEAN},
                    {SV_INIT("null"), SV_INIT(""), EVENT_NULL}};
    sv rest = sv_from(json->s, json->at);
    for (size_t i = 0; i < sizeof literals / sizeof *literals; i++) {
        if (sv_starts(rest, literals[i].text)) {
            json->at += literals[i].text.n;
            add_value(json, literals[i].value, literals[i].type);
            return true;
        }
    }
    return fail(json, SV("there is no value where one should be"));
}

static bool take_number(struct json *json)
{
    size_t start = json->at;
    bool digit = false;
    for (; json->at < json->s.n; json->at++) {
        char c = json->s.p[json->at];
        bool is_digit = c >= '0' && c <= '9';
        if (!is_digit && c != '-' && c != '+' && c != '.' && c != 'e' && c != 'E')
            break;
        digit |= is_digit;
    }
    char next = peek(json);
    if (!digit)
        return fail(json, SV("a number has no digits"));
    if ((next >= '0' && next <= '9') || ((next | 0x20) >= 'a' && (next | 0x20) <= 'z'))
        return fail(json, SV("a number runs into a word"));
    add_value(json, sv_first(sv_from(json->s, start), json->at - start), EVENT_NUMBER);
    return true;
}

static bool take_value(struct json *json)
{
    sv text;
    skip_blanks(json);
    char c = peek(json);
    if (c == '"') {
        if (!take_string(json, &text))
            return false;
        add_value(json, text, EVENT_STRING);
        return true;
    }
    if (c == '{' || c == '[')
        return enter(json, c == '[');
    if (c == '-' || (c >= '0' && c <= '9'))
        return take_number(json);
    return take_literal(json);
}

static bool take_key(struct json *json)
{
    skip_blanks(json);
    if (peek(json) != '"')
        return fail(json, SV("there is no name where one should be"));
    if (!take_string(json, &json->key))
        return false;
    skip_blanks(json);
    if (peek(json) != ':')
        return fail(json, SV("there is no colon behind a name"));
    json->at++;
    return true;
}

/* One step inside the innermost object or array: the next value, or its end. `first` tells that nothing
 * stands in it yet. */
static bool step(struct json *json, bool first)
{
    bool array = json->levels[json->depth - 1].array;
    skip_blanks(json);
    char c = peek(json);
    if (c == (array ? ']' : '}')) {
        json->at++;
        json->depth--;
        return true;
    }
    if (!first) {
        if (c != ',')
            return fail(json, SV("a comma or the end is missing"));
        json->at++;
    }
    return (array || take_key(json)) && take_value(json);
}

bool json_event_decode(struct decoding *decoding, sv body, sv *ret_error)
{
    struct json json;
    json.decoding = decoding;
    json.s = body;
    json.at = json.depth = 0;
    json.error = SV_NONE;
    size_t before = decoding->event->field_count;
    skip_blanks(&json);
    if (peek(&json) != '{' && peek(&json) != '[')
        return false;
    bool going = enter(&json, peek(&json) == '[');
    for (size_t depth = 0; going && json.depth > 0;) {
        bool first = json.depth > depth;
        depth = json.depth;
        going = step(&json, first);
    }
    skip_blanks(&json);
    if (going && json.at < body.n)
        fail(&json, SV("there is text behind its end"));
    if (json.error.n && decoding->event->field_count == before)
        return false;
    *ret_error = json.error;
    return true;
}

/* What was wrong, as decode.c reports it. */
void json_event_derive(const struct derive *derive)
{
    static const sv errors[] = {SV_INIT("a string does not end"),
                                SV_INIT("a name is too long"),
                                SV_INIT("it is nested too deeply"),
                                SV_INIT("there is no value where one should be"),
                                SV_INIT("a number has no digits"),
                                SV_INIT("a number runs into a word"),
                                SV_INIT("there is no name where one should be"),
                                SV_INIT("there is no colon behind a name"),
                                SV_INIT("a comma or the end is missing"),
                                SV_INIT("there is text behind its end")};
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        derive_value(derive, SV("vedette.decode_error"), errors[i], SV_NONE);
}
