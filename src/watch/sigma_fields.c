#include "watch/sigma_fields.h"

#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"

enum { CELLS_AT_FIRST = 256 };

struct name {
    sv text;
    uint64_t hash;
};

struct sigma_fields {
    struct arena *arena;
    struct name *names; /* by slot */
    size_t count, cap;
    uint32_t *cells; /* slot + 1, or 0; a power of two of them, at most half in use */
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

/* The cell that holds the name, or the empty one where it would stand. */
static uint32_t *cell(const struct sigma_fields *fields, sv name, uint64_t hash)
{
    size_t i = hash & (fields->cell_count - 1);
    for (;; i = (i + 1) & (fields->cell_count - 1)) {
        uint32_t *found = &fields->cells[i];
        if (*found == 0)
            return found;
        const struct name *other = &fields->names[*found - 1];
        if (other->hash == hash && sv_eq(other->text, name))
            return found;
    }
}

static void grow(struct sigma_fields *fields)
{
    free(fields->cells);
    fields->cell_count *= 2;
    fields->cells = calloc(fields->cell_count, sizeof *fields->cells);
    assert(fields->cells);
    for (size_t slot = 0; slot < fields->count; slot++)
        *cell(fields, fields->names[slot].text, fields->names[slot].hash) = (uint32_t)slot + 1;
}

uint32_t sigma_fields_intern(struct sigma_fields *fields, sv name)
{
    uint64_t hash = hash_sv(name);
    uint32_t *found = cell(fields, name, hash);
    if (*found)
        return *found - 1;
    if (fields->count == fields->cap) {
        fields->cap = fields->cap ? fields->cap * 2 : CELLS_AT_FIRST / 2;
        fields->names = reallocarray(fields->names, fields->cap, sizeof *fields->names);
        assert(fields->names);
    }
    sv copy = arena_sv(fields->arena, name);
    if (!copy.p)
        return SIGMA_NO_SLOT;
    fields->names[fields->count] = (struct name){copy, hash};
    *found = (uint32_t)++fields->count;
    uint32_t slot = *found - 1;
    if (fields->count * 2 > fields->cell_count)
        grow(fields);
    return slot;
}

uint32_t sigma_fields_find(const struct sigma_fields *fields, sv name)
{
    return *cell(fields, name, hash_sv(name)) - 1; /* an empty cell gives SIGMA_NO_SLOT */
}

size_t sigma_fields_count(const struct sigma_fields *fields)
{
    return fields->count;
}

sv sigma_fields_name(const struct sigma_fields *fields, uint32_t slot)
{
    return fields->names[slot].text;
}
