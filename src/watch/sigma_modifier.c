#include "watch/sigma_modifier.h"

#include <stdarg.h>
#include <stdio.h>

struct row {
    sv name;
    enum sigma_modifier_role role;
};

static const struct row rows[SIGMA_MODIFIER_COUNT] = {
#define X(word, kind) [SIGMA_MODIFIER_##word] = {SV_INIT(#word), SIGMA_##kind},
    SIGMA_MODIFIERS(X)
#undef X
};

enum { ROLES = SIGMA_REGEX_FLAG + 1 };

/* What must not stand before a modifier of a role: everything that it does not say "yes" to. */
#define ROLE(role) (1U << SIGMA_##role)
static const struct {
    unsigned allowed;
    const char *otherwise;
} after[ROLES] = {
    [SIGMA_AFFIX] = {ROLE(TEXT) | ROLE(EXPAND) | ROLE(FLAG) | ROLE(REFERENCE) | ROLE(AFFIX),
                     "works on text and cannot follow re, cidr, exists, a comparison or a part of a date"},
    [SIGMA_TEXT] = {ROLE(TEXT) | ROLE(EXPAND) | ROLE(FLAG) | ROLE(AFFIX),
                    "works on text and cannot follow re, cidr, exists, fieldref, a comparison or a part of a "
                    "date"},
    [SIGMA_EXPAND] =
        {ROLE(TEXT) | ROLE(FLAG) | ROLE(AFFIX) | ROLE(KIND) | ROLE(ORDER) | ROLE(REGEX_FLAG),
         "puts lists in place of %names% in text and cannot follow fieldref or a part of a date"},
    [SIGMA_KIND] = {ROLE(FLAG) | ROLE(EXPAND), "cannot be combined with another comparison"},
    [SIGMA_ORDER] = {ROLE(FLAG) | ROLE(EXPAND) | ROLE(PART), "cannot be combined with another comparison"},
    [SIGMA_PART] = {ROLE(FLAG),
                    "takes a number out of a date and stands alone, or before lt, lte, gt or gte"},
    [SIGMA_REFERENCE] = {ROLE(FLAG) | ROLE(AFFIX), "cannot be combined with another comparison"},
    [SIGMA_FLAG] = {~0U, ""},
    [SIGMA_REGEX_FLAG] = {~0U, ""},
};

enum sigma_modifier_role sigma_modifier_role(enum sigma_modifier modifier)
{
    return rows[modifier].role;
}

sv sigma_modifier_name(enum sigma_modifier modifier)
{
    return rows[modifier].name;
}

static enum sigma_modifier find(sv name)
{
    enum sigma_modifier modifier = 0;
    while (modifier < SIGMA_MODIFIER_COUNT && !sv_eq(rows[modifier].name, name))
        modifier++;
    return modifier;
}

__attribute__((format(printf, 3, 4))) static bool no(char *problem, size_t cap, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(problem, cap, fmt, args);
    va_end(args);
    return false;
}

bool sigma_has_role(const struct sigma_key *key, enum sigma_modifier_role role)
{
    for (size_t i = 0; i < key->chain_count; i++)
        if (rows[key->chain[i]].role == role)
            return true;
    return false;
}

/* Whether `modifier` may follow what the key has so far. */
static bool may_add(const struct sigma_key *key, enum sigma_modifier modifier, char *problem, size_t cap)
{
    sv name = rows[modifier].name;
    enum sigma_modifier_role role = rows[modifier].role;
    if (sigma_has(key, modifier))
        return no(problem, cap, "modifier '%.*s' stands twice", SV_ARG(name));
    if (role == SIGMA_REGEX_FLAG && !sigma_has(key, SIGMA_MODIFIER_re))
        return no(problem, cap, "modifier '%.*s' belongs to re: write |re|%.*s", SV_ARG(name), SV_ARG(name));
    for (size_t i = 0; i < key->chain_count; i++)
        if (!(after[role].allowed >> rows[key->chain[i]].role & 1))
            return no(problem, cap, "modifier '%.*s' %s", SV_ARG(name), after[role].otherwise);
    return true;
}

bool sigma_key_parse(sv text, struct sigma_key *ret, char *problem, size_t cap, size_t *ret_offset)
{
    sv rest = text;
    struct sigma_key key = {.field = sv_split(&rest, '|')};
    while (rest.p) {
        *ret_offset = (size_t)(rest.p - text.p);
        sv name = sv_split(&rest, '|');
        enum sigma_modifier modifier = find(name);
        if (modifier == SIGMA_MODIFIER_COUNT)
            return no(
                problem, cap,
                "unknown modifier '%.*s'; Sigma has contains, startswith, endswith, all, re, cidr, exists, "
                "cased, neq, windash, expand, fieldref, lt, lte, gt, gte, base64, base64offset, utf16, "
                "utf16le, utf16be, wide, minute, hour, day, week, month and year",
                SV_ARG(sv_first(name, 60)));
        if (key.chain_count == SIGMA_CHAIN_MAX)
            return no(problem, cap, "more than %d modifiers in one key", SIGMA_CHAIN_MAX);
        if (!may_add(&key, modifier, problem, cap))
            return false;
        key.modifiers |= 1ULL << modifier;
        key.chain[key.chain_count++] = modifier;
    }
    *ret = key;
    return true;
}
