/* What a transformation does to the items of a rule's detection. */
#include "watch/pipeline_priv.h"

enum { COPIES_MAX = YAML_NODES_MAX };

void pipeline_fail(struct pipeline_work *work, const struct yaml_node *at, const char *why)
{
    if (!work->failed)
        sigma_error(work->errors, at->line, at->column, "%s", why);
    work->failed = true;
}

struct yaml_node *pipeline_new_node(struct pipeline_work *work, const struct yaml_node *like)
{
    struct yaml_node *node = work->copies++ < COPIES_MAX ? arena_alloc(work->arena, sizeof *node) : NULL;
    if (node)
        *node = *like;
    else
        pipeline_fail(work, like, "a pipeline makes too much of this rule");
    return node;
}

static void add_mark(struct pipeline_work *work, const struct yaml_node *item, sv id)
{
    for (const struct pipeline_mark *one = work->marks; one; one = one->next)
        if (one->item == item && sv_eq(one->id, id))
            return;
    struct pipeline_mark *mark = arena_alloc(work->arena, sizeof *mark);
    if (!mark) {
        pipeline_fail(work, item, "there is no more room for rules");
        return;
    }
    *mark = (struct pipeline_mark){item, id, work->marks};
    work->marks = mark;
}

void pipeline_mark(struct pipeline_work *work, const struct yaml_node *transformation,
                   const struct yaml_node *item)
{
    sv id = pipeline_text(transformation, "id");
    if (id.n)
        add_mark(work, item, id);
}

static void copy_marks(struct pipeline_work *work, const struct yaml_node *from, const struct yaml_node *to)
{
    for (const struct pipeline_mark *mark = work->marks; mark; mark = mark->next)
        if (mark->item == from)
            add_mark(work, to, mark->id);
}

/* Aliases share their nodes: what is rewritten is a copy. As deep as YAML_DEPTH_MAX. */
/* NOLINTNEXTLINE(misc-no-recursion) */
struct yaml_node *pipeline_copy_of(struct pipeline_work *work, const struct yaml_node *node)
{
    struct yaml_node *copy = pipeline_new_node(work, node);
    if (!copy)
        return NULL;
    copy->first = NULL;
    copy->next = NULL;
    copy_marks(work, node, copy);
    struct yaml_node **tail = &copy->first;
    for (const struct yaml_node *child = node->first; child; child = child->next) {
        *tail = pipeline_copy_of(work, child);
        if (!*tail)
            return NULL;
        tail = &(*tail)->next;
    }
    return copy;
}

/* A field's new names have gone through what its old one has, and through this. */
static bool note_names(struct pipeline_work *work, const struct yaml_node *transformation, sv field,
                       const struct pipeline_names *names)
{
    const struct pipeline_note **mapped = &work->facts.mapped;
    bool fits = pipeline_note(work->kept, mapped, field, SV(""), NULL);
    for (size_t i = 0; i < names->count; i++)
        fits = pipeline_note(work->kept, mapped, names->list[i], SV(""), NULL) && fits;
    return pipeline_note_names(work->kept, &work->facts.names, pipeline_text(transformation, "id"), field,
                               names) &&
           fits;
}

/* --- names of fields */

/* The key with another field before its modifiers. */
static void rename_key(struct pipeline_work *work, struct yaml_node *item, sv field)
{
    sv rest = sv_from(item->key, pipeline_field_of(item->key).n);
    item->key = arena_printf(work->arena, "%.*s%.*s", SV_ARG(field), SV_ARG(rest));
    if (!item->key.p)
        pipeline_fail(work, item, "there is no more room for rules");
}

/* A copy of the map, in which that item stands at the place; and what comes after is shared by nobody. */
static struct yaml_node *with_item(struct pipeline_work *work, const struct yaml_node *map, size_t place,
                                   struct yaml_node *item)
{
    struct yaml_node *copy = pipeline_copy_of(work, map);
    if (!copy)
        return NULL;
    struct yaml_node **at = &copy->first;
    for (size_t i = 0; *at && i < place; i++)
        at = &(*at)->next;
    item->next = *at ? (*at)->next : NULL;
    *at = item;
    return copy;
}

static void change_map(struct pipeline_work *work, const struct yaml_node *transformation,
                       struct yaml_node *map, size_t from, size_t *alternatives);

/* One item of the map becomes several, which hang together by next: the map becomes as many, of which one
 * must hold. The others are put behind it, with the rest of their items changed in their turn. As deep as a
 * map has items, and PIPELINE_ALTERNATIVES_MAX in all. */
/* NOLINTNEXTLINE(misc-no-recursion) */
static void put_several(struct pipeline_work *work, const struct yaml_node *transformation,
                        struct yaml_node *map, size_t place, struct yaml_node *item,
                        struct yaml_node *several, size_t *alternatives)
{
    for (struct yaml_node *one = several->next, *next; one && !work->failed; one = next) {
        next = one->next;
        if (++*alternatives > PIPELINE_ALTERNATIVES_MAX) {
            pipeline_fail(work, item,
                          "fields that are mapped to several make too many alternatives of this map");
            return;
        }
        struct yaml_node *copy = with_item(work, map, place, one);
        if (!copy)
            return;
        copy->next = map->next;
        map->next = copy;
        change_map(work, transformation, copy, place + 1, alternatives);
    }
    struct yaml_node *behind = item->next;
    *item = *several;
    item->next = behind;
    copy_marks(work, several, item);
}

static struct pipeline_names rename_field(struct pipeline_work *work, const struct yaml_node *transformation,
                                          const struct yaml_node *at, sv field)
{
    struct pipeline_names names;
    if (!pipeline_rename(transformation, field, work->arena, &names)) {
        pipeline_fail(work, at, "there is no more room for rules");
        names = (struct pipeline_names){0};
    }
    if (names.count && !note_names(work, transformation, field, &names))
        pipeline_fail(work, at, "there is no more room for rules");
    return names;
}

/* Copies of the item, one for each name. */
static struct yaml_node *renamed(struct pipeline_work *work, const struct yaml_node *item,
                                 const struct pipeline_names *names)
{
    struct yaml_node *first = NULL, **tail = &first;
    for (size_t i = 0; i < names->count; i++) {
        struct yaml_node *copy = pipeline_copy_of(work, item);
        if (!copy)
            return NULL;
        rename_key(work, copy, names->list[i]);
        *tail = copy;
        tail = &copy->next;
    }
    return first;
}

/* NOLINTNEXTLINE(misc-no-recursion) */
static void rename_item(struct pipeline_work *work, const struct yaml_node *transformation,
                        struct yaml_node *map, size_t place, struct yaml_node *item, size_t *alternatives)
{
    struct pipeline_names names = rename_field(work, transformation, item, pipeline_field_of(item->key));
    if (names.count == 0)
        return;
    pipeline_mark(work, transformation, item);
    struct yaml_node *several = renamed(work, item, &names);
    if (several)
        put_several(work, transformation, map, place, item, several, alternatives);
}

/* NOLINTNEXTLINE(misc-no-recursion) */
static void split_item(struct pipeline_work *work, const struct yaml_node *transformation,
                       struct yaml_node *map, size_t place, struct yaml_node *item, size_t *alternatives)
{
    struct yaml_node *several = pipeline_split_hashes(work, transformation, item);
    for (const struct yaml_node *one = several; one; one = one->next)
        pipeline_mark(work, transformation, one);
    if (several)
        put_several(work, transformation, map, place, item, several, alternatives);
}

/* --- the items of a map */

/* Puts the names in the value's place, one behind the other, and returns the last of them. */
static struct yaml_node *put_names(struct pipeline_work *work, struct yaml_node *value,
                                   const struct pipeline_names *names)
{
    value->text = names->list[0];
    for (size_t i = 1; i < names->count; i++) {
        struct yaml_node *other = pipeline_new_node(work, value);
        if (!other)
            break;
        other->text = names->list[i];
        value->next = other;
        value = other;
    }
    return value;
}

/* Fields that stand as values get their other names, too; of several one must be equal, which is what a list
 * of values means. */
static void rename_references(struct pipeline_work *work, const struct yaml_node *transformation,
                              struct yaml_node *item)
{
    bool single = pipeline_has_modifier(item->key, SV("all")) || pipeline_has_modifier(item->key, SV("neq"));
    if (item->kind == YAML_SCALAR) {
        item->first = pipeline_new_node(work, item);
        if (!item->first)
            return;
        item->first->next = NULL;
        item->kind = YAML_LIST;
        item->count = 1;
    }
    for (struct yaml_node *value = item->first; value && !work->failed; value = value->next) {
        struct pipeline_names names = {0};
        if (pipeline_for_field(&work->facts, transformation, value->text))
            names = rename_field(work, transformation, value, value->text);
        if (names.count > 1 && single)
            pipeline_fail(work, value,
                          "this field is mapped to several, which goes with neither all nor neq");
        else if (names.count)
            value = put_names(work, value, &names);
        item->count += names.count > 1 ? names.count - 1 : 0;
    }
}

void pipeline_refuse(struct pipeline_work *work, sv message)
{
    const char *text = arena_cstr(work->arena, message);
    pipeline_fail(work, work->document, text && *text ? text : "a pipeline refuses this rule");
}

/* What the transformation does to an item that it is for. map is NULL for words that are searched for without
 * a field. */
/* NOLINTNEXTLINE(misc-no-recursion) */
static void change_item(struct pipeline_work *work, const struct yaml_node *transformation,
                        struct yaml_node *map, size_t place, struct yaml_node *item, size_t *alternatives)
{
    enum pipeline_type type = pipeline_type_of(transformation);
    sv field = pipeline_field_of(item->key);
    if (!pipeline_for_item(work, transformation, item))
        return;
    if (type == PIPELINE_detection_item_failure) {
        pipeline_refuse(work, pipeline_text(transformation, "message"));
    } else if (type == PIPELINE_hashes_fields && map) {
        split_item(work, transformation, map, place, item, alternatives);
    } else if (!pipeline_renames(transformation)) {
        if (pipeline_change_values(work, transformation, item))
            pipeline_mark(work, transformation, item);
    } else if (map && field.n) {
        bool named = pipeline_for_item_name(work, transformation, item);
        if (pipeline_has_modifier(item->key, SV("fieldref")))
            rename_references(work, transformation, item);
        if (named)
            rename_item(work, transformation, map, place, item, alternatives);
    }
}

static void drop_items(const struct pipeline_work *work, const struct yaml_node *transformation,
                       struct yaml_node *map)
{
    for (struct yaml_node **at = &map->first; *at;) {
        bool drop = pipeline_field_of((*at)->key).n && pipeline_for_item(work, transformation, *at);
        if (!drop) {
            at = &(*at)->next;
            continue;
        }
        *at = (*at)->next;
        map->count--;
    }
}

/* Its items from that place on. */
/* NOLINTNEXTLINE(misc-no-recursion) */
static void change_map(struct pipeline_work *work, const struct yaml_node *transformation,
                       struct yaml_node *map, size_t from, size_t *alternatives)
{
    size_t place = 0;
    for (struct yaml_node *item = map->first; item && !work->failed; item = item->next, place++)
        if (place >= from)
            change_item(work, transformation, map, place, item, alternatives);
}

/* --- selections */

/* A map that became several is a list of them. */
static void change_single(struct pipeline_work *work, const struct yaml_node *transformation,
                          struct yaml_node *selection)
{
    struct yaml_node *map = pipeline_new_node(work, selection);
    size_t alternatives = 1;
    if (!map)
        return;
    map->next = NULL;
    change_map(work, transformation, map, 0, &alternatives);
    selection->first = map->first;
    if (!map->next)
        return;
    selection->kind = YAML_LIST;
    selection->first = map;
    selection->count = alternatives;
}

/* Words without a field: an item whose key is empty. */
static void change_words(struct pipeline_work *work, const struct yaml_node *transformation,
                         struct yaml_node *words)
{
    struct yaml_node *item = pipeline_new_node(work, words);
    size_t alternatives = 1;
    if (!item)
        return;
    item->key = SV("");
    copy_marks(work, words, item);
    change_item(work, transformation, NULL, 0, item, &alternatives);
    words->kind = item->kind;
    words->text = item->text;
    words->first = item->first;
    words->count = item->count;
    copy_marks(work, item, words);
}

static bool is_words(const struct yaml_node *list)
{
    bool words = list->count > 0;
    for (const struct yaml_node *one = list->first; one; one = one->next)
        words = words && one->kind == YAML_SCALAR;
    return words;
}

static void change_list(struct pipeline_work *work, const struct yaml_node *transformation,
                        struct yaml_node *selection)
{
    if (is_words(selection)) {
        change_words(work, transformation, selection);
        return;
    }
    for (struct yaml_node *map = selection->first, *next; map && !work->failed; map = next) {
        size_t alternatives = 1;
        next = map->next;
        if (map->kind == YAML_MAP)
            change_map(work, transformation, map, 0, &alternatives);
        selection->count += alternatives - 1;
    }
}

static bool is_selection(const struct yaml_node *node)
{
    return !sv_eq(node->key, SV("condition")) && !sv_eq(node->key, SV("timeframe")) &&
           !sv_eq(node->key, SV("rules"));
}

void pipeline_change_selections(struct pipeline_work *work, const struct yaml_node *transformation)
{
    bool drop = pipeline_type_of(transformation) == PIPELINE_drop_detection_item;
    for (struct yaml_node *selection = work->detection->first; selection; selection = selection->next) {
        if (!is_selection(selection))
            continue;
        if (selection->kind == YAML_MAP && drop)
            drop_items(work, transformation, selection);
        else if (selection->kind == YAML_MAP)
            change_single(work, transformation, selection);
        else if (selection->kind == YAML_LIST && drop)
            for (struct yaml_node *map = selection->first; map; map = map->next)
                drop_items(work, transformation, map);
        else if (selection->kind == YAML_LIST)
            change_list(work, transformation, selection);
        else if (selection->kind == YAML_SCALAR && !drop)
            change_words(work, transformation, selection);
    }
}
