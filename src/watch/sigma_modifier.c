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

static bool any_with_role(const struct sigma_key *key, enum sigma_modifier_role role)
{
    for (enum sigma_modifier m = 0; m < SIGMA_MODIFIER_COUNT; m++)
        if (sigma_has(key, m) && rows[m].role == role)
            return true;
    return false;
}

static bool may_add_comparison(const struct sigma_key *key, sv name, char *problem, size_t cap)
{
    if (any_with_role(key, SIGMA_KIND) || any_with_role(key, SIGMA_AFFIX) ||
        sigma_has(key, SIGMA_MODIFIER_windash))
        return no(problem, cap, "modifier '%.*s' cannot be combined with another comparison", SV_ARG(name));
    return true;
}

static bool may_add_text(const struct sigma_key *key, sv name, char *problem, size_t cap)
{
    if (any_with_role(key, SIGMA_KIND))
        return no(problem, cap,
                  "modifier '%.*s' works on text and cannot follow re, cidr, exists, lt, lte, gt or gte",
                  SV_ARG(name));
    return true;
}

/* Whether `modifier` may follow what the key has so far. */
static bool may_add(const struct sigma_key *key, enum sigma_modifier modifier, char *problem, size_t cap)
{
    sv name = rows[modifier].name;
    switch (rows[modifier].role) {
    case SIGMA_LATER:
        return no(problem, cap, "modifier '%.*s' is not supported yet", SV_ARG(name));
    case SIGMA_AFFIX:
        return may_add_text(key, name, problem, cap);
    case SIGMA_KIND:
        return may_add_comparison(key, name, problem, cap);
    case SIGMA_REGEX_FLAG:
        return sigma_has(key, SIGMA_MODIFIER_re) ||
               no(problem, cap, "modifier '%.*s' belongs to re: write |re|%.*s", SV_ARG(name), SV_ARG(name));
    case SIGMA_FLAG:
        return modifier != SIGMA_MODIFIER_windash || may_add_text(key, name, problem, cap);
    }
    return false;
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
            return no(problem, cap,
                      "unknown modifier '%.*s'; Sigma has contains, startswith, endswith, all, "
                      "re, cidr, exists, cased, neq, windash, lt, lte, gt and gte",
                      SV_ARG(sv_first(name, 60)));
        if (!may_add(&key, modifier, problem, cap))
            return false;
        key.modifiers |= 1ULL << modifier;
    }
    *ret = key;
    return true;
}
