/* What transformations make of a field's name: in a rule's own keys (pipeline_apply.c), and where somebody
 * else names a field of its events. */
#include "watch/pipeline_priv.h"

sv pipeline_text(const struct yaml_node *map, const char *key)
{
    const struct yaml_node *node = yaml_get(map, key);
    return node && node->kind == YAML_SCALAR ? node->text : SV("");
}

bool pipeline_says(const struct yaml_node *map, const char *key)
{
    return sv_ieq(pipeline_text(map, key), SV("true"));
}

bool pipeline_lists(const struct yaml_node *list, sv text)
{
    if (list && list->kind == YAML_SCALAR)
        return sv_eq(list->text, text);
    for (const struct yaml_node *child = list ? list->first : NULL; child; child = child->next)
        if (sv_eq(child->text, text))
            return true;
    return false;
}

sv pipeline_field_of(sv key)
{
    return sv_split(&key, '|');
}

bool pipeline_has_modifier(sv key, sv modifier)
{
    sv_split(&key, '|');
    while (key.p)
        if (sv_eq(sv_split(&key, '|'), modifier))
            return true;
    return false;
}

const struct yaml_node *pipeline_mapped(const struct yaml_node *transformation, sv text)
{
    for (const struct yaml_node *child = yaml_get(transformation, "mapping")->first; child;
         child = child->next)
        if (sv_eq(child->key, text))
            return child;
    return NULL;
}

static const struct yaml_node *mapped_prefix(const struct yaml_node *transformation, sv field)
{
    for (const struct yaml_node *child = yaml_get(transformation, "mapping")->first; child;
         child = child->next)
        if (sv_starts(field, child->key))
            return child;
    return NULL;
}

bool pipeline_renames(const struct yaml_node *transformation)
{
    enum pipeline_type type = pipeline_type_of(transformation);
    return type == PIPELINE_field_name_mapping || type == PIPELINE_field_name_prefix_mapping ||
           type == PIPELINE_field_name_prefix || type == PIPELINE_field_name_suffix;
}

/* One name, put together of three. */
static bool name(struct pipeline_names *ret, struct arena *arena, sv before, sv middle, sv behind)
{
    ret->list[ret->count] =
        arena_printf(arena, "%.*s%.*s%.*s", SV_ARG(before), SV_ARG(middle), SV_ARG(behind));
    return ret->list[ret->count++].p != NULL;
}

/* The texts that a mapping has for it, each before the rest of the name. */
static bool names_of(struct pipeline_names *ret, struct arena *arena, const struct yaml_node *to, sv rest)
{
    bool fits = true;
    if (to->kind == YAML_SCALAR)
        return name(ret, arena, to->text, rest, SV(""));
    for (const struct yaml_node *one = to->first; one && fits; one = one->next)
        fits = name(ret, arena, one->text, rest, SV(""));
    return fits;
}

bool pipeline_rename(const struct yaml_node *transformation, sv field, struct arena *arena,
                     struct pipeline_names *ret)
{
    enum pipeline_type type = pipeline_type_of(transformation);
    const struct yaml_node *to = NULL;
    *ret = (struct pipeline_names){0};
    if (!pipeline_renames(transformation))
        return true;
    if (type == PIPELINE_field_name_mapping)
        to = pipeline_mapped(transformation, field);
    else if (type == PIPELINE_field_name_prefix_mapping)
        to = mapped_prefix(transformation, field);
    if (!to && (type == PIPELINE_field_name_mapping || type == PIPELINE_field_name_prefix_mapping))
        return true;
    ret->list = arena_alloc(arena, (to && to->kind == YAML_LIST ? to->count : 1) * sizeof *ret->list);
    if (!ret->list)
        return false;
    return to ? names_of(ret, arena, to, sv_from(field, to->key.n))
              : name(ret, arena, pipeline_text(transformation, "prefix"), field,
                     pipeline_text(transformation, "suffix"));
}

bool pipeline_note(struct arena *arena, const struct pipeline_note **list, sv name, sv id,
                   const struct yaml_node *value)
{
    if (!value && pipeline_has_note(*list, name, id))
        return true;
    struct pipeline_note *made = arena_alloc(arena, sizeof *made);
    if (!made)
        return false;
    *made = (struct pipeline_note){name.n ? arena_sv(arena, name) : SV(""), id, value, *list};
    *list = made;
    return made->name.p != NULL;
}

bool pipeline_has_note(const struct pipeline_note *list, sv name, sv id)
{
    while (list && !(sv_eq(list->name, name) && sv_eq(list->id, id)))
        list = list->earlier;
    return list != NULL;
}

bool pipeline_note_names(struct arena *arena, const struct pipeline_note **list, sv id, sv field,
                         const struct pipeline_names *names)
{
    const struct pipeline_note *before = *list;
    bool fits = true;
    for (size_t i = 0; i < names->count && fits; i++) {
        if (sv_eq(names->list[i], field) && names->count == 1)
            continue;
        for (const struct pipeline_note *one = before; one && fits; one = one->earlier)
            if (sv_eq(one->name, field) && !sv_eq(names->list[i], field))
                fits = pipeline_note(arena, list, names->list[i], one->id, NULL);
        fits = fits && (id.n == 0 || pipeline_note(arena, list, names->list[i], id, NULL));
    }
    return fits;
}

/* As many as there is room for: what a mapping to several makes of each name that a former one made. *done is
 * what the names have gone through. */
static bool rename_all(const struct pipeline_trail *trail, struct arena *arena, struct pipeline_names *names,
                       const struct pipeline_note **done)
{
    struct pipeline_names after = {.list = arena_alloc(arena, PIPELINE_NAMES_MAX * sizeof *after.list)};
    struct pipeline_facts facts = *trail->facts;
    const struct pipeline_note *before = *done;
    facts.names = before;
    for (size_t i = 0; after.list && i < names->count; i++) {
        struct pipeline_names one = {0};
        if (pipeline_for_field(&facts, trail->step, names->list[i]) &&
            !pipeline_rename(trail->step, names->list[i], arena, &one))
            return false;
        if (!pipeline_note_names(arena, done, pipeline_text(trail->step, "id"), names->list[i], &one))
            return false;
        if (one.count == 0)
            one = (struct pipeline_names){&names->list[i], 1};
        for (size_t j = 0; j < one.count && after.count < PIPELINE_NAMES_MAX; j++)
            after.list[after.count++] = one.list[j];
    }
    *names = after;
    return after.list != NULL;
}

bool pipeline_trail_names(const struct pipeline_trail *trail, sv field, struct arena *arena,
                          struct pipeline_names *ret)
{
    struct pipeline_names names = {.list = arena_alloc(arena, sizeof *names.list), .count = 1};
    const struct pipeline_note *done = NULL;
    if (!names.list)
        return false;
    names.list[0] = field;
    for (; trail; trail = trail->next)
        if (!rename_all(trail, arena, &names, &done))
            return false;
    *ret = names;
    return true;
}
