/* Bounded bump allocation: one arena per batch, transaction or request; all of it is freed at once. */
#ifndef VEDETTE_BASE_ARENA_H
#define VEDETTE_BASE_ARENA_H

#include "base/sv.h"

#include <stdalign.h>

struct arena_block;

struct arena {
    struct arena_block *first, *current;
    char *at;                /* in the current block; never NULL, as there is always room for nothing */
    size_t left;             /* from there on, in the block and within the bound: a multiple of ARENA_ALIGN */
    size_t used_before, max; /* before the current block; ever */
};

enum { ARENA_ALIGN = alignof(max_align_t) };

static inline size_t arena_rounded(size_t n)
{
    return (n + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
}

/* An arena that will hand out at most max_bytes between resets. Never NULL: ends the process without memory.
 */
struct arena *arena_new(size_t max_bytes);

/* n bytes, zeroed, aligned for any type; valid until reset or free. NULL past the bound. */
void *arena_alloc(struct arena *arena, size_t n);

/* For arena_take: from the current block, which has as much left; and once it is used up. */
static inline void *arena_take_here(struct arena *arena, size_t n)
{
    void *p = arena->at;
    arena->at += arena_rounded(n);
    arena->left -= arena_rounded(n);
    return p;
}
void *arena_take_elsewhere(struct arena *arena, size_t n);

/* The same as arena_alloc with whatever was there before: for what is written over at once. */
static inline void *arena_take(struct arena *arena, size_t n)
{
    return n > arena->left ? arena_take_elsewhere(arena, n) : arena_take_here(arena, n);
}

/* A NUL-terminated copy of s. NULL past the bound. */
char *arena_cstr(struct arena *arena, sv s);

/* A copy of s; {NULL, 0} past the bound. */
sv arena_sv(struct arena *arena, sv s);

/* a and b joined; {NULL, 0} past the bound. */
static inline sv arena_join(struct arena *arena, sv a, sv b)
{
    char *text = arena_take(arena, a.n + b.n);
    if (!text)
        return SV_NONE;
    if (a.n)
        memcpy(text, a.p, a.n);
    if (b.n)
        memcpy(text + a.n, b.p, b.n);
    return (sv){text, a.n + b.n};
}

/* printf into the arena; {NULL, 0} past the bound. */
__attribute__((format(printf, 2, 3))) sv arena_printf(struct arena *arena, const char *fmt, ...);

/* Bytes handed out since the last reset. */
size_t arena_used(const struct arena *arena);

/* Takes everything back and keeps the memory for the next round. */
void arena_reset(struct arena *arena);

void arena_free(struct arena *arena);

#endif
