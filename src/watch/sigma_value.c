#include "watch/sigma_value.h"

#include "watch/sigma_fields.h"
#include "watch/sigma_regex.h"

static bool all_literal(const uint16_t *items, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (items[i] > UINT8_MAX)
            return false;
    return true;
}

/* Folds ASCII letters unless case matters. */
static uint16_t item_of(const struct sigma_value *value, uint16_t item)
{
    return !value->cased && item >= 'A' && item <= 'Z' ? (uint16_t)(item + ('a' - 'A')) : item;
}

static bool set_literal(struct sigma_value *ret, const uint16_t *items, size_t n,
                        const struct sigma_maker *maker)
{
    char *text = arena_alloc(maker->arena, n + 1);
    for (size_t i = 0; text && i < n; i++)
        text[i] = (char)item_of(ret, items[i]);
    ret->text = (sv){text, n};
    return text || sigma_no_room(maker);
}

static bool set_glob(struct sigma_value *ret, const struct sigma_text *text, const struct sigma_maker *maker)
{
    uint16_t *pattern = arena_alloc(maker->arena, (text->count + 1) * sizeof *pattern);
    for (size_t i = 0; pattern && i < text->count; i++)
        pattern[i] = item_of(ret, text->items[i]);
    ret->kind = SIGMA_GLOB;
    ret->pattern = pattern;
    ret->pattern_count = text->count;
    return pattern || sigma_no_room(maker);
}

/* The cheapest comparison that means the same as the text. */
static bool classify(struct sigma_value *ret, const struct sigma_text *text, const struct sigma_maker *maker)
{
    size_t n = text->count;
    bool lead = n > 0 && text->items[0] == SIGMA_STAR, trail = n > 0 && text->items[n - 1] == SIGMA_STAR;
    if (n == 1 && lead) {
        ret->kind = SIGMA_ANYTHING;
        return true;
    }
    size_t from = lead ? 1 : 0, count = n - from - (trail ? 1 : 0);
    if (!all_literal(text->items + from, count))
        return set_glob(ret, text, maker);
    ret->kind = lead ? (trail ? SIGMA_CONTAINS : SIGMA_SUFFIX) : (trail ? SIGMA_PREFIX : SIGMA_EXACT);
    return set_literal(ret, text->items + from, count, maker);
}

/* Room for the values that one becomes: ret itself, or its alternatives. */
static struct sigma_value *make_alternatives(struct sigma_value *ret, size_t count,
                                             const struct sigma_maker *maker)
{
    if (count == 1)
        return ret;
    struct sigma_value *alternatives = arena_alloc(maker->arena, count * sizeof *alternatives);
    if (!alternatives)
        (void)sigma_no_room(maker);
    ret->kind = SIGMA_ANY_OF;
    ret->alternatives = alternatives;
    ret->alternative_count = alternatives ? (uint32_t)count : 0;
    return alternatives;
}

static bool compile_text(struct sigma_value *ret, sv text, const struct sigma_key *key,
                         const struct sigma_maker *maker)
{
    struct sigma_texts texts;
    struct sigma_key whole = *key;
    bool keyword = key->field.n == 0;
    if (keyword && text.n == 0)
        return sigma_no(maker, "an empty keyword would match every event");
    if (keyword && !sigma_has(key, SIGMA_MODIFIER_contains))
        whole.chain[whole.chain_count++] = SIGMA_MODIFIER_contains;
    if (!sigma_text_make(&texts, text, &whole, maker))
        return false;
    struct sigma_value *values = make_alternatives(ret, texts.count, maker);
    for (size_t i = 0; values && i < texts.count; i++) {
        values[i].cased = sigma_has(key, SIGMA_MODIFIER_cased);
        if (!classify(&values[i], &texts.texts[i], maker))
            return false;
    }
    return values != NULL;
}

static unsigned regex_flags(const struct sigma_key *key)
{
    unsigned flags = 0;
    if (sigma_has(key, SIGMA_MODIFIER_i) || sigma_has(key, SIGMA_MODIFIER_ignorecase))
        flags |= REGEX_CASELESS;
    if (sigma_has(key, SIGMA_MODIFIER_m) || sigma_has(key, SIGMA_MODIFIER_multiline))
        flags |= REGEX_MULTILINE;
    if (sigma_has(key, SIGMA_MODIFIER_s) || sigma_has(key, SIGMA_MODIFIER_dotall))
        flags |= REGEX_DOTALL;
    return flags;
}

/* Without room for them nothing is known. */
static void learn_sets(struct sigma_value *ret, sv expression, bool caseless, const struct sigma_maker *maker)
{
    struct text_set sets[SIGMA_REGEX_SETS_MAX];
    size_t count = sigma_regex_sets(sets, expression, caseless, maker->arena);
    ret->sets = count ? arena_alloc(maker->arena, count * sizeof *sets) : NULL;
    if (!ret->sets)
        return;
    memcpy(ret->sets, sets, count * sizeof *sets);
    ret->set_count = (uint32_t)count;
}

static bool compile_regex(struct sigma_value *ret, sv text, const struct sigma_key *key,
                          const struct sigma_maker *maker)
{
    unsigned flags = regex_flags(key);
    char why[160];
    size_t place;
    ret->kind = SIGMA_REGEX;
    ret->regex = regex_compile(text, flags, why, sizeof why, &place);
    if (!ret->regex)
        return sigma_no(maker, "this regular expression is wrong at character %zu: %s", place, why);
    learn_sets(ret, text, flags & REGEX_CASELESS, maker);
    return true;
}

static bool compile_cidr(struct sigma_value *ret, sv text, const struct sigma_maker *maker)
{
    ret->kind = SIGMA_CIDR;
    sv bits = text, address = sv_split(&bits, '/');
    if (!sigma_address(address, ret->address, &ret->v6))
        return sigma_no(maker, "'%.*s' is no network: write it as 192.0.2.0/24 or 2001:db8::/32",
                        SV_ARG(sv_first(text, 60)));
    uint64_t count = ret->v6 ? 128 : 32, most = count;
    if (bits.p && (!sv_to_u64(bits, &count) || count > most))
        return sigma_no(maker, "'/%.*s' is no prefix length: 0 to %d", SV_ARG(sv_first(bits, 20)), (int)most);
    ret->prefix_bits = (uint8_t)count;
    return true;
}

static bool compile_comparison(struct sigma_value *ret, sv text, const struct sigma_key *key,
                               const struct sigma_maker *maker)
{
    ret->kind = sigma_has(key, SIGMA_MODIFIER_lt)    ? SIGMA_LESS
                : sigma_has(key, SIGMA_MODIFIER_lte) ? SIGMA_LESS_EQUAL
                : sigma_has(key, SIGMA_MODIFIER_gt)  ? SIGMA_GREATER
                                                     : SIGMA_GREATER_EQUAL;
    if (!sigma_number(text, &ret->number))
        return sigma_no(maker, "lt, lte, gt and gte compare numbers, and '%.*s' is none",
                        SV_ARG(sv_first(text, 60)));
    return true;
}

static bool compile_exists(struct sigma_value *ret, sv text, const struct sigma_maker *maker)
{
    ret->kind = SIGMA_EXISTS;
    bool yes = sv_ieq(text, SV("true"));
    if (!yes && !sv_ieq(text, SV("false")))
        return sigma_no(maker, "exists is followed by true or false");
    ret->number = yes;
    return true;
}

static enum sigma_time_part part_of(const struct sigma_key *key)
{
    static const struct {
        enum sigma_modifier modifier;
        enum sigma_time_part part;
    } parts[] = {
        {SIGMA_MODIFIER_minute, SIGMA_PART_MINUTE}, {SIGMA_MODIFIER_hour, SIGMA_PART_HOUR},
        {SIGMA_MODIFIER_day, SIGMA_PART_DAY},       {SIGMA_MODIFIER_week, SIGMA_PART_WEEK},
        {SIGMA_MODIFIER_month, SIGMA_PART_MONTH},   {SIGMA_MODIFIER_year, SIGMA_PART_YEAR},
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (sigma_has(key, parts[i].modifier))
            return parts[i].part;
    return SIGMA_PART_NONE;
}

static bool compile_part(struct sigma_value *ret, sv text, const struct sigma_maker *maker)
{
    ret->kind = SIGMA_NUMBER;
    return sigma_number(text, &ret->number) ||
           sigma_no(maker, "a part of a date is a number, and '%.*s' is none", SV_ARG(sv_first(text, 60)));
}

static bool compile_reference(struct sigma_value *ret, sv text, const struct sigma_key *key,
                              const struct sigma_maker *maker)
{
    bool contains = sigma_has(key, SIGMA_MODIFIER_contains);
    bool head = contains || sigma_has(key, SIGMA_MODIFIER_startswith);
    bool tail = contains || sigma_has(key, SIGMA_MODIFIER_endswith);
    if (text.n == 0)
        return sigma_no(maker, "fieldref is followed by the name of another field");
    ret->kind = SIGMA_FIELD;
    ret->relation = head && tail ? SIGMA_CONTAINS : head ? SIGMA_PREFIX : tail ? SIGMA_SUFFIX : SIGMA_EXACT;
    ret->cased = sigma_has(key, SIGMA_MODIFIER_cased);
    ret->slot = sigma_fields_intern(maker->fields, text);
    return ret->slot != SIGMA_NO_SLOT || sigma_no_room(maker);
}

/* Null and plain numbers keep their YAML meaning unless a modifier makes text of them. */
static bool compile_plain(struct sigma_value *ret, sv text, const struct sigma_key *key, struct arena *arena)
{
    if (key->field.n == 0 || sigma_has_role(key, SIGMA_AFFIX) || sigma_has_role(key, SIGMA_TEXT) ||
        sigma_has_role(key, SIGMA_EXPAND))
        return false;
    if (text.n == 0 || sv_eq(text, SV("~")) || sv_ieq(text, SV("null"))) {
        ret->kind = SIGMA_NULL;
        return true;
    }
    if (!sigma_number(text, &ret->number))
        return false;
    ret->kind = SIGMA_NUMBER;
    ret->text = arena_sv(arena, text);
    return ret->text.p != NULL;
}

/* A value that is no text to compare, after lists have been put in place of its placeholders. */
static bool compile_kind(struct sigma_value *ret, sv text, const struct sigma_key *key,
                         const struct sigma_maker *maker)
{
    ret->part = part_of(key);
    if (sigma_has(key, SIGMA_MODIFIER_re))
        return compile_regex(ret, text, key, maker);
    if (sigma_has(key, SIGMA_MODIFIER_cidr))
        return compile_cidr(ret, text, maker);
    if (sigma_has(key, SIGMA_MODIFIER_exists))
        return compile_exists(ret, text, maker);
    if (sigma_has_role(key, SIGMA_ORDER))
        return compile_comparison(ret, text, key, maker);
    if (sigma_has(key, SIGMA_MODIFIER_fieldref))
        return compile_reference(ret, text, key, maker);
    return compile_part(ret, text, maker);
}

static bool compile_kinds(struct sigma_value *ret, sv text, const struct sigma_key *key,
                          const struct sigma_maker *maker)
{
    struct sigma_texts texts;
    if (!sigma_has(key, SIGMA_MODIFIER_expand) || sigma_has(key, SIGMA_MODIFIER_exists))
        return compile_kind(ret, text, key, maker);
    if (!sigma_text_expand(&texts, text, maker))
        return false;
    struct sigma_value *values = make_alternatives(ret, texts.count, maker);
    for (size_t i = 0; values && i < texts.count; i++) {
        const struct sigma_text *one = &texts.texts[i];
        char *bytes = arena_alloc(maker->scratch, one->count + 1);
        for (size_t j = 0; bytes && j < one->count; j++)
            bytes[j] = (char)one->items[j];
        if (!bytes)
            return sigma_no_room(maker);
        if (!compile_kind(&values[i], (sv){bytes, one->count}, key, maker)) {
            sigma_value_free(ret);
            return false;
        }
    }
    return values != NULL;
}

bool sigma_value_compile(struct sigma_value *ret, sv text, bool plain, const struct sigma_key *key,
                         const struct sigma_maker *maker)
{
    *ret = (struct sigma_value){0};
    if (text.n > SIGMA_VALUE_BYTES_MAX)
        return sigma_no(maker, "this value is longer than %d bytes", SIGMA_VALUE_BYTES_MAX);
    if (sigma_has_role(key, SIGMA_KIND) || sigma_has_role(key, SIGMA_ORDER) ||
        sigma_has_role(key, SIGMA_PART) || sigma_has_role(key, SIGMA_REFERENCE))
        return compile_kinds(ret, text, key, maker);
    if (plain && compile_plain(ret, text, key, maker->arena))
        return true;
    return compile_text(ret, text, key, maker);
}

void sigma_value_free(struct sigma_value *value)
{
    for (size_t i = 0; i < value->alternative_count; i++)
        if (value->alternatives[i].kind == SIGMA_REGEX)
            regex_free(value->alternatives[i].regex);
    if (value->kind == SIGMA_REGEX)
        regex_free(value->regex);
}
