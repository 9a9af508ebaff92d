#include "store/changes.h"

#include "base/hash.h"
#include "wire/pack.h"

#include <assert.h>
#include <stdlib.h>

enum { CHANGE_BYTES_USUAL = 64 };

struct changes {
    struct arena *arena;
    struct change **cells; /* by the key's hash */
    size_t mask, count;
    struct change **sorted;
};

bool changes_pack(struct buf *packed, sv key, sv value)
{
    struct pack pack = PACK_INTO(packed);
    size_t before = packed->end;
    pack_u32(&pack, value.p != NULL);
    pack_sv(&pack, key);
    if (value.p)
        pack_sv(&pack, value);
    if (!pack.ok)
        packed->end = before;
    return pack.ok;
}

struct changes *changes_new(size_t bytes, size_t max)
{
    struct changes *changes = calloc(1, sizeof *changes);
    size_t cells = 1;
    while (cells < bytes / CHANGE_BYTES_USUAL)
        cells *= 2;
    assert(changes);
    changes->arena = arena_new(max);
    changes->cells = calloc(cells, sizeof(struct change *));
    changes->mask = cells - 1;
    assert(changes->cells);
    return changes;
}

static bool put(struct changes *changes, sv key, sv value)
{
    struct change **cell = &changes->cells[hash_sv(key) & changes->mask], *change = *cell;
    while (change && !sv_eq(change->key, key))
        change = change->chain;
    if (!change) {
        change = arena_take(changes->arena, sizeof *change);
        if (!change)
            return false;
        *change = (struct change){.chain = *cell, .key = key};
        *cell = change;
        changes->count++;
    }
    change->value = value;
    return true;
}

sv changes_keep(struct changes *changes, sv packed)
{
    return arena_sv(changes->arena, packed);
}

enum changes_added changes_add(struct changes *changes, sv packed)
{
    struct unpack unpack = UNPACK_FROM(packed);
    while (unpack.rest.n) {
        bool has_value = unpack_u32(&unpack) != 0;
        sv key = unpack_sv(&unpack), value = has_value ? unpack_sv(&unpack) : SV_NONE;
        if (!unpack.ok)
            return CHANGES_DAMAGED;
        if (!put(changes, key, value))
            return CHANGES_NO_ROOM;
    }
    return CHANGES_ADDED;
}

static int by_key(const void *a, const void *b)
{
    const struct change *x = *(struct change *const *)a, *y = *(struct change *const *)b;
    return sv_cmp(x->key, y->key);
}

struct change **changes_sorted(struct changes *changes, size_t *ret_count)
{
    size_t n = 0;
    free(changes->sorted);
    changes->sorted = calloc(changes->count + 1, sizeof(struct change *));
    assert(changes->sorted);
    for (size_t i = 0; i <= changes->mask; i++)
        for (struct change *change = changes->cells[i]; change; change = change->chain)
            changes->sorted[n++] = change;
    qsort(changes->sorted, n, sizeof(struct change *), by_key);
    *ret_count = n;
    return changes->sorted;
}

void changes_free(struct changes *changes)
{
    if (!changes)
        return;
    arena_free(changes->arena);
    free(changes->cells);
    free(changes->sorted);
    free(changes);
}
