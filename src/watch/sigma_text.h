/* A rule's text on its way through the modifiers of its key: bytes and wildcards, and the several texts that
 * one may become. Pure. */
#ifndef VEDETTE_WATCH_SIGMA_TEXT_H
#define VEDETTE_WATCH_SIGMA_TEXT_H

#include "base/arena.h"
#include "watch/sigma_lists.h"
#include "watch/sigma_modifier.h"

/* Marks in a text, above every byte. */
enum {
    SIGMA_ONE = 256, /* "?": any one character */
    SIGMA_STAR,      /* "*": any text, also none */
    SIGMA_DASH,      /* -, /, –, — or ―, by windash */
};

enum { SIGMA_VARIANTS_MAX = 20000 }; /* texts that one value may become */

struct sigma_text {
    uint16_t *items; /* bytes and marks, case as written */
    size_t count;
};

struct sigma_texts {
    struct sigma_text *texts;
    size_t count, cap;
};

struct sigma_fields;
struct pipelines;

/* What values are made with. */
struct sigma_maker {
    struct arena *arena;             /* what stays */
    struct arena *scratch;           /* what is on its way: the texts */
    const struct sigma_lists *lists; /* for expand; may be NULL */
    struct sigma_fields *fields;     /* for fieldref */
    char *problem;
    size_t cap;
    const struct pipelines *pipelines; /* the same, for what their value_placeholders chose; may be NULL */
};

/* Says in maker->problem why there is nothing, and returns false. */
__attribute__((format(printf, 2, 3))) bool sigma_no(const struct sigma_maker *maker, const char *fmt, ...);
bool sigma_no_room(const struct sigma_maker *maker);

/* Reads text with its wildcards and escapes and applies the key's AFFIX, TEXT and EXPAND modifiers in their
 * order. False with a message. */
bool sigma_text_make(struct sigma_texts *ret, sv text, const struct sigma_key *key,
                     const struct sigma_maker *maker);

/* Only puts lists in place of %names%; nothing else in text has a meaning. For values that are no text to
 * compare: networks, expressions, numbers. */
bool sigma_text_expand(struct sigma_texts *ret, sv text, const struct sigma_maker *maker);

#endif
