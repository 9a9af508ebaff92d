#include "watch/sigma_lists.h"

#include <assert.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/ascii.h"

#define LISTS_BYTES_MAX ((size_t)256 << 20)

struct growing {
    struct sigma_list list;
    size_t cap;
};

struct sigma_lists {
    struct arena *arena;
    struct growing lists[SIGMA_LISTS_MAX];
    size_t count;
};

struct sigma_lists *sigma_lists_new(void)
{
    struct sigma_lists *lists = calloc(1, sizeof *lists);
    assert(lists);
    lists->arena = arena_new(LISTS_BYTES_MAX);
    return lists;
}

void sigma_lists_free(struct sigma_lists *lists)
{
    if (!lists)
        return;
    for (size_t i = 0; i < lists->count; i++)
        free(lists->lists[i].list.entries);
    arena_free(lists->arena);
    free(lists);
}

static bool is_name(sv name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        if (!ascii_alnum(c) && c != '_' && c != '-')
            return false;
    }
    return name.n > 0 && name.n <= SIGMA_LIST_NAME_BYTES_MAX;
}

/* The index of the list of that name, or the count of lists. */
static size_t find(const struct sigma_lists *lists, sv name)
{
    size_t i = 0;
    while (i < lists->count && !sv_ieq(lists->lists[i].list.name, name))
        i++;
    return i;
}

const struct sigma_list *sigma_lists_find(const struct sigma_lists *lists, sv name)
{
    size_t found = lists ? find(lists, name) : 0;
    return lists && found < lists->count ? &lists->lists[found].list : NULL;
}

static struct growing *make(struct sigma_lists *lists, sv name)
{
    if (lists->count == SIGMA_LISTS_MAX || !is_name(name))
        return NULL;
    sv copy = arena_sv(lists->arena, name);
    if (!copy.p)
        return NULL;
    struct growing *list = &lists->lists[lists->count++];
    list->list.name = copy;
    return list;
}

bool sigma_lists_add(struct sigma_lists *lists, sv name, sv entry)
{
    size_t found = find(lists, name);
    struct growing *list = found < lists->count ? &lists->lists[found] : make(lists, name);
    if (!list || entry.n > SIGMA_LIST_ENTRY_BYTES_MAX)
        return false;
    if (entry.n == 0)
        return true;
    if (list->list.count == list->cap) {
        if (list->cap >= SIGMA_LIST_ENTRIES_MAX)
            return false;
        list->cap = list->cap ? list->cap * 2 : 16;
        if (list->cap > SIGMA_LIST_ENTRIES_MAX)
            list->cap = SIGMA_LIST_ENTRIES_MAX;
        list->list.entries = reallocarray(list->list.entries, list->cap, sizeof *list->list.entries);
        assert(list->list.entries);
    }
    sv copy = arena_sv(lists->arena, entry);
    if (!copy.p)
        return false;
    list->list.entries[list->list.count++] = copy;
    return true;
}

bool sigma_lists_read(struct sigma_lists *lists, sv name, sv content)
{
    if (!sigma_lists_add(lists, name, SV("")))
        return false;
    for (sv rest = content; rest.p;) {
        sv line = sv_trim(sv_split(&rest, '\n'));
        if (line.n == 0 || line.p[0] == '#')
            continue;
        if (!sigma_lists_add(lists, name, line))
            return false;
    }
    return true;
}
