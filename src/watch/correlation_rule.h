/* Correlation documents of a ruleset: loaded one by one, then given the rules that they name. Pure. */
#ifndef VEDETTE_WATCH_CORRELATION_RULE_H
#define VEDETTE_WATCH_CORRELATION_RULE_H

#include "watch/sigma_rule.h"

struct correlation_rules;

struct correlation_rules *correlation_rules_new(void);
void correlation_rules_free(struct correlation_rules *rules);

/* Makes a correlation of a document, which goes away afterwards: what is kept lives in shop->arena. False if
 * it has errors, all of them told. */
bool correlation_rule_load(struct correlation_rules *rules, const struct yaml_node *document,
                           struct sigma_workshop *shop);

/* After the last load: finds the rules that the correlations name (ruleset_find). Those that name none are
 * told and left out; returns how many. */
size_t correlation_rules_resolve(struct correlation_rules *rules, const struct ruleset *ruleset,
                                 rule_error_fn *fn, void *arg);

#endif
