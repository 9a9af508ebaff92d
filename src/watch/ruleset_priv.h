/* What ruleset.c builds and ruleset_match.c evaluates. */
#ifndef VEDETTE_WATCH_RULESET_PRIV_H
#define VEDETTE_WATCH_RULESET_PRIV_H

#include "watch/correlation_rule.h"
#include "watch/prefilter.h"
#include "watch/sigma_filter.h"
#include "watch/sigma_rule.h"

struct ruleset {
    struct arena *arena, *bodies; /* bodies: what only matching and findings need; NULL once it is stripped */
    struct sigma_fields *fields;
    const struct sigma_lists *lists;
    const struct pipelines *pipelines;
    struct masks *masks; /* NULL: nothing is hidden */
    struct database_cache *cache;
    bool keep;       /* what rules say, to explain by */
    bool uncompiled; /* no event will meet them */
    struct sigma_rule *rules;
    size_t count, cap, failed, rules_max, correlations_max;
    uint32_t *ids; /* hash table of rule index + 1 by id, ASCII case folded; at most half in use */
    size_t id_cells;
    struct correlation_rules *correlations;
    struct sigma_filters *filters;
    struct prefilter *prefilter; /* made by the seal; NULL: every rule is tried */
    bool sealed;
};

/* The rule of that id (ASCII case aside), else of that name; its index, or SIZE_MAX. */
size_t ruleset_find(const struct ruleset *ruleset, sv id_or_name);

/* One by one, for explanations: begins an event, then compares one value with all fields of a slot; or asks
 * of a selection, or a condition, of a rule. */
void ruleset_matcher_begin(struct ruleset_matcher *matcher, const struct event *event);
bool ruleset_matcher_value(struct ruleset_matcher *matcher, uint32_t slot, const struct sigma_value *value);
bool ruleset_matcher_condition(struct ruleset_matcher *matcher, const struct sigma_rule *rule,
                               const struct sigma_node *condition);

/* For tests: tries every rule of the log source from now on, as if there were no prefilter. */
void ruleset_matcher_try_all(struct ruleset_matcher *matcher);

/* For tests: makes the prefilter unsound from now on, so that a comparison can show that it would notice. */
void ruleset_matcher_spoil(struct ruleset_matcher *matcher);

#endif
