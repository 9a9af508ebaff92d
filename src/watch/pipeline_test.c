#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs its types first. */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "watch/correlation.h"
#include "watch/pipeline.h"
#include "watch/ruleset_fixture.h"

/* A rule for linux/sshd around a detection, through a pipeline of these transformations. */
static struct ruleset *rewritten(const char *transformations, const char *detection, struct told *told)
{
    struct buf text = BUF_INIT(1 << 16), pipeline = BUF_INIT(1 << 16);
    struct pipelines *pipelines = pipelines_new();
    struct ruleset *ruleset = ruleset_new();
    *told = (struct told){0};
    buf_printf(&pipeline, "name: p\ntransformations:\n%s", transformations);
    buf_printf(&text, "title: t\nid: 1\nlogsource: {product: linux, service: sshd}\ndetection:\n%s",
               detection);
    pipelines_load_text(pipelines, "p.yml", buf_view(&pipeline), tell, told);
    ruleset_pipelines(ruleset, pipelines);
    ruleset_load_text(ruleset, "test.yml", buf_view(&text), tell, told);
    ruleset_seal(ruleset, tell, told);
    pipelines_free(pipelines);
    buf_free(&text);
    buf_free(&pipeline);
    return ruleset;
}

static const struct {
    const char *transformations, *detection, *fields;
    bool expected;
} rewritings[] = {
    {"- {type: field_name_mapping, mapping: {User: user.name}}\n", S "        User|contains: x\n",
     "user.name=axb", true},
    {"- {type: field_name_mapping, mapping: {User: user.name}}\n", S "        User|contains: x\n", "User=axb",
     false},
    {"- {type: field_name_mapping, mapping: {User: [a, b]}}\n", S "        User: x\n", "b=x", true},
    {"- {type: field_name_mapping, mapping: {User: [a, b], Host: [c, d]}}\n",
     S "        User: x\n        Host: y\n", "b=x;c=y", true},
    {"- {type: field_name_mapping, mapping: {User: [a, b], Host: [c, d]}}\n",
     S "        User: x\n        Host: y\n", "a=x;d=y", true},
    {"- {type: field_name_mapping, mapping: {User: [a, b], Host: [c, d]}}\n",
     S "        User: x\n        Host: y\n", "a=x;b=y", false},
    {"- {type: field_name_mapping, mapping: {User: [a, b]}}\n", S "        - User: x\n        - q: z\n",
     "b=x", true},
    {"- {type: field_name_mapping, mapping: {User: [a, b]}}\n", S "        - User: x\n        - q: z\n",
     "q=z", true},
    {"- {type: field_name_mapping, mapping: {a: [b, a]}}\n", S "        a: x\n", "a=x", true},
    {"- {type: field_name_mapping, mapping: {a: b}}\n- {type: field_name_mapping, mapping: {b: c}}\n",
     S "        a: x\n", "c=x", true},
    {"- {type: field_name_prefix, prefix: 'win.'}\n", S "        a: x\n", "win.a=x", true},
    {"- {type: field_name_suffix, suffix: .text}\n", S "        a|re: x\n", "a.text=x", true},
    {"- {type: field_name_prefix_mapping, mapping: {win.: w_}}\n", S "        win.a: x\n", "w_a=x", true},
    {"- {type: field_name_prefix, prefix: p., field_name_conditions: [{type: include_fields, fields: "
     "[a]}]}\n",
     S "        a: x\n        b: y\n", "p.a=x;b=y", true},
    {"- {type: field_name_prefix, prefix: p., field_name_conditions: [{type: exclude_fields, fields: "
     "[a]}]}\n",
     S "        a: x\n        b: y\n", "a=x;p.b=y", true},
    {"- {type: drop_detection_item, field_name_conditions: [{type: include_fields, fields: [b]}]}\n",
     S "        a: x\n        b: y\n", "a=x", true},
    {"- {type: add_condition, conditions: {c: z}}\n", S "        a: x\n", "a=x", false},
    {"- {type: add_condition, conditions: {c: z}}\n", S "        a: x\n", "a=x;c=z", true},
    {"- {type: add_condition, conditions: {c: z}, negated: true}\n", S "        a: x\n", "a=x;c=z", false},
    {"- {type: add_condition, conditions: {c: z}}\n",
     "    condition: [s or t, t]\n    s: {a: x}\n    t: {b: y}\n", "b=y", false},
    {"- {type: add_condition, conditions: {c: z}}\n",
     "    condition: all of them\n    s: {a: x}\n    t: {b: y}\n", "a=x;b=y;c=z", true},
    {"- {type: map_string, mapping: {x: y}}\n", S "        a: [x, q]\n", "a=y", true},
    {"- {type: wildcard_placeholders}\n", S "        a|expand: 'u-%who%'\n", "a=u-bob", true},
    {"- {type: wildcard_placeholders, include: [who]}\n", S "        a|expand: '%who%'\n", "a=bob", true},
    {"- {type: field_name_prefix, prefix: p., rule_conditions: [{type: logsource, service: sshd}]}\n",
     S "        a: x\n", "p.a=x", true},
    {"- {type: field_name_prefix, prefix: p., rule_conditions: [{type: logsource, service: sudo}]}\n",
     S "        a: x\n", "a=x", true},
    {"- {type: field_name_prefix, prefix: p., rule_cond_not: true, rule_conditions: [{type: logsource, "
     "service: sudo}]}\n",
     S "        a: x\n", "p.a=x", true},
    {"- {type: field_name_prefix, prefix: p., rule_cond_op: or, rule_conditions: [{type: logsource, "
     "service: sudo}, "
     "{type: contains_field, field: a}]}\n",
     S "        a: x\n", "p.a=x", true},
    {"- {type: field_name_mapping, mapping: {User: user.name, Owner: file.owner}}\n",
     S "        User|fieldref: Owner\n", "user.name=x;file.owner=x", true},
    {"- {type: field_name_mapping, mapping: {Owner: file.owner}}\n", S "        User|fieldref: [Owner, q]\n",
     "User=x;Owner=x", false},
    {"- {type: field_name_mapping, mapping: {Owner: [a, b]}}\n", S "        User|fieldref: Owner\n",
     "User=x;a=y;b=x", true},
    {"- {type: field_name_mapping, mapping: {Owner: [a, b], Group: c}}\n",
     S "        User|fieldref: [Owner, Group]\n", "User=x;a=y;b=z;c=x", true},
    {"- {type: field_name_mapping, mapping: {User: [u, v], Owner: [a, b]}}\n",
     S "        User|fieldref: Owner\n", "v=x;b=x", true},
    {"- {type: field_name_prefix_mapping, mapping: {win.: [w_, x_]}}\n", S "        win.a: x\n", "x_a=x",
     true},
    /* What an alias shares is rewritten once for each place. */
    {"- {type: field_name_prefix, prefix: p.}\n", "    condition: s and t\n    s: &m {a: x}\n    t: *m\n",
     "p.a=x", true},
};

static void transformations_rewrite_rules(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rewritings / sizeof *rewritings; i++) {
        struct told told;
        struct ruleset *ruleset = rewritten(rewritings[i].transformations, rewritings[i].detection, &told);
        if (told.count)
            fail_msg("case %zu: %s", i, told.text);
        if (matches(ruleset, "", rewritings[i].fields) != rewritings[i].expected)
            fail_msg("case %zu: %s on %s: expected %s", i, rewritings[i].transformations,
                     rewritings[i].fields, rewritings[i].expected ? "a match" : "none");
        ruleset_free(ruleset);
    }
}

static void alternatives_are_bounded_for_each_map_of_a_list(void **state)
{
    (void)state;
    struct told told;
    struct buf maps = BUF_INIT(1 << 14);
    buf_put(&maps, SV(S));
    for (int i = 0; i < PIPELINE_ALTERNATIVES_MAX + 10; i++)
        buf_printf(&maps, "        - a: x%d\n", i);
    buf_put_char(&maps, '\0');
    struct ruleset *ruleset =
        rewritten("- {type: field_name_mapping, mapping: {a: [b, c]}}\n", buf_view(&maps).p, &told);
    if (told.count)
        fail_msg("%s", told.text);
    assert_true(matches(ruleset, "", "c=x70"));
    ruleset_free(ruleset);
    buf_free(&maps);
}

static void a_log_source_is_changed_whole(void **state)
{
    (void)state;
    struct told told;
    struct ruleset *ruleset =
        rewritten("- {type: change_logsource, product: windows, category: process_creation}\n",
                  S "        a: x\n", &told);
    const struct logsource *source = &ruleset_rule(ruleset, 0)->source;
    assert_true(sv_eq(source->product, SV("windows")));
    assert_true(sv_eq(source->category, SV("process_creation")));
    assert_int_equal(source->service.n, 0);
    ruleset_free(ruleset);
}

static void what_a_pipeline_refuses_says_why(void **state)
{
    (void)state;
    static const struct {
        const char *transformations, *detection, *expected;
    } cases[] = {
        {"- {type: rule_failure, message: no such log here}\n", S "        a: x\n", "1:1 no such log here"},
        {"- {type: field_name_mapping, mapping: {a: [b, c, d, e, f, g, h, i], b: [q, r, s, t, u, v, w, x], "
         "c: [k, l, m]}}\n",
         S "        a: x\n        b: y\n        c: z\n", "too many alternatives"},
        {"- {type: add_condition, conditions: {c|contain: z}}\n", S "        a: x\n",
         "unknown modifier 'contain'"},
        {"- {type: no_such}\n", S "        a: x\n", "3:3 there is no transformation 'no_such'"},
        {"- {type: field_name_mapping, mapping: {b: [c, d]}}\n", S "        a|fieldref|neq: b\n",
         "this field is mapped to several, which goes with neither all nor neq"},
        {"- {type: field_name_mapping}\n", S "        a: x\n",
         "3:3 field_name_mapping needs the key mapping"},
        {"- {type: field_name_mapping, mapping: {a: {}}}\n", S "        a: x\n", "'a' is mapped to a text"},
        {"- {type: field_name_prefix, prefix: p, colour: red}\n", S "        a: x\n",
         "the transformation field_name_prefix has no key 'colour'"},
        {"- {type: field_name_prefix, prefix: p, rule_conditions: [{type: moon}]}\n", S "        a: x\n",
         "a condition here is of type logsource"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct told told;
        struct ruleset *ruleset = rewritten(cases[i].transformations, cases[i].detection, &told);
        if (told.count != 1 || !strstr(told.text, cases[i].expected))
            fail_msg("case %zu: expected \"%s\", told: %s", i, cases[i].expected, told.text);
        ruleset_free(ruleset);
    }
}

static void a_pipeline_has_the_keys_that_it_has_and_no_others(void **state)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"name: p\nallowed_backends: [x]\npostprocessing: []\nfinalizers: []\ntransformations: []\n", ""},
        {"vars: {a: [b, 1], c: d}\ntransformations: []\n", ""},
        {"vars: {a: [b]}\n", ""},
        {"vars: {a: {b: c}}\n", "1:8 'a' is no name of letters"},
        {"vars: {'a b': c}\n", "1:9 'a b' is no name of letters"},
        {"vars: [a]\n", "1:7 vars is a map of names"},
        {"transformations: []\npriorty: 1\n", "2:1 a pipeline has no key 'priorty'"},
        {"transformation: []\n", "1:1 a pipeline has no key 'transformation'"},
        {"[x]\n", "a pipeline has the key transformations"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct told told = {0};
        struct pipelines *pipelines = pipelines_new();
        size_t added = pipelines_load_text(pipelines, "p.yml", sv_of(cases[i].text), tell, &told);
        assert_int_equal(added, !cases[i].expected[0]);
        if ((told.count != 0) != (cases[i].expected[0] != 0) || !strstr(told.text, cases[i].expected))
            fail_msg("case %zu: expected \"%s\", told: %s", i, cases[i].expected, told.text);
        pipelines_free(pipelines);
    }
}

static void pipelines_go_by_priority(void **state)
{
    (void)state;
    struct told told = {0};
    struct pipelines *pipelines = pipelines_new();
    struct ruleset *ruleset = ruleset_new();
    assert_int_equal(pipelines_load_text(
                         pipelines, "p.yml",
                         SV("priority: 20\ntransformations: [{type: field_name_prefix, prefix: late.}]\n---\n"
                            "priority: 10\ntransformations: [{type: field_name_prefix, prefix: early.}]\n"),
                         tell, &told),
                     2);
    ruleset_pipelines(ruleset, pipelines);
    ruleset_load_text(ruleset, "t.yml",
                      SV("title: t\nlogsource: {product: x}\ndetection: {s: {a: x}, condition: s}\n"), tell,
                      &told);
    ruleset_seal(ruleset, tell, &told);
    assert_true(matches(ruleset, "", "late.early.a=x"));
    ruleset_free(ruleset);
    pipelines_free(pipelines);
}

/* --- correlations */

#define PIPELINE                                                                                          \
    "transformations:\n"                                                                                  \
    "- {type: field_name_mapping, mapping: {User: user.name, Bytes: n}, rule_conditions: [{type: "        \
    "logsource, product: linux}]}\n"                                                                      \
    "- {type: field_name_mapping, mapping: {User: [TargetUserName, user.target.name]}, rule_conditions: " \
    "[{type: logsource, product: windows}]}\n"                                                            \
    "- {type: field_name_suffix, suffix: .keyword, rule_conditions: [{type: logsource, product: "         \
    "windows}]}\n"

#define RULES                                                                                           \
    "title: a\nid: a\nlogsource: {product: linux}\ndetection: {s: {User|contains: ''}, condition: s}\n" \
    "---\n"                                                                                             \
    "title: b\nid: b\nlogsource: {product: windows}\ndetection: {s: {k: x}, condition: s}\n---\n"       \
    "title: c\nid: c\ncorrelation:\n    timespan: 1h\n"

/* What a correlation with this body sees of an event of the rule. */
static struct projection sees(const char *body, size_t rule, struct event_field *fields, size_t count,
                              struct arena *arena)
{
    struct told told = {0};
    struct pipelines *pipelines = pipelines_new();
    struct ruleset *ruleset = ruleset_new();
    struct buf text = BUF_INIT(1 << 16);
    struct projection projection;
    buf_printf(&text, RULES "%s", body);
    pipelines_load_text(pipelines, "p.yml", SV(PIPELINE), tell, &told);
    ruleset_pipelines(ruleset, pipelines);
    ruleset_load_text(ruleset, "t.yml", buf_view(&text), tell, &told);
    ruleset_seal(ruleset, tell, &told);
    pipelines_free(pipelines);
    if (told.count)
        fail_msg("%s", told.text);
    const struct finding finding = {.fields = fields, .field_count = count};
    correlation_project(ruleset, rule, &finding, arena, &projection);
    for (size_t i = 0; i < projection.seen.field_count; i++)
        projection.seen.fields[i].name = arena_sv(arena, projection.seen.fields[i].name);
    ruleset_free(ruleset);
    buf_free(&text);
    return projection;
}

/* All that it has under that name, joined by commas. */
static const char *values_of(const struct projection *projection, const char *name, struct arena *arena)
{
    sv values = SV("");
    for (size_t i = 0; i < projection->seen.field_count; i++)
        if (sv_eq(projection->seen.fields[i].name, sv_of(name)))
            values = arena_printf(arena, "%.*s%s%.*s", SV_ARG(values), values.n ? "," : "",
                                  SV_ARG(projection->seen.fields[i].value));
    return values.n ? arena_cstr(arena, values) : "(absent)";
}

static void a_correlation_names_fields_as_its_rules_do_and_each_rules_pipeline_maps_them(void **state)
{
    static const struct {
        const char *body;
        size_t rule;
        const char *fields, *name, *value;
    } cases[] = {
        /* group-by, in the words of either rule's events */
        {"    type: event_count\n    rules: [a, b]\n    group-by: [User]\n    condition: {gte: 2}\n", 0,
         "user.name=bob;User=eve;TargetUserName.keyword=tom", "User", "bob"},
        {"    type: event_count\n    rules: [a, b]\n    group-by: [User]\n    condition: {gte: 2}\n", 1,
         "user.name=bob;User=eve;TargetUserName.keyword=tom", "User", "tom"},
        /* of several names the first with a value */
        {"    type: event_count\n    rules: [b]\n    group-by: [User]\n    condition: {gte: 2}\n", 1,
         "user.target.name.keyword=tim;TargetUserName.keyword=", "User", "tim"},
        {"    type: event_count\n    rules: [b]\n    group-by: [User]\n    condition: {gte: 2}\n", 1,
         "user.target.name.keyword=tim;TargetUserName.keyword=tom", "User", "tom"},
        {"    type: event_count\n    rules: [b]\n    group-by: [User]\n    condition: {gte: 2}\n", 1,
         "TargetUserName.keyword=tom;user.target.name.keyword=tim;TargetUserName.keyword=tod", "User",
         "tom,tod"},
        /* the field of a condition */
        {"    type: value_sum\n    rules: [a]\n    condition: {gte: 2, field: Bytes}\n", 0, "n=7;Bytes=9",
         "Bytes", "7"},
        /* aliases: what they stand for is mapped, for the rule that they are for */
        {"    type: event_count\n    rules: [a, b]\n    group-by: [who]\n    condition: {gte: 2}\n"
         "    aliases: {who: {a: User, b: Bytes}}\n",
         0, "user.name=bob;who=eve", "User", "bob"},
        {"    type: event_count\n    rules: [a, b]\n    group-by: [who]\n    condition: {gte: 2}\n"
         "    aliases: {who: {a: User, b: Bytes}}\n",
         1, "Bytes=9;n=7;Bytes.keyword=8", "Bytes", "8"},
        /* a correlation over a correlation still speaks of the rule's events */
        {"    type: event_count\n    rules: [a]\n    condition: {gte: 2}\n---\ntitle: d\ncorrelation:\n"
         "    type: event_count\n    timespan: 1h\n    rules: [c]\n    group-by: [User]\n    condition: "
         "{gte: 2}\n",
         0, "user.name=bob", "User", "bob"},
        /* what no pipeline knows is itself */
        {"    type: event_count\n    rules: [a]\n    group-by: [tty]\n    condition: {gte: 2}\n", 0, "tty=1",
         "tty", "1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena *arena = arena_new(1 << 20);
        struct event_field fields[8];
        size_t count = 0;
        for (sv rest = sv_of(cases[i].fields); rest.p && rest.n; count++) {
            sv value = sv_split(&rest, ';'), name = sv_split(&value, '=');
            fields[count] = (struct event_field){name, value, EVENT_STRING};
        }
        struct projection seen = sees(cases[i].body, cases[i].rule, fields, count, arena);
        const char *value = values_of(&seen, cases[i].name, arena);
        if (strcmp(value, cases[i].value) != 0)
            fail_msg("case %zu: %s is %s, expected %s", i, cases[i].name, value, cases[i].value);
        arena_free(arena);
    }
}

static void the_pipelines_that_come_along_load(void **state)
{
    (void)state;
    struct told told = {0};
    struct err err;
    const char *rules = getenv("VEDETTE_RULES");
    if (!rules)
        skip();
    struct pipelines *pipelines = pipelines_new();
    char path[1024];
    snprintf(path, sizeof path, "%s/../pipelines", rules);
    assert_int_equal(pipelines_load(pipelines, path, tell, &told, &err), 0);
    if (told.count)
        fail_msg("%s", told.text);
    pipelines_free(pipelines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transformations_rewrite_rules),
        cmocka_unit_test(alternatives_are_bounded_for_each_map_of_a_list),
        cmocka_unit_test(a_log_source_is_changed_whole),
        cmocka_unit_test(what_a_pipeline_refuses_says_why),
        cmocka_unit_test(pipelines_go_by_priority),
        cmocka_unit_test(a_pipeline_has_the_keys_that_it_has_and_no_others),
        cmocka_unit_test(a_correlation_names_fields_as_its_rules_do_and_each_rules_pipeline_maps_them),
        cmocka_unit_test(the_pipelines_that_come_along_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
