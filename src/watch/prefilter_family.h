/* Chooses, of what rules need, what is looked for in the records of one log source. */
#ifndef VEDETTE_WATCH_PREFILTER_FAMILY_H
#define VEDETTE_WATCH_PREFILTER_FAMILY_H

#include "watch/prefilter_priv.h"

/* One of the literals must stand in the record. */
struct table_clause {
    struct span literals; /* of numbers */
    bool is_name;
};

struct table_branch {
    uint32_t rule;
    struct span clauses; /* the heaviest first */
};

/* The needs of all rules. */
struct need_table {
    const struct need_literal *literals;
    size_t literal_count;
    const uint32_t *numbers; /* of literals */
    size_t number_count;
    const struct table_clause *clauses;
    size_t clause_count;
    const struct table_branch *branches;
    size_t branch_count;
};

/* Fills in all but the database. Which rules see the family's records is told by the rules' log sources. */
void family_make(struct family *ret, const struct source_family *about, const struct need_table *table,
                 const struct sigma_rule *rules, size_t rule_count);

/* False if it cannot be compiled; cache may be NULL. */
bool family_compile(struct family *family, struct database_cache *cache);

void family_clear(struct family *family);

#endif
