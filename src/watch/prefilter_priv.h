/* What prefilter_make.c makes and prefilter.c scans with. */
#ifndef VEDETTE_WATCH_PREFILTER_PRIV_H
#define VEDETTE_WATCH_PREFILTER_PRIV_H

#include "watch/prefilter.h"
#include "watch/rule_source.h"

/* A run of an array. */
struct span {
    uint32_t first, count;
};

/* A branch of a rule's needs (watch/needs.h): the literals of its first clause are in the database and open
 * it; then its other clauses are looked for in the record. */
struct branch {
    uint32_t rule;
    struct span clauses; /* of prefilter.clauses: the others */
};

/* Records of one log source, and what is looked for in them. */
struct family {
    const struct source_family *about; /* of PREFILTER_ALL: any */
    void *database;                    /* hs_database_t. The veils of wire/derived.h come first in it */
    /* What usual literals open in every record: rules, and indexes of branches that need more. */
    uint32_t *sure, *open;
    size_t sure_count, open_count;
};

struct prefilter {
    struct family families[PREFILTER_FAMILIES_MAX];
    size_t family_count;
    size_t literal_count;
    struct need_literal *literals; /* by number */
    struct span *opens;            /* by number: of open_branches, those that the literal opens */
    uint32_t *open_branches;       /* indexes of branches */
    struct branch *branches;
    size_t branch_count;
    struct span *clauses;         /* of clause_literals */
    uint32_t *clause_literals;    /* numbers in further */
    struct need_literal *further; /* the literals of clauses that open nothing, each once */
    uint16_t *further_usual;      /* by number: a bit for each family whose records nearly all have it */
    size_t further_count;
    struct arena *texts;
    bool *always;
    size_t rule_count;
};

/* For tests: takes no heed of veils from now on, as a prefilter would that is wrong about a format. */
void prefilter_scan_spoil(struct prefilter_scan *scan);

#endif
