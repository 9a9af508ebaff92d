#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs its types first. */
#include <cmocka.h>

#include <stdio.h>

#include "base/buf.h"
#include "watch/correlation.h"

/* What the errors of one text were, one per line: "line:column message". */
struct told {
    char text[4000];
    size_t n, count;
};

static void tell(void *arg, const struct rule_error *error)
{
    struct told *told = arg;
    told->count++;
    int n = snprintf(told->text + told->n, sizeof told->text - told->n, "%d:%d %s\n", error->line,
                     error->column, error->message);
    told->n += n > 0 && (size_t)n < sizeof told->text - told->n ? (size_t)n : 0;
}

#define RULE(name)                                                                             \
    "title: " name "\nname: " name "\nlogsource: {product: test}\ndetection: {s: {kind: " name \
    "}, condition: s}\n---\n"

static struct ruleset *load(const char *text, struct told *told)
{
    *told = (struct told){0};
    struct ruleset *ruleset = ruleset_new();
    ruleset_load_text(ruleset, "t.yml", sv_of(text), tell, told);
    ruleset_seal(ruleset, tell, told);
    return ruleset;
}

#define HEAD RULE("a") RULE("b") "title: c\ncorrelation:\n"

static void check_error(const char *body, const char *expected)
{
    struct told told;
    char text[8000];
    snprintf(text, sizeof text, HEAD "%s", body);
    struct ruleset *ruleset = load(text, &told);
    if (!strstr(told.text, expected))
        fail_msg("%s\nsaid: %s\nexpected: %s", body, told.text, expected);
    assert_int_equal(correlation_count(ruleset), 0);
    ruleset_free(ruleset);
}

static void every_mistake_is_told_with_its_place(void **state)
{
    static const char *const cases[][2] = {
        {"    rules: [a]\n    timespan: 1m\n", "type is missing"},
        {"    type: nonsense\n    rules: [a]\n", "13:11 there is no correlation type 'nonsense'"},
        {"    type: event_count\n    timespan: 1m\n    condition: {gte: 1}\n", "rules is missing"},
        {"    type: event_count\n    rules: [a]\n    condition: {gte: 1}\n", "timespan is missing"},
        {"    type: event_count\n    rules: [a]\n    timespan: 1m\n", "event_count needs a condition"},
        {"    type: event_count\n    rules: [a]\n    timespan: 1x\n    condition: {gte: 1}\n",
         "15:15 timespan must be"},
        {"    type: event_count\n    rules: [a]\n    timespan: 1m\n    condition: {gte: many}\n",
         "gte must be a number"},
        {"    type: event_count\n    rules: [a]\n    timespan: 1m\n    condition: {gte: 10001}\n",
         "gte must be 0 to 10000"},
        {"    type: event_count\n    rules: [a]\n    timespan: 1m\n    condition: {over: 1}\n",
         "a condition knows gt"},
        {"    type: event_count\n    rules: [x]\n    timespan: 1m\n    condition: {gte: 1}\n",
         "14:13 there is no rule with the id or name 'x'"},
        {"    type: value_count\n    rules: [a]\n    timespan: 1m\n    condition: {gte: 1}\n",
         "value_count needs a field"},
        {"    type: event_count\n    rules: [a]\n    timespan: 1m\n    condition: {gte: 1, field: x}\n",
         "no use for a field"},
        {"    type: event_count\n    rules: [a]\n    timespan: 1m\n    condition: a and b\n",
         "belongs to temporal"},
        {"    type: temporal\n    rules: [a, b]\n    timespan: 1m\n    condition: a and z\n", "z"},
        {"    type: event_count\n    rules: [a]\n    timespan: 1m\n    colour: red\n    condition: {gte: "
         "1}\n",
         "16:5 event_count has no key 'colour'"},
        {"    type: rare_hours\n    rules: [a]\n    zone: Moon/Crater\n",
         "there is no time zone 'Moon/Crater'"},
        {"    type: rare_hours\n    rules: [a]\n    threshold: 2\n", "threshold must be 0 to 1"},
        {"    type: new_value\n    rules: [a]\n", "new_value needs a field"},
        {"    type: missing_before\n    rules: [a]\n    timespan: 1h\n", "needs two rules"},
        {"    type: event_count\n    rules: [a, b]\n    timespan: 1m\n    group-by: [ip]\n    condition: "
         "{gte: 1}\n"
         "    aliases: {ip: {a: source.ip}}\n",
         "one does not for 'b'"},
        {"    type: event_count\n    rules: [a]\n    timespan: 1m\n    group-by: [ip]\n    condition: {gte: "
         "1}\n"
         "    aliases: {ip: {a: source.ip, q: x}}\n",
         "of the rules none is the one"},
        {"    type: event_count\n    rules: [c]\n    timespan: 1m\n    condition: {gte: 1}\n", "in a ring"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_error(cases[i][0], cases[i][1]);
}

static void a_mistake_in_another_document_hides_none(void **state)
{
    struct told told;
    (void)state;
    struct ruleset *ruleset = load(RULE("a") "title: x\ncorrelation: {type: nonsense}\n---\n"
                                             "title: y\ncorrelation: {type: spike, rules: [a]}\n",
                                   &told);
    assert_int_equal(told.count, 2);
    assert_non_null(strstr(told.text, "timespan is missing"));
    assert_int_equal(correlation_count(ruleset), 0);
    ruleset_free(ruleset);
}

static void a_rule_that_a_correlation_builds_on_is_silent_unless_it_says_generate(void **state)
{
    struct told told;
    (void)state;
    struct ruleset *ruleset = load(HEAD "    type: event_count\n    rules: [a]\n    timespan: 1m\n"
                                        "    condition: {gte: 2}\n",
                                   &told);
    assert_int_equal(told.count, 0);
    assert_true(correlation_wants(ruleset, 0) && correlation_silences(ruleset, 0));
    assert_false(correlation_wants(ruleset, 1) || correlation_silences(ruleset, 1));
    ruleset_free(ruleset);
    ruleset = load(HEAD "    type: event_count\n    rules: [a]\n    timespan: 1m\n    condition: {gte: 2}\n"
                        "    generate: true\n",
                   &told);
    assert_true(correlation_wants(ruleset, 0) && !correlation_silences(ruleset, 0));
    ruleset_free(ruleset);
}

static void a_correlation_whose_source_fails_fails_with_it(void **state)
{
    struct told told;
    (void)state;
    struct ruleset *ruleset =
        load(RULE("a") "title: one\nname: one\ncorrelation: {type: event_count, rules: [gone], "
                       "timespan: 1m, condition: {gte: 2}}\n---\n"
                       "title: two\ncorrelation: {type: event_count, rules: [one], "
                       "timespan: 1m, condition: {gte: 2}}\n",
             &told);
    assert_int_equal(told.count, 2);
    assert_int_equal(correlation_count(ruleset), 0);
    assert_int_equal(ruleset_failed(ruleset), 2);
    assert_false(correlation_wants(ruleset, 0));
    ruleset_free(ruleset);
}

static void a_projection_has_the_fields_that_correlations_look_at(void **state)
{
    struct told told;
    struct arena *arena = arena_new(1 << 20);
    struct event_field fields[] = {{SV("kind"), SV("a"), EVENT_STRING},
                                   {SV("account"), SV("root"), EVENT_STRING},
                                   {SV("user.name"), SV("bob"), EVENT_STRING},
                                   {SV("noise"), SV("x"), EVENT_STRING}};
    struct finding finding = {.rule_id = SV("a"), .description = SV("d"), .fields = fields, .field_count = 4};
    struct projection projection;
    (void)state;
    struct ruleset *ruleset = load(HEAD "    type: event_count\n    rules: [a]\n    group-by: [account]\n"
                                        "    timespan: 1m\n    condition: {gte: 2}\n",
                                   &told);
    correlation_project(ruleset, 0, &finding, arena, &projection);
    assert_int_equal(projection.seen.field_count, 2);
    assert_true(sv_eq(projection.seen.fields[0].name, SV("account")));
    assert_true(sv_eq(projection.seen.fields[1].name, SV("user.name")));
    assert_int_equal(projection.seen.description.n, 0);
    ruleset_free(ruleset);
    arena_free(arena);
}

static void fields_beyond_the_bound_are_told_and_a_long_list_takes_no_others_place(void **state)
{
    struct told told;
    struct arena *arena = arena_new(1 << 20);
    struct buf text = BUF_INIT(1 << 16);
    struct event_field fields[101];
    struct finding finding = {.rule_id = SV("a"), .fields = fields, .field_count = 101};
    struct projection projection;
    size_t listed = 0;
    (void)state;
    buf_printf(&text, "%s", RULE("a"));
    for (int i = 0; i < 13; i++)
        buf_printf(&text,
                   "title: c%d\ncorrelation: {type: event_count, rules: [a], timespan: 1m, condition: "
                   "{gte: 2}, group-by: [f%d, g%d, h%d, i%d, j%d]}\n---\n",
                   i, i, i, i, i, i);
    buf_put(&text, sv_make("", 1));
    struct ruleset *ruleset = load(buf_view(&text).p, &told);
    assert_int_equal(told.count, 1);
    assert_non_null(strstr(told.text, "more fields of one rule's events than 64; one is left out: 'j12'"));
    for (size_t i = 0; i < 100; i++)
        fields[i] = (struct event_field){SV("f0"), SV("x"), EVENT_STRING};
    fields[100] = (struct event_field){SV("j11"), SV("last"), EVENT_STRING};
    correlation_project(ruleset, 0, &finding, arena, &projection);
    for (size_t i = 0; i < projection.seen.field_count; i++)
        listed += sv_eq(projection.seen.fields[i].name, SV("f0"));
    assert_int_equal(listed, 16);
    assert_true(sv_eq(projection.seen.fields[projection.seen.field_count - 1].value, SV("last")));
    ruleset_free(ruleset);
    buf_free(&text);
    arena_free(arena);
}

static void rules_that_meet_no_event_keep_their_names_and_their_mistakes_are_told(void **state)
{
    (void)state;
    struct told told = {0};
    static const char text[] =
        "title: One\nname: one\nid: 11\nauthor: A\nlevel: high\nlogsource: {product: p}\n"
        "detection: {s: {a|re: '^x+$', b: [y, z]}, condition: s}\n"
        "---\ntitle: Two\nlogsource: {product: p}\n"
        "detection: {s: {a|re: '('}, condition: s}\n"
        "---\ntitle: Many\ndescription: tells much\nauthor: B\n"
        "correlation: {type: event_count, rules: [one], group-by: [user], timespan: 1m, "
        "condition: {gte: 2}}\n"
        "---\ntitle: Not there\nlogsource: {product: p}\n"
        "filter: {rules: [one], s: {c: d}, condition: not s}\n";
    struct ruleset *ruleset = ruleset_new();
    ruleset_leave_uncompiled(ruleset);
    ruleset_load_text(ruleset, "t.yml", sv_of(text), tell, &told);
    ruleset_seal(ruleset, tell, &told);
    assert_int_equal(told.count, 1);
    assert_non_null(strstr(told.text, "11:"));
    assert_int_equal(ruleset_count(ruleset), 1);
    assert_int_equal(correlation_count(ruleset), 1);
    const struct rule *rule = ruleset_rule(ruleset, 0), *correlation = correlation_about(ruleset, 0);
    assert_true(sv_eq(rule->id, SV("11")) && sv_eq(rule->title, SV("One")) && sv_eq(rule->name, SV("one")));
    assert_true(sv_eq(rule->source.product, SV("p")) && rule->severity == SEVERITY_HIGH);
    assert_int_equal(rule->author.n, 0);
    assert_true(sv_eq(correlation->description, SV("tells much")) && sv_eq(correlation->author, SV("B")));
    assert_true(correlation_wants(ruleset, 0) && correlation_silences(ruleset, 0));
    ruleset_free(ruleset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_mistake_is_told_with_its_place),
        cmocka_unit_test(a_mistake_in_another_document_hides_none),
        cmocka_unit_test(a_rule_that_a_correlation_builds_on_is_silent_unless_it_says_generate),
        cmocka_unit_test(a_correlation_whose_source_fails_fails_with_it),
        cmocka_unit_test(a_projection_has_the_fields_that_correlations_look_at),
        cmocka_unit_test(fields_beyond_the_bound_are_told_and_a_long_list_takes_no_others_place),
        cmocka_unit_test(rules_that_meet_no_event_keep_their_names_and_their_mistakes_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
