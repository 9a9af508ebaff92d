/* For tests: Sigma as its specification reads, done the slow way. It walks the rule's YAML for every event,
 * has no prefilter, no slots and no compiled values, and shares nothing with the engine but the readers of
 * YAML and regular expressions and the further names of log sources: so what both say alike is hardly wrong
 * in both. */
#ifndef VEDETTE_WATCH_TESTING_REFERENCE_H
#define VEDETTE_WATCH_TESTING_REFERENCE_H

#include "base/arena.h"
#include "watch/sigma_lists.h"
#include "watch/yaml_tree.h"
#include "wire/event.h"

/* Whether the rule, a document with logsource and detection that the engine loads without error, matches.
 * lists may be NULL. arena is used up as it goes: reset it between calls. */
bool reference_matches(const struct yaml_node *rule, const struct event *event,
                       const struct sigma_lists *lists, struct arena *arena);

/* The part that compares one value: node stands under key ("field|modifiers"; ones that change the values,
 * not all and neq), and text is what a field holds, of that type. fields are those of the event, for
 * fieldref. */
bool reference_value(const char *key, const struct yaml_node *node, const struct event_field *field,
                     const struct event *event, const struct sigma_lists *lists, struct arena *arena);

/* Whether key, taken apart at |, has that modifier. */
bool reference_has(const char *key, const char *modifier);

/* That memory, or the test ends. */
void *reference_alloc(struct arena *arena, size_t n);

#endif
