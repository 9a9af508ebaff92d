/* What transformations do to a rule as a whole, and the order in which it goes through them. */
#include "watch/pipeline_priv.h"

#include "base/buf.h"
#include "watch/sigma_value.h"

enum { UNMAPPED_BYTES_MAX = 4096 };

static void narrow(struct pipeline_work *work, struct yaml_node *condition, sv name, bool negated)
{
    condition->text = arena_printf(work->arena, "%s%.*s and (%.*s)", negated ? "not " : "", SV_ARG(name),
                                   SV_ARG(condition->text));
    condition->block = true; /* its columns are not the file's any more */
    if (!condition->text.p)
        pipeline_fail(work, condition, "there is no more room for rules");
}

/* $product, ${product} and so on, in a condition that is a template. */
static void fill_in(struct pipeline_work *work, struct yaml_node *value)
{
    static const char *const parts[] = {"product", "category", "service"};
    struct buf out = BUF_INIT(2 * SIGMA_VALUE_BYTES_MAX); /* the loader refuses what is too long */
    for (sv rest = value->text; rest.n;) {
        size_t taken = 0;
        for (size_t i = 0; i < 3 && taken == 0; i++) {
            sv name = sv_of(parts[i]), behind = sv_from(rest, 1);
            bool braced = sv_starts(behind, SV("{")) && sv_starts(sv_from(behind, 1), name) &&
                          sv_starts(sv_from(behind, 1 + name.n), SV("}"));
            if (rest.p[0] == '$' && (braced || sv_starts(behind, name)))
                taken = 1 + name.n + (braced ? 2 : 0);
            if (taken)
                buf_put(&out, pipeline_text(work->source, parts[i]));
        }
        if (taken == 0)
            buf_put_char(&out, rest.p[0]);
        rest = sv_from(rest, taken ? taken : 1);
    }
    value->text = arena_sv(work->arena, buf_view(&out));
    if (!value->text.p)
        pipeline_fail(work, value, "there is no more room for rules");
    buf_free(&out);
}

static void fill_in_all(struct pipeline_work *work, struct yaml_node *conditions)
{
    for (struct yaml_node *item = conditions->first; item; item = item->next) {
        if (item->kind == YAML_SCALAR)
            fill_in(work, item);
        for (struct yaml_node *one = item->first; item->kind == YAML_LIST && one; one = one->next)
            if (one->kind == YAML_SCALAR)
                fill_in(work, one);
    }
}

static void add_condition(struct pipeline_work *work, const struct yaml_node *transformation)
{
    struct yaml_node *selection = pipeline_copy_of(work, yaml_get(transformation, "conditions"));
    bool negated = pipeline_says(transformation, "negated");
    sv name = arena_printf(work->arena, "_pipeline_%zu", work->added++);
    if (!selection || !name.p)
        return;
    if (pipeline_says(transformation, "template"))
        fill_in_all(work, selection);
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
    for (const struct yaml_node *item = selection->first; item; item = item->next)
        pipeline_mark(work, transformation, item);
}

static void set_part(struct pipeline_work *work, const char *key, sv value)
{
    struct yaml_node **at = &work->source->first;
    while (*at && !sv_eq((*at)->key, sv_of(key)))
        at = &(*at)->next;
    if (!*at) {
        *at = pipeline_new_node(work, &(struct yaml_node){.kind = YAML_SCALAR,
                                                          .key = sv_of(key),
                                                          .line = work->source->line,
                                                          .column = work->source->column});
        work->source->count++;
    }
    if (*at)
        (*at)->text = value;
}

static void change_source(struct pipeline_work *work, const struct yaml_node *transformation)
{
    static const char *const parts[] = {"product", "category", "service"};
    for (size_t i = 0; i < 3; i++)
        set_part(work, parts[i], pipeline_text(transformation, parts[i]));
}

/* Adds the map's fields that have a name which no transformation has mapped. */
static void list_unmapped(const struct pipeline_work *work, const struct yaml_node *map, struct buf *missing)
{
    for (const struct yaml_node *item = map->kind == YAML_MAP ? map->first : NULL; item; item = item->next) {
        sv field = pipeline_field_of(item->key);
        if (field.n && !pipeline_has_note(work->facts.mapped, field, SV("")))
            buf_printf(missing, "%s%.*s", buf_view(missing).n ? ", " : "", SV_ARG(sv_first(field, 60)));
    }
}

static void insist_on_mapping(struct pipeline_work *work)
{
    struct buf missing = BUF_INIT(UNMAPPED_BYTES_MAX);
    for (const struct yaml_node *selection = work->detection->first; selection; selection = selection->next) {
        const struct yaml_node *map = selection->kind == YAML_LIST ? selection->first : selection;
        for (; map; map = selection->kind == YAML_LIST ? map->next : NULL)
            list_unmapped(work, map, &missing);
    }
    if (buf_view(&missing).n)
        pipeline_refuse(
            work, arena_printf(work->arena, "no pipeline maps the fields: %.*s", SV_ARG(buf_view(&missing))));
    buf_free(&missing);
}

static bool fits(struct pipeline_work *work, bool noted)
{
    if (!noted)
        pipeline_fail(work, work->document, "there is no more room for rules");
    return noted;
}

/* Remembers what fields of the rule were renamed by. */
static void leave_trail(struct pipeline_work *work, const struct yaml_node *step)
{
    struct pipeline_trail *trail = arena_alloc(work->kept, sizeof *trail);
    struct pipeline_facts *facts = arena_alloc(work->kept, sizeof *facts);
    if (!fits(work, trail && facts))
        return;
    *facts = work->facts;
    *trail = (struct pipeline_trail){.step = step, .facts = facts};
    *work->trail_tail = trail;
    work->trail_tail = &trail->next;
}

static void apply(struct pipeline_work *work, const struct yaml_node *steps);

/* NOLINTNEXTLINE(misc-no-recursion) */
static void transform(struct pipeline_work *work, const struct yaml_node *step)
{
    switch (pipeline_type_of(step)) {
    case PIPELINE_add_condition:
        if (!work->is_filter)
            add_condition(work, step);
        break;
    case PIPELINE_change_logsource:
        change_source(work, step);
        break;
    case PIPELINE_rule_failure:
        if (!work->is_filter)
            pipeline_refuse(work, pipeline_text(step, "message"));
        break;
    case PIPELINE_strict_field_mapping_failure:
        if (!work->is_filter)
            insist_on_mapping(work);
        break;
    case PIPELINE_set_state:
        fits(work, pipeline_note(work->kept, &work->facts.state, pipeline_text(step, "key"), SV(""),
                                 yaml_get(step, "val")));
        break;
    case PIPELINE_set_custom_attribute:
        fits(work, pipeline_note(work->kept, &work->facts.attributes, pipeline_text(step, "attribute"),
                                 SV(""), yaml_get(step, "value")));
        break;
    case PIPELINE_nest:
        apply(work, yaml_get(step, "items"));
        break;
    case PIPELINE_detection_item_failure:
        if (!work->is_filter)
            pipeline_change_selections(work, step);
        break;
    case PIPELINE_field_name_mapping:
    case PIPELINE_field_name_prefix_mapping:
    case PIPELINE_field_name_prefix:
    case PIPELINE_field_name_suffix:
        leave_trail(work, step);
        pipeline_change_selections(work, step);
        break;
    case PIPELINE_drop_detection_item:
    case PIPELINE_hashes_fields:
    case PIPELINE_map_string:
    case PIPELINE_replace_string:
    case PIPELINE_set_value:
    case PIPELINE_convert_type:
    case PIPELINE_case:
    case PIPELINE_regex:
    case PIPELINE_value_placeholders:
    case PIPELINE_wildcard_placeholders:
        pipeline_change_selections(work, step);
        break;
    case PIPELINE_add_field: /* the list of fields to show: an alert shows all */
    case PIPELINE_remove_field:
    case PIPELINE_set_field:
    case PIPELINE_TYPE_COUNT:
        break;
    }
}

/* As deep as YAML_DEPTH_MAX, by nest. */
/* NOLINTNEXTLINE(misc-no-recursion) */
static void apply(struct pipeline_work *work, const struct yaml_node *steps)
{
    for (const struct yaml_node *step = steps ? steps->first : NULL; step && !work->failed;
         step = step->next) {
        sv id = pipeline_text(step, "id");
        if (!pipeline_for_rule(work, step))
            continue;
        transform(work, step);
        if (id.n)
            fits(work, pipeline_note(work->kept, &work->facts.steps, SV(""), id, NULL));
    }
}

/* Copies what may be rewritten; what is no rule is left to the loader, which says what is wrong with it. */
static bool begin(struct pipeline_work *work)
{
    for (struct yaml_node **at = &work->document->first; *at; at = &(*at)->next) {
        bool source = sv_eq((*at)->key, SV("logsource")), filter = sv_eq((*at)->key, SV("filter"));
        bool detection = filter || sv_eq((*at)->key, SV("detection"));
        if ((*at)->kind != YAML_MAP || !(source || detection))
            continue;
        struct yaml_node *next = (*at)->next, *copy = pipeline_copy_of(work, *at);
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

bool pipelines_apply(const struct pipelines *pipelines, struct yaml_node *document, struct arena *scratch,
                     struct arena *kept, struct sigma_errors *errors, struct pipeline_trail **ret_trail)
{
    struct pipeline_work work = {.document = document,
                                 .arena = scratch,
                                 .kept = kept,
                                 .errors = errors,
                                 .facts = {.pipelines = pipelines},
                                 .trail_tail = ret_trail};
    *ret_trail = NULL;
    if (!pipelines || pipelines->count == 0 || document->kind != YAML_MAP || !begin(&work))
        return !work.failed;
    for (size_t i = 0; i < pipelines->count && !work.failed; i++)
        apply(&work, pipelines->list[i].transformations);
    return !work.failed;
}
