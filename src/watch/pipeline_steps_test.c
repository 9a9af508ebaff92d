/* What pySigma's transformations and conditions do here: each of them, on a rule and events. */
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
#include "watch/sigma_lists.h"

/* A rule around a detection, through a pipeline of this text. */
static struct ruleset *rewritten(const char *pipeline, const char *detection, struct told *told)
{
    struct buf text = BUF_INIT(1 << 16);
    struct pipelines *pipelines = pipelines_new();
    struct sigma_lists *lists = sigma_lists_new();
    struct ruleset *ruleset = ruleset_new();
    *told = (struct told){0};
    assert_true(sigma_lists_add(lists, SV("listed"), SV("root")));
    buf_printf(
        &text,
        "title: t\nid: 1\nlevel: high\nstatus: test\ndate: 2026-03-01\nauthor: me\ntags: [attack.t1003, "
        "attack.execution]\nlogsource: {product: linux, service: sshd}\ndetection:\n%s",
        detection);
    pipelines_load_text(pipelines, "p.yml", sv_of(pipeline), tell, told);
    ruleset_lists(ruleset, lists);
    ruleset_pipelines(ruleset, pipelines);
    ruleset_load_text(ruleset, "test.yml", buf_view(&text), tell, told);
    ruleset_seal(ruleset, tell, told);
    pipelines_free(pipelines);
    sigma_lists_free(lists);
    buf_free(&text);
    return ruleset;
}

#define T "transformations:\n"

struct step_case {
    const char *pipeline, *detection, *fields;
    bool expected;
};

static void check(const struct step_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct told told;
        struct ruleset *ruleset = rewritten(cases[i].pipeline, cases[i].detection, &told);
        if (told.count)
            fail_msg("case %zu: %s", i, told.text);
        if (matches(ruleset, cases[i].fields[0] == '#' ? cases[i].fields + 1 : "",
                    cases[i].fields[0] == '#' ? "" : cases[i].fields) != cases[i].expected)
            fail_msg("case %zu: %s%s on %s: expected %s", i, cases[i].pipeline, cases[i].detection,
                     cases[i].fields, cases[i].expected ? "a match" : "none");
        ruleset_free(ruleset);
    }
}

#define CHECK_STEPS(cases) check(cases, sizeof(cases) / sizeof *(cases))

/* Fields that conditions chose are called p.… */
#define PREFIXED "- {type: field_name_prefix, prefix: p., "

static const struct step_case value_cases[] = {
    /* map_string: one or several, by the text with its stars */
    {T "- {type: map_string, mapping: {x: [y, z]}}\n", S "        a: [x, q]\n", "a=z", true},
    {T "- {type: map_string, mapping: {x: [y, z]}}\n", S "        a: [x, q]\n", "a=q", true},
    {T "- {type: map_string, mapping: {x: [y, z]}}\n", S "        a: [x, q]\n", "a=x", false},
    {T "- {type: map_string, mapping: {x: y}}\n", S "        a|contains: x\n", "a=1x1", true},
    {T "- {type: map_string, mapping: {'*x*': y}}\n", S "        a|contains: x\n", "a=y", true},
    {T "- {type: map_string, mapping: {'*x*': y}}\n", S "        a|contains: x\n", "a=1y1", false},
    {T "- {type: map_string, mapping: {'*x*': y}}\n", S "        a|contains: [x, v]\n", "a=1v1", true},
    {T "- {type: map_string, mapping: {'1': y}}\n", S "        a: 1\n", "a=1", true},
    {T "- {type: map_string, mapping: {x: y*}}\n", S "        a: x\n", "a=yes", true},
    {T "- {type: map_string, mapping: {x: y}}\n", S "        a|re: x\n", "a=x", true},
    /* replace_string: as Python's re.sub has it */
    {T "- {type: replace_string, regex: '(o+)', replacement: '0\\g<1>'}\n", S "        a: foobo\n",
     "a=f0oob0o", true},
    {T "- {type: replace_string, regex: '(?P<n>b)', replacement: '<\\g<n>\\1>$1'}\n", S "        a: ab\n",
     "a=a<bb>$1", true},
    {T "- {type: replace_string, regex: x, replacement: '*'}\n", S "        a: 1x1\n", "a=1zzz1", true},
    {T "- {type: replace_string, regex: '^\\*\\\\([^\\\\]+)$', replacement: '\\1'}\n",
     S "        a|endswith: '\\cmd.exe'\n", "a=cmd.exe", true},
    {T "- {type: replace_string, regex: '^\\*\\\\([^\\\\]+)$', replacement: '\\1'}\n",
     S "        a|endswith: '\\cmd.exe'\n", "a=c:\\cmd.exe", false},
    {T "- {type: replace_string, regex: nothing, replacement: q}\n", S "        a|endswith: '\\cmd.exe'\n",
     "a=c:\\cmd.exe", true},
    {T "- {type: replace_string, regex: 'c:', replacement: d}\n", S "        a: 'c:\\\\x\\*\\y'\n",
     "a=d\\x*\\y", true},
    {T "- {type: replace_string, regex: 'c:', replacement: d}\n", S "        a: 'c:\\\\x\\*\\y'\n",
     "a=d\\xq\\y", false},
    {T "- {type: replace_string, regex: 'c:', replacement: d}\n", S "        a|startswith: 'c:\\'\n",
     "a=d\\z", true},
    {T "- {type: replace_string, regex: 'c:', replacement: d}\n", S "        a: '\\\\\\\\srv\\c:*'\n",
     "a=\\\\srv\\dxx", true},
    {T "- {type: replace_string, regex: '5', replacement: '6'}\n", S "        a: 15\n", "a=16", true},
    {T "- {type: replace_string, regex: '\\*', replacement: ''}\n", S "        a|contains: x\n", "a=x", true},
    {T "- {type: replace_string, regex: '\\*', replacement: ''}\n", S "        a|contains: x\n", "a=1x1",
     false},
    {T "- {type: replace_string, regex: '.', replacement: '*', skip_special: true}\n", S "        a: '?x'\n",
     "a=q*", true},
    {T "- {type: replace_string, regex: '.', replacement: '*', skip_special: true}\n", S "        a: '?x'\n",
     "a=qrs", false},
    {T "- {type: replace_string, regex: x, replacement: '*', skip_special: true, interpret_special: true}\n",
     S "        a: '?x'\n", "a=qrs", true},
    {T "- {type: replace_string, regex: listed, replacement: gone, skip_special: true}\n",
     S "        a|expand: 'listed-%listed%'\n", "a=gone-root", true},
    {T "- {type: replace_string, regex: u, replacement: v}\n", S "        a|expand: 'u-%listed%'\n",
     "a=v-root", true},
    {T "- {type: replace_string, regex: x, replacement: y}\n", S "        a|base64: x\n", "a=eA==", true},
    {T "- {type: replace_string, regex: x, replacement: y}\n", S "        a|all|contains: [x, q]\n", "a=yq",
     true},
    {T "- {type: replace_string, regex: x, replacement: y}\n", S "        a|all|contains: [x, q]\n", "a=y",
     false},
    {T "- {type: replace_string, regex: foo, replacement: bar}\n", "    condition: s\n    s: [foo, q]\n",
     "#a bar b", true},
    {T "- {type: replace_string, regex: foo, replacement: bar}\n", "    condition: s\n    s: [foo, q]\n",
     "#a foo b", false},
    {T "- {type: replace_string, regex: x, replacement: ''}\n", S "        a: x\n", "a=", true},
    {T "- {type: replace_string, regex: x, replacement: '', skip_special: true}\n", S "        a: x\n",
     "a=", true},
    {T "- {type: case}\n", S "        a|cased: ''\n", "a=", true},
    {T "- {type: wildcard_placeholders}\n", S "        a|expand: ''\n", "a=", true},
    {T "- {type: wildcard_placeholders, exclude: [listed]}\n", S "        a|expand: '%listed%-%b%'\n",
     "a=root-xx", true},
    /* set_value */
    {T "- {type: set_value, value: q*}\n", S "        a|contains: [x, y]\n", "a=quit", true},
    {T "- {type: set_value, value: 5}\n", S "        a: x\n", "a:=5.0", true},
    {T "- {type: set_value, value: 5, force_type: str}\n", S "        a: x\n", "a=5", true},
    {T "- {type: set_value, value: '5', force_type: num}\n", S "        a: x\n", "a:=5.0", true},
    {T "- {type: set_value, value: null}\n", S "        a: x\n", "b=1", true},
    {T "- {type: set_value, value: x}\n", S "        a|neq: q\n", "a=x", false},
    /* convert_type */
    {T "- {type: convert_type, target_type: str}\n", S "        a: 5\n", "a=5.0", false},
    {T "- {type: convert_type, target_type: num}\n", S "        a: '5'\n", "a:=5.0", true},
    {T "- {type: convert_type, target_type: num}\n", S "        a: null\n", "b=1", true},
    /* case, seen where the rule regards it */
    {T "- {type: case, method: upper}\n", S "        a|cased: aB\n", "a=AB", true},
    {T "- {type: case}\n", S "        a|cased: aB\n", "a=ab", true},
    {T "- {type: case}\n", S "        a|cased|expand: 'A%listed%'\n", "a=aroot", true},
    {T "- {type: case, method: snake_case}\n", S "        a|cased: HelloBigWorld\n", "a=hello_big_world",
     true},
    {T "- {type: case, method: upper}\n", S "        a|cased|contains: '\\*b'\n", "a=1*B1", true},
    /* regex */
    {T "- {type: regex, method: plain}\n", S "        a: aB\n", "a=ab", false},
    {T "- {type: regex, method: plain}\n", S "        a: aB\n", "a=aB", true},
    {T "- {type: regex}\n", S "        a: aB\n", "a=AB", true},
    {T "- {type: regex, method: ignore_case_flag}\n", S "        a: a*\n", "a=AB", true},
    /* hashes_fields */
    {T "- {type: hashes_fields, valid_hash_algos: [MD5, SHA1], field_prefix: File, field_name_conditions: "
       "[{type: "
       "include_fields, fields: [Hashes]}]}\n",
     S "        Hashes|contains: ['SHA1=aa', 'MD5=bb', 'IMPHASH=cc']\n        x: y\n", "FileMD5=bb;x=y",
     true},
    {T "- {type: hashes_fields, valid_hash_algos: [MD5, SHA1], field_prefix: File, field_name_conditions: "
       "[{type: "
       "include_fields, fields: [Hashes]}]}\n",
     S "        Hashes|contains: ['SHA1=aa', 'MD5=bb', 'IMPHASH=cc']\n        x: y\n", "FileSHA1=aa;x=y",
     true},
    {T "- {type: hashes_fields, valid_hash_algos: [MD5, SHA1], field_prefix: File, field_name_conditions: "
       "[{type: "
       "include_fields, fields: [Hashes]}]}\n",
     S "        Hashes|contains: ['SHA1=aa', 'MD5=bb', 'IMPHASH=cc']\n        x: y\n", "FileMD5=aa;x=y",
     false},
    {T "- {type: hashes_fields, valid_hash_algos: [MD5], field_prefix: h, drop_algo_prefix: true}\n",
     S "        Hashes: 0123456789abcdef0123456789abcdef\n", "h=0123456789abcdef0123456789abcdef", true},
};

static void values_become_what_pysigma_makes_of_them(void **state)
{
    (void)state;
    CHECK_STEPS(value_cases);
}

static const struct step_case placeholder_cases[] = {
    {"vars: {who: [bob, eve*]}\n" T "- {type: value_placeholders}\n", S "        a|expand: 'u-%who%'\n",
     "a=u-evelyn", true},
    {"vars: {who: [bob, eve*]}\n" T "- {type: value_placeholders}\n", S "        a|expand: 'u-%who%'\n",
     "a=u-tom", false},
    {"vars: {who: bob, at: [h1, 2]}\n" T "- {type: value_placeholders}\n",
     S "        a|expand: '%who%@%at%'\n", "a=bob@2", true},
    /* a variable before the configuration's list of the same name; the list where no transformation asks for
       variables */
    {"vars: {listed: tom}\n" T "- {type: value_placeholders}\n", S "        a|expand: '%listed%'\n", "a=tom",
     true},
    {"vars: {listed: tom}\n" T "- {type: value_placeholders}\n", S "        a|expand: '%listed%'\n", "a=root",
     false},
    {"vars: {listed: tom}\n", S "        a|expand: '%listed%'\n", "a=root", true},
    {"vars: {listed: tom}\n" T "- {type: value_placeholders, exclude: [listed]}\n",
     S "        a|expand: '%listed%'\n", "a=root", true},
    {"vars: {x: tom}\n" T "- {type: value_placeholders, include: [x]}\n",
     S "        a|expand: '%listed%%x%'\n", "a=roottom", true},
    /* the pipeline that goes later has the last word */
    {"priority: 1\nvars: {who: bob}\n" T "- {type: value_placeholders}\n---\npriority: 2\nvars: {who: eve}\n",
     S "        a|expand: '%who%'\n", "a=eve", true},
    {"vars: {who: bob}\n" T "- {type: value_placeholders}\n- {type: wildcard_placeholders}\n",
     S "        a|expand: '%who%-%else%'\n", "a=bob-xx", true},
    {"vars: {who: [b+]}\n" T "- {type: value_placeholders}\n", S "        a|re|expand: '^%who%$'\n", "a=bbb",
     true},
    {T "- {type: wildcard_placeholders}\n", S "        a|re|expand: '^x%who%y$'\n", "a=x123y", true},
    {"vars: {net: 192.0.2.0/24}\n" T "- {type: value_placeholders}\n", S "        a|expand|cidr: '%net%'\n",
     "a=192.0.2.7", true},
    {"vars: {who: bob}\n" T "- {type: value_placeholders}\n",
     "    condition: s\n    s:\n        '|expand': ['%who%']\n", "#x bob", true},
    /* what no transformation chose, and looks so, is text */
    {"vars: {who: bob}\n", S "        a|expand: '%:no%'\n", "a=%:no%", true},
};

static void placeholders_are_variables_before_they_are_lists(void **state)
{
    (void)state;
    CHECK_STEPS(placeholder_cases);
}

#define STATE T "- {type: set_state, key: index, val: 5}\n" PREFIXED
#define NAMED T PREFIXED

static const struct step_case condition_cases[] = {
    /* rules */
    {STATE "rule_conditions: [{type: processing_state, key: index, val: 5}]}\n", S "        a: x\n", "p.a=x",
     true},
    {STATE "rule_conditions: [{type: processing_state, key: index, val: '5'}]}\n", S "        a: x\n", "a=x",
     true},
    {STATE "rule_conditions: [{type: processing_state, key: index, val: 4, op: gt}]}\n", S "        a: x\n",
     "p.a=x", true},
    {STATE "rule_conditions: [{type: processing_state, key: index, val: 4, op: lte}]}\n", S "        a: x\n",
     "a=x", true},
    {STATE "rule_conditions: [{type: processing_state, key: index, val: x, op: ne}]}\n", S "        a: x\n",
     "p.a=x", true},
    {STATE "rule_conditions: [{type: processing_state, key: other, val: 5, op: ne}]}\n", S "        a: x\n",
     "a=x", true},
    {T "- {type: set_state, key: k, val: a}\n- {type: set_state, key: k, val: b}\n" PREFIXED
       "rule_conditions: [{type: processing_state, key: k, val: b}]}\n",
     S "        a: x\n", "p.a=x", true},
    {"priority: 1\n" T "- {type: set_state, key: k, val: a}\n---\npriority: 2\n" T PREFIXED
     "rule_conditions: [{type: processing_state, key: k, val: a}]}\n",
     S "        a: x\n", "p.a=x", true},
    {T "- {id: one, type: set_state, key: k, val: a}\n" PREFIXED
       "rule_conditions: [{type: processing_item_applied, processing_item_id: one}]}\n",
     S "        a: x\n", "p.a=x", true},
    {T "- {id: one, type: set_state, key: k, val: a, rule_conditions: [{type: logsource, product: "
       "windows}]}\n" PREFIXED
       "rule_conditions: [{type: processing_item_applied, processing_item_id: one}]}\n",
     S "        a: x\n", "a=x", true},
    {NAMED "rule_conditions: [{type: contains_detection_item, field: a, value: x}]}\n",
     S "        a: [q, x]\n", "p.a=x", true},
    {NAMED "rule_conditions: [{type: contains_detection_item, field: a, value: y}]}\n",
     S "        a: [q, x]\n", "a=x", true},
    {NAMED "rule_conditions: [{type: contains_detection_item, field: a, value: 5}]}\n", S "        a: 5\n",
     "p.a=5", true},
    {NAMED "rule_conditions: [{type: contains_detection_item, field: a, value: '5'}]}\n", S "        a: 5\n",
     "a=5", true},
    {NAMED "rule_conditions: [{type: contains_detection_item, field: a, value: '*x*'}]}\n",
     S "        a|contains: x\n", "p.a=x", true},
    {NAMED "rule_conditions: [{type: is_sigma_rule}]}\n", S "        a: x\n", "p.a=x", true},
    {NAMED "rule_conditions: [{type: is_sigma_correlation_rule}]}\n", S "        a: x\n", "a=x", true},
    {NAMED "rule_conditions: [{type: rule_attribute, attribute: level, value: medium, op: gte}]}\n",
     S "        a: x\n", "p.a=x", true},
    {NAMED "rule_conditions: [{type: rule_attribute, attribute: level, value: critical, op: gte}]}\n",
     S "        a: x\n", "a=x", true},
    {NAMED "rule_conditions: [{type: rule_attribute, attribute: status, value: stable, op: lt}]}\n",
     S "        a: x\n", "p.a=x", true},
    {NAMED "rule_conditions: [{type: rule_attribute, attribute: date, value: 2026-01-01, op: gt}]}\n",
     S "        a: x\n", "p.a=x", true},
    {NAMED "rule_conditions: [{type: rule_attribute, attribute: author, value: you}]}\n", S "        a: x\n",
     "a=x", true},
    {NAMED "rule_conditions: [{type: rule_attribute, attribute: tags, value: attack.execution, op: in}]}\n",
     S "        a: x\n", "p.a=x", true},
    {NAMED "rule_conditions: [{type: rule_attribute, attribute: nothing, value: x, op: ne}]}\n",
     S "        a: x\n", "a=x", true},
    {T "- {type: set_custom_attribute, attribute: team, value: blue}\n" PREFIXED
       "rule_conditions: [{type: rule_attribute, attribute: team, value: blue}]}\n",
     S "        a: x\n", "p.a=x", true},
    {NAMED "rule_conditions: [{type: tag, tag: attack.t1003}]}\n", S "        a: x\n", "p.a=x", true},
    {NAMED "rule_conditions: [{type: tag, tag: attack.t1004}]}\n", S "        a: x\n", "a=x", true},
    /* expressions: not before and before or */
    {NAMED "rule_conditions: {l: {type: logsource, product: linux}, w: {type: logsource, product: windows}, "
           "t: {type: tag, "
           "tag: x}}, rule_cond_expr: 'l or w and t'}\n",
     S "        a: x\n", "p.a=x", true},
    {NAMED "rule_conditions: {l: {type: logsource, product: linux}, w: {type: logsource, product: windows}, "
           "t: {type: tag, "
           "tag: x}}, rule_cond_expr: '(l or w) and t'}\n",
     S "        a: x\n", "a=x", true},
    {NAMED "rule_conditions: {l: {type: logsource, product: linux}, w: {type: logsource, product: windows}}, "
           "rule_cond_expr: 'not w and not not l'}\n",
     S "        a: x\n", "p.a=x", true},
    {NAMED
     "rule_conditions: {l: {type: logsource, product: linux}, w: {type: logsource, product: windows}}}\n",
     S "        a: x\n", "a=x", true},
    /* items */
    {NAMED "detection_item_conditions: [{type: match_string, cond: any, pattern: '\\*b'}]}\n",
     S "        a|contains: b\n        c: b\n", "p.a=abc;c=b", true},
    {NAMED "detection_item_conditions: [{type: match_string, cond: any, pattern: b}]}\n",
     S "        a: [x, b]\n", "p.a=x", true},
    {NAMED "detection_item_conditions: [{type: match_string, cond: all, pattern: b}]}\n",
     S "        a: [x, b]\n", "a=x", true},
    {NAMED "detection_item_conditions: [{type: match_string, cond: all, pattern: q, negate: true}]}\n",
     S "        a: [x, b]\n", "p.a=x", true},
    {NAMED "detection_item_conditions: [{type: match_string, cond: any, pattern: b}]}\n", S "        a: xb\n",
     "a=xb", true},
    {NAMED "detection_item_conditions: [{type: match_value, cond: any, value: 5}]}\n",
     S "        a: 5\n        b: '5'\n", "p.a=5;b=5", true},
    {NAMED "detection_item_conditions: [{type: contains_wildcard, cond: any}]}\n",
     S "        a: x*\n        b: 'x\\*'\n        c|startswith: x\n", "p.a=xx;b=x*;p.c=xx", true},
    {NAMED "detection_item_conditions: [{type: is_null, cond: any}]}\n", S "        a: null\n        b: ''\n",
     "b=", true},
    {NAMED "detection_item_conditions: [{type: is_null, cond: any}], detection_item_cond_not: true}\n",
     S "        a: null\n        b: ''\n", "p.b=", true},
    {NAMED
     "detection_item_conditions: [{type: is_null, cond: any}, {type: match_value, cond: any, value: x}], "
     "detection_item_cond_op: or}\n",
     S "        a: x\n", "p.a=x", true},
    {NAMED "detection_item_conditions: {n: {type: is_null, cond: any}, x: {type: match_value, cond: any, "
           "value: x}}, "
           "detection_item_cond_expr: x and not n}\n",
     S "        a: x\n        b: y\n", "p.a=x;b=y", true},
    {T "- {id: m, type: map_string, mapping: {x: y}}\n" PREFIXED
       "detection_item_conditions: [{type: processing_item_applied, processing_item_id: m}]}\n",
     S "        a: x\n        b: z\n", "p.a=y;b=z", true},
    {STATE "detection_item_conditions: [{type: processing_state, key: index, val: 6}]}\n", S "        a: x\n",
     "a=x", true},
    {T
     "- {type: drop_detection_item, detection_item_conditions: [{type: match_value, cond: any, value: x}]}\n",
     S "        a: x\n        b: y\n", "b=y", true},
    {T "- {type: map_string, mapping: {x: y}, detection_item_conditions: [{type: match_value, cond: any, "
       "value: z}]}\n",
     S "        a: [x, z]\n        b: x\n", "a=y;b=x", true},
    /* names */
    {NAMED "field_name_conditions: [{type: include_fields, fields: ['A.*', b], mode: re}]}\n",
     S "        Ab: x\n        bc: y\n        c: z\n", "p.Ab=x;p.bc=y;c=z", true},
    {NAMED "field_name_conditions: [{type: exclude_fields, fields: ['A.*'], mode: re}]}\n",
     S "        Ab: x\n        c: z\n", "Ab=x;p.c=z", true},
    {NAMED
     "field_name_conditions: [{type: include_fields, fields: [a]}, {type: include_fields, fields: [b]}], "
     "field_name_cond_op: or}\n",
     S "        a: x\n        b: y\n        c: z\n", "p.a=x;p.b=y;c=z", true},
    {NAMED "field_name_conditions: {x: {type: include_fields, fields: [a]}, y: {type: exclude_fields, "
           "fields: [b]}}, "
           "field_name_cond_expr: not x and y}\n",
     S "        a: x\n        b: y\n        c: z\n", "a=x;b=y;p.c=z", true},
    {T "- {id: m, type: field_name_mapping, mapping: {a: [q, r]}}\n" PREFIXED
       "field_name_conditions: [{type: processing_item_applied, processing_item_id: m}], "
       "field_name_cond_not: true}\n",
     S "        a: x\n        b: y\n", "r=x;p.b=y", true},
    {STATE "field_name_conditions: [{type: processing_state, key: index, val: 5}]}\n", S "        a: x\n",
     "p.a=x", true},
    {NAMED "field_name_conditions: [{type: include_fields, fields: [c]}]}\n", S "        a|fieldref: c\n",
     "a=x;p.c=x", true},
    /* an item is one of its map's still when the map has become several */
    {T "- {id: m, type: map_string, mapping: {x: y}}\n- {type: field_name_mapping, mapping: {b: [c, "
       "d]}}\n" PREFIXED "field_name_conditions: [{type: processing_item_applied, processing_item_id: m}]}\n",
     S "        a: x\n        b: z\n", "p.a=y;d=z", true},
};

static void conditions_choose_rules_items_and_names(void **state)
{
    (void)state;
    CHECK_STEPS(condition_cases);
}

static const struct step_case rule_cases[] = {
    {T "- {type: nest, items: [{type: field_name_prefix, prefix: b.}, {type: field_name_prefix, prefix: "
       "a.}]}\n",
     S "        x: y\n", "a.b.x=y", true},
    {T "- {type: nest, items: [{type: field_name_prefix, prefix: b.}], rule_conditions: [{type: logsource, "
       "product: "
       "windows}]}\n",
     S "        x: y\n", "x=y", true},
    {T "- {type: nest, items: [{id: i, type: set_state, key: k, val: 1}]}\n" PREFIXED
       "rule_conditions: [{type: processing_state, key: k, val: 1}, {type: processing_item_applied, "
       "processing_item_id: "
       "i}]}\n",
     S "        a: x\n", "p.a=x", true},
    {T "- {type: add_condition, conditions: {i: '$product-${service}'}, template: true}\n",
     S "        a: x\n", "a=x;i=linux-sshd", true},
    {T "- {type: add_condition, conditions: {i: [q, '$product-x']}, template: true, name: _n}\n",
     S "        a: x\n", "a=x;i=linux-x", true},
    {T "- {type: add_condition, conditions: {i: $product}}\n", S "        a: x\n", "a=x;i=$product", true},
    {T "- {type: add_field, field: a}\n- {type: remove_field, field: [a, b]}\n- {type: set_field, fields: "
       "[c]}\n",
     S "        a: x\n", "a=x", true},
    {T "- {type: field_name_mapping, mapping: {a: b, c: [d, e]}}\n- {type: strict_field_mapping_failure}\n",
     S "        a: x\n        c: y\n", "b=x;e=y", true},
    {T "- {type: detection_item_failure, message: no, field_name_conditions: [{type: include_fields, fields: "
       "[q]}]}\n",
     S "        a: x\n", "a=x", true},
};

static void rules_are_changed_as_a_whole(void **state)
{
    (void)state;
    CHECK_STEPS(rule_cases);
}

static const struct {
    const char *pipeline, *detection, *expected;
} mistakes[] = {
    {T "- {type: field_name_transform}\n", "",
     "2:3 field_name_transform has no place here: it calls a function"},
    {T "- {type: query_expression_placeholders, expression: '{field} in {id}'}\n", "",
     "2:3 query_expression_placeholders has no place here: it writes an expression of a query language"},
    {T "- {type: file_placeholders, path: /a}\n", "",
     "2:3 file_placeholders has no place here: pipelines read no files"},
    {T "- {type: http_placeholders}\n", "", "http_placeholders has no place here"},
    {T "- {type: command_placeholders}\n", "", "command_placeholders has no place here"},
    {T "- {type: strict_field_mapping_failure}\n", S "        a: x\n        b|re: y\n",
     "1:1 no pipeline maps the fields: a, b"},
    {T "- {type: detection_item_failure, message: not this}\n", S "        a: x\n", "1:1 not this"},
    {T "- {type: replace_string, regex: '(', replacement: x}\n", "",
     "2:34 this is no regular expression: missing"},
    {T "- {type: replace_string, regex: x, replacement: '\\q'}\n", "", "2:50 a backslash stands before"},
    {T "- {type: replace_string, regex: x}\n", "", "2:3 replace_string needs the key replacement"},
    {T "- {type: replace_string, regex: '(a+)+$', replacement: x}\n",
     S "        a: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\n", "takes too long on this value"},
    {T "- {type: map_string, mapping: {x: [y, z]}}\n", S "        a|all: [x, q]\n",
     "goes with neither all nor neq"},
    {T "- {type: convert_type, target_type: num}\n", S "        a: x\n",
     "12:12 a pipeline makes numbers of these"},
    {T "- {type: convert_type, target_type: bool}\n", "", "2:37 target_type is one of: str num"},
    {T "- {type: set_value, value: x, force_type: num}\n", "",
     "2:28 force_type is num, and this is no number"},
    {T "- {type: set_value, value: [x]}\n", "", "value is a single value"},
    {T "- {type: case, method: title}\n", "", "2:24 method is one of: lower upper snake_case"},
    {T "- {type: value_placeholders, include: [a], exclude: [b]}\n", "",
     "include and exclude cannot stand together"},
    {"vars: {a: []}\n" T "- {type: value_placeholders}\n", S "        a|expand: '%a%'\n",
     "placeholder %:a% cannot"},
    {T "- {type: value_placeholders}\n", S "        a|expand: '%b%'\n", "placeholder %b% cannot be resolved"},
    {T "- {type: hashes_fields, valid_hash_algos: [MD5]}\n", S "        Hashes: SHA1=aa\n",
     "none is of an algorithm"},
    {T "- {type: nest, items: [{type: moon}]}\n", "", "2:24 there is no transformation 'moon'"},
    {T "- {type: nest, items: {type: moon}}\n", "", "items is a list of transformations"},
    {T PREFIXED "rule_conditions: [{type: match_string}]}\n", "", "a condition here is of type logsource or"},
    {T PREFIXED "rule_conditions: [{type: processing_state, key: k}]}\n", "",
     "processing_state needs the key val"},
    {T PREFIXED "rule_conditions: [{type: processing_state, key: k, val: 1, op: in}]}\n", "",
     "op is one of: eq ne"},
    {T PREFIXED "rule_conditions: [{type: logsource, colour: red}]}\n", "",
     "a condition logsource has no key 'colour'"},
    {T PREFIXED "detection_item_conditions: [{type: match_string, cond: some, pattern: x}]}\n", "",
     "cond is one of: any all"},
    {T PREFIXED "detection_item_conditions: [{type: match_string, cond: any, pattern: '['}]}\n", "",
     "this is no regular expression"},
    {T PREFIXED "field_name_conditions: [{type: include_fields, fields: ['['], mode: re}]}\n", "",
     "this is no regular expression"},
    {T PREFIXED "rule_cond_op: xor, rule_conditions: []}\n", "", "rule_cond_op is one of: and or"},
    {T PREFIXED "rule_conditions: {a: {type: is_sigma_rule}}, rule_cond_expr: a and b}\n", "",
     "there is no condition of that name: 'b'"},
    {T PREFIXED "rule_conditions: {a: {type: is_sigma_rule}, b: {type: is_sigma_rule}}, rule_cond_expr: a}\n",
     "", "a condition is not in this expression: 'b'"},
    {T PREFIXED "rule_conditions: {a: {type: is_sigma_rule}}, rule_cond_expr: (a}\n", "",
     "a bracket is not closed"},
    {T PREFIXED "rule_conditions: {a: {type: is_sigma_rule}}, rule_cond_expr: a a}\n", "",
     "what stands behind this expression"},
    {T PREFIXED "rule_conditions: {a: {type: is_sigma_rule}}, rule_cond_expr: a and}\n", "",
     "name is missing"},
    {T PREFIXED "rule_conditions: [{type: is_sigma_rule}], rule_cond_expr: a}\n", "", "wants a map of named"},
    {T PREFIXED "rule_conditions: {a: {type: is_sigma_rule}}, rule_cond_expr: a, rule_cond_op: or}\n", "",
     "an expression and an operator"},
};

static void what_cannot_be_done_is_told_where_it_stands(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        struct told told;
        struct ruleset *ruleset =
            rewritten(mistakes[i].pipeline,
                      mistakes[i].detection[0] ? mistakes[i].detection : S "        a: x\n", &told);
        if (told.count != 1 || !strstr(told.text, mistakes[i].expected))
            fail_msg("case %zu: expected \"%s\", told %zu: %s", i, mistakes[i].expected, told.count,
                     told.text);
        ruleset_free(ruleset);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_become_what_pysigma_makes_of_them),
        cmocka_unit_test(placeholders_are_variables_before_they_are_lists),
        cmocka_unit_test(conditions_choose_rules_items_and_names),
        cmocka_unit_test(rules_are_changed_as_a_whole),
        cmocka_unit_test(what_cannot_be_done_is_told_where_it_stands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
