#include "watch/ruleset.h"

#include <assert.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "io/durable.h"
#include "watch/ruleset_priv.h"

#define RULESET_BYTES_MAX ((size_t)1 << 30)
#define FILE_BYTES_MAX    ((size_t)4 << 20)

enum { FOLDER_DEPTH_MAX = 16, RULES_AT_FIRST = 64, ID_CELLS_AT_FIRST = 256 };

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
    ruleset->fields = sigma_fields_new(ruleset->arena);
    ruleset->id_cells = ID_CELLS_AT_FIRST;
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
    sigma_fields_free(ruleset->fields);
    arena_free(ruleset->arena);
    free(ruleset);
}

/* The cell that holds the id's rule, or the empty one where it would stand. */
static uint32_t *id_cell(struct ruleset *ruleset, sv id)
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

static size_t load_text(struct load *load, const char *name, sv text)
{
    struct ruleset *ruleset = load->ruleset;
    assert(!ruleset->sealed);
    struct arena *arena = arena_new(FILE_BYTES_MAX * 64);
    struct yaml_reader *reader = yaml_reader_new(text, arena);
    struct sigma_errors errors = {
        .file = arena_cstr(ruleset->arena, sv_of(name)), .fn = load->fn, .arg = load->arg};
    struct sigma_workshop shop = {ruleset->arena, ruleset->fields, &errors, 0};
    struct yaml_problem problem;
    const struct yaml_node *document;
    size_t before = ruleset->count;
    if (!errors.file)
        errors.file = "rules";
    while ((document = yaml_reader_next(reader, &problem)) != NULL) {
        struct sigma_rule rule;
        if (!sigma_rule_load(&rule, document, &shop)) {
            ruleset->failed++;
        } else if (!is_new(ruleset, &rule, document, &errors)) {
            ruleset->failed++;
            sigma_rule_clear(&rule);
        } else {
            put_rule(ruleset, &rule);
        }
    }
    if (problem.message[0]) {
        ruleset->failed++;
        sigma_error(&errors, problem.line, problem.column, "%s", problem.message);
    }
    yaml_reader_free(reader);
    arena_free(arena);
    return ruleset->count - before;
}

size_t ruleset_load_text(struct ruleset *ruleset, const char *name, sv text, rule_error_fn *fn, void *arg)
{
    struct load load = {ruleset, fn, arg};
    return load_text(&load, name, text);
}

static int load_file(struct load *load, const char *path, struct err *err)
{
    struct stat about;
    struct buf text = BUF_INIT(FILE_BYTES_MAX);
    if (stat(path, &about) == 0 && !S_ISREG(about.st_mode))
        return err_set(err, ERR_DATA, "name a file or a folder of rules", "%s is no regular file", path);
    int result = file_read(path, &text, err);
    if (result == 0)
        load_text(load, path, buf_view(&text));
    buf_free(&text);
    return result;
}

/* Rules end in .yml or .yaml; their examples in .test.yml stand beside them. */
static bool is_rule_file(const char *name)
{
    sv s = sv_of(name);
    if (sv_ends(s, SV(".test.yml")) || sv_ends(s, SV(".test.yaml")))
        return false;
    return sv_ends(s, SV(".yml")) || sv_ends(s, SV(".yaml"));
}

static int not_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* Not alphasort, whose order depends on the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int load_folder(struct load *load, const char *path, int depth, struct err *err);

/* What cannot be read inside a folder is an error like others in it, and does not end the loading. */
static void load_entry(struct load *load, const char *folder, const char *name, int depth)
{
    char path[PATH_MAX];
    struct stat about;
    struct err err = {0};
    int result = 0;
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
        result = err_set(&err, ERR_LIMIT, NULL, "the path is too long");
    else if (stat(path, &about) < 0)
        result = is_rule_file(name) ? err_set(&err, ERR_IO, NULL, "cannot read %s", path) : 0;
    else if (S_ISDIR(about.st_mode))
        result = depth < FOLDER_DEPTH_MAX
                     ? load_folder(load, path, depth + 1, &err)
                     : err_set(&err, ERR_LIMIT, NULL, "folders are nested deeper than %d", FOLDER_DEPTH_MAX);
    else if (is_rule_file(name))
        result = load_file(load, path, &err);
    if (result == 0)
        return;
    struct sigma_errors errors = {.file = path, .fn = load->fn, .arg = load->arg};
    load->ruleset->failed++;
    sigma_error(&errors, 1, 1, "%s", err.cause);
}

static int load_folder(struct load *load, const char *path, int depth, struct err *err)
{
    struct dirent **entries;
    int n = scandir(path, &entries, not_hidden, by_name);
    if (n < 0)
        return err_set(err, ERR_IO, "check that the folder can be read", "cannot read %s", path);
    for (int i = 0; i < n; i++) {
        load_entry(load, path, entries[i]->d_name, depth);
        free(entries[i]);
    }
    free(entries);
    return 0;
}

int ruleset_load(struct ruleset *ruleset, const char *path, rule_error_fn *fn, void *arg, struct err *err)
{
    struct load load = {ruleset, fn, arg};
    struct stat about;
    assert(!ruleset->sealed);
    if (stat(path, &about) < 0)
        return err_set(err, ERR_IO, "check the path that rules are loaded from", "cannot read %s", path);
    if (S_ISDIR(about.st_mode))
        return load_folder(&load, path, 0, err);
    sv name = sv_of(path);
    if (sv_ends(name, SV(".test.yml")) || sv_ends(name, SV(".test.yaml")))
        return 0;
    return load_file(&load, path, err);
}

int ruleset_seal(struct ruleset *ruleset, struct err *err)
{
    (void)err;
    assert(!ruleset->sealed);
    ruleset->sealed = true;
    return 0;
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
