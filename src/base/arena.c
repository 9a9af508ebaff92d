#include "base/arena.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { BLOCK_BYTES_MIN = 16 * 1024 };

struct arena_block {
    struct arena_block *next;
    size_t cap;
    alignas(max_align_t) char bytes[];
};

struct arena *arena_new(size_t max_bytes)
{
    struct arena *arena = calloc(1, sizeof *arena);
    assert(arena);
    arena->at = (char *)arena;
    arena->max = max_bytes;
    return arena;
}

static struct arena_block *block_new(size_t cap)
{
    struct arena_block *block = malloc(sizeof *block + cap);
    assert(block);
    *block = (struct arena_block){.cap = cap};
    return block;
}

/* The next block with room for n bytes: one kept from an earlier round, or a new one linked in here. */
static struct arena_block *block_for(struct arena *arena, size_t n)
{
    struct arena_block *next = arena->current ? arena->current->next : arena->first;
    if (next && next->cap >= n)
        return next;
    struct arena_block *fresh = block_new(n > BLOCK_BYTES_MIN ? n : BLOCK_BYTES_MIN);
    fresh->next = next;
    if (arena->current)
        arena->current->next = fresh;
    else
        arena->first = fresh;
    return fresh;
}

void *arena_take_elsewhere(struct arena *arena, size_t n)
{
    size_t used = arena_used(arena), room = arena->max - used;
    if (n > room || arena_rounded(n) > room)
        return NULL;
    struct arena_block *block = block_for(arena, arena_rounded(n));
    arena->current = block;
    arena->at = block->bytes;
    arena->left = (block->cap < room ? block->cap : room) & ~(size_t)(ARENA_ALIGN - 1);
    arena->used_before = used;
    return arena_take_here(arena, n);
}

void *arena_alloc(struct arena *arena, size_t n)
{
    void *p = arena_take(arena, n);
    return p ? memset(p, 0, n) : NULL;
}

char *arena_cstr(struct arena *arena, sv s)
{
    char *copy = arena_take(arena, s.n + 1);
    if (!copy)
        return NULL;
    if (s.n)
        memcpy(copy, s.p, s.n);
    copy[s.n] = '\0';
    return copy;
}

sv arena_sv(struct arena *arena, sv s)
{
    char *copy = arena_cstr(arena, s);
    return copy ? (sv){copy, s.n} : SV_NONE;
}

sv arena_printf(struct arena *arena, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    char *text = n < 0 ? NULL : arena_alloc(arena, (size_t)n + 1);
    if (text)
        vsnprintf(text, (size_t)n + 1, fmt, again);
    va_end(again);
    return text ? (sv){text, (size_t)n} : SV_NONE;
}

size_t arena_used(const struct arena *arena)
{
    return arena->current ? arena->used_before + (size_t)(arena->at - arena->current->bytes) : 0;
}

void arena_reset(struct arena *arena)
{
    arena->current = NULL;
    arena->left = 0;
}

void arena_free(struct arena *arena)
{
    if (!arena)
        return;
    for (struct arena_block *block = arena->first, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    free(arena);
}
