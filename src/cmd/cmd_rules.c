/* `vedette rules check`, `test` and `match`. */
#include "cmd/command.h"
#include "cmd/event_form.h"
#include "cmd/input_files.h"
#include "cmd/options.h"
#include "cmd/report.h"
#include "cmd/rule_paths.h"
#include "cmd/term.h"
#include "io/loop.h"
#include "watch/rule_advice.h"
#include "watch/rule_examples.h"
#include "watch/rule_stream.h"
#include "watch/ruleset.h"
#include "wire/decode.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { MATCH_ARENA_MAX = 1024 * 1024, EXIT_WRONG = 65 };

struct checking {
    struct rule_paths paths;
    bool json;
    json_t *errors, *warnings;
    size_t told;
};

static void on_rule_error(void *arg, const struct rule_error *error)
{
    struct checking *checking = arg;
    checking->told++;
    if (checking->json)
        json_array_append_new(checking->errors, rule_paths_json(error));
    else
        rule_paths_tell(NULL, error);
}

static void on_advice(void *arg, const struct rule *rule, const char *why)
{
    struct checking *checking = arg;
    json_t *json = json_object();
    json_object_set_new(json, "file", report_text(sv_of(rule->file)));
    json_object_set_new(json, "line", json_integer(rule->line));
    json_object_set_new(json, "rule", report_text(rule->id));
    json_object_set_new(json, "message", report_text(sv_of(why)));
    json_array_append_new(checking->warnings, json);
}

static int usage(const char *cause)
{
    struct err err;
    err_set(&err, ERR_USAGE, "name a rule file or a folder of rules", "%s", cause);
    return term_error(&err);
}

/* --- check --- */

static void print_checked(const struct checking *checking, const struct ruleset *ruleset, bool bad)
{
    size_t loaded = ruleset_count(ruleset) + correlation_count(ruleset), failed = ruleset_failed(ruleset);
    if (!checking->json) {
        term_print(stdout, bad ? TERM_RED : TERM_GREEN, "%zu rules loaded, %zu failed\n", loaded, failed);
        return;
    }
    json_t *json = json_object();
    json_object_set_new(json, "loaded", json_integer((json_int_t)loaded));
    json_object_set_new(json, "failed", json_integer((json_int_t)failed));
    json_object_set(json, "errors", checking->errors);
    json_object_set(json, "warnings", checking->warnings);
    report_line_new(json);
}

int cmd_rules_check(int argc, char **argv)
{
    struct checking checking = {0};
    const struct option_spec specs[] = {
        {"json", 0, OPTION_FLAG, NULL, "one JSON object: {\"loaded\", \"failed\", \"errors\", \"warnings\"}",
         &checking.json},
        RULE_PATHS_ASIDE(checking.paths),
    };
    int exit_code, unread = 0;
    if (!command_options("rules check", specs, sizeof specs / sizeof *specs, &argc, argv, &exit_code))
        return exit_code;
    if (argc == 0)
        return usage("rules check wants a path");
    checking.paths.words = argv;
    checking.paths.word_count = argc;
    checking.errors = json_array();
    checking.warnings = json_array();
    struct ruleset *ruleset =
        rule_paths_check(&checking.paths, on_rule_error, &checking, &unread, &exit_code);
    if (ruleset) {
        if (checking.json)
            rule_advice(ruleset, on_advice, &checking);
        else
            rule_paths_advise(ruleset);
        exit_code = unread ? unread : checking.told ? EXIT_WRONG : 0;
        print_checked(&checking, ruleset, exit_code);
    }
    json_decref(checking.errors);
    json_decref(checking.warnings);
    ruleset_free(ruleset);
    return exit_code;
}

/* --- match --- */

struct matching {
    struct rule_paths paths;
    struct rule_stream *stream;
    struct event_form form;
    struct arena *arena, *names;
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
    report_line_new(json);
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
static void take_rule_paths(int *argc, char **argv, struct rule_paths *ret)
{
    int left = 0;
    for (int i = 0; i < *argc; i++) {
        bool joined = strncmp(argv[i], "--rules=", 8) == 0;
        if (!joined && strcmp(argv[i], "--rules") != 0) {
            argv[left++] = argv[i];
            continue;
        }
        if (joined || i + 1 < *argc)
            ret->words[ret->word_count++] = joined ? argv[i] + 8 : argv[++i];
        while (i + 1 < *argc && is_rule_path(argv[i + 1]))
            ret->words[ret->word_count++] = argv[++i];
    }
    *argc = left;
}

static int match(struct matching *matching, char **files, int file_count)
{
    int exit_code = 0;
    struct err err;
    struct ruleset *ruleset = rule_paths_load(&matching->paths, false, rule_paths_tell, NULL, &exit_code);
    if (!ruleset)
        return exit_code;
    matching->stream = rule_stream_new(ruleset, &correlator_limits_usual, print_finding, matching);
    matching->arena = arena_new(MATCH_ARENA_MAX);
    matching->names = arena_new(MATCH_ARENA_MAX);
    if (input_records(files, file_count, on_event, matching, &err) < 0)
        exit_code = term_error(&err);
    rule_stream_end(matching->stream);
    rule_stream_free(matching->stream);
    ruleset_free(ruleset);
    arena_free(matching->arena);
    arena_free(matching->names);
    return exit_code;
}

static int match_as_said(struct matching *matching, int argc, char **argv)
{
    const char *rules = NULL; /* taken already: they stand in the table for --help */
    const struct option_spec specs[] = {
        {"rules", 0, OPTION_TEXT, "PATH…", "rule files and folders; may be given again", &rules},
        EVENT_FORM_OPTION(matching->form),
        EVENT_SOURCE_OPTION(matching->form),
        EVENT_ZONE_OPTION(matching->form),
        RULE_PATHS_ASIDE(matching->paths),
    };
    int exit_code;
    struct err err;
    if (!command_options("rules match", specs, sizeof specs / sizeof *specs, &argc, argv, &exit_code))
        return exit_code;
    if (matching->paths.word_count == 0)
        return usage("rules match wants --rules PATH");
    if (event_form_read(&matching->form, &err) < 0)
        return term_error(&err);
    return match(matching, argv, argc);
}

int cmd_rules_match(int argc, char **argv)
{
    struct matching matching = {.paths.words = calloc((size_t)argc + 1, sizeof *argv)};
    assert(matching.paths.words);
    take_rule_paths(&argc, argv, &matching.paths);
    int exit_code = match_as_said(&matching, argc, argv);
    event_form_end(&matching.form);
    free(matching.paths.words);
    return exit_code;
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
        report_line_new(json);
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
    return bad ? EXIT_WRONG : 0;
}
