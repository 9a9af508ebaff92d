#include "watch/pipeline_priv.h"

#include "base/ascii.h"

enum { COPIES_MAX = YAML_NODES_MAX };

/* One rule on its way through the pipelines. */
struct work {
    struct yaml_node *document, *source, *detection;
    struct arena *arena;
    struct sigma_errors *errors;
    size_t copies;  /* nodes made so far */
    size_t added;   /* conditions added so far */
    bool is_filter; /* no rule: conditions are not added, and it is not refused */
    bool failed;
};

static void fail(struct work *work, const struct yaml_node *at, const char *why)
{
    if (!work->failed)
        sigma_error(work->errors, at->line, at->column, "%s", why);
    work->failed = true;
}

static struct yaml_node *new_node(struct work *work, const struct yaml_node *like)
{
    struct yaml_node *node = work->copies++ < COPIES_MAX ? arena_alloc(work->arena, sizeof *node) : NULL;
    if (node)
        *node = *like;
    else
        fail(work, like, "a pipeline makes too much of this rule");
    return node;
}

/* Aliases share their nodes: what is rewritten is a copy. As deep as YAML_DEPTH_MAX. */
/* NOLINTNEXTLINE(misc-no-recursion) */
static struct yaml_node *copy_of(struct work *work, const struct yaml_node *node)
{
    struct yaml_node *copy = new_node(work, node);
    if (!copy)
        return NULL;
    copy->first = NULL;
    copy->next = NULL;
    struct yaml_node **tail = &copy->first;
    for (const struct yaml_node *child = node->first; child; child = child->next) {
        *tail = copy_of(work, child);
        if (!*tail)
            return NULL;
        tail = &(*tail)->next;
    }
    return copy;
}

/* --- conditions */

static sv field_of(sv key)
{
    return sv_split(&key, '|');
}

static bool map_has_field(const struct yaml_node *map, sv field)
{
    for (const struct yaml_node *item = map->first; map->kind == YAML_MAP && item; item = item->next)
        if (sv_eq(field_of(item->key), field))
            return true;
    return false;
}

static bool has_field(const struct work *work, sv field)
{
    for (const struct yaml_node *selection = work->detection->first; selection; selection = selection->next) {
        if (map_has_field(selection, field))
            return true;
        for (const struct yaml_node *map = selection->first; selection->kind == YAML_LIST && map;
             map = map->next)
            if (map_has_field(map, field))
                return true;
    }
    return false;
}

static bool part_is(const struct work *work, const struct yaml_node *condition, const char *key)
{
    sv wanted = pipeline_text(condition, key);
    return wanted.n == 0 || sv_ieq(wanted, pipeline_text(work->source, key));
}

static bool condition_holds(const struct work *work, const struct yaml_node *condition)
{
    if (sv_eq(pipeline_text(condition, "type"), SV("contains_field")))
        return has_field(work, pipeline_text(condition, "field"));
    return part_is(work, condition, "product") && part_is(work, condition, "category") &&
           part_is(work, condition, "service");
}

/* Whether the transformation is for this rule. */
static bool applies(const struct work *work, const struct yaml_node *transformation)
{
    const struct yaml_node *list = yaml_get(transformation, "rule_conditions");
    bool any = false, all = true;
    for (const struct yaml_node *child = list ? list->first : NULL; child; child = child->next) {
        bool holds = condition_holds(work, child);
        any = any || holds;
        all = all && holds;
    }
    bool holds = sv_eq(pipeline_text(transformation, "rule_cond_op"), SV("or")) ? any : all;
    return !list || holds != pipeline_says(transformation, "rule_cond_not");
}

/* --- names of fields */

/* The key with another field before its modifiers. */
static void rename_key(struct work *work, struct yaml_node *item, sv field)
{
    sv rest = sv_from(item->key, field_of(item->key).n);
    item->key = arena_printf(work->arena, "%.*s%.*s", SV_ARG(field), SV_ARG(rest));
    if (!item->key.p)
        fail(work, item, "there is no more room for rules");
}

/* A copy of the map, in which the item at the same place has the other field; and what comes after is shared
 * by nobody. */
static struct yaml_node *with_field(struct work *work, const struct yaml_node *map, size_t place, sv field)
{
    struct yaml_node *copy = copy_of(work, map), *item = copy ? copy->first : NULL;
    for (size_t i = 0; item && i < place; i++)
        item = item->next;
    if (item)
        rename_key(work, item, field);
    return copy;
}

static void change_map(struct work *work, const struct yaml_node *transformation, struct yaml_node *map,
                       size_t from, size_t *alternatives);

/* Maps one field of the map to several: the map becomes as many, of which one must hold. The others are put
 * behind it, with the rest of their fields mapped in their turn. As deep
 * as a map has fields, and PIPELINE_ALTERNATIVES_MAX in all. */
/* NOLINTNEXTLINE(misc-no-recursion) */
static void map_to_several(struct work *work, const struct yaml_node *transformation, struct yaml_node *map,
                           size_t place, struct yaml_node *item, const struct pipeline_names *names,
                           size_t *alternatives)
{
    for (size_t i = 1; i < names->count && !work->failed; i++) {
        if (++*alternatives > PIPELINE_ALTERNATIVES_MAX) {
            fail(work, item, "fields that are mapped to several make too many alternatives of this map");
            return;
        }
        struct yaml_node *copy = with_field(work, map, place, names->list[i]);
        if (!copy)
            return;
        copy->next = map->next;
        map->next = copy;
        change_map(work, transformation, copy, place + 1, alternatives);
    }
    rename_key(work, item, names->list[0]);
}

static struct pipeline_names rename_field(struct work *work, const struct yaml_node *transformation,
                                          const struct yaml_node *at, sv field)
{
    struct pipeline_names names;
    if (!pipeline_rename(transformation, field, work->arena, &names)) {
        fail(work, at, "there is no more room for rules");
        names = (struct pipeline_names){0};
    }
    return names;
}

/* NOLINTNEXTLINE(misc-no-recursion) */
static void rename_item(struct work *work, const struct yaml_node *transformation, struct yaml_node *map,
                        size_t place, struct yaml_node *item, size_t *alternatives)
{
    struct pipeline_names names = rename_field(work, transformation, item, field_of(item->key));
    if (names.count)
        map_to_several(work, transformation, map, place, item, &names, alternatives);
}

/* --- values */

static void map_value(struct work *work, const struct yaml_node *transformation, struct yaml_node *value)
{
    const struct yaml_node *to =
        value->kind == YAML_SCALAR ? pipeline_mapped(transformation, value->text) : NULL;
    (void)work;
    if (to && to->kind == YAML_SCALAR)
        value->text = to->text;
}

static bool is_name(char c)
{
    return ascii_alnum(c) || c == '_' || c == '-';
}

/* %name% that is included (or none is named) and not excluded, becomes "*". */
static void widen_value(struct work *work, const struct yaml_node *transformation, struct yaml_node *value)
{
    const struct yaml_node *include = yaml_get(transformation, "include");
    sv text = value->text;
    char *out = arena_alloc(work->arena, text.n + 1);
    size_t n = 0;
    for (size_t i = 0; out && i < text.n; i++) {
        size_t end = i + 1;
        while (text.p[i] == '%' && end < text.n && is_name(text.p[end]))
            end++;
        bool whole = text.p[i] == '%' && end > i + 1 && end < text.n && text.p[end] == '%' &&
                     !(i && text.p[i - 1] == '\\');
        sv name = whole ? sv_first(sv_from(text, i + 1), end - i - 1) : SV("");
        bool chosen = whole && (!include || pipeline_lists(include, name)) &&
                      !pipeline_lists(yaml_get(transformation, "exclude"), name);
        out[n++] = chosen ? '*' : text.p[i];
        i = chosen ? end : i;
    }
    if (out)
        value->text = (sv){out, n};
}

typedef void value_fn(struct work *work, const struct yaml_node *transformation, struct yaml_node *value);

static void each_value(struct work *work, const struct yaml_node *transformation, struct yaml_node *item,
                       value_fn *fn)
{
    if (item->kind == YAML_SCALAR)
        fn(work, transformation, item);
    for (struct yaml_node *child = item->first; item->kind == YAML_LIST && child; child = child->next)
        if (child->kind == YAML_SCALAR)
            fn(work, transformation, child);
}

/* --- the items of a map */

static bool has_modifier(sv key, sv modifier)
{
    sv_split(&key, '|');
    while (key.p)
        if (sv_eq(sv_split(&key, '|'), modifier))
            return true;
    return false;
}

/* Puts the names in the value's place, one behind the other, and returns the last of them. */
static struct yaml_node *put_names(struct work *work, struct yaml_node *value,
                                   const struct pipeline_names *names)
{
    value->text = names->list[0];
    for (size_t i = 1; i < names->count; i++) {
        struct yaml_node *other = new_node(work, value);
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
static void rename_references(struct work *work, const struct yaml_node *transformation,
                              struct yaml_node *item)
{
    bool single = has_modifier(item->key, SV("all")) || has_modifier(item->key, SV("neq"));
    if (item->kind == YAML_SCALAR) {
        item->first = new_node(work, item);
        if (!item->first)
            return;
        item->first->next = NULL;
        item->kind = YAML_LIST;
        item->count = 1;
    }
    for (struct yaml_node *value = item->first; value && !work->failed; value = value->next) {
        struct pipeline_names names = rename_field(work, transformation, value, value->text);
        if (names.count > 1 && single)
            fail(work, value, "this field is mapped to several, which goes with neither all nor neq");
        else if (names.count)
            value = put_names(work, value, &names);
        item->count += names.count > 1 ? names.count - 1 : 0;
    }
}

/* NOLINTNEXTLINE(misc-no-recursion) */
static void change_item(struct work *work, const struct yaml_node *transformation, struct yaml_node *map,
                        size_t place, struct yaml_node *item, size_t *alternatives)
{
    enum pipeline_type type = pipeline_type_of(transformation);
    if (pipeline_renames(transformation)) {
        if (has_modifier(item->key, SV("fieldref")))
            rename_references(work, transformation, item);
        rename_item(work, transformation, map, place, item, alternatives);
    } else if (!pipeline_for_field(transformation, field_of(item->key))) {
        return;
    } else if (type == PIPELINE_map_string) {
        each_value(work, transformation, item, map_value);
    } else if (type == PIPELINE_wildcard_placeholders && has_modifier(item->key, SV("expand"))) {
        each_value(work, transformation, item, widen_value);
    }
}

static void drop_items(const struct yaml_node *transformation, struct yaml_node *map)
{
    for (struct yaml_node **at = &map->first; *at;) {
        bool drop = field_of((*at)->key).n && pipeline_for_field(transformation, field_of((*at)->key));
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
static void change_map(struct work *work, const struct yaml_node *transformation, struct yaml_node *map,
                       size_t from, size_t *alternatives)
{
    size_t place = 0;
    for (struct yaml_node *item = map->first; item && !work->failed; item = item->next, place++)
        if (place >= from && field_of(item->key).n)
            change_item(work, transformation, map, place, item, alternatives);
}

/* --- selections */

/* A map that became several is a list of them. */
static void change_single(struct work *work, const struct yaml_node *transformation,
                          struct yaml_node *selection)
{
    struct yaml_node *map = new_node(work, selection);
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

static void change_list(struct work *work, const struct yaml_node *transformation,
                        struct yaml_node *selection)
{
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

static void change_selections(struct work *work, const struct yaml_node *transformation)
{
    bool drop = pipeline_type_of(transformation) == PIPELINE_drop_detection_item;
    for (struct yaml_node *selection = work->detection->first; selection; selection = selection->next) {
        if (!is_selection(selection))
            continue;
        if (selection->kind == YAML_MAP && drop)
            drop_items(transformation, selection);
        else if (selection->kind == YAML_MAP)
            change_single(work, transformation, selection);
        else if (selection->kind == YAML_LIST && drop)
            for (struct yaml_node *map = selection->first; map; map = map->next)
                drop_items(transformation, map);
        else if (selection->kind == YAML_LIST)
            change_list(work, transformation, selection);
    }
}

/* --- the rule as a whole */

static void narrow(struct work *work, struct yaml_node *condition, sv name, bool negated)
{
    condition->text = arena_printf(work->arena, "%s%.*s and (%.*s)", negated ? "not " : "", SV_ARG(name),
                                   SV_ARG(condition->text));
    condition->block = true; /* its columns are not the file's any more */
    if (!condition->text.p)
        fail(work, condition, "there is no more room for rules");
}

static void add_condition(struct work *work, const struct yaml_node *transformation)
{
    struct yaml_node *selection = copy_of(work, yaml_get(transformation, "conditions"));
    bool negated = pipeline_says(transformation, "negated");
    sv name = arena_printf(work->arena, "_pipeline_%zu", work->added++);
    if (!selection || !name.p)
        return;
    selection->key = name;
    selection->next = NULL;
    struct yaml_node **tail = &work->detection->first;
    for (; *tail; tail = &(*tail)->next) {
        if (!sv_eq((*tail)->key, SV("condition")))
            continue;
        if ((*tail)->kind == YAML_SCALAR)
            narrow(work, *tail, name, negated);
        for (struct yaml_node *one = (*tail)->first; one; one = one->next)
            narrow(work, one, name, negated);
    }
    *tail = selection;
    work->detection->count++;
}

static void set_part(struct work *work, const char *key, sv value)
{
    struct yaml_node **at = &work->source->first;
    while (*at && !sv_eq((*at)->key, sv_of(key)))
        at = &(*at)->next;
    if (!*at) {
        *at = new_node(work, &(struct yaml_node){.kind = YAML_SCALAR,
                                                 .key = sv_of(key),
                                                 .line = work->source->line,
                                                 .column = work->source->column});
        work->source->count++;
    }
    if (*at)
        (*at)->text = value;
}

static void change_source(struct work *work, const struct yaml_node *transformation)
{
    static const char *const parts[] = {"product", "category", "service"};
    for (size_t i = 0; i < 3; i++)
        set_part(work, parts[i], pipeline_text(transformation, parts[i]));
}

static void refuse(struct work *work, sv message)
{
    const char *text = arena_cstr(work->arena, message);
    fail(work, work->document, text && *text ? text : "a pipeline refuses this rule");
}

static void transform(struct work *work, const struct yaml_node *transformation)
{
    switch (pipeline_type_of(transformation)) {
    case PIPELINE_add_condition:
        if (!work->is_filter)
            add_condition(work, transformation);
        break;
    case PIPELINE_change_logsource:
        change_source(work, transformation);
        break;
    case PIPELINE_rule_failure:
        if (!work->is_filter)
            refuse(work, pipeline_text(transformation, "message"));
        break;
    case PIPELINE_field_name_mapping:
    case PIPELINE_field_name_prefix_mapping:
    case PIPELINE_field_name_prefix:
    case PIPELINE_field_name_suffix:
    case PIPELINE_drop_detection_item:
    case PIPELINE_map_string:
    case PIPELINE_wildcard_placeholders:
        change_selections(work, transformation);
        break;
    case PIPELINE_value_placeholders: /* lists are put in where the rule is made */
    case PIPELINE_TYPE_COUNT:
        break;
    }
}

/* Copies what may be rewritten; what is no rule is left to the loader, which says what is wrong with it. */
static bool begin(struct work *work)
{
    for (struct yaml_node **at = &work->document->first; *at; at = &(*at)->next) {
        bool source = sv_eq((*at)->key, SV("logsource")), filter = sv_eq((*at)->key, SV("filter"));
        bool detection = filter || sv_eq((*at)->key, SV("detection"));
        if ((*at)->kind != YAML_MAP || !(source || detection))
            continue;
        struct yaml_node *next = (*at)->next, *copy = copy_of(work, *at);
        if (!copy)
            return false;
        copy->next = next;
        *at = copy;
        if (source)
            work->source = copy;
        else
            work->detection = copy;
        work->is_filter = work->is_filter || filter;
    }
    return work->source && work->detection;
}

/* Remembers what fields of the rule were renamed by. */
static bool leave_trail(struct work *work, struct arena *kept, const struct yaml_node *step,
                        struct pipeline_trail ***tail)
{
    struct pipeline_trail *trail = arena_alloc(kept, sizeof *trail);
    if (!trail) {
        fail(work, work->document, "there is no more room for rules");
        return false;
    }
    *trail = (struct pipeline_trail){.step = step};
    **tail = trail;
    *tail = &trail->next;
    return true;
}

bool pipelines_apply(const struct pipelines *pipelines, struct yaml_node *document, struct arena *scratch,
                     struct arena *kept, struct sigma_errors *errors, struct pipeline_trail **ret_trail)
{
    struct work work = {.document = document, .arena = scratch, .errors = errors};
    struct pipeline_trail *trail = NULL, **tail = &trail;
    *ret_trail = NULL;
    if (!pipelines || pipelines->count == 0 || document->kind != YAML_MAP || !begin(&work))
        return !work.failed;
    for (size_t i = 0; i < pipelines->count; i++)
        for (const struct yaml_node *one = pipelines->list[i].transformations->first; one && !work.failed;
             one = one->next) {
            if (!applies(&work, one) || (pipeline_renames(one) && !leave_trail(&work, kept, one, &tail)))
                continue;
            transform(&work, one);
        }
    *ret_trail = trail;
    return !work.failed;
}
