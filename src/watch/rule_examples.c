#include "watch/rule_examples.h"

#include <assert.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/arena.h"
#include "io/durable.h"
#include "watch/correlation.h"
#include "watch/rule_files.h"
#include "watch/rule_sequence.h"
#include "watch/yaml_tree.h"
#include "wire/decode.h"

#define TREE_BYTES_MAX  ((size_t)64 << 20)
#define EVENT_ARENA_MAX ((size_t)4 << 20)

/* 2026-01-01T00:00:00Z: when every example arrives, so that it means the same on every day. */
#define ARRIVAL (1767225600LL * NANOS_PER_SECOND)

/* Examples as a folder is gone through. */
struct run {
    rule_example_fn *fn;
    void *arg;
    struct rule_example_counts counts;
};

/* One rule file and its examples. */
struct pair {
    struct run *run;
    const char *rules, *examples;
    const struct ruleset *ruleset;
    struct ruleset_matcher *matcher;
    struct arena *arena; /* for the decoder */
};

static void count(struct rule_example_counts *counts, enum rule_example_result result)
{
    switch (result) {
    case RULE_EXAMPLE_PASSED:
        counts->passed++;
        break;
    case RULE_EXAMPLE_FAILED:
        counts->failed++;
        break;
    case RULE_EXAMPLE_MISSING:
        counts->missing++;
        break;
    case RULE_EXAMPLE_BROKEN:
        counts->broken++;
        break;
    }
}

static void report(struct run *run, const struct rule_example *example)
{
    count(&run->counts, example->result);
    if (run->fn)
        run->fn(run->arg, example);
}

static void report_file(struct run *run, enum rule_example_result result, const char *file, const char *rules,
                        int line, int column, const char *message)
{
    const struct rule_example example = {
        .result = result, .file = file, .rules = rules, .line = line, .column = column, .message = message};
    report(run, &example);
}

static void broken(struct pair *pair, const struct yaml_node *node, const char *message)
{
    report_file(pair->run, RULE_EXAMPLE_BROKEN, pair->examples, pair->rules, node->line, node->column,
                message);
}

static void run_one(struct pair *pair, const struct yaml_node *node, sv record, enum decode_format format,
                    bool must_match)
{
    char message[400] = "";
    struct event event;
    size_t found;
    arena_reset(pair->arena);
    decode(&event, record, format, ARRIVAL, NULL, pair->arena);
    ruleset_match(pair->matcher, &event, &found);
    bool passed = (found > 0) == must_match;
    if (!passed)
        snprintf(message, sizeof message,
                 "%s (it was read as %s, log source product '%.*s', category '%.*s', service '%.*s')",
                 must_match ? "the rule should match this record and does not"
                            : "the rule matches this record and should not",
                 event.format ? event.format : "nothing known", SV_ARG(sv_first(event.source.product, 60)),
                 SV_ARG(sv_first(event.source.category, 60)), SV_ARG(sv_first(event.source.service, 60)));
    const struct rule_example example = {passed ? RULE_EXAMPLE_PASSED : RULE_EXAMPLE_FAILED,
                                         pair->examples,
                                         node->line,
                                         node->column,
                                         pair->rules,
                                         record,
                                         must_match,
                                         message};
    report(pair->run, &example);
}

/* An example is a record, or {event: record, format: its form}. */
static void run_node(struct pair *pair, const struct yaml_node *node, bool must_match)
{
    enum decode_format format = DECODE_AUTO;
    const struct yaml_node *record = node;
    if (node->kind == YAML_MAP) {
        record = yaml_get(node, "event");
        const struct yaml_node *form = yaml_get(node, "format");
        for (const struct yaml_node *child = node->first; child; child = child->next)
            if (child != record && child != form) {
                broken(pair, child, "an example knows only the keys event and format");
                return;
            }
        if (form && (form->kind != YAML_SCALAR || !decode_format_parse(form->text, &format))) {
            broken(pair, form, "format must be one of auto, json, cef, leef, syslog, text");
            return;
        }
    }
    if (!record || record->kind != YAML_SCALAR || record->text.n == 0)
        broken(pair, node, "an example is a record, or a map with the key event");
    else
        run_one(pair, node, record->text, format, must_match);
}

static size_t run_list(struct pair *pair, const struct yaml_node *list, bool must_match)
{
    if (!list)
        return 0;
    if (list->kind != YAML_LIST) {
        broken(pair, list, "match and no_match are lists of records");
        return 0;
    }
    for (const struct yaml_node *child = list->first; child; child = child->next)
        run_node(pair, child, must_match);
    return list->count;
}

static void on_sequence(void *arg, const struct rule_sequence *sequence)
{
    struct pair *pair = arg;
    const struct rule_example example = {!sequence->readable ? RULE_EXAMPLE_BROKEN
                                         : sequence->passed  ? RULE_EXAMPLE_PASSED
                                                             : RULE_EXAMPLE_FAILED,
                                         pair->examples,
                                         sequence->line,
                                         sequence->column,
                                         pair->rules,
                                         sequence->name,
                                         sequence->must_find,
                                         sequence->message};
    report(pair->run, &example);
}

static size_t run_sequences(struct pair *pair, const struct yaml_node *list, size_t *ret_others)
{
    struct rule_sequence_counts counts = {0};
    if (list && list->kind == YAML_LIST)
        rule_sequences_run(pair->ruleset, list, on_sequence, pair, &counts);
    else if (list)
        broken(pair, list, "sequences is a list");
    *ret_others += counts.others;
    return counts.finding;
}

static void run_document(struct pair *pair, const struct yaml_node *root)
{
    const struct yaml_node *match = yaml_get(root, "match"), *no_match = yaml_get(root, "no_match"),
                           *sequences = yaml_get(root, "sequences");
    for (const struct yaml_node *child = root->first; child; child = child->next)
        if (child != match && child != no_match && child != sequences)
            broken(pair, child, "examples have only the keys match, no_match and sequences");
    size_t matching = run_list(pair, match, true), others = run_list(pair, no_match, false);
    matching += run_sequences(pair, sequences, &others);
    if (matching == 0 || others == 0)
        report_file(pair->run, RULE_EXAMPLE_MISSING, pair->examples, pair->rules, root->line, root->column,
                    matching ? "there is no example that must not match"
                             : "there is no example that must match");
}

static void run_text(struct pair *pair, sv text)
{
    struct arena *tree = arena_new(TREE_BYTES_MAX);
    struct yaml_reader *reader = yaml_reader_new(text, tree);
    struct yaml_problem problem;
    const struct yaml_node *root = yaml_reader_next(reader, &problem);
    if (root)
        run_document(pair, root);
    else
        report_file(pair->run, RULE_EXAMPLE_BROKEN, pair->examples, pair->rules, problem.line, problem.column,
                    problem.message[0] ? problem.message : "the file is empty");
    yaml_reader_free(reader);
    arena_free(tree);
}

static void run_examples(struct run *run, const char *rules, const struct ruleset *ruleset)
{
    char path[PATH_MAX];
    struct err err = {0};
    struct buf text = BUF_INIT(RULE_FILE_BYTES_MAX);
    if (!rule_files_examples(rules, path, sizeof path) || access(path, F_OK) < 0) {
        report_file(run, RULE_EXAMPLE_MISSING, rules, rules, 1, 1,
                    "there are no examples: write NAME.test.yml beside NAME.yml");
        return;
    }
    if (file_read(path, &text, &err) < 0) {
        report_file(run, RULE_EXAMPLE_BROKEN, path, rules, 1, 1, err.cause);
    } else {
        struct pair pair = {
            run, rules, path, ruleset, ruleset_matcher_new(ruleset), arena_new(EVENT_ARENA_MAX)};
        run_text(&pair, buf_view(&text));
        ruleset_matcher_free(pair.matcher);
        arena_free(pair.arena);
    }
    buf_free(&text);
}

static void take_rule_error(void *arg, const struct rule_error *error)
{
    report_file(arg, RULE_EXAMPLE_BROKEN, error->file, error->file, error->line, error->column,
                error->message);
}

static void visit(void *arg, const char *path, sv text, const struct err *problem)
{
    struct run *run = arg;
    if (problem) {
        report_file(run, RULE_EXAMPLE_BROKEN, path, path, 1, 1, problem->cause);
        return;
    }
    struct ruleset *ruleset = ruleset_new();
    run->counts.rules += ruleset_load_text(ruleset, path, text, take_rule_error, run);
    ruleset_seal(ruleset, take_rule_error, run);
    if (ruleset_failed(ruleset) == 0)
        run_examples(run, path, ruleset);
    for (size_t i = 0; i < ruleset_count(ruleset); i++)
        run->counts.rules -= correlation_silences(ruleset, i); /* it is part of another */
    run->counts.rules += correlation_count(ruleset);
    ruleset_free(ruleset);
}

int rule_examples_run(const char *path, rule_example_fn *fn, void *arg, struct rule_example_counts *ret,
                      struct err *err)
{
    struct run run = {.fn = fn, .arg = arg};
    if (rule_files_visit(path, visit, &run, err) < 0)
        return -1;
    *ret = run.counts;
    return 0;
}
