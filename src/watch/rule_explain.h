/* Why a rule matches an event, or does not: every condition, selection, key and value with what it was held
 * against. For rules that were loaded with ruleset_keep. Not for the stream: it asks everything. */
#ifndef VEDETTE_WATCH_RULE_EXPLAIN_H
#define VEDETTE_WATCH_RULE_EXPLAIN_H

#include "watch/ruleset.h"

struct explained_value {
    sv text; /* as the rule has it */
    bool holds;
};

/* "field|modifiers: values" */
struct explained_item {
    sv key;                   /* empty for a list of keywords */
    bool holds, all, negated; /* of its values all must hold, not one; and then it is turned round */
    struct explained_value *values;
    size_t value_count;
    sv *found; /* what the event's fields of that name hold; none: it has no such field */
    size_t found_count;
    bool keyword; /* looked for in the whole record */
};

struct explained_map {
    bool holds;
    struct explained_item *items;
    size_t item_count;
};

struct explained_selection {
    sv name;
    bool holds;
    bool filter;                /* it comes from a filter, not from the rule */
    struct explained_map *maps; /* one must hold */
    size_t map_count;
};

struct explained_condition {
    sv text; /* the rule's own; filters are added to it by "and" */
    bool holds;
};

struct explained_rule {
    bool source_agrees; /* else the rule never sees such events */
    bool matches;
    struct explained_condition *conditions; /* one must hold */
    size_t condition_count;
    struct explained_selection *selections;
    size_t selection_count;
};

/* False if arena has no room. Views borrow from the ruleset and the event. */
bool rule_explain(struct explained_rule *ret, const struct ruleset *ruleset, struct ruleset_matcher *matcher,
                  size_t rule, const struct event *event, struct arena *arena);

#endif
