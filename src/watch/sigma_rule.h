/* A Sigma rule as it is evaluated, and the making of one from YAML. Pure. */
#ifndef VEDETTE_WATCH_SIGMA_RULE_H
#define VEDETTE_WATCH_SIGMA_RULE_H

#include "watch/ruleset.h"
#include "watch/sigma_condition.h"
#include "watch/sigma_fields.h"
#include "watch/sigma_value.h"
#include "watch/yaml_tree.h"

enum {
    SIGMA_SELECTIONS_MAX = 512, /* in one rule */
    SIGMA_VALUES_MAX = 100000,  /* in one rule, aliases counted each time */
};

/* field|modifiers: values. Matches if any value does, or all of them. */
struct sigma_item {
    uint32_t slot; /* SIGMA_NO_SLOT: a keyword search */
    bool all, negated;
    struct sigma_value *values;
    size_t value_count;
    uint16_t *grams;  /* by value, one that it cannot match without (gram_choice.h); NULL: nothing is known */
    sv key, *written; /* as the rule has them, each value's text; empty unless they are kept */
};

/* A map: all items must match. */
struct sigma_group {
    struct sigma_item *items;
    size_t item_count;
};

/* One group must match. */
struct sigma_selection {
    sv name;
    struct sigma_group *groups;
    size_t group_count;
};

struct pipelines;
struct pipeline_trail;

struct sigma_rule {
    struct rule about;
    const struct pipeline_trail *trail; /* what pipelines renamed its fields by; gone after the seal */
    struct sigma_selection *selections;
    size_t selection_count;
    size_t borrowed_count;                /* the last of them, which are filters' */
    const struct sigma_node **conditions; /* one must hold */
    size_t condition_count;
    sv *condition_texts; /* NULL unless they are kept */
};

/* Where errors go, and how many there were. */
struct sigma_errors {
    const char *file;
    rule_error_fn *fn;
    void *arg;
    size_t count;
};

__attribute__((format(printf, 4, 5))) void sigma_error(struct sigma_errors *errors, int line, int column,
                                                       const char *fmt, ...);

/* What rules are made into. */
struct sigma_workshop {
    struct arena *arena;
    struct arena *bodies;              /* for what only matching and findings need; NULL: arena */
    struct arena *scratch;             /* for what is needed only until the next value is made */
    const struct sigma_lists *lists;   /* what placeholders stand for; may be NULL */
    const struct pipelines *pipelines; /* what those stand for that a pipeline chose; may be NULL */
    struct sigma_fields *fields;
    struct sigma_errors *errors;
    size_t values_left; /* of SIGMA_VALUES_MAX */
    bool keep;          /* the texts of keys, values and conditions, to explain by */
};

/* Tells that there is no more room for rules, at that node. */
void sigma_shop_full(struct sigma_workshop *shop, const struct yaml_node *node);

/* What a document of any kind says of itself: everything in ret but its log source. Errors are told and
 * counted; a document without id goes by its title. */
void sigma_about_load(struct rule *ret, const struct yaml_node *document, struct sigma_workshop *shop);

/* A document's logsource, in ret; errors are told and counted. */
void sigma_source_load(struct logsource *ret, const struct yaml_node *document, struct sigma_workshop *shop);

/* The text of a key in one line; empty if it is missing or wrong, which is told. */
sv sigma_read_line(struct sigma_workshop *shop, const struct yaml_node *map, const char *key);

/* Makes a rule of a detection document. False if it has errors (all of them told); then nothing needs
 * freeing. */
bool sigma_rule_load(struct sigma_rule *ret, const struct yaml_node *document, struct sigma_workshop *shop);

/* Makes detection's selections; errors are told and counted. */
void sigma_detection_load(struct sigma_rule *rule, const struct yaml_node *detection,
                          struct sigma_workshop *shop);

/* Frees what lives outside the arena. */
void sigma_rule_clear(struct sigma_rule *rule);

/* Leaves of it what stands outside the workshop's bodies: who it is, not what it looks for. */
void sigma_rule_strip(struct sigma_rule *rule);

#endif
