#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs its types first. */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "watch/rule_examples.h"

static void print_unless_passed(void *arg, const struct rule_example *example)
{
    (void)arg;
    if (example->result != RULE_EXAMPLE_PASSED)
        print_error("%s:%d:%d: %s\n", example->file, example->line, example->column, example->message);
}

/* meson gives the folder of rules that are delivered. */
static void every_rule_of_the_starter_pack_keeps_its_examples(void **state)
{
    (void)state;
    struct rule_example_counts counts;
    struct err err = {0};
    const char *folder = getenv("VEDETTE_RULES");
    assert_non_null(folder);
    assert_int_equal(rule_examples_run(folder, print_unless_passed, NULL, &counts, &err), 0);
    assert_int_equal(counts.failed, 0);
    assert_int_equal(counts.missing, 0);
    assert_int_equal(counts.broken, 0);
    assert_true(counts.rules >= 40);
    assert_true(counts.passed >= counts.rules * 2);
}

static const char rule[] =
    "title: t\nid: 1\nlogsource: {product: x}\ndetection:\n  s: ['sorry']\n  condition: s\n";

static void write_text(const char *folder, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = text ? fopen(path, "w") : NULL;
    if (!text) {
        remove(path);
        return;
    }
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* The last complaint, as "file line:column message". */
static void keep_last(void *arg, const struct rule_example *example)
{
    const char *name = strrchr(example->file, '/');
    if (example->result != RULE_EXAMPLE_PASSED)
        snprintf(arg, 400, "%s %d:%d %s", name ? name + 1 : example->file, example->line, example->column,
                 example->message);
}

static void each_example_is_judged_where_it_stands(void **state)
{
    (void)state;
    static const struct {
        const char *examples, *expected;
        struct rule_example_counts counts;
    } cases[] = {
        {"match: [so sorry]\nno_match: [so glad]\n", "", {1, 2, 0, 0, 0}},
        {"match:\n  - so glad\nno_match: [so glad]\n",
         "a.test.yml 2:5 the rule should match",
         {1, 1, 1, 0, 0}},
        {"match: [so sorry]\nno_match:\n  - sorry\n",
         "a.test.yml 3:5 the rule matches this",
         {1, 1, 1, 0, 0}},
        {"match: [{event: '{\"a\":\"so sorry\"}', format: json}]\nno_match: [x]\n", "", {1, 2, 0, 0, 0}},
        {"match: [{event: x, format: y}]\nno_match: [x]\n",
         "a.test.yml 1:28 format must be one of",
         {1, 1, 0, 0, 1}},
        {"match: [{evnt: x}]\nno_match: [x]\n", "an example knows only", {1, 1, 0, 0, 1}},
        {"match: [so sorry]\n", "a.test.yml 1:1 there is no example that must not match", {1, 1, 0, 1, 0}},
        {"match: [so sorry]\nno_match: [x]\nmach: []\n",
         "have only the keys match, no_match and sequences",
         {1, 2, 0, 0, 1}},
        {"match: [\n", "this is not YAML", {1, 0, 0, 0, 1}},
        {"", "the file is empty", {1, 0, 0, 0, 1}},
        {NULL, "a.yml 1:1 there are no examples", {1, 0, 0, 1, 0}},
    };
    char folder[] = "/tmp/vedette-examples-XXXXXX";
    assert_non_null(mkdtemp(folder));
    write_text(folder, "a.yml", rule);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rule_example_counts counts;
        char last[400] = "";
        write_text(folder, "a.test.yml", cases[i].examples);
        assert_int_equal(rule_examples_run(folder, keep_last, last, &counts, NULL), 0);
        if (!strstr(last, cases[i].expected) || memcmp(&counts, &cases[i].counts, sizeof counts) != 0)
            fail_msg(
                "case %zu: expected \"%s\", told \"%s\" (%zu passed, %zu failed, %zu missing, %zu broken)", i,
                cases[i].expected, last, counts.passed, counts.failed, counts.missing, counts.broken);
    }
    write_text(folder, "a.yml", NULL);
    assert_int_equal(remove(folder), 0);
}

static void a_sequence_says_what_correlations_make_of_events_in_time(void **state)
{
    (void)state;
    static const char twice[] =
        "title: t\nname: base\nlogsource: {product: x}\ndetection:\n  s: ['sorry']\n  condition: s\n---\n"
        "title: c\ncorrelation: {type: event_count, rules: [base], timespan: 1m, condition: {gte: 2}}\n";
#define NONE "sequences:\n  - {finds: 0, events: [{at: 0s, event: sorry}]}\n"
    static const struct {
        const char *examples, *expected;
        struct rule_example_counts counts;
    } cases[] = {
        {NONE "  - {events: [{at: 0s, event: sorry, repeat: 2, every: 1m}]}\n", "", {1, 2, 0, 0, 0}},
        {NONE "  - {events: [{at: 0s, event: sorry, repeat: 2, every: 61s}]}\n",
         "a.test.yml 3:5 the sequence should give at least 1 and gave 0",
         {1, 1, 1, 0, 0}},
        /* They are taken by their times, and not as they stand. */
        {NONE
         "  - {finds: 1, events: [{at: 2m, event: sorry}, {at: 0s, event: x}, {at: 1m, event: sorry}]}\n",
         "",
         {1, 2, 0, 0, 0}},
        {NONE, "there is no example that must match", {1, 1, 0, 1, 0}},
        {NONE "  - {events: []}\n", "a sequence is a map with a list of events", {1, 1, 0, 0, 1}},
        {NONE "  - {events: [{at: now, event: x}]}\n",
         "3:20 at, every and until are lengths",
         {1, 1, 0, 0, 1}},
        {NONE "  - {events: [{at: 0s, event: x, repeat: 30000}]}\n", "are small numbers", {1, 1, 0, 0, 1}},
        {NONE "  - {events: [{at: 0s, event: x, repeat: 20000}, y]}\n", "too many events", {1, 1, 0, 0, 1}},
        {NONE "  - {eents: [x]}\n", "a sequence is a map", {1, 1, 0, 0, 1}},
    };
    char folder[] = "/tmp/vedette-examples-XXXXXX";
    assert_non_null(mkdtemp(folder));
    write_text(folder, "a.yml", twice);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rule_example_counts counts;
        char last[400] = "";
        write_text(folder, "a.test.yml", cases[i].examples);
        assert_int_equal(rule_examples_run(folder, keep_last, last, &counts, NULL), 0);
        if (!strstr(last, cases[i].expected) || memcmp(&counts, &cases[i].counts, sizeof counts) != 0)
            fail_msg("case %zu: expected \"%s\", told \"%s\" (%zu rules, %zu passed, %zu failed, %zu "
                     "missing, %zu broken)",
                     i, cases[i].expected, last, counts.rules, counts.passed, counts.failed, counts.missing,
                     counts.broken);
    }
    write_text(folder, "a.test.yml", NULL);
    write_text(folder, "a.yml", NULL);
    assert_int_equal(remove(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rule_of_the_starter_pack_keeps_its_examples),
        cmocka_unit_test(each_example_is_judged_where_it_stands),
        cmocka_unit_test(a_sequence_says_what_correlations_make_of_events_in_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
