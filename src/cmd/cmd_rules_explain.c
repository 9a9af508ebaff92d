/* `vedette rules explain` and `why-not`: which rules match an event and why, or why one does not. */
#include "cmd/command.h"
#include "cmd/event_form.h"
#include "cmd/input_files.h"
#include "cmd/report.h"
#include "cmd/rule_paths.h"
#include "cmd/term.h"
#include "io/loop.h"
#include "watch/rule_explain.h"
#include "wire/decode.h"

#include <unistd.h>

enum { ARENA_BYTES_MAX = 64 * 1024 * 1024, SHOWN_BYTES_MAX = 160 };

struct explaining {
    struct rule_paths paths;
    struct event_form form;
    bool json;
    struct ruleset *ruleset;
    struct ruleset_matcher *matcher;
    struct arena *arena;
    size_t rule; /* why-not: the one that is asked about; SIZE_MAX: all that match */
    size_t ordinal, told;
};

/* --- as JSON */

static json_t *json_texts(const sv *texts, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, report_text(texts[i]));
    return list;
}

static json_t *json_item(const struct explained_item *item)
{
    json_t *json = json_object(), *values = json_array();
    for (size_t i = 0; i < item->value_count; i++) {
        json_t *value = json_object();
        json_object_set_new(value, "text", report_text(item->values[i].text));
        json_object_set_new(value, "holds", json_boolean(item->values[i].holds));
        json_array_append_new(values, value);
    }
    json_object_set_new(json, "key", report_text(item->key));
    json_object_set_new(json, "holds", json_boolean(item->holds));
    json_object_set_new(json, "values", values);
    json_object_set_new(json, "found",
                        item->keyword ? json_null() : json_texts(item->found, item->found_count));
    return json;
}

static json_t *json_selection(const struct explained_selection *selection)
{
    json_t *json = json_object(), *maps = json_array();
    for (size_t m = 0; m < selection->map_count; m++) {
        json_t *items = json_array();
        for (size_t i = 0; i < selection->maps[m].item_count; i++)
            json_array_append_new(items, json_item(&selection->maps[m].items[i]));
        json_array_append_new(maps, items);
    }
    json_object_set_new(json, "name", report_text(selection->name));
    json_object_set_new(json, "holds", json_boolean(selection->holds));
    json_object_set_new(json, "filter", json_boolean(selection->filter));
    json_object_set_new(json, "maps", maps);
    return json;
}

static void print_json(const struct explaining *explaining, const struct event *event,
                       const struct rule *rule, const struct explained_rule *why)
{
    json_t *json = json_object(), *conditions = json_array(), *selections = json_array();
    for (size_t i = 0; i < why->condition_count; i++) {
        json_t *condition = json_object();
        json_object_set_new(condition, "text", report_text(why->conditions[i].text));
        json_object_set_new(condition, "holds", json_boolean(why->conditions[i].holds));
        json_array_append_new(conditions, condition);
    }
    for (size_t i = 0; i < why->selection_count; i++)
        json_array_append_new(selections, json_selection(&why->selections[i]));
    json_object_set_new(json, "event", json_integer((json_int_t)explaining->ordinal));
    json_object_set_new(json, "rule", report_text(rule->id));
    json_object_set_new(json, "title", report_text(rule->title));
    json_object_set_new(json, "matches", json_boolean(why->matches));
    json_object_set_new(json, "logsource_agrees", json_boolean(why->source_agrees));
    json_object_set_new(json, "logsource", report_logsource(&rule->source));
    json_object_set_new(json, "event_logsource", report_logsource(&event->source));
    json_object_set_new(json, "conditions", conditions);
    json_object_set_new(json, "selections", selections);
    report_line_new(json);
}

/* --- for people */

static void print_mark(bool holds)
{
    term_print(stdout, holds ? TERM_GREEN : TERM_RED, "%s", holds ? "yes " : "no  ");
}

static void print_shown(sv text)
{
    putchar('"');
    term_text(stdout, sv_first(text, SHOWN_BYTES_MAX));
    printf(text.n > SHOWN_BYTES_MAX ? "…\"" : "\"");
}

static void print_found(const struct explained_item *item)
{
    if (item->keyword) {
        printf("looked for in the whole record");
        return;
    }
    if (item->found_count == 0)
        printf("the event has no such field");
    for (size_t i = 0; i < item->found_count; i++) {
        printf(i ? ", " : "the event has ");
        print_shown(item->found[i]);
    }
}

static void print_item(const struct explained_item *item)
{
    printf("      ");
    print_mark(item->holds);
    if (item->key.n)
        term_text(stdout, item->key);
    else
        printf("keywords");
    printf(": ");
    print_found(item);
    putchar('\n');
    for (size_t i = 0; i < item->value_count; i++) {
        printf("          ");
        print_mark(item->values[i].holds);
        print_shown(item->values[i].text);
        putchar('\n');
    }
}

static void print_selection(const struct explained_selection *selection)
{
    printf("  ");
    print_mark(selection->holds);
    printf(selection->filter ? "filter's selection " : "selection ");
    term_text(stdout, selection->name);
    putchar('\n');
    for (size_t m = 0; m < selection->map_count; m++) {
        if (selection->map_count > 1)
            printf("    %s of the list:\n", m ? "or, next" : "first");
        for (size_t i = 0; i < selection->maps[m].item_count; i++)
            print_item(&selection->maps[m].items[i]);
    }
}

static void print_source(const char *whose, const struct logsource *source)
{
    printf("%s product '", whose);
    term_text(stdout, source->product);
    printf("', category '");
    term_text(stdout, source->category);
    printf("', service '");
    term_text(stdout, source->service);
    printf("'");
}

static void print_text(const struct explaining *explaining, const struct event *event,
                       const struct rule *rule, const struct explained_rule *why)
{
    term_print(stdout, TERM_BOLD, "event %zu: ", explaining->ordinal);
    term_text(stdout, rule->title);
    term_print(stdout, why->matches ? TERM_GREEN : TERM_RED, why->matches ? " matches" : " does not match");
    printf(" (%s, ", severity_name(rule->severity));
    term_text(stdout, rule->id);
    printf(")\n  ");
    print_mark(why->source_agrees);
    print_source("log source: the rule's", &rule->source);
    print_source("; the event's", &event->source);
    putchar('\n');
    for (size_t i = 0; i < why->condition_count; i++) {
        printf("  ");
        print_mark(why->conditions[i].holds);
        printf("condition: ");
        term_text(stdout, why->conditions[i].text);
        putchar('\n');
    }
    for (size_t i = 0; i < why->selection_count; i++)
        print_selection(&why->selections[i]);
}

static void explain_rule(struct explaining *explaining, const struct event *event, size_t rule)
{
    struct explained_rule why;
    const struct rule *about = ruleset_rule(explaining->ruleset, rule);
    if (!rule_explain(&why, explaining->ruleset, explaining->matcher, rule, event, explaining->arena)) {
        fprintf(stderr, "vedette: there is too much to explain\n");
        return;
    }
    explaining->told += why.matches;
    if (explaining->json)
        print_json(explaining, event, about, &why);
    else
        print_text(explaining, event, about, &why);
}

static int on_event(void *arg, const char *path, sv record)
{
    struct explaining *explaining = arg;
    struct event event;
    size_t count, *copy;
    (void)path;
    explaining->ordinal++;
    arena_reset(explaining->arena);
    event_form_decode(&explaining->form, record, loop_now(), explaining->arena, &event);
    if (explaining->rule != SIZE_MAX) {
        explain_rule(explaining, &event, explaining->rule);
        return 0;
    }
    const size_t *matched = ruleset_match(explaining->matcher, &event, &count);
    copy = arena_alloc(explaining->arena, (count + 1) * sizeof *copy);
    for (size_t i = 0; copy && i < count; i++)
        copy[i] = matched[i];
    for (size_t i = 0; copy && i < count; i++)
        explain_rule(explaining, &event, copy[i]);
    if (count == 0 && !explaining->json)
        printf("event %zu: no rule matches (it was read as %s)\n", explaining->ordinal,
               event.format ? event.format : "nothing known");
    return 0;
}

/* A word is a file that is there, "-", or else the record itself. */
static int explain_words(struct explaining *explaining, char **words, int count, struct err *err)
{
    for (int i = 0; i < count; i++) {
        bool is_file = strcmp(words[i], "-") == 0 || access(words[i], R_OK) == 0;
        if (!is_file)
            on_event(explaining, "", sv_of(words[i]));
        else if (input_records(&words[i], 1, on_event, explaining, err) < 0)
            return -1;
    }
    return count ? 0 : input_records(words, 0, on_event, explaining, err);
}

static int usage(const char *cause, const char *advice)
{
    struct err err;
    err_set(&err, ERR_USAGE, advice, "%s", cause);
    return term_error(&err);
}

/* asks_rule: the first word is a rule. */
static int explain(struct explaining *explaining, bool asks_rule, char **words, int count)
{
    int exit_code;
    struct err err;
    explaining->ruleset = rule_paths_load(&explaining->paths, true, rule_paths_tell, NULL, &exit_code);
    if (!explaining->ruleset)
        return exit_code;
    if (asks_rule)
        explaining->rule = ruleset_named(explaining->ruleset, sv_of(words[0]));
    if (asks_rule && explaining->rule == SIZE_MAX) {
        ruleset_free(explaining->ruleset);
        return usage("no rule has that id, name or title", "`vedette rules list` shows them");
    }
    explaining->matcher = ruleset_matcher_new(explaining->ruleset);
    explaining->arena = arena_new(ARENA_BYTES_MAX);
    int skip = asks_rule ? 1 : 0, outcome = explain_words(explaining, words + skip, count - skip, &err);
    ruleset_matcher_free(explaining->matcher);
    ruleset_free(explaining->ruleset);
    arena_free(explaining->arena);
    return outcome < 0 ? term_error(&err) : 0;
}

static int run(const char *name, bool asks_rule, int argc, char **argv)
{
    struct explaining explaining = {.rule = SIZE_MAX};
    const struct option_spec specs[] = {
        EVENT_FORM_OPTION(explaining.form),
        EVENT_SOURCE_OPTION(explaining.form),
        EVENT_ZONE_OPTION(explaining.form),
        {"json", 0, OPTION_FLAG, NULL, "one JSON object for each rule and event", &explaining.json},
        RULE_PATHS_OPTIONS(explaining.paths),
    };
    int exit_code;
    struct err err;
    if (!command_options(name, specs, sizeof specs / sizeof *specs, &argc, argv, &exit_code))
        return exit_code;
    if (asks_rule && argc == 0)
        return usage("rules why-not wants a rule", "name it by its id, name or title; then the event");
    if (event_form_read(&explaining.form, &err) < 0)
        return term_error(&err);
    exit_code = explain(&explaining, asks_rule, argv, argc);
    event_form_end(&explaining.form);
    return exit_code;
}

int cmd_rules_explain(int argc, char **argv)
{
    return run("rules explain", false, argc, argv);
}

int cmd_rules_why_not(int argc, char **argv)
{
    return run("rules why-not", true, argc, argv);
}
