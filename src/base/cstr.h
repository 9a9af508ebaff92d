/* C strings that may be missing. */
#ifndef VEDETTE_BASE_CSTR_H
#define VEDETTE_BASE_CSTR_H

#include <assert.h>
#include <stdbool.h>
#include <string.h>

/* A missing one equals a missing one alone, not the empty one. */
static inline bool cstr_same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* For free; NULL of a missing one. */
static inline char *cstr_copy(const char *text)
{
    char *copy = text ? strdup(text) : NULL;
    assert(copy || !text);
    return copy;
}

#endif
