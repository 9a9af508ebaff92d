#include "cmd/rule_paths.h"

#include "cmd/load.h"
#include "cmd/report.h"
#include "cmd/term.h"
#include "io/durable.h"
#include "watch/pipeline.h"
#include "watch/rule_advice.h"
#include "watch/rule_book.h"
#include "watch/sigma_lists.h"

enum { LIST_BYTES_MAX = 64 * 1024 * 1024 };

void rule_paths_tell(void *arg, const struct rule_error *error)
{
    (void)arg;
    if (error->line)
        term_print(stderr, TERM_BOLD, "%s:%d:%d: ", error->file, error->line, error->column);
    term_text(stderr, sv_of(error->message));
    putc('\n', stderr);
}

json_t *rule_paths_json(const struct rule_error *error)
{
    json_t *json = json_object();
    json_object_set_new(json, "file", report_text(sv_of(error->file)));
    json_object_set_new(json, "line", json_integer(error->line));
    json_object_set_new(json, "column", json_integer(error->column));
    json_object_set_new(json, "message", report_text(sv_of(error->message)));
    return json;
}

/* NULL in *ret_lists if there are none. */
static int read_lists(const struct option_list *options, struct sigma_lists **ret_lists, struct err *err)
{
    int result = 0;
    struct sigma_lists *lists = options->count ? sigma_lists_new() : NULL;
    for (size_t i = 0; result == 0 && i < options->count; i++) {
        struct buf text = BUF_INIT(LIST_BYTES_MAX);
        sv file = sv_of(options->items[i]), name = sv_split(&file, '=');
        if (!file.p)
            result = err_set(err, ERR_USAGE, "--list NAME=FILE", "\"%s\" names no file", options->items[i]);
        else if (file_read(file.p, &text, err) < 0)
            result = -1;
        else if (!sigma_lists_read(lists, name, buf_view(&text)))
            result = err_set(err, ERR_DATA, "names have letters, digits, - and _; entries at most 4096 bytes",
                             "%s: this is no list", options->items[i]);
        buf_free(&text);
    }
    if (result < 0)
        sigma_lists_free(lists);
    else
        *ret_lists = lists;
    return result;
}

struct loading {
    struct ruleset *ruleset;
    rule_error_fn *fn;
    void *arg;
    int *ret_unread; /* NULL: a path that cannot be read is the end */
};

static int load_path(const struct loading *loading, const char *path, struct err *err)
{
    if (ruleset_load(loading->ruleset, path, loading->fn, loading->arg, err) == 0)
        return 0;
    if (!loading->ret_unread)
        return -1;
    loading->fn(loading->arg, &(struct rule_error){.file = path, .message = err->cause});
    *loading->ret_unread = err_exit_code(err);
    return 0;
}

static int load_all(const struct loading *loading, const struct rule_paths *paths, struct err *err)
{
    int result = 0;
    for (size_t i = 0; result == 0 && i < paths->rules.count; i++)
        result = load_path(loading, paths->rules.items[i], err);
    for (int i = 0; result == 0 && i < paths->word_count; i++)
        result = load_path(loading, paths->words[i], err);
    if (result == 0)
        ruleset_seal(loading->ruleset, loading->fn, loading->arg);
    return result;
}

static struct ruleset *load_paths(const struct rule_paths *paths, bool keep, rule_error_fn *fn, void *arg,
                                  int *ret_unread, struct err *err)
{
    struct sigma_lists *lists = NULL;
    if (read_lists(&paths->lists, &lists, err) < 0)
        return NULL;
    int result = 0;
    const struct loading loading = {ruleset_new(), fn, arg, ret_unread};
    struct pipelines *pipelines = pipelines_new();
    for (size_t i = 0; result == 0 && i < paths->pipelines.count; i++)
        result = pipelines_load(pipelines, paths->pipelines.items[i], fn, arg, err);
    ruleset_lists(loading.ruleset, lists);
    ruleset_pipelines(loading.ruleset, pipelines);
    if (keep)
        ruleset_keep(loading.ruleset);
    if (result == 0)
        result = load_all(&loading, paths, err);
    sigma_lists_free(lists);
    pipelines_free(pipelines);
    if (result == 0)
        return loading.ruleset;
    ruleset_free(loading.ruleset);
    return NULL;
}

struct ruleset *rule_paths_load(const struct rule_paths *paths, bool keep, rule_error_fn *fn, void *arg,
                                int *ret_exit)
{
    struct err err;
    struct ruleset *ruleset = NULL;
    if (paths->rules.count || paths->word_count) {
        ruleset = load_paths(paths, keep, fn, arg, NULL, &err);
    } else {
        struct config *config = load_or_complain(paths->config, ret_exit);
        if (!config)
            return NULL;
        if (rule_book_load(config, keep ? RULE_BOOK_EXPLAIN : RULE_BOOK_MATCH, NULL, &ruleset, fn, arg,
                           &err) < 0)
            ruleset = NULL;
        config_free(config);
    }
    if (!ruleset)
        *ret_exit = term_error(&err);
    return ruleset;
}

struct ruleset *rule_paths_check(const struct rule_paths *paths, rule_error_fn *fn, void *arg,
                                 int *ret_unread, int *ret_exit)
{
    struct err err;
    struct ruleset *ruleset = load_paths(paths, false, fn, arg, ret_unread, &err);
    if (!ruleset)
        *ret_exit = term_error(&err);
    return ruleset;
}

static void print_advice(void *arg, const struct rule *rule, const char *why)
{
    (void)arg;
    term_print(stderr, TERM_BOLD, "%s:%d: ", rule->file, rule->line);
    term_print(stderr, TERM_YELLOW, "expensive: ");
    term_text(stderr, sv_of(why));
    putc('\n', stderr);
}

void rule_paths_advise(const struct ruleset *ruleset)
{
    rule_advice(ruleset, print_advice, NULL);
}
