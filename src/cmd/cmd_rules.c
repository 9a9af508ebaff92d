/* `vedette rules check`, `test` and `match`. */
#include "cmd/command.h"
#include "cmd/event_form.h"
#include "cmd/input_files.h"
#include "cmd/options.h"
#include "cmd/report.h"
#include "cmd/rule_paths.h"
#include "cmd/term.h"
#include "io/loop.h"
#include "watch/pipeline.h"
#include "watch/rule_advice.h"
#include "watch/rule_examples.h"
#include "watch/rule_stream.h"
#include "watch/ruleset.h"
#include "watch/sigma_lists.h"
#include "wire/decode.h"

#include <stdlib.h>
#include <sys/stat.h>

enum { RULE_PATHS_MAX = 256, MATCH_ARENA_MAX = 1024 * 1024 };

struct loading {
    bool json;
    json_t *errors, *warnings;
    int unreadable;            /* paths, */
    int exit_code;             /* and what the last of them ends with */
    size_t told, of_pipelines; /* errors */
    struct option_list lists, pipelines;
};

static void on_rule_error(void *arg, const struct rule_error *error)
{
    struct loading *loading = arg;
    loading->told++;
    if (loading->json)
        json_array_append_new(loading->errors, rule_paths_json(error));
    else
        rule_paths_tell(NULL, error);
}

static void on_advice(void *arg, const struct rule *rule, const char *why)
{
    struct loading *loading = arg;
    json_t *json = json_object();
    json_object_set_new(json, "file", report_text(sv_of(rule->file)));
    json_object_set_new(json, "line", json_integer(rule->line));
    json_object_set_new(json, "rule", report_text(rule->id));
    json_object_set_new(json, "message", report_text(sv_of(why)));
    json_array_append_new(loading->warnings, json);
}

/* What has an error or cannot be read is told and left out. NULL if the rest cannot be compiled. */
static struct ruleset *load(char **paths, int count, struct loading *loading, struct err *err)
{
    struct sigma_lists *lists = NULL;
    if (rule_paths_lists(&loading->lists, &lists, err) < 0)
        return NULL;
    struct ruleset *ruleset = ruleset_new();
    struct pipelines *pipelines = pipelines_new();
    int result = 0;
    for (size_t i = 0; result == 0 && i < loading->pipelines.count; i++)
        result = pipelines_load(pipelines, loading->pipelines.items[i], on_rule_error, loading, err);
    loading->of_pipelines = loading->told;
    ruleset_lists(ruleset, lists);
    ruleset_pipelines(ruleset, pipelines);
    for (int i = 0; result == 0 && i < count; i++)
        if (ruleset_load(ruleset, paths[i], on_rule_error, loading, err) < 0) {
            on_rule_error(loading, &(struct rule_error){.file = paths[i], .message = err->cause});
            loading->unreadable++;
            loading->exit_code = err_exit_code(err);
        }
    if (result == 0)
        result = ruleset_seal(ruleset, on_rule_error, loading, err);
    sigma_lists_free(lists);
    pipelines_free(pipelines);
    if (result == 0)
        return ruleset;
    ruleset_free(ruleset);
    return NULL;
}

static int usage(const char *cause)
{
    struct err err;
    err_set(&err, ERR_USAGE, "name a rule file or a folder of rules", "%s", cause);
    return term_error(&err);
}

/* --- check --- */

/* Returns the exit code. */
static int print_checked(const struct loading *loading, const struct ruleset *ruleset)
{
    size_t loaded = ruleset_count(ruleset) + correlation_count(ruleset), failed = ruleset_failed(ruleset);
    int exit_code = loading->unreadable ? loading->exit_code : failed || loading->of_pipelines ? 65 : 0;
    if (!loading->json) {
        term_print(stdout, exit_code ? TERM_RED : TERM_GREEN, "%zu rules loaded, %zu failed\n", loaded,
                   failed);
        return exit_code;
    }
    json_t *json = json_object();
    json_object_set_new(json, "loaded", json_integer((json_int_t)loaded));
    json_object_set_new(json, "failed", json_integer((json_int_t)failed));
    json_object_set(json, "errors", loading->errors);
    json_object_set(json, "warnings", loading->warnings);
    json_dumpf(json, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(json);
    return exit_code;
}

int cmd_rules_check(int argc, char **argv)
{
    struct loading loading = {0};
    const struct option_spec specs[] = {
        {"json", 0, OPTION_FLAG, NULL, "one JSON object: {\"loaded\", \"failed\", \"errors\", \"warnings\"}",
         &loading.json},
        {"list", 0, OPTION_LIST, "NAME=FILE", "what %NAME% stands for in rules, one a line; may be repeated",
         &loading.lists},
        {"pipeline", 0, OPTION_LIST, "PATH", "pipeline file or folder; may be repeated", &loading.pipelines},
    };
    int exit_code;
    struct err err;
    if (!command_options("rules check", specs, 3, &argc, argv, &exit_code))
        return exit_code;
    if (argc == 0)
        return usage("rules check wants a path");
    loading.errors = json_array();
    loading.warnings = json_array();
    struct ruleset *ruleset = load(argv, argc, &loading, &err);
    if (ruleset) {
        if (loading.json)
            rule_advice(ruleset, on_advice, &loading);
        else
            rule_paths_advise(ruleset);
        exit_code = print_checked(&loading, ruleset);
    } else
        exit_code = term_error(&err);
    json_decref(loading.errors);
    json_decref(loading.warnings);
    ruleset_free(ruleset);
    return exit_code;
}

/* --- match --- */

struct matching {
    struct ruleset *ruleset;
    struct rule_stream *stream;
    struct event_form form;
    struct arena *arena, *names;
    struct option_list lists, pipelines;
};

static void print_finding(void *arg, const struct finding *finding, uint64_t ordinal)
{
    struct matching *matching = arg;
    json_t *json = json_object(), *fields = json_object();
    arena_reset(matching->names);
    for (size_t i = 0; i < finding->field_count; i++) {
        const char *name = arena_cstr(matching->names, finding->fields[i].name);
        if (name && !json_object_get(fields, name))
            json_object_set_new(fields, name, report_text(finding->fields[i].value));
    }
    json_object_set_new(json, "event", json_integer((json_int_t)ordinal));
    json_object_set_new(json, "rule", report_text(finding->rule_id));
    json_object_set_new(json, "title", report_text(finding->rule_title));
    json_object_set_new(json, "level", json_string(severity_name(finding->severity)));
    json_object_set_new(json, "fields", fields);
    json_dumpf(json, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(json);
}

static int on_event(void *arg, const char *path, sv record)
{
    struct matching *matching = arg;
    struct event event;
    (void)path;
    arena_reset(matching->arena);
    event_form_decode(&matching->form, record, loop_now(), matching->arena, &event);
    rule_stream_event(matching->stream, &event);
    return 0;
}

static bool is_rule_path(const char *word)
{
    struct stat info;
    return sv_ends(sv_of(word), SV(".yml")) || sv_ends(sv_of(word), SV(".yaml")) ||
           (stat(word, &info) == 0 && S_ISDIR(info.st_mode));
}

/* Takes "--rules PATH…" out of argv: the word after it, and those after that which are folders or *.yml. */
static int take_rule_paths(int *argc, char **argv, char **ret_paths)
{
    int paths = 0, left = 0;
    for (int i = 0; i < *argc; i++) {
        bool joined = strncmp(argv[i], "--rules=", 8) == 0;
        if (!joined && strcmp(argv[i], "--rules") != 0) {
            argv[left++] = argv[i];
            continue;
        }
        if (paths < RULE_PATHS_MAX && (joined || i + 1 < *argc))
            ret_paths[paths++] = joined ? argv[i] + 8 : argv[++i];
        while (paths < RULE_PATHS_MAX && i + 1 < *argc && is_rule_path(argv[i + 1]))
            ret_paths[paths++] = argv[++i];
    }
    *argc = left;
    return paths;
}

static int match(struct matching *matching, char **paths, int path_count, char **files, int file_count,
                 struct err *err)
{
    struct loading loading = {.lists = matching->lists, .pipelines = matching->pipelines};
    matching->ruleset = load(paths, path_count, &loading, err);
    if (!matching->ruleset)
        return -1;
    if (loading.unreadable) {
        ruleset_free(matching->ruleset);
        return err_set(err, ERR_NO_INPUT, "check the paths behind --rules", "not all rules could be read");
    }
    matching->stream = rule_stream_new(matching->ruleset, print_finding, matching);
    matching->arena = arena_new(MATCH_ARENA_MAX);
    matching->names = arena_new(MATCH_ARENA_MAX);
    int outcome = input_records(files, file_count, on_event, matching, err);
    rule_stream_end(matching->stream);
    rule_stream_free(matching->stream);
    ruleset_free(matching->ruleset);
    arena_free(matching->arena);
    arena_free(matching->names);
    return outcome;
}

int cmd_rules_match(int argc, char **argv)
{
    char *paths[RULE_PATHS_MAX];
    const char *rules = NULL;
    struct matching matching = {0};
    const struct option_spec specs[] = {
        {"rules", 0, OPTION_TEXT, "PATH…", "rule files and folders; may be given again", &rules},
        EVENT_FORM_OPTION(matching.form),
        EVENT_SOURCE_OPTION(matching.form),
        {"list", 0, OPTION_LIST, "NAME=FILE", "what %NAME% stands for in rules, one a line; may be repeated",
         &matching.lists},
        {"pipeline", 0, OPTION_LIST, "PATH", "pipeline file or folder; may be repeated", &matching.pipelines},
    };
    int exit_code, path_count = take_rule_paths(&argc, argv, paths);
    struct err err;
    if (!command_options("rules match", specs, 5, &argc, argv, &exit_code))
        return exit_code;
    if (path_count == 0)
        return usage("rules match wants --rules PATH");
    if (event_form_read(&matching.form, &err) < 0)
        return term_error(&err);
    return match(&matching, paths, path_count, argv, argc, &err) < 0 ? term_error(&err) : 0;
}

/* --- test --- */

struct examples {
    bool json;
};

static const char *result_name(enum rule_example_result result)
{
    switch (result) {
    case RULE_EXAMPLE_PASSED:
        return "passed";
    case RULE_EXAMPLE_FAILED:
        return "failed";
    case RULE_EXAMPLE_MISSING:
        return "missing";
    case RULE_EXAMPLE_BROKEN:
        return "broken";
    }
    return "";
}

static void on_example(void *arg, const struct rule_example *example)
{
    struct examples *examples = arg;
    if (examples->json) {
        json_t *json = json_object();
        json_object_set_new(json, "result", json_string(result_name(example->result)));
        json_object_set_new(json, "file", report_text(sv_of(example->file)));
        json_object_set_new(json, "line", json_integer(example->line));
        json_object_set_new(json, "must_match", json_boolean(example->must_match));
        json_object_set_new(json, "event", report_text(example->event));
        json_object_set_new(json, "message", report_text(sv_of(example->message)));
        json_dumpf(json, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(json);
    } else if (example->result != RULE_EXAMPLE_PASSED) {
        term_print(stdout, TERM_BOLD, "%s:%d:%d: ", example->file, example->line, example->column);
        term_text(stdout, sv_of(example->message));
        putchar('\n');
        if (example->event.n) {
            printf("  ");
            term_text(stdout, sv_first(example->event, 200));
            putchar('\n');
        }
    }
}

static void add_counts(struct rule_example_counts *to, const struct rule_example_counts *from)
{
    to->rules += from->rules;
    to->passed += from->passed;
    to->failed += from->failed;
    to->missing += from->missing;
    to->broken += from->broken;
}

int cmd_rules_test(int argc, char **argv)
{
    struct examples examples = {0};
    struct rule_example_counts total = {0}, counts;
    const struct option_spec specs[] = {
        {"json", 0, OPTION_FLAG, NULL, "one JSON object an example", &examples.json},
    };
    int exit_code;
    struct err err;
    if (!command_options("rules test", specs, 1, &argc, argv, &exit_code))
        return exit_code;
    if (argc == 0)
        return usage("rules test wants a path");
    for (int i = 0; i < argc; i++) {
        if (rule_examples_run(argv[i], on_example, &examples, &counts, &err) < 0)
            return term_error(&err);
        add_counts(&total, &counts);
    }
    bool bad = total.failed || total.missing || total.broken;
    if (!examples.json)
        term_print(stdout, bad ? TERM_RED : TERM_GREEN,
                   "%zu rules, %zu examples passed, %zu failed, %zu rules without examples, %zu broken\n",
                   total.rules, total.passed, total.failed, total.missing, total.broken);
    return bad ? 65 : 0;
}
