#include "watch/text_set.h"

bool text_set_put(struct text_set *set, sv text)
{
    for (size_t i = 0; i < set->count; i++)
        if (sv_eq(set->texts[i], text))
            return true;
    if (set->count == TEXT_SET_MAX)
        return false;
    set->texts[set->count++] = text;
    return true;
}

bool text_set_put_all(struct text_set *set, const struct text_set *more)
{
    for (size_t i = 0; i < more->count; i++)
        if (!text_set_put(set, more->texts[i]))
            return false;
    return true;
}

/* An empty view if it would be too long. */
static sv both(sv a, sv b, struct arena *arena)
{
    return a.n + b.n > TEXT_SET_BYTES_MAX ? SV_NONE : arena_join(arena, a, b);
}

bool text_set_append(struct text_set *set, const struct text_set *ends, struct arena *arena)
{
    struct text_set all = {.count = 0};
    if (set->count * ends->count > TEXT_SET_MAX)
        return false;
    for (size_t i = 0; i < set->count; i++)
        for (size_t j = 0; j < ends->count; j++) {
            sv text = both(set->texts[i], ends->texts[j], arena);
            if (!text.p || !text_set_put(&all, text))
                return false;
        }
    *set = all;
    return true;
}

/* Drops texts for which told says that another one tells as much. */
static bool keep(struct text_set *set, bool (*told)(sv text, sv other))
{
    size_t count = 0;
    for (size_t i = 0; i < set->count; i++) {
        bool drop = false;
        for (size_t j = 0; j < set->count && !drop; j++)
            drop = j != i && told(set->texts[i], set->texts[j]);
        if (!drop)
            set->texts[count++] = set->texts[i];
    }
    bool dropped = count < set->count;
    set->count = count;
    return dropped;
}

static bool holds(sv text, sv other)
{
    return sv_find(text, other) != SV_NPOS;
}

bool text_set_keep_ends(struct text_set *set)
{
    return keep(set, sv_ends);
}

void text_set_keep_least(struct text_set *set)
{
    keep(set, holds);
}

size_t text_set_shortest(const struct text_set *set)
{
    size_t shortest = set->count ? SIZE_MAX : 0;
    for (size_t i = 0; i < set->count; i++)
        shortest = set->texts[i].n < shortest ? set->texts[i].n : shortest;
    return shortest;
}
