/* What a ruleset's correlations want of the events that its rules match. */
#ifndef VEDETTE_WATCH_CORRELATION_H
#define VEDETTE_WATCH_CORRELATION_H

#include "watch/ruleset.h"
#include "wire/projection.h"

struct correlation_rules;

/* How many were loaded and found the rules that they name. */
size_t correlation_count(const struct ruleset *ruleset);

/* What a correlation says of itself. */
const struct rule *correlation_about(const struct ruleset *ruleset, size_t index);

/* Whether correlations want to know of the events that this rule matches. */
bool correlation_wants(const struct ruleset *ruleset, size_t rule);

/* Whether a match of this rule is no finding: correlations build on it, and none of them says `generate:
 * true`.
 */
bool correlation_silences(const struct ruleset *ruleset, size_t rule);

/* Picks of a finding of this rule what correlations want: fewer fields, in the arena; the rule's own words
 * are left out. */
void correlation_project(const struct ruleset *ruleset, size_t rule, const struct finding *finding,
                         struct arena *arena, struct projection *ret);

/* The same without what only a person wants to see. */
void correlation_project_asked(const struct ruleset *ruleset, size_t rule, const struct finding *finding,
                               struct arena *arena, struct projection *ret);

#endif
