#include "watch/sigma_fields.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { CELLS_AT_FIRST = 256 };

struct cell {
    uint32_t taken; /* slot + 1, or 0 */
    uint32_t hash;  /* so that nearly every other name is told apart without looking at it */
};

struct sigma_fields {
    struct arena *arena;
    sv *names; /* by slot */
    size_t count, cap;
    struct cell *cells; /* a power of two of them, at most half in use */
    size_t cell_count;
};

struct sigma_fields *sigma_fields_new(struct arena *arena)
{
    struct sigma_fields *fields = calloc(1, sizeof *fields);
    assert(fields);
    fields->arena = arena;
    fields->cell_count = CELLS_AT_FIRST;
    fields->cells = calloc(fields->cell_count, sizeof *fields->cells);
    assert(fields->cells);
    return fields;
}

void sigma_fields_free(struct sigma_fields *fields)
{
    if (!fields)
        return;
    free(fields->names);
    free(fields->cells);
    free(fields);
}

/* Of both ends and the length. */
static uint32_t hash_name(sv name)
{
    uint64_t head = 0, tail = 0;
    if (name.n >= sizeof head) {
        memcpy(&head, name.p, sizeof head);
        memcpy(&tail, name.p + name.n - sizeof tail, sizeof tail);
    } else {
        for (size_t i = 0; i < name.n; i++)
            head = head << 8 | (unsigned char)name.p[i];
    }
    uint64_t mixed = (head ^ (tail + name.n) * 0x9e3779b97f4a7c15ULL) * 0xff51afd7ed558ccdULL;
    return (uint32_t)(mixed >> 32);
}

/* The cell that holds the name, or the empty one where it would stand. */
static struct cell *find(const struct sigma_fields *fields, sv name, uint32_t hash)
{
    size_t i = hash & (fields->cell_count - 1);
    for (;; i = (i + 1) & (fields->cell_count - 1)) {
        struct cell *cell = &fields->cells[i];
        if (cell->taken == 0 || (cell->hash == hash && sv_eq(fields->names[cell->taken - 1], name)))
            return cell;
    }
}

static void grow(struct sigma_fields *fields)
{
    free(fields->cells);
    fields->cell_count *= 2;
    fields->cells = calloc(fields->cell_count, sizeof *fields->cells);
    assert(fields->cells);
    for (size_t slot = 0; slot < fields->count; slot++) {
        uint32_t hash = hash_name(fields->names[slot]);
        *find(fields, fields->names[slot], hash) = (struct cell){(uint32_t)slot + 1, hash};
    }
}

uint32_t sigma_fields_intern(struct sigma_fields *fields, sv name)
{
    uint32_t hash = hash_name(name);
    struct cell *cell = find(fields, name, hash);
    if (cell->taken)
        return cell->taken - 1;
    if (fields->count == fields->cap) {
        fields->cap = fields->cap ? fields->cap * 2 : CELLS_AT_FIRST / 2;
        fields->names = reallocarray(fields->names, fields->cap, sizeof *fields->names);
        assert(fields->names);
    }
    sv copy = arena_sv(fields->arena, name);
    if (!copy.p)
        return SIGMA_NO_SLOT;
    uint32_t slot = (uint32_t)fields->count++;
    fields->names[slot] = copy;
    *cell = (struct cell){slot + 1, hash};
    if (fields->count * 2 > fields->cell_count)
        grow(fields);
    return slot;
}

size_t sigma_fields_count(const struct sigma_fields *fields)
{
    return fields->count;
}

sv sigma_fields_name(const struct sigma_fields *fields, uint32_t slot)
{
    return fields->names[slot];
}
