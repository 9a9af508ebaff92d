/* What pipeline.c loads, pipeline_check.c checks, and the other pipeline_*.c do. Private. */
#ifndef VEDETTE_WATCH_PIPELINE_PRIV_H
#define VEDETTE_WATCH_PIPELINE_PRIV_H

#include "watch/pipeline.h"
#include "watch/sigma_lists.h"

/* name, the keys that it cannot do without, those that it may have */
#define PIPELINE_TYPES(X)                                                    \
    X(field_name_mapping, "mapping", "")                                     \
    X(field_name_prefix_mapping, "mapping", "")                              \
    X(field_name_prefix, "prefix", "")                                       \
    X(field_name_suffix, "suffix", "")                                       \
    X(drop_detection_item, "", "")                                           \
    X(hashes_fields, "valid_hash_algos", "field_prefix drop_algo_prefix")    \
    X(add_condition, "conditions", "name template negated")                  \
    X(change_logsource, "", "product category service")                      \
    X(add_field, "field", "")                                                \
    X(remove_field, "field", "")                                             \
    X(set_field, "fields", "")                                               \
    X(map_string, "mapping", "")                                             \
    X(replace_string, "regex replacement", "skip_special interpret_special") \
    X(set_value, "value", "force_type")                                      \
    X(convert_type, "target_type", "")                                       \
    X(case, "", "method")                                                    \
    X(regex, "", "method")                                                   \
    X(value_placeholders, "", "include exclude")                             \
    X(wildcard_placeholders, "", "include exclude")                          \
    X(set_state, "key val", "")                                              \
    X(set_custom_attribute, "attribute value", "")                           \
    X(rule_failure, "message", "")                                           \
    X(detection_item_failure, "message", "")                                 \
    X(strict_field_mapping_failure, "", "")                                  \
    X(nest, "items", "")

enum pipeline_type {
#define X(name, needed, allowed) PIPELINE_##name,
    PIPELINE_TYPES(X)
#undef X
        PIPELINE_TYPE_COUNT
};

/* What a transformation's conditions are about: the rule, one of its fields with its values, a field's name.
 */
enum pipeline_level { PIPELINE_RULE, PIPELINE_ITEM, PIPELINE_NAME };

/* level, name, the keys that it cannot do without, those that it may have */
#define PIPELINE_CONDITIONS(X)                                 \
    X(RULE, logsource, "", "product category service")         \
    X(RULE, contains_field, "field", "")                       \
    X(RULE, contains_detection_item, "field value", "")        \
    X(RULE, processing_item_applied, "processing_item_id", "") \
    X(RULE, processing_state, "key val", "op")                 \
    X(RULE, is_sigma_rule, "", "")                             \
    X(RULE, is_sigma_correlation_rule, "", "")                 \
    X(RULE, rule_attribute, "attribute value", "op")           \
    X(RULE, tag, "tag", "")                                    \
    X(ITEM, match_string, "cond pattern", "negate")            \
    X(ITEM, match_value, "cond value", "")                     \
    X(ITEM, contains_wildcard, "cond", "")                     \
    X(ITEM, is_null, "cond", "")                               \
    X(ITEM, processing_item_applied, "processing_item_id", "") \
    X(ITEM, processing_state, "key val", "op")                 \
    X(NAME, include_fields, "fields", "mode")                  \
    X(NAME, exclude_fields, "fields", "mode")                  \
    X(NAME, processing_item_applied, "processing_item_id", "") \
    X(NAME, processing_state, "key val", "op")

enum pipeline_condition {
#define X(level, name, needed, allowed) PIPELINE_##level##_##name,
    PIPELINE_CONDITIONS(X)
#undef X
        PIPELINE_CONDITION_COUNT
};

struct pipeline {
    const struct yaml_node *transformations; /* checked when it was loaded */
    struct sigma_lists *vars;                /* NULL: it has none */
    int64_t priority;
};

/* An expression of a pipeline's, by the node that it stands at. */
struct pipeline_regex {
    const struct yaml_node *at;
    void *code; /* pipeline_regex.c's */
    struct pipeline_regex *next;
};

struct pipelines {
    struct arena *arena; /* the trees */
    struct pipeline_regex *regexes;
    struct pipeline list[PIPELINES_MAX];
    size_t count;
};

/* What was found or done so far while one rule goes through; what was known earlier stays true. */
struct pipeline_note {
    sv name, id;
    const struct yaml_node *value;
    const struct pipeline_note *earlier;
};

struct pipeline_facts {
    const struct pipelines *pipelines;      /* their expressions */
    const struct pipeline_note *state;      /* set_state: name and value */
    const struct pipeline_note *attributes; /* set_custom_attribute: the same */
    const struct pipeline_note *steps;      /* ids of what was done to the rule */
    const struct pipeline_note *names;      /* ids of what was done to a field's name */
    const struct pipeline_note *mapped; /* names of fields that were mapped, and what they were mapped to */
};

/* An item of a detection that a transformation with an id changed. */
struct pipeline_mark {
    const struct yaml_node *item;
    sv id;
    struct pipeline_mark *next;
};

/* One rule on its way through the pipelines. */
struct pipeline_work {
    struct yaml_node *document, *source, *detection;
    struct arena *arena, *kept;
    struct sigma_errors *errors;
    struct pipeline_facts facts;
    struct pipeline_mark *marks;
    struct pipeline_trail **trail_tail;
    size_t copies;  /* nodes made so far */
    size_t added;   /* conditions added so far */
    bool is_filter; /* no rule: conditions are not added, and it is not refused */
    bool failed;
};

/* --- pipeline_check.c: tells what is wrong with a transformation. */
void pipeline_check(struct pipelines *pipelines, const struct yaml_node *transformation,
                    struct sigma_errors *errors);

/* PIPELINE_TYPE_COUNT, or _CONDITION_COUNT, if there is no such type. */
enum pipeline_type pipeline_type_of(const struct yaml_node *transformation);
enum pipeline_condition pipeline_condition_of(enum pipeline_level level, const struct yaml_node *condition);

/* "rule_conditions", "rule_cond_op", "rule_cond_not", "rule_cond_expr" of a level. */
struct pipeline_level_keys {
    const char *conditions, *op, *negated, *expression;
};
extern const struct pipeline_level_keys pipeline_level_keys[];

/* --- pipeline_names.c */

/* The text of a key, empty if there is none; and whether it says true. */
sv pipeline_text(const struct yaml_node *map, const char *key);
bool pipeline_says(const struct yaml_node *map, const char *key);

/* Whether a list (or the one text in its place) has the text; list may be NULL. */
bool pipeline_lists(const struct yaml_node *list, sv text);

/* A field's name and its modifiers: User|contains|all. */
sv pipeline_field_of(sv key);
bool pipeline_has_modifier(sv key, sv modifier);

/* What a mapping has for the text; NULL: nothing. */
const struct yaml_node *pipeline_mapped(const struct yaml_node *transformation, sv text);

/* Whether it is of a type that gives fields other names. */
bool pipeline_renames(const struct yaml_node *transformation);

/* What it makes of the field's name, in arena; none: it stays as it is. Conditions are not asked. False if
 * there is no room. */
bool pipeline_rename(const struct yaml_node *transformation, sv field, struct arena *arena,
                     struct pipeline_names *ret);

/* --- pipeline_condition.c */

typedef bool pipeline_holds_fn(void *arg, const struct yaml_node *condition);

/* Whether the conditions of that level hold, put together as the transformation says. */
bool pipeline_holds(const struct yaml_node *transformation, enum pipeline_level level, pipeline_holds_fn *fn,
                    void *arg);

/* What is wrong with the level's expression; NULL: nothing, or there is none. *ret_name is the condition that
 * it is about, if it is about one. */
const char *pipeline_expression_wrong(const struct yaml_node *transformation, enum pipeline_level level,
                                      sv *ret_name);

/* Whether the transformation is for this rule, for this item of it, or for a field of that name. */
bool pipeline_for_rule(const struct pipeline_work *work, const struct yaml_node *transformation);
bool pipeline_for_item(const struct pipeline_work *work, const struct yaml_node *transformation,
                       const struct yaml_node *item);
bool pipeline_for_item_name(const struct pipeline_work *work, const struct yaml_node *transformation,
                            const struct yaml_node *item); /* its own name, whatever stands as values */
bool pipeline_for_field(const struct pipeline_facts *facts, const struct yaml_node *transformation, sv field);

/* --- pipeline_value.c */

enum pipeline_kind { PIPELINE_STRING, PIPELINE_NUMBER, PIPELINE_NULL, PIPELINE_BOOLEAN, PIPELINE_OTHER };

/* What a value of the item is, once its modifiers have been applied. */
enum pipeline_kind pipeline_kind_of(const struct yaml_node *item, const struct yaml_node *value);

/* A string as an expression sees it: with the stars that contains, startswith and endswith stand for; a
 * backslash is written once, and twice only before a wildcard. Without text if there is no room. */
sv pipeline_shown(const struct yaml_node *item, sv text, struct arena *arena);

/* Whether a value is the same as one that a pipeline names. */
bool pipeline_same_value(const struct yaml_node *item, const struct yaml_node *value,
                         const struct yaml_node *wanted, struct arena *arena);

/* Changes the item's values in place; true if there were any that it is for. */
bool pipeline_change_values(struct pipeline_work *work, const struct yaml_node *transformation,
                            struct yaml_node *item);

/* A string as an expression saw it, as a rule writes it. */
sv pipeline_written(const struct yaml_node *item, sv shown, struct arena *arena);

/* --- pipeline_hashes.c: the items that take the place of one with hashes, one for each algorithm, behind
 * each other. NULL if it stays, or with a failure told. */
struct yaml_node *pipeline_split_hashes(struct pipeline_work *work, const struct yaml_node *transformation,
                                        const struct yaml_node *item);

/* --- pipeline_regex.c: expressions, compiled when pipelines are loaded. */

/* False, with what is wrong, if it cannot be compiled. anchored: it has to match at the beginning. */
bool pipeline_regex_add(struct pipelines *pipelines, const struct yaml_node *at, bool anchored, char *ret_why,
                        size_t why_size);
void pipeline_regex_free(struct pipelines *pipelines);

/* What that expression says of a text. −1: it takes too long, and what is not loaded. */
int pipeline_regex_match(const struct pipelines *pipelines, const struct yaml_node *at, sv text);

/* The text with everything that it finds replaced. False if it takes too long, or there is no room. */
bool pipeline_regex_replace(const struct pipelines *pipelines, const struct yaml_node *at, sv replacement,
                            sv text, struct arena *arena, sv *ret);

/* The replacement in PCRE2's words for one in Python's; NULL, with what is wrong, if it is none. */
bool pipeline_regex_template(sv python, struct arena *arena, sv *ret, const char **ret_why);

/* --- pipeline_names.c, too */

/* Puts a note before the list; false if there is no room. */
bool pipeline_note(struct arena *arena, const struct pipeline_note **list, sv name, sv id,
                   const struct yaml_node *value);
bool pipeline_has_note(const struct pipeline_note *list, sv name, sv id);

/* Notes that a field's new names have gone through what its old one has, and through that step. */
bool pipeline_note_names(struct arena *arena, const struct pipeline_note **list, sv id, sv field,
                         const struct pipeline_names *names);

/* --- pipeline_apply.c */

/* Every item of the detection that the transformation is for. */
void pipeline_change_selections(struct pipeline_work *work, const struct yaml_node *transformation);

struct yaml_node *pipeline_copy_of(struct pipeline_work *work, const struct yaml_node *node);

/* Ends the rule with that message. */
void pipeline_refuse(struct pipeline_work *work, sv message);

void pipeline_fail(struct pipeline_work *work, const struct yaml_node *at, const char *why);
struct yaml_node *pipeline_new_node(struct pipeline_work *work, const struct yaml_node *like);
void pipeline_mark(struct pipeline_work *work, const struct yaml_node *transformation,
                   const struct yaml_node *item);

#endif
