#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs its types first. */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
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
    assert_int_equal(ruleset_seal(ruleset, tell, told, NULL), 0);
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
        {"- {type: field_name_mapping}\n", S "        a: x\n",
         "3:3 field_name_mapping needs the key mapping"},
        {"- {type: field_name_mapping, mapping: {a: {}}}\n", S "        a: x\n", "'a' is mapped to a text"},
        {"- {type: field_name_prefix, prefix: p, colour: red}\n", S "        a: x\n",
         "a transformation has no key 'colour'"},
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
    assert_int_equal(ruleset_seal(ruleset, tell, &told, NULL), 0);
    assert_true(matches(ruleset, "", "late.early.a=x"));
    ruleset_free(ruleset);
    pipelines_free(pipelines);
}

static void the_pipelines_that_come_along_load(void **state)
{
    (void)state;
    struct told told = {0};
    struct err err;
    struct pipelines *pipelines = pipelines_new();
    const char *rules = getenv("VEDETTE_RULES");
    if (!rules)
        skip();
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
        cmocka_unit_test(transformations_rewrite_rules),      cmocka_unit_test(a_log_source_is_changed_whole),
        cmocka_unit_test(what_a_pipeline_refuses_says_why),   cmocka_unit_test(pipelines_go_by_priority),
        cmocka_unit_test(the_pipelines_that_come_along_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
