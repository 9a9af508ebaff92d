/* What pipeline.c loads, and pipeline_apply.c and pipeline_names.c do. Private. */
#ifndef VEDETTE_WATCH_PIPELINE_PRIV_H
#define VEDETTE_WATCH_PIPELINE_PRIV_H

#include "watch/pipeline.h"

/* name, the key that it cannot do without (or NULL) */
#define PIPELINE_TYPES(X)                   \
    X(field_name_mapping, "mapping")        \
    X(field_name_prefix_mapping, "mapping") \
    X(field_name_prefix, "prefix")          \
    X(field_name_suffix, "suffix")          \
    X(drop_detection_item, NULL)            \
    X(add_condition, "conditions")          \
    X(change_logsource, NULL)               \
    X(map_string, "mapping")                \
    X(value_placeholders, NULL)             \
    X(wildcard_placeholders, NULL)          \
    X(rule_failure, "message")

enum pipeline_type {
#define X(name, key) PIPELINE_##name,
    PIPELINE_TYPES(X)
#undef X
        PIPELINE_TYPE_COUNT
};

struct pipeline {
    const struct yaml_node *transformations; /* checked when it was loaded */
    int64_t priority;
    size_t order;
};

struct pipelines {
    struct arena *arena; /* the trees */
    struct pipeline list[PIPELINES_MAX];
    size_t count;
};

/* PIPELINE_TYPE_COUNT if there is no such type. */
enum pipeline_type pipeline_type_of(const struct yaml_node *transformation);

/* The text of a key, empty if there is none; and whether it says true. */
sv pipeline_text(const struct yaml_node *map, const char *key);
bool pipeline_says(const struct yaml_node *map, const char *key);

/* Whether a list (or the one text in its place) has the text; list may be NULL. */
bool pipeline_lists(const struct yaml_node *list, sv text);

/* Whether the transformation is for fields of this name. */
bool pipeline_for_field(const struct yaml_node *transformation, sv field);

/* What a mapping has for the text; NULL: nothing. */
const struct yaml_node *pipeline_mapped(const struct yaml_node *transformation, sv text);

/* Whether it is of a type that gives fields other names. */
bool pipeline_renames(const struct yaml_node *transformation);

/* What it makes of the field's name, in arena; none: it stays as it is. False if there is no room. */
bool pipeline_rename(const struct yaml_node *transformation, sv field, struct arena *arena,
                     struct pipeline_names *ret);

#endif
