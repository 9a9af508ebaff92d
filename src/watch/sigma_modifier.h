/* The table of Sigma's field modifiers, and reading a chain of them ("CommandLine|contains|all"). Pure. */
#ifndef VEDETTE_WATCH_SIGMA_MODIFIER_H
#define VEDETTE_WATCH_SIGMA_MODIFIER_H

#include "base/sv.h"

enum { SIGMA_CHAIN_MAX = 12 }; /* modifiers of one key */

/* What a modifier does to its values. AFFIX ones add wildcards, TEXT ones change the text or make several of
 * it; KIND ones replace the string comparison (at most one of them), and so does fieldref, which takes AFFIX
 * ones too; PART ones take a number out of a date, which ORDER ones may then compare. FLAG ones change any.
 */
enum sigma_modifier_role {
    SIGMA_AFFIX,
    SIGMA_TEXT,
    SIGMA_EXPAND,
    SIGMA_KIND,
    SIGMA_ORDER,
    SIGMA_PART,
    SIGMA_REFERENCE,
    SIGMA_FLAG,
    SIGMA_REGEX_FLAG,
};

/* name as written, role */
#define SIGMA_MODIFIERS(X)    \
    X(contains, AFFIX)        \
    X(startswith, AFFIX)      \
    X(endswith, AFFIX)        \
    X(base64, TEXT)           \
    X(base64offset, TEXT)     \
    X(utf16, TEXT)            \
    X(utf16le, TEXT)          \
    X(utf16be, TEXT)          \
    X(wide, TEXT)             \
    X(windash, TEXT)          \
    X(expand, EXPAND)         \
    X(re, KIND)               \
    X(cidr, KIND)             \
    X(exists, KIND)           \
    X(lt, ORDER)              \
    X(lte, ORDER)             \
    X(gt, ORDER)              \
    X(gte, ORDER)             \
    X(minute, PART)           \
    X(hour, PART)             \
    X(day, PART)              \
    X(week, PART)             \
    X(month, PART)            \
    X(year, PART)             \
    X(fieldref, REFERENCE)    \
    X(all, FLAG)              \
    X(cased, FLAG)            \
    X(neq, FLAG)              \
    X(i, REGEX_FLAG)          \
    X(m, REGEX_FLAG)          \
    X(s, REGEX_FLAG)          \
    X(ignorecase, REGEX_FLAG) \
    X(multiline, REGEX_FLAG)  \
    X(dotall, REGEX_FLAG)

enum sigma_modifier {
#define X(name, role) SIGMA_MODIFIER_##name,
    SIGMA_MODIFIERS(X)
#undef X
        SIGMA_MODIFIER_COUNT
};

/* A field's key, taken apart. */
struct sigma_key {
    sv field;                                       /* empty in a keyword search: "|all" */
    uint64_t modifiers;                             /* the set of them */
    enum sigma_modifier chain[SIGMA_CHAIN_MAX + 1]; /* room for one that is implied */
    size_t chain_count;                             /* in the order in which they are applied */
};

static inline bool sigma_has(const struct sigma_key *key, enum sigma_modifier modifier)
{
    return key->modifiers >> modifier & 1;
}

enum sigma_modifier_role sigma_modifier_role(enum sigma_modifier modifier);
sv sigma_modifier_name(enum sigma_modifier modifier);

/* Whether the key has a modifier of that role. */
bool sigma_has_role(const struct sigma_key *key, enum sigma_modifier_role role);

/* Takes a key apart. False with a message, and the offset in the key that it is about, if a modifier is
 * unknown, or two do not go together. */
bool sigma_key_parse(sv text, struct sigma_key *ret, char *problem, size_t cap, size_t *ret_offset);

#endif
