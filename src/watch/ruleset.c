#include "watch/ruleset.h"

#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"
#include "watch/gram_choice.h"
#include "watch/mask.h"
#include "watch/pipeline.h"
#include "watch/rule_files.h"
#include "watch/ruleset_priv.h"
#include "watch/sigma_document.h"

#define RULESET_BYTES_MAX ((size_t)1 << 30)
#define TREE_BYTES_MAX    ((size_t)256 << 20)
#define SCRATCH_BYTES_MAX ((size_t)256 << 20)

enum { RULES_AT_FIRST = 64, ID_CELLS_AT_FIRST = 256 };

/* One call of ruleset_load: where the errors go. */
struct load {
    struct ruleset *ruleset;
    rule_error_fn *fn;
    void *arg;
};

struct ruleset *ruleset_new(void)
{
    struct ruleset *ruleset = calloc(1, sizeof *ruleset);
    assert(ruleset);
    ruleset->arena = arena_new(RULESET_BYTES_MAX);
    ruleset->bodies = arena_new(RULESET_BYTES_MAX);
    ruleset->fields = sigma_fields_new(ruleset->arena);
    ruleset->correlations = correlation_rules_new();
    ruleset->filters = sigma_filters_new();
    ruleset->id_cells = ID_CELLS_AT_FIRST;
    ruleset->rules_max = RULESET_RULES_MAX;
    ruleset->correlations_max = RULESET_CORRELATIONS_MAX;
    ruleset->ids = calloc(ruleset->id_cells, sizeof *ruleset->ids);
    assert(ruleset->ids);
    return ruleset;
}

void ruleset_free(struct ruleset *ruleset)
{
    if (!ruleset)
        return;
    for (size_t i = 0; i < ruleset->count; i++)
        sigma_rule_clear(&ruleset->rules[i]);
    free(ruleset->rules);
    free(ruleset->ids);
    prefilter_free(ruleset->prefilter);
    correlation_rules_free(ruleset->correlations);
    sigma_filters_free(ruleset->filters);
    masks_free(ruleset->masks);
    sigma_fields_free(ruleset->fields);
    arena_free(ruleset->bodies);
    arena_free(ruleset->arena);
    free(ruleset);
}

void ruleset_lists(struct ruleset *ruleset, const struct sigma_lists *lists)
{
    ruleset->lists = lists;
}

void ruleset_pipelines(struct ruleset *ruleset, const struct pipelines *pipelines)
{
    ruleset->pipelines = pipelines;
}

void ruleset_cache(struct ruleset *ruleset, struct database_cache *cache)
{
    ruleset->cache = cache;
}

void ruleset_leave_uncompiled(struct ruleset *ruleset)
{
    ruleset->uncompiled = true;
}

void ruleset_keep(struct ruleset *ruleset)
{
    ruleset->keep = true;
}

void ruleset_hide(struct ruleset *ruleset, struct masks *masks)
{
    masks_free(ruleset->masks);
    ruleset->masks = masks;
}

struct masks *ruleset_masks(const struct ruleset *ruleset)
{
    return ruleset->masks;
}

/* The cell that holds the id's rule, or the empty one where it would stand. */
static uint32_t *id_cell(const struct ruleset *ruleset, sv id)
{
    size_t mask = ruleset->id_cells - 1, i = hash_sv_fold(id) & mask;
    while (ruleset->ids[i] && !sv_ieq(ruleset->rules[ruleset->ids[i] - 1].about.id, id))
        i = (i + 1) & mask;
    return &ruleset->ids[i];
}

static void grow_ids(struct ruleset *ruleset)
{
    free(ruleset->ids);
    ruleset->id_cells *= 2;
    ruleset->ids = calloc(ruleset->id_cells, sizeof *ruleset->ids);
    assert(ruleset->ids);
    for (size_t i = 0; i < ruleset->count; i++)
        *id_cell(ruleset, ruleset->rules[i].about.id) = (uint32_t)i + 1;
}

static void put_rule(struct ruleset *ruleset, const struct sigma_rule *rule)
{
    if (ruleset->count == ruleset->cap) {
        ruleset->cap = ruleset->cap ? ruleset->cap * 2 : RULES_AT_FIRST;
        ruleset->rules = reallocarray(ruleset->rules, ruleset->cap, sizeof *ruleset->rules);
        assert(ruleset->rules);
    }
    ruleset->rules[ruleset->count++] = *rule;
    if (ruleset->count * 2 > ruleset->id_cells)
        grow_ids(ruleset);
    else
        *id_cell(ruleset, rule->about.id) = (uint32_t)ruleset->count;
}

static bool is_new(struct ruleset *ruleset, const struct sigma_rule *rule, const struct yaml_node *document,
                   struct sigma_errors *errors)
{
    uint32_t found = *id_cell(ruleset, rule->about.id);
    if (!found)
        return true;
    const struct rule *other = &ruleset->rules[found - 1].about;
    const struct yaml_node *id = yaml_get(document, "id");
    if (id && id->text.n)
        sigma_error(errors, id->line, id->column,
                    "duplicate id: the rule in %s:%d has it already; give each rule "
                    "its own, e.g. by uuidgen",
                    other->file, other->line);
    else
        sigma_error(errors, document->line, document->column,
                    "this rule has no id, and the rule in %s:%d has the same title: give each an id",
                    other->file, other->line);
    return false;
}

static bool load_rule(struct ruleset *ruleset, const struct yaml_node *document,
                      const struct pipeline_trail *trail, struct sigma_workshop *shop)
{
    struct sigma_rule rule;
    if (!sigma_rule_load(&rule, document, shop))
        return false;
    rule.trail = trail;
    if (!is_new(ruleset, &rule, document, shop->errors)) {
        sigma_rule_clear(&rule);
        return false;
    }
    put_rule(ruleset, &rule);
    return true;
}

/* Whether one more of its kind may be loaded. */
static bool has_room(const struct ruleset *ruleset, enum sigma_document_kind kind,
                     const struct yaml_node *document, struct sigma_errors *errors)
{
    if (kind == SIGMA_DOCUMENT_RULE && ruleset->count == ruleset->rules_max)
        sigma_error(errors, document->line, document->column, "there are more than %zu rules",
                    ruleset->rules_max);
    else if (kind == SIGMA_DOCUMENT_CORRELATION && ruleset->correlations->count == ruleset->correlations_max)
        sigma_error(errors, document->line, document->column, "there are more than %zu correlations",
                    ruleset->correlations_max);
    else
        return true;
    return false;
}

static bool load_document(struct ruleset *ruleset, struct yaml_node *document, struct arena *tree,
                          struct sigma_workshop *shop)
{
    enum sigma_document_kind kind;
    struct pipeline_trail *trail = NULL;
    if (!sigma_document_kind(&kind, document, shop->errors) ||
        !has_room(ruleset, kind, document, shop->errors))
        return false;
    if (kind != SIGMA_DOCUMENT_CORRELATION &&
        !pipelines_apply(ruleset->pipelines, document, tree, shop->arena, shop->errors, &trail))
        return false;
    shop->bodies = kind == SIGMA_DOCUMENT_RULE ? ruleset->bodies : NULL;
    switch (kind) {
    case SIGMA_DOCUMENT_RULE:
        return load_rule(ruleset, document, trail, shop);
    case SIGMA_DOCUMENT_CORRELATION:
        return correlation_rule_load(ruleset->correlations, document, shop);
    case SIGMA_DOCUMENT_FILTER:
        return sigma_filter_load(ruleset->filters, document, shop);
    }
    return false;
}

static size_t load_text(struct load *load, const char *name, sv text)
{
    struct ruleset *ruleset = load->ruleset;
    assert(!ruleset->sealed);
    struct arena *arena = arena_new(TREE_BYTES_MAX);
    struct yaml_reader *reader = yaml_reader_new(text, arena);
    struct sigma_errors errors = {
        .file = arena_cstr(ruleset->arena, sv_of(name)), .fn = load->fn, .arg = load->arg};
    struct sigma_workshop shop = {.arena = ruleset->arena,
                                  .scratch = arena_new(SCRATCH_BYTES_MAX),
                                  .lists = ruleset->lists,
                                  .pipelines = ruleset->pipelines,
                                  .fields = ruleset->fields,
                                  .errors = &errors,
                                  .keep = ruleset->keep};
    struct yaml_problem problem;
    struct yaml_node *document;
    size_t before = ruleset->count;
    if (!errors.file)
        errors.file = "rules";
    while ((document = yaml_reader_next(reader, &problem)) != NULL) {
        if (!load_document(ruleset, document, arena, &shop))
            ruleset->failed++;
    }
    if (problem.message[0]) {
        ruleset->failed++;
        sigma_error(&errors, problem.line, problem.column, "%s", problem.message);
    }
    yaml_reader_free(reader);
    arena_free(arena);
    arena_free(shop.scratch);
    return ruleset->count - before;
}

size_t ruleset_load_text(struct ruleset *ruleset, const char *name, sv text, rule_error_fn *fn, void *arg)
{
    struct load load = {ruleset, fn, arg};
    return load_text(&load, name, text);
}

static void load_found(void *arg, const char *path, sv text, const struct err *problem)
{
    struct load *load = arg;
    struct sigma_errors errors = {.file = path, .fn = load->fn, .arg = load->arg};
    if (!problem) {
        load_text(load, path, text);
        return;
    }
    load->ruleset->failed++;
    sigma_error(&errors, 1, 1, "%s", problem->cause);
}

int ruleset_load(struct ruleset *ruleset, const char *path, rule_error_fn *fn, void *arg, struct err *err)
{
    struct load load = {ruleset, fn, arg};
    assert(!ruleset->sealed);
    return rule_files_visit(path, load_found, &load, err);
}

size_t ruleset_find(const struct ruleset *ruleset, sv id_or_name)
{
    uint32_t found = *id_cell(ruleset, id_or_name);
    if (found)
        return found - 1;
    for (size_t i = 0; i < ruleset->count; i++)
        if (ruleset->rules[i].about.name.n && sv_eq(ruleset->rules[i].about.name, id_or_name))
            return i;
    return SIZE_MAX;
}

size_t ruleset_named(const struct ruleset *ruleset, sv name)
{
    size_t found = ruleset_find(ruleset, name);
    for (size_t i = 0; found == SIZE_MAX && i < ruleset->count; i++)
        if (sv_ieq(ruleset->rules[i].about.title, name))
            found = i;
    return found;
}

static size_t find_rule(const void *arg, sv id_or_name)
{
    return ruleset_find(arg, id_or_name);
}

static void apply_filters(struct ruleset *ruleset, rule_error_fn *fn, void *arg)
{
    struct sigma_errors errors = {.fn = fn, .arg = arg};
    struct sigma_workshop shop = {.arena = ruleset->arena, .fields = ruleset->fields, .errors = &errors};
    ruleset->failed +=
        sigma_filters_apply(ruleset->filters, ruleset->rules, ruleset->count, find_rule, ruleset, &shop);
}

/* No event will meet the rules: what they look for was read only to find what is wrong with it. */
static void strip(struct ruleset *ruleset)
{
    for (size_t i = 0; i < ruleset->count; i++)
        sigma_rule_strip(&ruleset->rules[i]);
    arena_free(ruleset->bodies);
    ruleset->bodies = NULL;
}

static void compile(struct ruleset *ruleset)
{
    gram_choice_make(ruleset->rules, ruleset->count, ruleset->bodies);
    ruleset->prefilter = prefilter_new(ruleset->rules, ruleset->count, ruleset->fields, ruleset->cache);
}

void ruleset_seal(struct ruleset *ruleset, rule_error_fn *fn, void *arg)
{
    assert(!ruleset->sealed);
    apply_filters(ruleset, fn, arg);
    ruleset->failed += correlation_rules_resolve(ruleset->correlations, ruleset, fn, arg);
    for (size_t i = 0; i < ruleset->count; i++)
        ruleset->rules[i].trail = NULL; /* the pipelines go away */
    if (ruleset->uncompiled)
        strip(ruleset);
    else
        compile(ruleset);
    ruleset->cache = NULL;
    ruleset->sealed = true;
}

size_t ruleset_count(const struct ruleset *ruleset)
{
    return ruleset->count;
}

size_t ruleset_failed(const struct ruleset *ruleset)
{
    return ruleset->failed;
}

const struct rule *ruleset_rule(const struct ruleset *ruleset, size_t index)
{
    assert(index < ruleset->count);
    return &ruleset->rules[index].about;
}

void rule_describe(const struct rule *rule, struct finding *finding)
{
    finding->rule_id = rule->id;
    finding->rule_title = rule->title;
    finding->author = rule->author;
    finding->description = rule->description;
    finding->response = rule->response;
    finding->false_positives = rule->false_positives;
    finding->references = rule->references;
    finding->tags = rule->tags;
    finding->severity = rule->severity;
}

struct finding rule_finding(const struct rule *rule, const struct event *event)
{
    struct finding finding = {.event_time = event->time,
                              .raw = event->raw,
                              .message = event->message,
                              .fields = event->fields,
                              .field_count = event->field_count};
    rule_describe(rule, &finding);
    return finding;
}
