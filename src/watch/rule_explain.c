#include "watch/rule_explain.h"

#include "watch/rule_source.h"
#include "watch/ruleset_priv.h"

/* What explanations are made with. */
struct explainer {
    const struct ruleset *ruleset;
    struct ruleset_matcher *matcher;
    const struct sigma_rule *rule;
    const struct event *event;
    struct arena *arena;
};

/* What the fields of the item's name hold. */
static bool find_values(const struct explainer *explainer, const struct sigma_item *item,
                        struct explained_item *ret)
{
    const struct event *event = explainer->event;
    ret->keyword = item->slot == SIGMA_NO_SLOT;
    ret->found = arena_alloc(explainer->arena, (event->field_count + 1) * sizeof *ret->found);
    if (!ret->found || ret->keyword)
        return ret->found != NULL;
    sv name = sigma_fields_name(explainer->ruleset->fields, item->slot);
    for (size_t i = 0; i < event->field_count; i++)
        if (sv_eq(event->fields[i].name, name))
            ret->found[ret->found_count++] =
                event->fields[i].type == EVENT_NULL ? SV("null") : event->fields[i].value;
    return true;
}

static bool explain_item(const struct explainer *explainer, const struct sigma_item *item,
                         struct explained_item *ret)
{
    bool any = false, every = true;
    *ret = (struct explained_item){.key = item->key, .all = item->all, .negated = item->negated};
    ret->values = arena_alloc(explainer->arena, (item->value_count + 1) * sizeof *ret->values);
    if (!ret->values || !find_values(explainer, item, ret))
        return false;
    for (size_t i = 0; i < item->value_count; i++) {
        bool holds = ruleset_matcher_value(explainer->matcher, item->slot, &item->values[i]);
        ret->values[ret->value_count++] =
            (struct explained_value){item->written ? item->written[i] : SV(""), holds};
        any = any || holds;
        every = every && holds;
    }
    ret->holds = (item->all ? every : any) != item->negated;
    return true;
}

static bool explain_map(const struct explainer *explainer, const struct sigma_group *group,
                        struct explained_map *ret)
{
    *ret = (struct explained_map){.holds = true};
    ret->items = arena_alloc(explainer->arena, (group->item_count + 1) * sizeof *ret->items);
    for (size_t i = 0; ret->items && i < group->item_count; i++) {
        if (!explain_item(explainer, &group->items[i], &ret->items[ret->item_count++]))
            return false;
        ret->holds = ret->holds && ret->items[i].holds;
    }
    return ret->items != NULL;
}

static bool explain_selection(const struct explainer *explainer, size_t index,
                              struct explained_selection *ret)
{
    const struct sigma_selection *selection = &explainer->rule->selections[index];
    *ret = (struct explained_selection){.name = selection->name,
                                        .filter = index >= explainer->rule->selection_count -
                                                               explainer->rule->borrowed_count};
    ret->maps = arena_alloc(explainer->arena, (selection->group_count + 1) * sizeof *ret->maps);
    for (size_t i = 0; ret->maps && i < selection->group_count; i++) {
        if (!explain_map(explainer, &selection->groups[i], &ret->maps[ret->map_count++]))
            return false;
        ret->holds = ret->holds || ret->maps[i].holds;
    }
    return ret->maps != NULL;
}

static bool explain_conditions(const struct explainer *explainer, struct explained_rule *ret)
{
    const struct sigma_rule *rule = explainer->rule;
    bool any = false;
    ret->conditions = arena_alloc(explainer->arena, (rule->condition_count + 1) * sizeof *ret->conditions);
    for (size_t i = 0; ret->conditions && i < rule->condition_count; i++) {
        bool holds = ruleset_matcher_condition(explainer->matcher, rule, rule->conditions[i]);
        ret->conditions[ret->condition_count++] =
            (struct explained_condition){rule->condition_texts ? rule->condition_texts[i] : SV(""), holds};
        any = any || holds;
    }
    ret->matches = any && ret->source_agrees;
    return ret->conditions != NULL;
}

bool rule_explain(struct explained_rule *ret, const struct ruleset *ruleset, struct ruleset_matcher *matcher,
                  size_t rule, const struct event *event, struct arena *arena)
{
    const struct explainer explainer = {ruleset, matcher, &ruleset->rules[rule], event, arena};
    *ret = (struct explained_rule){.source_agrees =
                                       rule_source_agrees(&explainer.rule->about.source, &event->source)};
    ruleset_matcher_begin(matcher, event);
    ret->selections = arena_alloc(arena, (explainer.rule->selection_count + 1) * sizeof *ret->selections);
    for (size_t i = 0; ret->selections && i < explainer.rule->selection_count; i++)
        if (!explain_selection(&explainer, i, &ret->selections[ret->selection_count++]))
            return false;
    return ret->selections && explain_conditions(&explainer, ret);
}
