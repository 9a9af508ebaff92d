#include "watch/correlation_groups.h"

#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"

enum { CELLS_AT_FIRST = 1024, HEAP_AT_FIRST = 256, ALLOCATION_BYTES = 16 };

struct ring {
    struct group *oldest, *newest;
    size_t bytes, state_size;
};

struct groups {
    struct group **cells;
    size_t cell_count, count, bytes;
    struct ring *rings; /* of each correlation */
    size_t ring_count;
    struct group **heap; /* by due, from 1 */
    size_t heap_n, heap_cap;
    struct group *first_dirty, *last_dirty;
};

static void *must(void *memory)
{
    assert(memory);
    return memory;
}

struct groups *groups_new(const size_t *sizes, size_t count)
{
    struct groups *groups = must(calloc(1, sizeof *groups));
    groups->cell_count = CELLS_AT_FIRST;
    groups->cells = must(calloc(groups->cell_count, sizeof(struct group *)));
    groups->rings = must(calloc(count + 1, sizeof *groups->rings));
    groups->ring_count = count;
    for (size_t i = 0; i < count; i++)
        groups->rings[i].state_size = sizes[i];
    return groups;
}

void groups_free(struct groups *groups)
{
    if (!groups)
        return;
    for (size_t i = 0; i < groups->ring_count; i++)
        while (groups->rings[i].oldest)
            groups_drop(groups, groups->rings[i].oldest);
    free(groups->cells);
    free(groups->rings);
    free(groups->heap);
    free(groups);
}

static size_t cell_of(const struct groups *groups, size_t correlation, sv key)
{
    return (hash_sv(key) ^ (correlation * 0x9e3779b97f4a7c15ULL >> 7)) & (groups->cell_count - 1);
}

struct group *groups_find(const struct groups *groups, size_t correlation, sv key)
{
    struct group *group = groups->cells[cell_of(groups, correlation, key)];
    while (group && (group->correlation != correlation || !sv_eq(sv_make(group->key, group->key_n), key)))
        group = group->chain;
    return group;
}

static void put_in_cell(struct groups *groups, struct group *group)
{
    struct group **cell =
        &groups->cells[cell_of(groups, group->correlation, sv_make(group->key, group->key_n))];
    group->chain = *cell;
    *cell = group;
}

static void grow(struct groups *groups)
{
    struct group **old = groups->cells;
    size_t n = groups->cell_count;
    groups->cell_count *= 2;
    groups->cells = must(calloc(groups->cell_count, sizeof(struct group *)));
    for (size_t i = 0; i < n; i++)
        for (struct group *group = old[i], *next; group; group = next) {
            next = group->chain;
            put_in_cell(groups, group);
        }
    free(old);
}

static void put_newest(struct ring *ring, struct group *group)
{
    group->older = ring->newest;
    group->newer = NULL;
    if (ring->newest)
        ring->newest->newer = group;
    else
        ring->oldest = group;
    ring->newest = group;
}

static void take_from_ring(struct ring *ring, struct group *group)
{
    if (group->older)
        group->older->newer = group->newer;
    else
        ring->oldest = group->newer;
    if (group->newer)
        group->newer->older = group->older;
    else
        ring->newest = group->older;
}

static size_t own_bytes(const struct groups *groups, const struct group *group)
{
    return sizeof *group + groups->rings[group->correlation].state_size + group->key_n + ALLOCATION_BYTES +
           sizeof(struct group *);
}

struct group *groups_add(struct groups *groups, size_t correlation, sv key)
{
    struct ring *ring = &groups->rings[correlation];
    struct group *group = must(calloc(1, sizeof *group + ring->state_size + key.n));
    group->correlation = (uint32_t)correlation;
    group->state = group + 1;
    group->key = (char *)group->state + ring->state_size;
    group->key_n = (uint32_t)key.n;
    if (key.n)
        memcpy(group->key, key.p, key.n);
    if (groups->count >= groups->cell_count)
        grow(groups);
    groups->count++;
    put_in_cell(groups, group);
    put_newest(ring, group);
    groups_weigh(groups, group, 0);
    return group;
}

void groups_touch(struct groups *groups, struct group *group)
{
    struct ring *ring = &groups->rings[group->correlation];
    if (ring->newest == group)
        return;
    take_from_ring(ring, group);
    put_newest(ring, group);
}

void groups_weigh(struct groups *groups, struct group *group, size_t held)
{
    size_t bytes = own_bytes(groups, group) + held;
    groups->bytes += bytes - group->bytes;
    groups->rings[group->correlation].bytes += bytes - group->bytes;
    group->bytes = bytes;
}

/* --- The heap --- */

static void put_at(struct groups *groups, size_t place, struct group *group)
{
    groups->heap[place] = group;
    group->place = place;
}

static void rise(struct groups *groups, size_t place)
{
    struct group *group = groups->heap[place];
    while (place > 1 && groups->heap[place / 2]->due > group->due) {
        put_at(groups, place, groups->heap[place / 2]);
        place /= 2;
    }
    put_at(groups, place, group);
}

static void sink(struct groups *groups, size_t place)
{
    struct group *group = groups->heap[place];
    for (size_t child; (child = place * 2) <= groups->heap_n; place = child) {
        if (child < groups->heap_n && groups->heap[child + 1]->due < groups->heap[child]->due)
            child++;
        if (groups->heap[child]->due >= group->due)
            break;
        put_at(groups, place, groups->heap[child]);
    }
    put_at(groups, place, group);
}

static void take_from_heap(struct groups *groups, struct group *group)
{
    size_t place = group->place;
    struct group *last = groups->heap[groups->heap_n--];
    group->place = 0;
    if (last == group)
        return;
    put_at(groups, place, last);
    rise(groups, place);
    sink(groups, last->place);
}

void groups_set_due(struct groups *groups, struct group *group, nanos due)
{
    if (group->due == due)
        return;
    if (group->place)
        take_from_heap(groups, group);
    group->due = due;
    if (!due)
        return;
    if (groups->heap_n + 2 > groups->heap_cap) {
        groups->heap_cap = groups->heap_cap ? groups->heap_cap * 2 : HEAP_AT_FIRST;
        groups->heap = must(reallocarray(groups->heap, groups->heap_cap, sizeof(struct group *)));
    }
    groups->heap[++groups->heap_n] = group;
    rise(groups, groups->heap_n);
}

struct group *groups_next_due(const struct groups *groups)
{
    return groups->heap_n ? groups->heap[1] : NULL;
}

/* --- Changes --- */

void groups_dirty(struct groups *groups, struct group *group)
{
    if (group->dirty)
        return;
    group->dirty = true;
    group->dirty_before = groups->last_dirty;
    group->dirty_after = NULL;
    if (groups->last_dirty)
        groups->last_dirty->dirty_after = group;
    else
        groups->first_dirty = group;
    groups->last_dirty = group;
}

void groups_clean(struct groups *groups, struct group *group)
{
    if (!group->dirty)
        return;
    group->dirty = false;
    if (group->dirty_before)
        group->dirty_before->dirty_after = group->dirty_after;
    else
        groups->first_dirty = group->dirty_after;
    if (group->dirty_after)
        group->dirty_after->dirty_before = group->dirty_before;
    else
        groups->last_dirty = group->dirty_before;
}

struct group *groups_first_dirty(const struct groups *groups)
{
    return groups->first_dirty;
}

/* --- Ends --- */

struct group *groups_oldest(const struct groups *groups, size_t correlation)
{
    return groups->rings[correlation].oldest;
}

size_t groups_largest(const struct groups *groups)
{
    size_t largest = 0;
    for (size_t i = 1; i < groups->ring_count; i++)
        if (groups->rings[i].bytes > groups->rings[largest].bytes)
            largest = i;
    return largest;
}

void groups_drop(struct groups *groups, struct group *group)
{
    struct ring *ring = &groups->rings[group->correlation];
    struct group **at =
        &groups->cells[cell_of(groups, group->correlation, sv_make(group->key, group->key_n))];
    while (*at != group)
        at = &(*at)->chain;
    *at = group->chain;
    take_from_ring(ring, group);
    groups_set_due(groups, group, 0);
    groups_clean(groups, group);
    groups->bytes -= group->bytes;
    ring->bytes -= group->bytes;
    groups->count--;
    free(group);
}

size_t groups_count(const struct groups *groups)
{
    return groups->count;
}

size_t groups_bytes(const struct groups *groups)
{
    return groups->bytes;
}
