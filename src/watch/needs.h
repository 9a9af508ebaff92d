/* What a rule cannot match without, as text that must stand in a record's raw bytes. Pure.
 *
 * It errs in one direction only: where nothing is sure, nothing is needed. Text is taken from positive
 * comparisons alone, cut at the bytes that formats escape; with it goes the text from which a decoder may
 * derive what the rule asks for (wire/derived.h). A field that must be there needs its name, or what it is
 * derived from. Records that hide text from this are known by their veils (wire/derived.h) and are not to be
 * judged by it. */
#ifndef VEDETTE_WATCH_NEEDS_H
#define VEDETTE_WATCH_NEEDS_H

#include "watch/sigma_rule.h"

enum {
    NEEDS_LITERAL_BYTES_MIN = 2,  /* a shorter literal tells too little */
    NEEDS_LITERAL_BYTES_MAX = 32, /* of a longer one the beginning is enough */
    NEEDS_LITERALS_MAX = 4096,    /* in one clause; one that would have more is left out */
    NEEDS_CLAUSES_MAX = 4,        /* in one branch: the best */
    NEEDS_BRANCHES_MAX = 32,      /* of one rule; more are joined to one */
};

/* Text that must stand in a record. */
enum need_flags {
    NEED_CASED = 1, /* as it is; else in lower case, and meant ASCII case aside */
    NEED_LEFT = 2,  /* no letter or digit in front of it (a zero may be, of a number) */
    NEED_RIGHT = 4, /* none behind it, nor an equals sign: that is behind names */
    NEED_FRAME = 8, /* it begins with a frame (wire/derived.h) */
};

struct need_literal {
    sv text;
    unsigned flags;
};

/* One of the literals must stand in the record. */
struct need_clause {
    struct need_literal *literals;
    size_t count;
    unsigned weight; /* the more, the fewer records are likely to have it */
    bool is_name;    /* the literals say that a field is there */
};

/* All of its clauses must hold, the heaviest first. None: nothing is known. */
struct need_branch {
    struct need_clause clauses[NEEDS_CLAUSES_MAX];
    size_t count;
};

/* One of the branches must hold. */
struct needs {
    struct need_branch *branches;
    size_t count;
};

/* What decoders derive, gathered once. Borrows from arena. */
struct needs_known;
const struct needs_known *needs_known_new(struct arena *arena);

/* Of a rule whose slots are those of fields. Allocates from arena; when that is full, less is needed. */
void needs_of_rule(struct needs *ret, const struct sigma_rule *rule, const struct sigma_fields *fields,
                   const struct needs_known *known, struct arena *arena);

/* True if one of the rule's branches needs nothing: then it is to be tried on every record. */
bool needs_nothing(const struct needs *needs);

/* Whether the field says what the record's header says by a number alone, or what was wrong with the record:
 * words that no search for keywords looks at. */
bool needs_is_header(sv name);

#endif
