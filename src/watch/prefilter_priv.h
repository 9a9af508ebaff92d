/* What prefilter_make.c makes and prefilter.c scans with. */
#ifndef VEDETTE_WATCH_PREFILTER_PRIV_H
#define VEDETTE_WATCH_PREFILTER_PRIV_H

#include "watch/prefilter.h"
#include "watch/rule_source.h"

/* A run of an array. */
struct span {
    uint32_t first, count;
};

/* A branch of a rule's needs (watch/needs.h) that a literal of one clause opens: then its other clauses are
 * looked for in the record. */
struct opening {
    uint32_t rule;
    struct span clauses; /* of the family's */
};

/* Records of one log source, and what is looked for in them. */
struct family {
    const struct source_family *about; /* of PREFILTER_ALL: any */
    void *database;                    /* hs_database_t */
    struct need_literal *literals;     /* by number in the database: the veils of wire/derived.h come first */
    uint16_t *fronts;                  /* by number: how many of its bytes are looked for */
    size_t literal_count;
    struct span *opens;       /* by number: of openings */
    struct opening *openings; /* those of one literal together */
    struct span *clauses;     /* of numbers */
    size_t clause_count, number_count;
    uint32_t *numbers; /* of literals: from literal_count on, that much more than the prefilter's number */
    uint32_t *sure;    /* rules of which nearly every record has all that they need */
    size_t sure_count;
};

struct prefilter {
    struct family families[PREFILTER_FAMILIES_MAX];
    size_t family_count;
    struct need_literal *literals; /* of all clauses, each once */
    size_t literal_count;
    struct arena *texts;
    bool *always;
    size_t rule_count;
};

/* For tests: takes no heed of veils from now on, as a prefilter would that is wrong about a format. */
void prefilter_scan_spoil(struct prefilter_scan *scan);

#endif
