/* Sigma's condition language: "selection and not 1 of filter_*". Pure. */
#ifndef VEDETTE_WATCH_SIGMA_CONDITION_H
#define VEDETTE_WATCH_SIGMA_CONDITION_H

#include "base/arena.h"

enum {
    SIGMA_CONDITION_DEPTH_MAX = 64,        /* nested parentheses and nots */
    SIGMA_CONDITION_BYTES_MAX = 16 * 1024, /* of one condition */
};

enum sigma_node_kind { SIGMA_SELECTION, SIGMA_NOT, SIGMA_AND, SIGMA_OR, SIGMA_AT_LEAST };

/* NOT has one child, AND and OR at least two. AT_LEAST counts how many of its selections match. */
struct sigma_node {
    enum sigma_node_kind kind;
    struct sigma_node *first, *next; /* children in order; the next sibling */
    size_t selection;                /* SELECTION: index into the names given to the parser */
    const size_t *selections;        /* AT_LEAST: such indexes */
    size_t selection_count, needed;
};

/* Parses text; names are the rule's selections. NULL with a message and the offset in text it is about. */
const struct sigma_node *sigma_condition_parse(sv text, const sv *names, size_t name_count,
                                               struct arena *arena, char *problem, size_t cap,
                                               size_t *ret_offset);

/* Whether a selection matches the event that arg stands for. */
typedef bool sigma_selection_fn(void *arg, size_t selection);

/* Asks for no selection that cannot change the answer. */
bool sigma_condition_holds(const struct sigma_node *node, sigma_selection_fn *fn, void *arg);

#endif
