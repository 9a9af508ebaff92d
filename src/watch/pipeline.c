#include "watch/pipeline_priv.h"

#include <assert.h>
#include <stdlib.h>

#include "watch/rule_files.h"

#define TREES_BYTES_MAX ((size_t)64 << 20)

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
    for (size_t i = 0; i < pipelines->count; i++)
        sigma_lists_free(pipelines->list[i].vars);
    pipeline_regex_free(pipelines);
    arena_free(pipelines->arena);
    free(pipelines);
}

/* postprocessing and finalizers shape queries, of which there are none here. */
static void check_keys(const struct yaml_node *document, struct sigma_errors *errors)
{
    static const char *const known[] = {
        "name", "priority", "transformations", "allowed_backends", "postprocessing", "finalizers", "vars"};
    for (const struct yaml_node *child = document->first; child; child = child->next) {
        bool found = document->kind != YAML_MAP;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            found = found || sv_eq(child->key, sv_of(known[i]));
        if (!found)
            sigma_error(errors, child->key_line, child->key_column, "a pipeline has no key '%.*s'",
                        SV_ARG(sv_first(child->key, 60)));
    }
}

static bool add_var(struct sigma_lists *vars, const struct yaml_node *var)
{
    bool fits = sigma_lists_add(vars, var->key, SV(""));
    if (var->kind == YAML_SCALAR)
        return fits && sigma_lists_add(vars, var->key, var->text);
    for (const struct yaml_node *one = var->first; one && fits; one = one->next)
        fits =
            var->kind == YAML_LIST && one->kind == YAML_SCALAR && sigma_lists_add(vars, var->key, one->text);
    return fits && var->kind == YAML_LIST;
}

/* What value_placeholders puts in; NULL if there is nothing. */
static struct sigma_lists *read_vars(const struct yaml_node *vars, struct sigma_errors *errors)
{
    if (!vars)
        return NULL;
    struct sigma_lists *lists = sigma_lists_new();
    if (vars->kind != YAML_MAP)
        sigma_error(errors, vars->line, vars->column, "vars is a map of names and their values");
    for (const struct yaml_node *var = vars->first; vars->kind == YAML_MAP && var; var = var->next)
        if (!add_var(lists, var))
            sigma_error(errors, var->key_line, var->key_column,
                        "'%.*s' is no name of letters, digits, _ and -, or has other values than texts and "
                        "numbers, or too many",
                        SV_ARG(sv_first(var->key, 60)));
    return lists;
}

const struct sigma_list *pipelines_var(const struct pipelines *pipelines, sv name)
{
    const struct sigma_list *found = NULL;
    for (size_t i = pipelines ? pipelines->count : 0; i > 0 && !found; i--)
        found = sigma_lists_find(pipelines->list[i - 1].vars, name);
    return found;
}

static bool add(struct pipelines *pipelines, const struct yaml_node *document, struct sigma_errors *errors)
{
    const struct yaml_node *list = yaml_get(document, "transformations"),
                           *priority = yaml_get(document, "priority");
    struct pipeline pipeline = {.transformations = list};
    size_t before = errors->count;
    check_keys(document, errors);
    if (list ? list->kind != YAML_LIST : !yaml_get(document, "vars"))
        sigma_error(errors, document->line, document->column,
                    "a pipeline has the key transformations and a list");
    if (priority && !(priority->kind == YAML_SCALAR && sv_to_i64(priority->text, &pipeline.priority)))
        sigma_error(errors, priority->line, priority->column, "priority is a number; the lowest goes first");
    for (const struct yaml_node *child = list ? list->first : NULL; child; child = child->next)
        pipeline_check(pipelines, child, errors);
    pipeline.vars = read_vars(yaml_get(document, "vars"), errors);
    if (pipelines->count == PIPELINES_MAX)
        sigma_error(errors, document->line, document->column, "more than %d pipelines", PIPELINES_MAX);
    if (errors->count != before) {
        sigma_lists_free(pipeline.vars);
        return false;
    }
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
