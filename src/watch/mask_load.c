#include "watch/mask_priv.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "watch/masks_shipped.h"
#include "watch/rule_files.h"
#include "watch/sigma_rule.h"

#define MASKS_BYTES_MAX ((size_t)16 << 20)
#define TREE_BYTES_MAX  ((size_t)64 << 20)

static void no_shipped_error(void *arg, const struct rule_error *error)
{
    (void)arg, (void)error;
    abort(); /* one that is built in is our mistake, and a test's to find */
}

struct masks *masks_new(void)
{
    struct masks *masks = calloc(1, sizeof *masks);
    assert(masks);
    masks->arena = arena_new(MASKS_BYTES_MAX);
    masks->runner = regex_runner_new(MASK_REGEX_SHARE);
    masks_load_text(masks, "masks/secrets.yml", sv_make(masks_shipped, sizeof masks_shipped),
                    no_shipped_error, NULL);
    return masks;
}

void masks_free(struct masks *masks)
{
    if (!masks)
        return;
    for (size_t i = 0; i < masks->count; i++) {
        regex_free(masks->list[i].pattern);
        regex_free(masks->list[i].except);
    }
    mask_sieve_free(masks->sieve);
    regex_runner_free(masks->runner);
    arena_free(masks->arena);
    free(masks);
}

void masks_seal(struct masks *masks, struct database_cache *cache)
{
    sv *expressions = calloc(masks->count + 1, sizeof *expressions);
    assert(expressions);
    for (size_t i = 0; i < masks->count; i++)
        expressions[i] = masks->list[i].expression;
    mask_sieve_free(masks->sieve);
    masks->sieve = mask_sieve_new(expressions, masks->count, cache);
    free(expressions);
}

static bool matches_except(struct masks *masks, const struct mask *mask, sv secret)
{
    return mask->except && regex_run(masks->runner, mask->except, secret, 0) == REGEX_FOUND;
}

enum mask_search mask_search(struct masks *masks, const struct mask *mask, sv text, size_t at,
                             size_t *ret_from, size_t *ret_to)
{
    size_t from, to;
    switch (regex_run(masks->runner, mask->pattern, text, at)) {
    case REGEX_NOTHING:
        return MASK_NOTHING;
    case REGEX_GIVEN_UP:
        return MASK_GIVEN_UP;
    case REGEX_FOUND:
        break;
    }
    if (!regex_group(masks->runner, mask->group, &from, &to)) { /* it took no part */
        regex_group(masks->runner, 0, &from, &to);
        from = to;
    }
    *ret_from = from;
    *ret_to = to;
    return matches_except(masks, mask, sv_first(sv_from(text, from), to - from)) ? MASK_EXCEPTED : MASK_FOUND;
}

static struct regex *compile(const struct yaml_node *node, struct sigma_errors *errors)
{
    char why[160];
    size_t place;
    if (node->kind != YAML_SCALAR || node->text.n == 0 || node->text.n > SIGMA_VALUE_BYTES_MAX) {
        sigma_error(errors, node->line, node->column, "an expression is a text of 1 to %d bytes",
                    SIGMA_VALUE_BYTES_MAX);
        return NULL;
    }
    struct regex *pattern = regex_compile(node->text, 0, why, sizeof why, &place);
    if (!pattern)
        sigma_error(errors, node->line, node->column, "this regular expression is wrong at character %zu: %s",
                    place, why);
    return pattern;
}

static bool add_pattern(struct masks *masks, const struct yaml_node *item, const struct yaml_node *node,
                        struct sigma_errors *errors)
{
    const struct yaml_node *except = yaml_get(item, "except");
    if (masks->count == MASKS_MAX) {
        sigma_error(errors, node->line, node->column, "more than %d masks", MASKS_MAX);
        return false;
    }
    struct mask mask = {.pattern = compile(node, errors)};
    if (!mask.pattern)
        return false;
    mask.expression = arena_sv(masks->arena, node->text);
    int group = regex_group_named(mask.pattern, "secret");
    if (group < 0)
        sigma_error(errors, node->line, node->column,
                    "the expression has no group (?<secret>…) that says what to hide");
    mask.group = group > 0 ? group : 0;
    if (except)
        mask.except = compile(except, errors);
    masks->list[masks->count++] = mask;
    return group >= 0 && (!except || mask.except);
}

/* Those of all names that end in this one, behind a dot or not. */
static void know_looks(struct masks *masks, sv name)
{
    char path[] = {'\0', '.', '\0', '\0'};
    bits_add(masks->name_looks, mask_name_look(name));
    if (name.n > 2)
        return;
    memcpy(path + 2, name.p, name.n);
    bits_add(masks->name_looks, mask_name_look(sv_make(path + 1, name.n + 1)));
    for (path[0] = 1; path[0] < 32; path[0]++)
        bits_add(masks->name_looks, mask_name_look(sv_make(path, name.n + 2)));
}

static bool add_fields(struct masks *masks, const struct yaml_node *node, struct sigma_errors *errors)
{
    for (const struct yaml_node *child = node->first; child; child = child->next) {
        sv copy = child->kind == YAML_SCALAR ? arena_sv(masks->arena, child->text) : SV_NONE;
        if (copy.n == 0 || masks->name_count == MASKS_MAX) {
            sigma_error(errors, child->line, child->column, "fields are named by texts, at most %d",
                        MASKS_MAX);
            return false;
        }
        uint16_t *first = &masks->first[mask_name_look(copy)];
        masks->next[masks->name_count] = *first;
        masks->names[masks->name_count++] = copy;
        *first = (uint16_t)masks->name_count;
        know_looks(masks, copy);
    }
    if (node->kind == YAML_LIST && node->count)
        return true;
    sigma_error(errors, node->line, node->column, "fields is a list of names");
    return false;
}

static void try_example(struct masks *masks, const struct yaml_node *example, struct sigma_errors *errors)
{
    const struct yaml_node *text = yaml_get(example, "text"), *masked = yaml_get(example, "masked");
    if (!text || !masked || text->kind != YAML_SCALAR || masked->kind != YAML_SCALAR) {
        sigma_error(errors, example->line, example->column, "an example is {text: …, masked: …}");
        return;
    }
    struct arena *arena = arena_new(MASKS_BYTES_MAX);
    sv got = masks_hide_text(masks, text->text, arena);
    if (!sv_eq(got, masked->text))
        sigma_error(errors, masked->line, masked->column, "the example becomes '%.*s'",
                    SV_ARG(sv_first(got, 200)));
    arena_free(arena);
}

static void try_examples(struct masks *masks, const struct yaml_node *item, struct sigma_errors *errors)
{
    const struct yaml_node *examples = yaml_get(item, "examples");
    for (const struct yaml_node *child = examples ? examples->first : NULL; child; child = child->next)
        try_example(masks, child, errors);
}

static void check_keys(const struct yaml_node *item, struct sigma_errors *errors)
{
    static const char *const known[] = {"name", "about", "pattern", "except", "fields", "examples"};
    for (const struct yaml_node *child = item->first; child; child = child->next) {
        bool found = false;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            found = found || sv_eq(child->key, sv_of(known[i]));
        if (!found)
            sigma_error(errors, child->key_line, child->key_column,
                        "a mask has name, about, pattern, except, fields and examples, not '%.*s'",
                        SV_ARG(sv_first(child->key, 60)));
    }
}

/* True if it was added; a mask that has an error is kept as far as it goes: better too much hidden. */
static bool add_mask(struct masks *masks, const struct yaml_node *item, struct sigma_errors *errors)
{
    const struct yaml_node *pattern = yaml_get(item, "pattern"), *fields = yaml_get(item, "fields");
    if (item->kind != YAML_MAP || !pattern == !fields) {
        sigma_error(errors, item->line, item->column, "a mask has either pattern or fields");
        return false;
    }
    check_keys(item, errors);
    bool added = pattern ? add_pattern(masks, item, pattern, errors) : add_fields(masks, fields, errors);
    if (added)
        try_examples(masks, item, errors);
    return added;
}

size_t masks_load_text(struct masks *masks, const char *name, sv text, rule_error_fn *fn, void *arg)
{
    struct sigma_errors errors = {.file = name, .fn = fn, .arg = arg};
    struct arena *tree = arena_new(TREE_BYTES_MAX);
    struct yaml_reader *reader = yaml_reader_new(text, tree);
    struct yaml_problem problem;
    const struct yaml_node *document;
    size_t added = 0;
    mask_sieve_free(masks->sieve); /* it knows nothing of what comes now */
    masks->sieve = NULL;
    while ((document = yaml_reader_next(reader, &problem)) != NULL) {
        const struct yaml_node *list = yaml_get(document, "masks");
        if (!list || list->kind != YAML_LIST)
            sigma_error(&errors, document->line, document->column,
                        "a file of masks has the key masks and a list");
        for (const struct yaml_node *item = list ? list->first : NULL; item; item = item->next)
            added += add_mask(masks, item, &errors);
    }
    if (problem.message[0])
        sigma_error(&errors, problem.line, problem.column, "%s", problem.message);
    yaml_reader_free(reader);
    arena_free(tree);
    return added;
}

struct load {
    struct masks *masks;
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
        masks_load_text(load->masks, path, text, load->fn, load->arg);
}

int masks_load(struct masks *masks, const char *path, rule_error_fn *fn, void *arg, struct err *err)
{
    struct load load = {masks, fn, arg};
    return rule_files_visit(path, load_found, &load, err);
}
