/* What pipeline.c loads and pipeline_apply.c does. Private. */
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

#endif
