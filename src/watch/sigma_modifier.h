/* The table of Sigma's field modifiers, and reading a chain of them ("CommandLine|contains|all"). Pure. */
#ifndef VEDETTE_WATCH_SIGMA_MODIFIER_H
#define VEDETTE_WATCH_SIGMA_MODIFIER_H

#include "base/sv.h"

/* What a modifier does to its values. AFFIX ones add wildcards, KIND ones replace the string comparison (at
 * most one of them), FLAG ones change either; LATER ones are Sigma's but not ours yet. */
enum sigma_modifier_role { SIGMA_AFFIX, SIGMA_KIND, SIGMA_FLAG, SIGMA_REGEX_FLAG, SIGMA_LATER };

/* name as written, role */
#define SIGMA_MODIFIERS(X)    \
    X(contains, AFFIX)        \
    X(startswith, AFFIX)      \
    X(endswith, AFFIX)        \
    X(re, KIND)               \
    X(cidr, KIND)             \
    X(exists, KIND)           \
    X(lt, KIND)               \
    X(lte, KIND)              \
    X(gt, KIND)               \
    X(gte, KIND)              \
    X(all, FLAG)              \
    X(cased, FLAG)            \
    X(neq, FLAG)              \
    X(windash, FLAG)          \
    X(i, REGEX_FLAG)          \
    X(m, REGEX_FLAG)          \
    X(s, REGEX_FLAG)          \
    X(ignorecase, REGEX_FLAG) \
    X(multiline, REGEX_FLAG)  \
    X(dotall, REGEX_FLAG)     \
    X(base64, LATER)          \
    X(base64offset, LATER)    \
    X(utf16, LATER)           \
    X(utf16le, LATER)         \
    X(utf16be, LATER)         \
    X(wide, LATER)            \
    X(expand, LATER)          \
    X(fieldref, LATER)        \
    X(minute, LATER)          \
    X(hour, LATER)            \
    X(day, LATER)             \
    X(week, LATER)            \
    X(month, LATER)           \
    X(year, LATER)

enum sigma_modifier {
#define X(name, role) SIGMA_MODIFIER_##name,
    SIGMA_MODIFIERS(X)
#undef X
        SIGMA_MODIFIER_COUNT
};

/* A field's key, taken apart: the set of modifiers, in no order, for none of ours depends on it. */
struct sigma_key {
    sv field; /* empty in a keyword search: "|all" */
    uint64_t modifiers;
};

static inline bool sigma_has(const struct sigma_key *key, enum sigma_modifier modifier)
{
    return key->modifiers >> modifier & 1;
}

/* Takes a key apart. False with a message, and the offset in the key that it is about, if a modifier is
 * unknown or not supported yet, or two do not go together. */
bool sigma_key_parse(sv text, struct sigma_key *ret, char *problem, size_t cap, size_t *ret_offset);

#endif
