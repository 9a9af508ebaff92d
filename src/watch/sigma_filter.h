/* Sigma's filters: conditions that are added to rules from outside, so that tuning needs no rewriting. Pure.
 */
#ifndef VEDETTE_WATCH_SIGMA_FILTER_H
#define VEDETTE_WATCH_SIGMA_FILTER_H

#include "watch/sigma_rule.h"

enum {
    SIGMA_FILTERS_MAX = 1000,        /* in one set of rules */
    SIGMA_FILTER_TARGETS_MAX = 1000, /* rules that one filter names */
};

struct sigma_filters;

struct sigma_filters *sigma_filters_new(void);
void sigma_filters_free(struct sigma_filters *filters);

/* Makes a filter of a document. False if it has errors, all of them told. */
bool sigma_filter_load(struct sigma_filters *filters, const struct yaml_node *document,
                       struct sigma_workshop *shop);

/* The index of the rule of that id or name, or SIZE_MAX. */
typedef size_t sigma_find_fn(const void *arg, sv id_or_name);

/* After the last load: to every rule that a filter names (or, with "any", that shares its log source) its
 * condition is added by "and". Errors, such as a name that no rule has, are told; returns how many filters
 * had some. The rules share what the filters hold, which must outlive them. */
size_t sigma_filters_apply(struct sigma_filters *filters, struct sigma_rule *rules, size_t count,
                           sigma_find_fn *find, const void *arg, struct sigma_workshop *shop);

size_t sigma_filters_count(const struct sigma_filters *filters);

#endif
