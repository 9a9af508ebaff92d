/* What is wrong with a pipeline, told when it is loaded and not when a rule comes by. */
#include "watch/pipeline_priv.h"

#include "watch/sigma_value.h"

#include <stdio.h>

/* Keys that every transformation may have; those of its conditions stand in pipeline_level_keys. */
#define COMMON_KEYS "id type"

struct words {
    const char *name, *needed, *allowed;
};

static const struct words types[PIPELINE_TYPE_COUNT] = {
#define X(type, needed, allowed) [PIPELINE_##type] = {#type, needed, allowed},
    PIPELINE_TYPES(X)
#undef X
};

static const struct words conditions[PIPELINE_CONDITION_COUNT] = {
#define X(level, type, needed, allowed) [PIPELINE_##level##_##type] = {#type, needed, allowed},
    PIPELINE_CONDITIONS(X)
#undef X
};

static const enum pipeline_level levels[PIPELINE_CONDITION_COUNT] = {
#define X(level, type, needed, allowed) [PIPELINE_##level##_##type] = PIPELINE_##level,
    PIPELINE_CONDITIONS(X)
#undef X
};

const struct pipeline_level_keys pipeline_level_keys[] = {
    [PIPELINE_RULE] = {"rule_conditions", "rule_cond_op", "rule_cond_not", "rule_cond_expr"},
    [PIPELINE_ITEM] = {"detection_item_conditions", "detection_item_cond_op", "detection_item_cond_not",
                       "detection_item_cond_expr"},
    [PIPELINE_NAME] = {"field_name_conditions", "field_name_cond_op", "field_name_cond_not",
                       "field_name_cond_expr"},
};

/* pySigma's, which there is no place for here. */
static const struct {
    const char *name, *why;
} refused[] = {
    {"field_name_transform",
     "it calls a function of Python's, which no file can name: use field_name_mapping"},
    {"query_expression_placeholders",
     "it writes an expression of a query language, and rules are not made into queries here: use "
     "value_placeholders, with vars or the configuration's lists"},
    {"file_placeholders",
     "pipelines read no files: name the file in the configuration's lists, which are read "
     "again when it changes"},
    {"http_placeholders", "pipelines fetch nothing: write a file, and name it in the configuration's lists"},
    {"command_placeholders",
     "pipelines run no commands: write a file, and name it in the configuration's lists"},
};

enum pipeline_type pipeline_type_of(const struct yaml_node *transformation)
{
    sv type = pipeline_text(transformation, "type");
    enum pipeline_type found = 0;
    while (found < PIPELINE_TYPE_COUNT && !sv_eq(type, sv_of(types[found].name)))
        found++;
    return found;
}

enum pipeline_condition pipeline_condition_of(enum pipeline_level level, const struct yaml_node *condition)
{
    sv type = pipeline_text(condition, "type");
    enum pipeline_condition found = 0;
    while (found < PIPELINE_CONDITION_COUNT &&
           !(levels[found] == level && sv_eq(type, sv_of(conditions[found].name))))
        found++;
    return found;
}

static bool has_word(const char *words, sv word)
{
    for (sv rest = sv_of(words); rest.p && rest.n;)
        if (sv_eq(sv_split(&rest, ' '), word))
            return true;
    return false;
}

static bool is_level_key(sv key)
{
    for (size_t i = 0; i <= PIPELINE_NAME; i++) {
        const struct pipeline_level_keys *keys = &pipeline_level_keys[i];
        if (sv_eq(key, sv_of(keys->conditions)) || sv_eq(key, sv_of(keys->op)) ||
            sv_eq(key, sv_of(keys->negated)) || sv_eq(key, sv_of(keys->expression)))
            return true;
    }
    return false;
}

static void tell(struct sigma_errors *errors, const struct yaml_node *at, const char *why)
{
    sigma_error(errors, at->line, at->column, "%s", why);
}

/* Whether the node has the keys that it needs, and no others; what is a transformation or a condition. */
static void check_keys(const struct yaml_node *node, const struct words *words, const char *what,
                       struct sigma_errors *errors)
{
    for (sv rest = sv_of(words->needed); rest.p && rest.n;) {
        sv key = sv_split(&rest, ' ');
        bool there = false;
        for (const struct yaml_node *child = node->first; child; child = child->next)
            there = there || sv_eq(child->key, key);
        if (!there)
            sigma_error(errors, node->line, node->column, "%s needs the key %.*s", words->name, SV_ARG(key));
    }
    for (const struct yaml_node *child = node->first; child; child = child->next)
        if (!has_word(words->needed, child->key) && !has_word(words->allowed, child->key) &&
            !has_word(COMMON_KEYS, child->key) && !is_level_key(child->key))
            sigma_error(errors, child->key_line, child->key_column, "%s %s has no key '%.*s'", what,
                        words->name, SV_ARG(sv_first(child->key, 60)));
}

/* Whether the key, if it is there, says one of these words. */
static void check_word(const struct yaml_node *node, const char *key, const char *words,
                       struct sigma_errors *errors)
{
    const struct yaml_node *given = yaml_get(node, key);
    if (given && !(given->kind == YAML_SCALAR && has_word(words, given->text)))
        sigma_error(errors, given->line, given->column, "%s is one of: %s", key, words);
}

static bool is_texts(const struct yaml_node *node)
{
    bool texts = node->kind == YAML_SCALAR || (node->kind == YAML_LIST && node->count > 0);
    for (const struct yaml_node *one = node->first; one; one = one->next)
        texts = texts && one->kind == YAML_SCALAR;
    return texts;
}

static void check_texts(const struct yaml_node *node, const char *key, struct sigma_errors *errors)
{
    const struct yaml_node *given = yaml_get(node, key);
    if (given && !is_texts(given))
        sigma_error(errors, given->line, given->column, "%s is a text, or a list of texts", key);
}

static void check_scalar(const struct yaml_node *node, const char *key, struct sigma_errors *errors)
{
    const struct yaml_node *given = yaml_get(node, key);
    if (given && given->kind != YAML_SCALAR)
        sigma_error(errors, given->line, given->column, "%s is a single value", key);
}

static void check_expression(struct pipelines *pipelines, const struct yaml_node *at, bool anchored,
                             struct sigma_errors *errors)
{
    char why[120];
    if (at && (at->kind != YAML_SCALAR || !pipeline_regex_add(pipelines, at, anchored, why, sizeof why)))
        sigma_error(errors, at->line, at->column, "this is no regular expression: %s",
                    at->kind == YAML_SCALAR ? why : "it is no text");
}

/* --- conditions */

static void check_patterns(struct pipelines *pipelines, const struct yaml_node *node,
                           struct sigma_errors *errors)
{
    const struct yaml_node *fields = yaml_get(node, "fields");
    check_texts(node, "fields", errors);
    if (!fields || !sv_eq(pipeline_text(node, "mode"), SV("re")))
        return;
    if (fields->kind == YAML_SCALAR)
        check_expression(pipelines, fields, true, errors);
    for (const struct yaml_node *one = fields->first; one; one = one->next)
        check_expression(pipelines, one, true, errors);
}

static void tell_unknown(const struct yaml_node *node, enum pipeline_level level, struct sigma_errors *errors)
{
    char known[400];
    size_t n = 0;
    for (size_t i = 0; i < PIPELINE_CONDITION_COUNT; i++)
        if (levels[i] == level && n < sizeof known)
            n += (size_t)snprintf(known + n, sizeof known - n, "%s%s", n ? " or " : "", conditions[i].name);
    sigma_error(errors, node->line, node->column, "a condition here is of type %s", known);
}

static void check_condition(struct pipelines *pipelines, const struct yaml_node *node,
                            enum pipeline_level level, struct sigma_errors *errors)
{
    enum pipeline_condition type = pipeline_condition_of(level, node);
    if (type == PIPELINE_CONDITION_COUNT) {
        tell_unknown(node, level, errors);
        return;
    }
    check_keys(node, &conditions[type], "a condition", errors);
    check_word(node, "cond", "any all", errors);
    check_word(node, "mode", "plain re", errors);
    check_word(node, "op",
               type == PIPELINE_RULE_rule_attribute ? "eq ne gte gt lte lt in not_in" : "eq ne gte gt lte lt",
               errors);
    if (type == PIPELINE_ITEM_match_string)
        check_expression(pipelines, yaml_get(node, "pattern"), true, errors);
    check_patterns(pipelines, node, errors);
}

static void check_level(struct pipelines *pipelines, const struct yaml_node *node, enum pipeline_level level,
                        struct sigma_errors *errors)
{
    const struct pipeline_level_keys *keys = &pipeline_level_keys[level];
    const struct yaml_node *list = yaml_get(node, keys->conditions),
                           *expression = yaml_get(node, keys->expression);
    sv name = SV("");
    if (list && list->kind == YAML_SCALAR)
        sigma_error(errors, list->line, list->column, "%s is a list of conditions, or a map of named ones",
                    keys->conditions);
    check_word(node, keys->op, "and or", errors);
    check_word(node, keys->negated, "true false True False", errors);
    for (const struct yaml_node *child = list ? list->first : NULL; child; child = child->next)
        check_condition(pipelines, child, level, errors);
    const char *wrong = pipeline_expression_wrong(node, level, &name);
    if (wrong)
        sigma_error(errors, expression->line, expression->column, "%s%s%.*s%s", wrong, name.n ? ": '" : "",
                    SV_ARG(sv_first(name, 60)), name.n ? "'" : "");
}

/* --- transformations */

static void check_mapping(const struct yaml_node *mapping, struct sigma_errors *errors)
{
    if (mapping->kind != YAML_MAP || mapping->count == 0)
        sigma_error(errors, mapping->line, mapping->column, "mapping is a map from old to new");
    for (const struct yaml_node *child = mapping->first; child; child = child->next) {
        if (!is_texts(child))
            sigma_error(errors, child->line, child->column,
                        "'%.*s' is mapped to a text, or to a list of texts",
                        SV_ARG(sv_first(child->key, 60)));
        if (child->kind == YAML_LIST && child->count > PIPELINE_NAMES_MAX)
            sigma_error(errors, child->line, child->column, "'%.*s' is mapped to more than %d texts",
                        SV_ARG(sv_first(child->key, 60)), PIPELINE_NAMES_MAX);
    }
}

static void check_replacement(struct pipelines *pipelines, const struct yaml_node *node,
                              struct sigma_errors *errors)
{
    const struct yaml_node *replacement = yaml_get(node, "replacement");
    const char *why;
    sv ignored;
    check_expression(pipelines, yaml_get(node, "regex"), false, errors);
    check_scalar(node, "replacement", errors);
    if (replacement && !pipeline_regex_template(replacement->text, pipelines->arena, &ignored, &why))
        tell(errors, replacement, why);
}

static void check_value(const struct yaml_node *node, struct sigma_errors *errors)
{
    const struct yaml_node *value = yaml_get(node, "value");
    double number;
    check_scalar(node, "value", errors);
    check_word(node, "force_type", "str num", errors);
    if (value && sv_eq(pipeline_text(node, "force_type"), SV("num")) && !sigma_number(value->text, &number))
        tell(errors, value, "force_type is num, and this is no number");
}

/* NOLINTNEXTLINE(misc-no-recursion) */
static void check_nested(struct pipelines *pipelines, const struct yaml_node *node,
                         struct sigma_errors *errors)
{
    const struct yaml_node *items = yaml_get(node, "items");
    bool list = items && items->kind == YAML_LIST;
    if (items && !list)
        tell(errors, items, "items is a list of transformations");
    for (const struct yaml_node *child = list ? items->first : NULL; child; child = child->next)
        pipeline_check(pipelines, child, errors);
}

/* NOLINTNEXTLINE(misc-no-recursion) */
static void check_own(struct pipelines *pipelines, enum pipeline_type type, const struct yaml_node *node,
                      struct sigma_errors *errors)
{
    const struct yaml_node *mapping = yaml_get(node, "mapping"), *added = yaml_get(node, "conditions");
    switch (type) {
    case PIPELINE_field_name_mapping:
    case PIPELINE_field_name_prefix_mapping:
    case PIPELINE_map_string:
        if (mapping)
            check_mapping(mapping, errors);
        break;
    case PIPELINE_add_condition:
        if (added && added->kind != YAML_MAP)
            tell(errors, added, "conditions is a map of fields and values");
        break;
    case PIPELINE_hashes_fields:
        check_texts(node, "valid_hash_algos", errors);
        break;
    case PIPELINE_replace_string:
        check_replacement(pipelines, node, errors);
        break;
    case PIPELINE_set_value:
        check_value(node, errors);
        break;
    case PIPELINE_convert_type:
        check_word(node, "target_type", "str num", errors);
        break;
    case PIPELINE_case:
        check_word(node, "method", "lower upper snake_case", errors);
        break;
    case PIPELINE_regex:
        check_word(node, "method", "plain ignore_case_flag ignore_case_brackets", errors);
        break;
    case PIPELINE_value_placeholders:
    case PIPELINE_wildcard_placeholders:
        check_texts(node, "include", errors);
        check_texts(node, "exclude", errors);
        if (yaml_get(node, "include") && yaml_get(node, "exclude"))
            tell(errors, node, "include and exclude cannot stand together");
        break;
    case PIPELINE_nest:
        check_nested(pipelines, node, errors);
        break;
    case PIPELINE_set_state:
        check_scalar(node, "val", errors);
        break;
    case PIPELINE_set_custom_attribute:
    case PIPELINE_add_field:
    case PIPELINE_remove_field:
    case PIPELINE_set_field:
    case PIPELINE_field_name_prefix:
    case PIPELINE_field_name_suffix:
    case PIPELINE_drop_detection_item:
    case PIPELINE_change_logsource:
    case PIPELINE_rule_failure:
    case PIPELINE_detection_item_failure:
    case PIPELINE_strict_field_mapping_failure:
    case PIPELINE_TYPE_COUNT:
        break;
    }
}

static void tell_type(const struct yaml_node *node, struct sigma_errors *errors)
{
    sv name = pipeline_text(node, "type");
    const char *why = NULL;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (sv_eq(name, sv_of(refused[i].name)))
            why = refused[i].why;
    if (why)
        sigma_error(errors, node->line, node->column, "%.*s has no place here: %s", SV_ARG(name), why);
    else
        sigma_error(errors, node->line, node->column, "there is no transformation '%.*s'",
                    SV_ARG(sv_first(name, 60)));
}

/* As deep as YAML_DEPTH_MAX, by nest. */
/* NOLINTNEXTLINE(misc-no-recursion) */
void pipeline_check(struct pipelines *pipelines, const struct yaml_node *transformation,
                    struct sigma_errors *errors)
{
    enum pipeline_type type = pipeline_type_of(transformation);
    if (type == PIPELINE_TYPE_COUNT) {
        tell_type(transformation, errors);
        return;
    }
    check_keys(transformation, &types[type], "the transformation", errors);
    check_own(pipelines, type, transformation, errors);
    for (enum pipeline_level level = PIPELINE_RULE; level <= PIPELINE_NAME; level++)
        check_level(pipelines, transformation, level, errors);
}
