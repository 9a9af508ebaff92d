/* What prefilter_make.c makes and prefilter.c scans with. */
#ifndef VEDETTE_WATCH_PREFILTER_PRIV_H
#define VEDETTE_WATCH_PREFILTER_PRIV_H

#include "watch/prefilter.h"

/* A run of an array. */
struct span {
    uint32_t first, count;
};

/* A branch of a rule's needs (watch/needs.h): its first clause opens it, the others are looked at then. */
struct branch {
    uint32_t rule;
    struct span clauses; /* of prefilter.clauses: the others */
};

struct prefilter {
    void *database; /* hs_database_t */
    size_t literal_count;
    struct span *opens;      /* by literal: of open_branches, those that it opens */
    uint32_t *open_branches; /* indexes of branches */
    struct branch *branches;
    struct span *clauses;      /* of clause_literals */
    uint32_t *clause_literals; /* the numbers of literals; the veils of wire/derived.h come first */
    bool *always;
    size_t rule_count;
};

/* For tests: takes no heed of veils from now on, as a prefilter would that is wrong about a format. */
void prefilter_scan_spoil(struct prefilter_scan *scan);

#endif
