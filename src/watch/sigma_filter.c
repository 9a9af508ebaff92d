#include "watch/sigma_filter.h"

#include <assert.h>
#include <stdlib.h>

struct filter {
    struct sigma_rule rule; /* its selections and conditions; about says where it stands */
    sv *targets;
    size_t target_count;
    bool any;
    int line, column; /* of what names the rules */
};

struct sigma_filters {
    struct filter *list;
    size_t count;
};

struct sigma_filters *sigma_filters_new(void)
{
    struct sigma_filters *filters = calloc(1, sizeof *filters);
    assert(filters);
    return filters;
}

void sigma_filters_free(struct sigma_filters *filters)
{
    if (!filters)
        return;
    for (size_t i = 0; i < filters->count; i++)
        sigma_rule_clear(&filters->list[i].rule);
    free(filters->list);
    free(filters);
}

size_t sigma_filters_count(const struct sigma_filters *filters)
{
    return filters->count;
}

static void add_target(struct filter *filter, const struct yaml_node *node, struct sigma_workshop *shop)
{
    if (node->kind != YAML_SCALAR || node->text.n == 0) {
        sigma_error(shop->errors, node->line, node->column, "rules are named by their id or name");
        return;
    }
    sv copy = arena_sv(shop->arena, node->text);
    if (!copy.p)
        sigma_shop_full(shop, node);
    else if (sv_ieq(copy, SV("any")))
        filter->any = true;
    else
        filter->targets[filter->target_count++] = copy;
}

static void read_targets(struct filter *filter, const struct yaml_node *node, const struct yaml_node *rules,
                         struct sigma_workshop *shop)
{
    if (!rules || rules->kind == YAML_MAP || (rules->kind == YAML_LIST && rules->count == 0)) {
        sigma_error(shop->errors, rules ? rules->line : node->line, rules ? rules->column : node->column,
                    "filter names no rules: add rules: and a list of their ids or names, or any");
        return;
    }
    if (rules->count > SIGMA_FILTER_TARGETS_MAX) {
        sigma_error(shop->errors, rules->line, rules->column, "more than %d rules in one filter",
                    SIGMA_FILTER_TARGETS_MAX);
        return;
    }
    filter->line = rules->line;
    filter->column = rules->column;
    filter->targets = arena_alloc(shop->arena, (rules->count + 1) * sizeof *filter->targets);
    if (!filter->targets)
        sigma_shop_full(shop, rules);
    else if (rules->kind == YAML_SCALAR)
        add_target(filter, rules, shop);
    else
        for (const struct yaml_node *child = rules->first; child; child = child->next)
            add_target(filter, child, shop);
}

/* The filter's map as a detection, which is what is left of it without "rules". */
static const struct yaml_node *detection_of(const struct yaml_node *node, struct sigma_workshop *shop)
{
    struct yaml_node *map = arena_alloc(shop->arena, sizeof *map);
    if (!map)
        return NULL;
    *map = *node;
    struct yaml_node **tail = &map->first;
    map->count = 0;
    for (const struct yaml_node *child = node->first; child; child = child->next) {
        if (sv_eq(child->key, SV("rules")))
            continue;
        *tail = arena_alloc(shop->arena, sizeof **tail);
        if (!*tail)
            return NULL;
        **tail = *child;
        tail = &(*tail)->next;
        map->count++;
    }
    *tail = NULL;
    return map;
}

static void load_filter(struct filter *filter, const struct yaml_node *document, struct sigma_workshop *shop)
{
    const struct yaml_node *node = yaml_get(document, "filter");
    sigma_about_load(&filter->rule.about, document, shop);
    sigma_source_load(&filter->rule.about.source, document, shop);
    if (node->kind != YAML_MAP) {
        sigma_error(shop->errors, node->line, node->column,
                    "filter must be a map of rules, selections and a condition");
        return;
    }
    read_targets(filter, node, yaml_get(node, "rules"), shop);
    const struct yaml_node *detection = detection_of(node, shop);
    if (detection)
        sigma_detection_load(&filter->rule, detection, shop);
    else
        sigma_shop_full(shop, node);
}

bool sigma_filter_load(struct sigma_filters *filters, const struct yaml_node *document,
                       struct sigma_workshop *shop)
{
    struct filter filter = {0};
    size_t before = shop->errors->count;
    if (filters->count == SIGMA_FILTERS_MAX) {
        sigma_error(shop->errors, document->line, document->column, "more than %d filters",
                    SIGMA_FILTERS_MAX);
        return false;
    }
    shop->values_left = SIGMA_VALUES_MAX;
    load_filter(&filter, document, shop);
    if (shop->errors->count != before) {
        sigma_rule_clear(&filter.rule);
        return false;
    }
    filters->list = reallocarray(filters->list, filters->count + 1, sizeof *filters->list);
    assert(filters->list);
    filters->list[filters->count++] = filter;
    return true;
}

/* A copy of a condition whose selections stand `by` further on. NULL without room.
 * NOLINTNEXTLINE(misc-no-recursion): the parser bounds the depth. */
static struct sigma_node *moved(const struct sigma_node *node, size_t by, struct arena *arena)
{
    struct sigma_node *copy = arena_alloc(arena, sizeof *copy);
    size_t *selections = arena_alloc(arena, (node->selection_count + 1) * sizeof *selections);
    if (!copy || !selections)
        return NULL;
    *copy = *node;
    copy->selection = node->selection + by;
    for (size_t i = 0; i < node->selection_count; i++)
        selections[i] = node->selections[i] + by;
    copy->selections = selections;
    copy->next = NULL;
    struct sigma_node **tail = &copy->first;
    for (const struct sigma_node *child = node->first; child; child = child->next) {
        *tail = moved(child, by, arena);
        if (!*tail)
            return NULL;
        tail = &(*tail)->next;
    }
    return copy;
}

/* Any of the filter's conditions, for a rule that has `by` selections of its own. */
static struct sigma_node *any_condition(const struct sigma_rule *filter, size_t by, struct arena *arena)
{
    struct sigma_node *any = arena_alloc(arena, sizeof *any);
    if (!any)
        return NULL;
    any->kind = SIGMA_OR;
    struct sigma_node **tail = &any->first;
    for (size_t i = 0; i < filter->condition_count; i++) {
        *tail = moved(filter->conditions[i], by, arena);
        if (!*tail)
            return NULL;
        tail = &(*tail)->next;
    }
    return any;
}

/* The rule's own condition is copied too: siblings in a list are linked, and it is about to get one. */
static const struct sigma_node *both(const struct sigma_node *own, const struct sigma_rule *filter, size_t by,
                                     struct arena *arena)
{
    struct sigma_node *all = arena_alloc(arena, sizeof *all);
    struct sigma_node *first = moved(own, 0, arena), *second = any_condition(filter, by, arena);
    if (!all || !first || !second)
        return NULL;
    all->kind = SIGMA_AND;
    all->first = first;
    first->next = second;
    return all;
}

static bool add_to(struct sigma_rule *rule, const struct sigma_rule *filter, struct arena *arena)
{
    size_t own = rule->selection_count, count = own + filter->selection_count;
    struct sigma_selection *selections = arena_alloc(arena, count * sizeof *selections);
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): it is an array of pointers. */
    const struct sigma_node **conditions = arena_alloc(arena, rule->condition_count * sizeof *conditions);
    if (!selections || !conditions)
        return false;
    memcpy(selections, rule->selections, own * sizeof *selections);
    memcpy(selections + own, filter->selections, filter->selection_count * sizeof *selections);
    for (size_t i = 0; i < rule->condition_count; i++) {
        conditions[i] = both(rule->conditions[i], filter, own, arena);
        if (!conditions[i])
            return false;
    }
    rule->selections = selections;
    rule->selection_count = count;
    rule->borrowed_count += filter->selection_count;
    rule->conditions = conditions;
    return true;
}

/* Each part is equal, or not named by the filter. */
static bool shares_source(const struct logsource *filter, const struct logsource *rule)
{
    return (filter->product.n == 0 || sv_ieq(filter->product, rule->product)) &&
           (filter->category.n == 0 || sv_ieq(filter->category, rule->category)) &&
           (filter->service.n == 0 || sv_ieq(filter->service, rule->service));
}

static void apply_to(const struct filter *filter, struct sigma_rule *rule, struct sigma_workshop *shop)
{
    if (shares_source(&filter->rule.about.source, &rule->about.source) &&
        !add_to(rule, &filter->rule, shop->arena))
        sigma_error(shop->errors, filter->line, filter->column, "there is no more room for rules");
}

size_t sigma_filters_apply(struct sigma_filters *filters, struct sigma_rule *rules, size_t count,
                           sigma_find_fn *find, const void *arg, struct sigma_workshop *shop)
{
    size_t failed = 0;
    for (size_t i = 0; i < filters->count; i++) {
        const struct filter *filter = &filters->list[i];
        size_t before = shop->errors->count;
        shop->errors->file = filter->rule.about.file;
        for (size_t r = 0; filter->any && r < count; r++)
            apply_to(filter, &rules[r], shop);
        for (size_t t = 0; !filter->any && t < filter->target_count; t++) {
            size_t found = find(arg, filter->targets[t]);
            if (found < count)
                apply_to(filter, &rules[found], shop);
            else
                sigma_error(shop->errors, filter->line, filter->column,
                            "this filter names the rule '%.*s', but no rule loaded has that id or name",
                            SV_ARG(sv_first(filter->targets[t], 80)));
        }
        failed += shop->errors->count != before;
    }
    return failed;
}
