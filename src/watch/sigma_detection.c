#include "watch/sigma_rule.h"

enum { PROBLEM_BYTES_MAX = 320 };

/* Compiles one scalar into the item. */
static void add_value(struct sigma_item *item, const struct yaml_node *node, const struct sigma_key *key,
                      struct sigma_workshop *shop)
{
    char problem[PROBLEM_BYTES_MAX];
    if (node->kind != YAML_SCALAR) {
        sigma_error(shop->errors, node->line, node->column,
                    "a value must be text, a number or null, not a %s",
                    node->kind == YAML_LIST ? "list" : "map");
        return;
    }
    if (shop->values_left == 0) {
        sigma_error(shop->errors, node->line, node->column, "more than %d values in one rule",
                    SIGMA_VALUES_MAX);
        return;
    }
    struct sigma_value *value = &item->values[item->value_count];
    const struct sigma_maker maker = {shop->arena, shop->scratch,  shop->lists,    shop->fields,
                                      problem,     sizeof problem, shop->pipelines};
    arena_reset(shop->scratch);
    if (!sigma_value_compile(value, node->text, node->plain, key, &maker)) {
        sigma_error(shop->errors, node->line, node->column, "%s", problem);
        return;
    }
    if (item->written)
        item->written[item->value_count] =
            arena_sv(shop->arena, yaml_is_null(node) ? SV("null") : node->text);
    item->value_count++;
    size_t taken = value->kind == SIGMA_ANY_OF ? value->alternative_count : 1;
    shop->values_left -= taken < shop->values_left ? taken : shop->values_left;
}

static bool make_room(struct sigma_item *item, const struct yaml_node *node, size_t count,
                      struct sigma_workshop *shop)
{
    item->values = arena_alloc(shop->arena, count * sizeof *item->values);
    if (shop->keep)
        item->written = arena_alloc(shop->arena, count * sizeof *item->written);
    if (!item->values || (shop->keep && !item->written))
        sigma_shop_full(shop, node);
    return item->values != NULL;
}

static void add_values(struct sigma_item *item, const struct yaml_node *node, const struct sigma_key *key,
                       struct sigma_workshop *shop)
{
    bool list = node->kind == YAML_LIST;
    if (list && node->count == 0) {
        sigma_error(shop->errors, node->key_line, node->key_column, "'%.*s' has an empty list of values",
                    SV_ARG(node->key));
        return;
    }
    if (list && sigma_has(key, SIGMA_MODIFIER_exists)) {
        sigma_error(shop->errors, node->line, node->column,
                    "exists is followed by true or false, not a list");
        return;
    }
    if (!make_room(item, node, list ? node->count : 1, shop))
        return;
    if (!list)
        add_value(item, node, key, shop);
    else
        for (const struct yaml_node *child = node->first; child; child = child->next)
            add_value(item, child, key, shop);
}

/* Whether the modifiers have a meaning for a search in the whole record. */
static bool may_search(const struct sigma_key *key)
{
    const uint64_t fields_only = 1ULL << SIGMA_MODIFIER_startswith | 1ULL << SIGMA_MODIFIER_endswith |
                                 1ULL << SIGMA_MODIFIER_cidr | 1ULL << SIGMA_MODIFIER_exists |
                                 1ULL << SIGMA_MODIFIER_neq;
    return key->modifiers && !(key->modifiers & fields_only) && !sigma_has_role(key, SIGMA_ORDER) &&
           !sigma_has_role(key, SIGMA_PART) && !sigma_has_role(key, SIGMA_REFERENCE);
}

/* Reads a map's key; false if it is wrong. */
static bool read_key(struct sigma_key *ret, const struct yaml_node *node, struct sigma_workshop *shop)
{
    char problem[PROBLEM_BYTES_MAX];
    size_t offset = 0;
    if (!sigma_key_parse(node->key, ret, problem, sizeof problem, &offset)) {
        sigma_error(shop->errors, node->key_line, node->key_column + (int)offset, "%s", problem);
        return false;
    }
    if (ret->field.n == 0 && !may_search(ret)) {
        sigma_error(shop->errors, node->key_line, node->key_column,
                    ret->modifiers
                        ? "a search without a field knows only contains, all, re, cased, windash, expand and "
                          "encodings"
                        : "a field's name is empty");
        return false;
    }
    return true;
}

static void add_item(struct sigma_group *group, const struct yaml_node *node, struct sigma_workshop *shop)
{
    struct sigma_key key;
    if (!read_key(&key, node, shop))
        return;
    struct sigma_item *item = &group->items[group->item_count++];
    item->all = sigma_has(&key, SIGMA_MODIFIER_all);
    item->negated = sigma_has(&key, SIGMA_MODIFIER_neq);
    item->key = shop->keep ? arena_sv(shop->arena, node->key) : SV("");
    item->slot = key.field.n ? sigma_fields_intern(shop->fields, key.field) : SIGMA_NO_SLOT;
    if (key.field.n && item->slot == SIGMA_NO_SLOT)
        sigma_shop_full(shop, node);
    add_values(item, node, &key, shop);
}

static void add_map(struct sigma_selection *selection, const struct yaml_node *map,
                    struct sigma_workshop *shop)
{
    if (map->count == 0) {
        sigma_error(shop->errors, map->line, map->column, "an empty map matches nothing: name a field");
        return;
    }
    struct sigma_group *group = &selection->groups[selection->group_count++];
    group->items = arena_alloc(shop->arena, map->count * sizeof *group->items);
    if (!group->items) {
        sigma_shop_full(shop, map);
        return;
    }
    for (const struct yaml_node *child = map->first; child; child = child->next)
        add_item(group, child, shop);
}

/* The scalars of a list are keywords: one item searches for all of them. */
static void add_keywords(struct sigma_selection *selection, const struct yaml_node *node,
                         struct sigma_workshop *shop)
{
    const struct sigma_key search = {0};
    struct sigma_group *group = &selection->groups[selection->group_count++];
    group->items = arena_alloc(shop->arena, sizeof *group->items);
    if (!group->items) {
        sigma_shop_full(shop, node);
        return;
    }
    group->item_count = 1;
    struct sigma_item *item = &group->items[0];
    item->slot = SIGMA_NO_SLOT;
    if (!make_room(item, node, node->kind == YAML_LIST ? node->count : 1, shop))
        return;
    if (node->kind == YAML_SCALAR)
        add_value(item, node, &search, shop);
    for (const struct yaml_node *child = node->first; child; child = child->next)
        if (child->kind == YAML_SCALAR)
            add_value(item, child, &search, shop);
}

static void add_list(struct sigma_selection *selection, const struct yaml_node *list,
                     struct sigma_workshop *shop)
{
    bool keywords = false;
    if (list->count == 0)
        sigma_error(shop->errors, list->key_line, list->key_column, "the list '%.*s' is empty",
                    SV_ARG(list->key));
    for (const struct yaml_node *child = list->first; child; child = child->next) {
        if (child->kind == YAML_MAP)
            add_map(selection, child, shop);
        else if (child->kind == YAML_SCALAR)
            keywords = true;
        else
            sigma_error(shop->errors, child->line, child->column,
                        "a list in a list has no meaning: write maps or values");
    }
    if (keywords)
        add_keywords(selection, list, shop);
}

static void add_selection(struct sigma_rule *rule, const struct yaml_node *node, struct sigma_workshop *shop)
{
    struct sigma_selection *selection = &rule->selections[rule->selection_count++];
    size_t most = node->kind == YAML_LIST ? node->count + 1 : 1;
    selection->name = arena_sv(shop->arena, node->key);
    selection->groups = arena_alloc(shop->arena, most * sizeof *selection->groups);
    if (!selection->name.p || !selection->groups)
        sigma_shop_full(shop, node);
    else if (node->kind == YAML_MAP)
        add_map(selection, node, shop);
    else if (node->kind == YAML_LIST)
        add_list(selection, node, shop);
    else
        add_keywords(selection, node, shop);
}

/* condition and timeframe are no selections; timeframe belongs to the old aggregations only. */
static bool is_selection(const struct yaml_node *node)
{
    return !sv_eq(node->key, SV("condition")) && !sv_eq(node->key, SV("timeframe"));
}

static void add_condition(struct sigma_rule *rule, const struct yaml_node *node, const sv *names,
                          struct sigma_workshop *shop)
{
    char problem[PROBLEM_BYTES_MAX];
    size_t offset = 0;
    if (node->kind != YAML_SCALAR) {
        sigma_error(shop->errors, node->line, node->column, "a condition must be text");
        return;
    }
    const struct sigma_node *root = sigma_condition_parse(node->text, names, rule->selection_count,
                                                          shop->arena, problem, sizeof problem, &offset);
    if (root && rule->condition_texts)
        rule->condition_texts[rule->condition_count] = arena_sv(shop->arena, node->text);
    if (root)
        rule->conditions[rule->condition_count++] = root;
    else if (node->block)
        sigma_error(shop->errors, node->line, node->column, "%s (at character %zu of the condition)", problem,
                    offset + 1);
    else
        sigma_error(shop->errors, node->line, node->column + (int)offset, "%s", problem);
}

static void add_conditions(struct sigma_rule *rule, const struct yaml_node *node, struct sigma_workshop *shop)
{
    sv *names = arena_alloc(shop->arena, (rule->selection_count + 1) * sizeof *names);
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): it is an array of pointers. */
    rule->conditions = arena_alloc(shop->arena, (node->count + 1) * sizeof *rule->conditions);
    if (shop->keep)
        rule->condition_texts = arena_alloc(shop->arena, (node->count + 1) * sizeof *rule->condition_texts);
    if (!names || !rule->conditions) {
        sigma_shop_full(shop, node);
        return;
    }
    for (size_t i = 0; i < rule->selection_count; i++)
        names[i] = rule->selections[i].name;
    if (node->kind != YAML_LIST) {
        add_condition(rule, node, names, shop);
        return;
    }
    if (node->count == 0)
        sigma_error(shop->errors, node->line, node->column, "the list of conditions is empty");
    for (const struct yaml_node *child = node->first; child; child = child->next)
        add_condition(rule, child, names, shop);
}

void sigma_detection_load(struct sigma_rule *rule, const struct yaml_node *detection,
                          struct sigma_workshop *shop)
{
    if (detection->kind != YAML_MAP) {
        sigma_error(shop->errors, detection->line, detection->column,
                    "detection must be a map of selections and a condition");
        return;
    }
    if (detection->count > SIGMA_SELECTIONS_MAX) {
        sigma_error(shop->errors, detection->line, detection->column, "more than %d selections in one rule",
                    SIGMA_SELECTIONS_MAX);
        return;
    }
    rule->selections = arena_alloc(shop->arena, (detection->count + 1) * sizeof *rule->selections);
    if (!rule->selections) {
        sigma_shop_full(shop, detection);
        return;
    }
    for (const struct yaml_node *child = detection->first; child; child = child->next)
        if (is_selection(child))
            add_selection(rule, child, shop);
    const struct yaml_node *condition = yaml_get(detection, "condition");
    if (!condition)
        sigma_error(shop->errors, detection->key_line, detection->key_column,
                    "detection has no condition: add one, such as 'condition: selection'");
    else
        add_conditions(rule, condition, shop);
}
