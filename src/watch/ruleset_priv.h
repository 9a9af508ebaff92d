/* What ruleset.c builds and ruleset_match.c evaluates. */
#ifndef VEDETTE_WATCH_RULESET_PRIV_H
#define VEDETTE_WATCH_RULESET_PRIV_H

#include "watch/sigma_rule.h"

struct ruleset {
    struct arena *arena;
    struct sigma_fields *fields;
    struct sigma_rule *rules;
    size_t count, cap, failed;
    uint32_t *ids; /* hash table of rule index + 1 by id, ASCII case folded; at most half in use */
    size_t id_cells;
    bool sealed;
};

#endif
