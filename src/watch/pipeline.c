#include "watch/pipeline_priv.h"

#include <assert.h>
#include <stdlib.h>

#include "watch/rule_files.h"

#define TREES_BYTES_MAX ((size_t)64 << 20)

static const struct {
    const char *name, *key;
} types[PIPELINE_TYPE_COUNT] = {
#define X(type, wanted) [PIPELINE_##type] = {#type, wanted},
    PIPELINE_TYPES(X)
#undef X
};

struct pipelines *pipelines_new(void)
{
    struct pipelines *pipelines = calloc(1, sizeof *pipelines);
    assert(pipelines);
    pipelines->arena = arena_new(TREES_BYTES_MAX);
    return pipelines;
}

void pipelines_free(struct pipelines *pipelines)
{
    if (!pipelines)
        return;
    arena_free(pipelines->arena);
    free(pipelines);
}

enum pipeline_type pipeline_type_of(const struct yaml_node *transformation)
{
    const struct yaml_node *type = yaml_get(transformation, "type");
    enum pipeline_type found = 0;
    while (found < PIPELINE_TYPE_COUNT &&
           !(type && type->kind == YAML_SCALAR && sv_eq(type->text, sv_of(types[found].name))))
        found++;
    return found;
}

static bool is_known(sv key)
{
    static const char *const keys[] = {"id",
                                       "type",
                                       "mapping",
                                       "prefix",
                                       "suffix",
                                       "conditions",
                                       "negated",
                                       "message",
                                       "product",
                                       "category",
                                       "service",
                                       "include",
                                       "exclude",
                                       "rule_conditions",
                                       "rule_cond_op",
                                       "rule_cond_not",
                                       "field_name_conditions",
                                       "field_name_cond_not"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (sv_eq(key, sv_of(keys[i])))
            return true;
    return false;
}

static void check_mapping(const struct yaml_node *mapping, struct sigma_errors *errors)
{
    if (mapping->kind != YAML_MAP || mapping->count == 0)
        sigma_error(errors, mapping->line, mapping->column, "mapping is a map from old to new");
    for (const struct yaml_node *child = mapping->first; child; child = child->next) {
        bool several = child->kind == YAML_LIST && child->count > 0;
        for (const struct yaml_node *one = child->first; one; one = one->next)
            several = several && one->kind == YAML_SCALAR;
        if (child->kind != YAML_SCALAR && !several)
            sigma_error(errors, child->line, child->column,
                        "'%.*s' is mapped to a text, or to a list of texts",
                        SV_ARG(sv_first(child->key, 60)));
        if (child->kind == YAML_LIST && child->count > PIPELINE_NAMES_MAX)
            sigma_error(errors, child->line, child->column, "'%.*s' is mapped to more than %d texts",
                        SV_ARG(sv_first(child->key, 60)), PIPELINE_NAMES_MAX);
    }
}

static void check_conditions(const struct yaml_node *list, const char *const *known,
                             struct sigma_errors *errors)
{
    for (const struct yaml_node *child = list ? list->first : NULL; child; child = child->next) {
        const struct yaml_node *type = yaml_get(child, "type");
        bool found = false;
        for (size_t i = 0; known[i] && type; i++)
            found = found || sv_eq(type->text, sv_of(known[i]));
        if (!found)
            sigma_error(errors, child->line, child->column, "a condition here is of type %s%s%s", known[0],
                        known[1] ? " or " : "", known[1] ? known[1] : "");
    }
}

static void check_value(enum pipeline_type type, const struct yaml_node *node, struct sigma_errors *errors)
{
    const char *key = types[type].key;
    const struct yaml_node *wanted = key ? yaml_get(node, key) : NULL;
    if (key && !wanted)
        sigma_error(errors, node->line, node->column, "%s needs the key %s", types[type].name, key);
    else if (key && strcmp(key, "mapping") == 0)
        check_mapping(wanted, errors);
    else if (wanted && type == PIPELINE_add_condition && wanted->kind != YAML_MAP)
        sigma_error(errors, wanted->line, wanted->column, "conditions is a map of fields and values");
}

static void check_transformation(const struct yaml_node *node, struct sigma_errors *errors)
{
    static const char *const rule_types[] = {"logsource", "contains_field", NULL};
    static const char *const field_types[] = {"include_fields", "exclude_fields", NULL};
    enum pipeline_type type = pipeline_type_of(node);
    if (type == PIPELINE_TYPE_COUNT) {
        const struct yaml_node *name = yaml_get(node, "type");
        sv shown = name ? sv_first(name->text, 60) : SV("");
        sigma_error(errors, node->line, node->column, "there is no transformation '%.*s'", SV_ARG(shown));
        return;
    }
    check_value(type, node, errors);
    for (const struct yaml_node *child = node->first; child; child = child->next)
        if (!is_known(child->key))
            sigma_error(errors, child->key_line, child->key_column, "a transformation has no key '%.*s'",
                        SV_ARG(sv_first(child->key, 60)));
    check_conditions(yaml_get(node, "rule_conditions"), rule_types, errors);
    check_conditions(yaml_get(node, "field_name_conditions"), field_types, errors);
}

/* postprocessing and finalizers shape queries, of which there are none here. */
static void check_keys(const struct yaml_node *document, struct sigma_errors *errors)
{
    static const char *const known[] = {"name",           "priority",  "transformations", "allowed_backends",
                                        "postprocessing", "finalizers"};
    for (const struct yaml_node *child = document->first; child; child = child->next) {
        bool found = document->kind != YAML_MAP;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            found = found || sv_eq(child->key, sv_of(known[i]));
        if (!found)
            sigma_error(errors, child->key_line, child->key_column, "a pipeline has no key '%.*s'%s",
                        SV_ARG(sv_first(child->key, 60)),
                        sv_eq(child->key, SV("vars")) ? ": name lists in the configuration instead" : "");
    }
}

static bool add(struct pipelines *pipelines, const struct yaml_node *document, struct sigma_errors *errors)
{
    const struct yaml_node *list = yaml_get(document, "transformations"),
                           *priority = yaml_get(document, "priority");
    struct pipeline pipeline = {.transformations = list, .order = pipelines->count};
    size_t before = errors->count;
    check_keys(document, errors);
    if (!list || list->kind != YAML_LIST)
        sigma_error(errors, document->line, document->column,
                    "a pipeline has the key transformations and a list");
    if (priority && !(priority->kind == YAML_SCALAR && sv_to_i64(priority->text, &pipeline.priority)))
        sigma_error(errors, priority->line, priority->column, "priority is a number; the lowest goes first");
    for (const struct yaml_node *child = list ? list->first : NULL; child; child = child->next)
        check_transformation(child, errors);
    if (pipelines->count == PIPELINES_MAX)
        sigma_error(errors, document->line, document->column, "more than %d pipelines", PIPELINES_MAX);
    if (errors->count != before)
        return false;
    size_t at = pipelines->count++;
    for (; at > 0 && pipelines->list[at - 1].priority > pipeline.priority; at--)
        pipelines->list[at] = pipelines->list[at - 1];
    pipelines->list[at] = pipeline;
    return true;
}

size_t pipelines_load_text(struct pipelines *pipelines, const char *name, sv text, rule_error_fn *fn,
                           void *arg)
{
    struct sigma_errors errors = {.file = name, .fn = fn, .arg = arg};
    struct yaml_problem problem;
    const struct yaml_node *document;
    size_t added = 0;
    /* The trees live on, and their texts are copies in the arena. */
    struct yaml_reader *reader = yaml_reader_new(text, pipelines->arena);
    while ((document = yaml_reader_next(reader, &problem)) != NULL)
        added += add(pipelines, document, &errors);
    if (problem.message[0])
        sigma_error(&errors, problem.line, problem.column, "%s", problem.message);
    yaml_reader_free(reader);
    return added;
}

struct load {
    struct pipelines *pipelines;
    rule_error_fn *fn;
    void *arg;
};

static void load_found(void *arg, const char *path, sv text, const struct err *problem)
{
    struct load *load = arg;
    struct sigma_errors errors = {.file = path, .fn = load->fn, .arg = load->arg};
    if (problem)
        sigma_error(&errors, 1, 1, "%s", problem->cause);
    else
        pipelines_load_text(load->pipelines, path, text, load->fn, load->arg);
}

int pipelines_load(struct pipelines *pipelines, const char *path, rule_error_fn *fn, void *arg,
                   struct err *err)
{
    struct load load = {pipelines, fn, arg};
    return rule_files_visit(path, load_found, &load, err);
}
