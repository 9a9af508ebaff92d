/* Processing pipelines: rules' fields, log sources and conditions are rewritten before a rule is made of
 * them, in the style of pySigma's. Pure. doc/rules.md lists what a pipeline may hold. */
#ifndef VEDETTE_WATCH_PIPELINE_H
#define VEDETTE_WATCH_PIPELINE_H

#include "base/err.h"
#include "watch/sigma_rule.h"

enum {
    PIPELINES_MAX = 200,
    PIPELINE_NAMES_MAX = 64,        /* that one field may be mapped to */
    PIPELINE_ALTERNATIVES_MAX = 64, /* maps that one map may become when a field is mapped to several */
};

struct pipelines;
struct sigma_list;

/* Names for one field: the first that an event has a value of is meant. */
struct pipeline_names {
    sv *list;
    size_t count;
};

/* The renaming transformations that applied to one rule, in their order; borrows from the pipelines. NULL:
 * none did. */
struct pipeline_facts;
struct pipeline_trail {
    const struct yaml_node *step;
    const struct pipeline_facts *facts; /* what was known when it applied */
    struct pipeline_trail *next;
};

struct pipelines *pipelines_new(void);
void pipelines_free(struct pipelines *pipelines);

/* Adds those of a file or folder. −1 only if path cannot be read; errors in them go to fn. */
int pipelines_load(struct pipelines *pipelines, const char *path, rule_error_fn *fn, void *arg,
                   struct err *err);

/* The same from memory. Returns how many were added. */
size_t pipelines_load_text(struct pipelines *pipelines, const char *name, sv text, rule_error_fn *fn,
                           void *arg);

/* What a pipeline's vars have for a placeholder; the pipeline that goes later has the last word. NULL:
 * nothing. pipelines may be NULL. */
const struct sigma_list *pipelines_var(const struct pipelines *pipelines, sv name);

/* Behind the percent sign of a placeholder that value_placeholders has found a variable for: %:name%. */
#define PIPELINE_VAR_MARK ':'

/* Rewrites the document of a detection rule (or a filter, of which only fields, values and log source
 * change), by priority and then in the order of loading; new nodes live in scratch. False if the rule is
 * refused (rule_failure) or grows past a bound; that is told. pipelines may be NULL. *ret_trail is what its
 * fields were renamed by, in kept. */
bool pipelines_apply(const struct pipelines *pipelines, struct yaml_node *document, struct arena *scratch,
                     struct arena *kept, struct sigma_errors *errors, struct pipeline_trail **ret_trail);

/* What a field is called in the events of the rule that the trail is of, where somebody else (a correlation)
 * names it as that rule does: at least one name, in arena. False if there is no room. */
bool pipeline_trail_names(const struct pipeline_trail *trail, sv field, struct arena *arena,
                          struct pipeline_names *ret);

#endif
