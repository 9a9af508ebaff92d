/* `vedette rules import` and `list`: what a repository of Sigma rules gives, and the rules that are loaded.
 */
#include "cmd/command.h"
#include "cmd/report.h"
#include "cmd/rule_paths.h"
#include "cmd/term.h"

#include "watch/correlation.h"
#include "watch/rule_source.h"

#include <stdlib.h>

enum { SOURCES_MAX = 4096, SHOWN_ERRORS_MAX = 50 };

struct source_count {
    struct logsource source;
    size_t rules;
    bool has_input;
};

struct importing {
    struct rule_paths paths;
    bool json;
    json_t *errors;
    size_t error_count;
    struct source_count sources[SOURCES_MAX];
    size_t source_count, without_input;
};

static void on_rule_error(void *arg, const struct rule_error *error)
{
    struct importing *importing = arg;
    importing->error_count++;
    if (importing->json) {
        json_array_append_new(importing->errors, rule_paths_json(error));
    } else if (importing->error_count <= SHOWN_ERRORS_MAX) {
        term_print(stdout, TERM_BOLD, "%s:%d:%d: ", error->file, error->line, error->column);
        term_text(stdout, sv_of(error->message));
        putchar('\n');
    }
}

static bool same_source(const struct logsource *a, const struct logsource *b)
{
    return sv_ieq(a->product, b->product) && sv_ieq(a->category, b->category) &&
           sv_ieq(a->service, b->service);
}

static void count_source(struct importing *importing, const struct logsource *source)
{
    for (size_t i = 0; i < importing->source_count; i++)
        if (same_source(&importing->sources[i].source, source)) {
            importing->sources[i].rules++;
            return;
        }
    if (importing->source_count < SOURCES_MAX)
        importing->sources[importing->source_count++] =
            (struct source_count){*source, 1, rule_source_has_input(source)};
}

static int by_rules(const void *a, const void *b)
{
    const struct source_count *x = a, *y = b;
    return (x->rules < y->rules) - (x->rules > y->rules);
}

static void count_sources(struct importing *importing, const struct ruleset *ruleset)
{
    for (size_t i = 0; i < ruleset_count(ruleset); i++)
        count_source(importing, &ruleset_rule(ruleset, i)->source);
    qsort(importing->sources, importing->source_count, sizeof *importing->sources, by_rules);
    for (size_t i = 0; i < importing->source_count; i++)
        importing->without_input += importing->sources[i].has_input ? 0 : importing->sources[i].rules;
}

static size_t loaded(const struct ruleset *ruleset)
{
    return ruleset_count(ruleset) + correlation_count(ruleset);
}

static void print_json(struct importing *importing, const struct ruleset *ruleset)
{
    json_t *json = json_object(), *sources = json_array();
    for (size_t i = 0; i < importing->source_count; i++) {
        const struct source_count *one = &importing->sources[i];
        json_t *source = json_object();
        json_object_set_new(source, "product", report_text(one->source.product));
        json_object_set_new(source, "category", report_text(one->source.category));
        json_object_set_new(source, "service", report_text(one->source.service));
        json_object_set_new(source, "rules", json_integer((json_int_t)one->rules));
        json_object_set_new(source, "input", json_boolean(one->has_input));
        json_array_append_new(sources, source);
    }
    json_object_set_new(json, "loaded", json_integer((json_int_t)loaded(ruleset)));
    json_object_set_new(json, "failed", json_integer((json_int_t)ruleset_failed(ruleset)));
    json_object_set_new(json, "errors", json_incref(importing->errors));
    json_object_set_new(json, "without_input", json_integer((json_int_t)importing->without_input));
    json_object_set_new(json, "logsources", sources);
    report_line_new(json);
}

static void print_text(const struct importing *importing, const struct ruleset *ruleset)
{
    size_t failed = ruleset_failed(ruleset);
    if (importing->error_count > SHOWN_ERRORS_MAX)
        printf("… and %zu errors more: --json has all\n", importing->error_count - SHOWN_ERRORS_MAX);
    term_print(stdout, failed ? TERM_YELLOW : TERM_GREEN, "%zu rules loaded, %zu failed\n", loaded(ruleset),
               failed);
    if (importing->without_input)
        printf("%zu of them are for log sources that no decoder tells; give such an input a logsource: of "
               "its own\n",
               importing->without_input);
    for (size_t i = 0; i < importing->source_count; i++) {
        const struct source_count *one = &importing->sources[i];
        printf("  %6zu  %-8s  ", one->rules, one->has_input ? "" : "no input");
        term_text(stdout, one->source.product);
        putchar('/');
        term_text(stdout, one->source.category);
        putchar('/');
        term_text(stdout, one->source.service);
        putchar('\n');
    }
}

int cmd_rules_import(int argc, char **argv)
{
    struct importing *importing = calloc(1, sizeof *importing);
    const struct option_spec specs[] = {
        {"json", 0, OPTION_FLAG, NULL, "one JSON object", &importing->json},
        RULE_PATHS_ASIDE(importing->paths),
    };
    int exit_code;
    if (!command_options("rules import", specs, sizeof specs / sizeof *specs, &argc, argv, &exit_code)) {
        free(importing);
        return exit_code;
    }
    importing->paths.words = argv;
    importing->paths.word_count = argc;
    importing->errors = json_array();
    struct ruleset *ruleset = NULL;
    struct err err;
    if (argc == 0) {
        err_set(&err, ERR_USAGE, "name the folder of a repository of Sigma rules",
                "rules import wants a folder");
        exit_code = term_error(&err);
    } else {
        ruleset = rule_paths_load(&importing->paths, false, on_rule_error, importing, &exit_code);
    }
    if (ruleset) {
        count_sources(importing, ruleset);
        if (importing->json)
            print_json(importing, ruleset);
        else
            print_text(importing, ruleset);
        exit_code = loaded(ruleset) ? 0 : 65;
    }
    ruleset_free(ruleset);
    json_decref(importing->errors);
    free(importing);
    return exit_code;
}

/* --- list */

static void list_rule(const struct rule *rule, bool as_json)
{
    if (as_json) {
        json_t *json = json_object();
        json_object_set_new(json, "id", report_text(rule->id));
        json_object_set_new(json, "title", report_text(rule->title));
        json_object_set_new(json, "level", json_string(severity_name(rule->severity)));
        json_object_set_new(json, "product", report_text(rule->source.product));
        json_object_set_new(json, "category", report_text(rule->source.category));
        json_object_set_new(json, "service", report_text(rule->source.service));
        json_object_set_new(json, "tags", report_text(rule->tags));
        json_object_set_new(json, "file", report_text(sv_of(rule->file)));
        json_object_set_new(json, "line", json_integer(rule->line));
        report_line_new(json);
        return;
    }
    printf("%-13s ", severity_name(rule->severity));
    term_text(stdout, rule->title);
    term_print(stdout, TERM_DIM, "  (%.*s)\n", SV_ARG(rule->id));
}

int cmd_rules_list(int argc, char **argv)
{
    struct rule_paths paths = {0};
    bool json = false;
    const struct option_spec specs[] = {
        {"json", 0, OPTION_FLAG, NULL, "one JSON object a rule", &json},
        RULE_PATHS_OPTIONS(paths),
    };
    int exit_code;
    if (!command_options("rules list", specs, sizeof specs / sizeof *specs, &argc, argv, &exit_code))
        return exit_code;
    paths.words = argv;
    paths.word_count = argc;
    struct ruleset *ruleset = rule_paths_load(&paths, false, rule_paths_tell, NULL, &exit_code);
    if (!ruleset)
        return exit_code;
    for (size_t i = 0; i < ruleset_count(ruleset); i++)
        list_rule(ruleset_rule(ruleset, i), json);
    for (size_t i = 0; i < correlation_count(ruleset); i++)
        list_rule(correlation_about(ruleset, i), json);
    exit_code = ruleset_failed(ruleset) ? 65 : 0;
    ruleset_free(ruleset);
    return exit_code;
}
