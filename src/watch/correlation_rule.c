#include "watch/correlation_rule.h"

#include <assert.h>
#include <stdlib.h>

struct correlation_rules {
    size_t count;
};

struct correlation_rules *correlation_rules_new(void)
{
    struct correlation_rules *rules = calloc(1, sizeof *rules);
    assert(rules);
    return rules;
}

void correlation_rules_free(struct correlation_rules *rules)
{
    free(rules);
}

bool correlation_rule_load(struct correlation_rules *rules, const struct yaml_node *document,
                           struct sigma_workshop *shop)
{
    (void)rules;
    const struct yaml_node *node = yaml_get(document, "correlation");
    sigma_error(shop->errors, node->key_line, node->key_column, "correlation rules are not supported yet");
    return false;
}

size_t correlation_rules_resolve(struct correlation_rules *rules, const struct ruleset *ruleset,
                                 rule_error_fn *fn, void *arg)
{
    (void)rules, (void)ruleset, (void)fn, (void)arg;
    return 0;
}
