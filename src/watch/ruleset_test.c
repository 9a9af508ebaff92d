#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs its types first. */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "watch/rule_cost.h"
#include "watch/ruleset_fixture.h"
#include "watch/ruleset_priv.h"

static void maps_ask_for_all_and_lists_for_any(void **state)
{
    (void)state;
    static const struct match_case cases[] = {
        {S "        a: x\n        b: y\n", "", "a=x;b=y", true},
        {S "        a: x\n        b: y\n", "", "a=x;b=z", false},
        {S "        a: x\n        b: y\n", "", "a=x", false},
        {S "        - a: x\n        - b: y\n", "", "b=y", true},
        {S "        - a: x\n        - b: y\n", "", "a=y;b=x", false},
        {S "        a: [x, y]\n", "", "a=y", true},
        {S "        a: [x, y]\n", "", "a=z", false},
        {S "        a|contains|all: [x, y]\n", "", "a=-y-x-", true},
        {S "        a|contains|all: [x, y]\n", "", "a=-y-", false},
        {S "        a|all: ['*x*', '*y*']\n", "", "a=-y-x-", true},
        /* A field that is there several times matches by any of its values, each of which may serve `all`. */
        {S "        a: y\n", "", "a=x;a=y;a=z", true},
        {S "        a|contains|all: [x, y]\n", "", "a=x;b=q;a=y", true},
        {S "        a|neq: y\n", "", "a=x;a=y", false},
        {S "        a|neq: y\n", "", "a=x", true},
        {S "        a|neq: [x, y]\n", "", "a=z", true},
        {S "        a|neq: [x, y]\n", "", "a=x", false},
        {S "        A: x\n", "", "a=x", false},
    };
    CHECK(cases);
}

static void strings_ignore_case_unless_told_otherwise(void **state)
{
    (void)state;
    static const struct match_case cases[] = {
        {S "        a: Root\n", "", "a=rOOT", true},
        {S "        a|cased: Root\n", "", "a=rOOT", false},
        {S "        a|cased: Root\n", "", "a=Root", true},
        {S "        a|contains: OO\n", "", "a=rooT", true},
        {S "        a|contains|cased: OO\n", "", "a=rooT", false},
        {S "        a|cased|contains: oo\n", "", "a=rooT", true},
        {S "        a|startswith: RO\n", "", "a=root", true},
        {S "        a|startswith: OT\n", "", "a=root", false},
        {S "        a|endswith: OT\n", "", "a=root", true},
        {S "        a|endswith: roots\n", "", "a=root", false},
        /* Only ASCII letters fold. */
        {S "        a: Ä\n", "", "a=ä", false},
        {S "        a: 'TRUE'\n", "", "a=true", true},
        {S "        a: true\n", "", "a=true", true},
    };
    CHECK(cases);
}

static void wildcards_and_backslashes_follow_the_specification(void **state)
{
    (void)state;
    static const struct match_case cases[] = {
        {S "        a: 'x*z'\n", "", "a=xyyyz", true},
        {S "        a: 'x*z'\n", "", "a=xyyy", false},
        {S "        a: '*x*y*'\n", "", "a=--x--y--", true},
        {S "        a: '*x*y*'\n", "", "a=--y--x--", false},
        {S "        a: 'x?z'\n", "", "a=xyz", true},
        {S "        a: 'x?z'\n", "", "a=xz", false},
        {S "        a: 'x?z'\n", "", "a=xäz", true},
        {S "        a: '*'\n", "", "a=", true},
        {S "        a: '*'\n", "", "b=", false},
        {S "        a: '*ab'\n", "", "a=aab", true},
        {S "        a: '*a?b'\n", "", "a=aaxaab", true},
        {S "        a: 'c:\\x'\n", "", "a=c:\\x", true},
        {S "        a: 'c:\\\\x'\n", "", "a=c:\\x", true},
        {S "        a: 'x\\*'\n", "", "a=x*", true},
        {S "        a: 'x\\*'\n", "", "a=xy", false},
        {S "        a: 'x\\?'\n", "", "a=x?", true},
        {S "        a: 'x\\?'\n", "", "a=xy", false},
        {S "        a: 'x\\\\*'\n", "", "a=x\\yyy", true},
        {S "        a: 'x\\\\*'\n", "", "a=xyyy", false},
        {S "        a: 'x\\\\\\*'\n", "", "a=x\\*", true},
        {S "        a: 'x\\\\\\*'\n", "", "a=x\\y", false},
        {S "        a: 'x\\\\\\\\y'\n", "", "a=x\\\\y", true},
        {S "        a|contains: 'b*d'\n", "", "a=abcde", true},
        {S "        a|contains: '*'\n", "", "a=", true},
        {S "        a|endswith: '\\cmd.exe'\n", "", "a=C:\\cmd.exe", true},
    };
    CHECK(cases);
}

static void null_and_empty_and_absent_are_told_apart(void **state)
{
    (void)state;
    static const struct match_case cases[] = {
        {S "        a: null\n", "", "b=x", true},
        {S "        a: null\n", "", "a!=", true},
        {S "        a: null\n", "", "a=", false},
        {S "        a:\n", "", "b=x", true},
        {S "        a: ''\n", "", "a=", true},
        {S "        a: ''\n", "", "a!=", false},
        {S "        a: ''\n", "", "b=", false},
        {S "        a|startswith: ''\n", "", "a=x", true},
        {S "        a|startswith: ''\n", "", "b=x", false},
        {S "        a: 'null'\n", "", "a=null", true},
        {S "        a: [null, '']\n", "", "a=", true},
        {S "        a|exists: true\n", "", "a=", true},
        {S "        a|exists: true\n", "", "b=", false},
        {S "        a|exists: false\n", "", "b=", true},
        {S "        a|exists: false\n", "", "a=", false},
        {S "        a|exists: true\n", "", "a!=", true},
    };
    CHECK(cases);
}

static void numbers_match_as_numbers_and_as_text(void **state)
{
    (void)state;
    static const struct match_case cases[] = {
        {S "        a: 309\n", "", "a=309", true},    {S "        a: 309\n", "", "a:=309", true},
        {S "        a: 309\n", "", "a:=309.0", true}, {S "        a: 309\n", "", "a=3090", false},
        {S "        a: '309'\n", "", "a:=309", true}, {S "        a: [1, 309]\n", "", "a=309", true},
        {S "        a: -1\n", "", "a:=-1", true},     {S "        a|gt: 5\n", "", "a=6", true},
        {S "        a|gt: 5\n", "", "a=5", false},    {S "        a|gte: 5\n", "", "a:=5", true},
        {S "        a|lt: 5\n", "", "a=4.5", true},   {S "        a|lt: 5\n", "", "a=four", false},
        {S "        a|lte: 5\n", "", "a=5", true},    {S "        a|lt: 5\n", "", "b=1", false},
        {S "        a|gt: -5\n", "", "a=-4", true},   {S "        a|contains: 30\n", "", "a=1301", true},
        {S "        a: 0x10\n", "", "a=0x10", true},  {S "        a: 0x10\n", "", "a:=16", true},
    };
    CHECK(cases);
}

static void expressions_search_and_keep_case(void **state)
{
    (void)state;
    static const struct match_case cases[] = {
        {S "        a|re: 'o{2}'\n", "", "a=root", true},
        {S "        a|re: 'O{2}'\n", "", "a=root", false},
        {S "        a|re|i: 'O{2}'\n", "", "a=root", true},
        {S "        a|re: '^oo'\n", "", "a=root", false},
        {S "        a|re: '^y'\n", "", "a=x\ny", false},
        {S "        a|re|m: '^y'\n", "", "a=x\ny", true},
        {S "        a|re: 'x.y'\n", "", "a=x\ny", false},
        {S "        a|re|s: 'x.y'\n", "", "a=x\ny", true},
        {S "        a|re: '^x.y$'\n", "", "a=xäy", true},
        {S "        a|re: '^x.y$'\n", "", "a=x\xffy", false},
        {S "        a|re: [nope, 'ro+t']\n", "", "a=root", true},
        {S "        a|re: ''\n", "", "a=", true},
    };
    CHECK(cases);
}

static void an_expression_that_runs_away_is_given_up_and_counted(void **state)
{
    (void)state;
    struct told told;
    struct ruleset *ruleset = rules_of(S "        a|re: '^(a+)+$'\n", &told);
    struct event_field field = {SV("a"),
                                SV("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"), 0};
    struct event event = {.fields = &field, .field_count = 1};
    struct ruleset_matcher *matcher = ruleset_matcher_new(ruleset);
    size_t count;
    ruleset_match(matcher, &event, &count);
    assert_int_equal(count, 0);
    assert_int_equal(ruleset_costs(matcher)->of[0].given_up, 1);
    ruleset_matcher_free(matcher);
    ruleset_free(ruleset);
}

static void networks_hold_addresses_of_their_family(void **state)
{
    (void)state;
    static const struct match_case cases[] = {
        {S "        a|cidr: 192.0.2.0/24\n", "", "a=192.0.2.77", true},
        {S "        a|cidr: 192.0.2.0/24\n", "", "a=192.0.3.1", false},
        {S "        a|cidr: 192.0.2.0/25\n", "", "a=192.0.2.129", false},
        {S "        a|cidr: 192.0.2.1\n", "", "a=192.0.2.1", true},
        {S "        a|cidr: 0.0.0.0/0\n", "", "a=198.51.100.1", true},
        {S "        a|cidr: 0.0.0.0/0\n", "", "a=2001:db8::1", false},
        {S "        a|cidr: 192.0.2.0/24\n", "", "a=::ffff:192.0.2.1", true},
        {S "        a|cidr: '2001:db8::/33'\n", "", "a=2001:DB8:7fff::1", true},
        {S "        a|cidr: '2001:db8::/33'\n", "", "a=2001:db8:8000::1", false},
        {S "        a|cidr: ['198.51.100.0/24', '192.0.2.0/24']\n", "", "a=192.0.2.1", true},
        {S "        a|cidr: 192.0.2.0/24\n", "", "a=gateway", false},
        {S "        a|cidr: 192.0.2.0/24\n", "", "a=", false},
    };
    CHECK(cases);
}

static void keywords_search_the_record_and_what_it_says(void **state)
{
    (void)state;
    static const struct match_case cases[] = {
        {S "        - Sorry\n        - nope\n", "so sorry!", "", true},
        {S "        - nope\n", "so sorry!", "", false},
        {S "        '|all': [so, sorry]\n", "sorry", "", true},
        {S "        '|all': [so, no]\n", "sorry", "", false},
        {S "        - 's*y'\n", "I am so sorry, really", "", true},
        {S "        - 42\n", "code 1421", "", true},
        {S "        '|re': 'so{1}r+y'\n", "sorry", "", true},
        {S "        - a: x\n        - sorry\n", "sorry", "", true},
        {S "        - a: x\n        - sorry\n", "", "a=x", true},
        {"    condition: s\n    s: sorry\n", "so sorry", "", true},
        /* What the record escapes is found in what the fields say. */
        {S "        - 'C:\\Temp'\n", "{\"a\":\"c:\\\\temp\"}", "a=c:\\temp", true},
    };
    CHECK(cases);
}

static void windash_takes_any_dash_that_begins_an_option(void **state)
{
    (void)state;
    static const struct match_case cases[] = {
        {S "        a|contains|windash: ' -enc '\n", "", "a=p /enc x", true},
        {S "        a|contains|windash: ' -enc '\n", "", "a=p -enc x", true},
        {S "        a|contains|windash: ' -enc '\n", "", "a=p –enc x", true},
        {S "        a|contains|windash: 'a-b'\n", "", "a=a/b", false},
        {S "        a|endswith|windash: '-e'\n", "", "a=p /e", true},
    };
    CHECK(cases);
}

#define THREE "    s1: {a: x}\n    s2: {b: y}\n    _f: {c: z}\n"

static void conditions_combine_selections(void **state)
{
    (void)state;
    static const struct match_case cases[] = {
        {THREE "    condition: s1 and s2\n", "", "a=x;b=y", true},
        {THREE "    condition: s1 and not s2\n", "", "a=x;b=y", false},
        {THREE "    condition: s1 or s2 and _f\n", "", "a=x", true},
        {THREE "    condition: (s1 or s2) and _f\n", "", "a=x", false},
        {THREE "    condition: not s1 or s2\n", "", "a=x;b=y", true},
        {THREE "    condition: not (s1 or s2)\n", "", "b=y", false},
        {THREE "    condition: not not s1\n", "", "a=x", true},
        {THREE "    condition: 1 of s*\n", "", "b=y", true},
        {THREE "    condition: 1 of them\n", "", "c=z", false},
        {THREE "    condition: all of them\n", "", "a=x;b=y", true},
        {THREE "    condition: all of s*\n", "", "a=x", false},
        {THREE "    condition: 2 of s*\n", "", "a=x;b=y", true},
        {THREE "    condition: 2 of them\n", "", "a=x", false},
        {THREE "    condition: 1 of _*\n", "", "c=z", true},
        {THREE "    condition: any of s*\n", "", "", false},
        {THREE "    condition: 1 of s* and not 1 of _*\n", "", "a=x", true},
        {THREE "    condition: 1 of s* and not 1 of _*\n", "", "a=x;c=z", false},
        {THREE "    condition:\n      - _f\n      - s2\n", "", "b=y", true},
        {THREE "    condition: S1 or s2\n    S1: {d: w}\n", "", "d=w", true},
        {THREE "    condition: >\n      s1\n      and (s2\n      or _f)\n", "", "a=x;c=z", true},
    };
    CHECK(cases);
}

static void each_mistake_is_told_where_it_stands(void **state)
{
    (void)state;
    static const struct error_case cases[] = {
        {"    s: {a: x}\n", "5:1 detection has no condition"},
        {S "        a|contain: x\n", "8:11 unknown modifier 'contain'"},
        {S "        a|base64: 'x*'\n", "8:20 base64 cannot encode a text with wildcards"},
        {S "        a|i: x\n", "8:11 modifier 'i' belongs to re"},
        {S "        a|re|cidr: x\n", "8:14 modifier 'cidr' cannot be combined"},
        {S "        a|re: '(x'\n", "8:16 this regular expression is wrong at character 3"},
        {S "        a|cidr: 192.0.2.0/33\n", "8:17 '/33' is no prefix length"},
        {S "        a|cidr: gateway\n", "8:17 'gateway' is no network"},
        {S "        a|gt: many\n", "8:15 lt, lte, gt and gte compare numbers"},
        {S "        a|exists: perhaps\n", "8:19 exists is followed by true or false"},
        {S "        a: {b: c}\n", "8:12 a value must be text, a number or null, not a map"},
        {S "        a: []\n", "8:9 'a' has an empty list"},
        {S "        a: x\n        a: y\n", "9:9 the key 'a' stands twice"},
        {S "        - [x]\n", "8:11 a list in a list"},
        {S "        - ''\n", "8:12 an empty keyword"},
        {THREE "    condition: s1 and s3\n", "9:23 the condition names 's3'"},
        {THREE "    condition: 's1 and s3'\n", "9:24 the condition names 's3'"},
        {THREE "    condition: s1 and\n", "9:22 the condition ends where"},
        {THREE "    condition: (s1 or s2\n", "9:16 this parenthesis is never closed"},
        {THREE "    condition: s1 or s2)\n", "9:24 this parenthesis was never opened"},
        {THREE "    condition: s1 s2\n", "9:19 'and' or 'or' should stand before 's2'"},
        {THREE "    condition: s*\n", "9:16 a pattern needs a count"},
        {THREE "    condition: 1 of x*\n", "9:21 no selection is named by 'x*'"},
        {THREE "    condition: 3 of s*\n", "9:16 3 are asked for, but 's*' names only 2"},
        {THREE "    condition: 0 of s*\n", "9:16 '0 of' is always true"},
        {THREE "    condition: s1 | count() > 5\n", "9:19 '|' begins an aggregation"},
        {THREE "    condition: |\n      s1\n      and s3\n",
         "the condition names 's3', but detection has no selection of that name (at character 8"},
        {"    condition: [x\n", "this is not YAML"},
        {"    s: {a: x\xff}\n", "6:1 this line is not UTF-8"},
        {"    s: *x\n    condition: s\n", "6:9 the alias *x names no anchor"},
        {"    s: &x {a: *x}\n    condition: s\n", "the alias *x names no anchor that ends before it"},
    };
    check_errors(cases, sizeof cases / sizeof *cases, NULL);
}

static size_t load(struct ruleset *ruleset, const char *text, struct told *told)
{
    *told = (struct told){0};
    return ruleset_load_text(ruleset, "test.yml", sv_of(text), tell, told);
}

static void all_mistakes_of_a_rule_are_told_at_once(void **state)
{
    (void)state;
    struct told told;
    struct ruleset *ruleset = ruleset_new();
    load(ruleset,
         "level: urgent\nstatus: fine\nlogsource: linux\nvedette: {respond: x}\n"
         "detection:\n  s: {a|contain: x, b|re: '('}\n  condition: s or q\n",
         &told);
    assert_int_equal(told.count, 8);
    assert_non_null(strstr(told.text, "1:8 level must be one of"));
    assert_non_null(strstr(told.text, "2:9 status must be one of"));
    assert_non_null(strstr(told.text, "3:12 logsource must be a map"));
    assert_non_null(strstr(told.text, "4:11 vedette knows only the key response, not 'respond'"));
    assert_non_null(strstr(told.text, "title is missing"));
    assert_int_equal(ruleset_failed(ruleset), 1);
    load(ruleset, "title: t\n---\n- x\n---\ntitle: u\ncorrelation: {}\n", &told);
    assert_non_null(strstr(told.text, "1:1 logsource is missing"));
    assert_non_null(strstr(told.text, "1:1 detection is missing"));
    assert_non_null(strstr(told.text, "3:1 a rule must be a map"));
    assert_non_null(strstr(told.text, "6:14 type is missing"));
    assert_int_equal(ruleset_failed(ruleset), 4);
    ruleset_free(ruleset);
}

#define RULE(id, value)                                                                        \
    "title: rule " id "\nid: " id "\nlogsource: {product: linux}\ndetection:\n  s: {a: " value \
    "}\n  condition: s\n"

static void a_broken_rule_leaves_its_neighbours_loaded(void **state)
{
    (void)state;
    struct told told;
    struct ruleset *ruleset = ruleset_new();
    assert_int_equal(
        load(ruleset, RULE("one", "x") "---\n" RULE("two", "{}") "---\n\n---\n" RULE("three", "z"), &told),
        2);
    assert_int_equal(told.count, 1);
    assert_int_equal(ruleset_failed(ruleset), 1);
    assert_int_equal(ruleset_rule(ruleset, 1)->line, 17);
    assert_int_equal(load(ruleset, RULE("ONE", "x"), &told), 0);
    assert_non_null(strstr(told.text, "2:5 duplicate id: the rule in test.yml:1 has it already"));
    ruleset_free(ruleset);
}

static void a_rule_keeps_what_it_says_of_itself(void **state)
{
    (void)state;
    struct told told;
    struct ruleset *ruleset = ruleset_new();
    load(ruleset,
         "title: A title\nid: abc\nstatus: test\nlevel: critical\nauthor: Somebody\n"
         "description: |\n  Two\n  lines\nfalsepositives:\n  - one\n  - two\nreferences: "
         "[https://example.org/a]\n"
         "tags: [attack.t1, attack.t2]\nlogsource: {product: p, category: c, service: s, definition: d}\n"
         "vedette:\n  response: Call somebody.\ncustom: {x: y}\ndetection: {s: {a: b}, condition: s}\n",
         &told);
    assert_string_equal(told.text, "");
    const struct rule *rule = ruleset_rule(ruleset, 0);
    assert_true(sv_eq(rule->id, SV("abc")) && sv_eq(rule->title, SV("A title")));
    assert_true(sv_eq(rule->author, SV("Somebody")) && sv_eq(rule->description, SV("Two\nlines")));
    assert_true(sv_eq(rule->false_positives, SV("one\ntwo")) && sv_eq(rule->tags, SV("attack.t1 attack.t2")));
    assert_true(sv_eq(rule->references, SV("https://example.org/a")));
    assert_true(sv_eq(rule->response, SV("Call somebody.")));
    assert_true(sv_eq(rule->source.product, SV("p")) && sv_eq(rule->source.service, SV("s")));
    assert_int_equal(rule->severity, SEVERITY_CRITICAL);
    assert_string_equal(rule->file, "test.yml");
    ruleset_free(ruleset);
}

static size_t count_for(struct ruleset_matcher *matcher, struct logsource source)
{
    struct event_field field = {SV("a"), SV("x"), EVENT_STRING};
    struct event event = {.source = source, .fields = &field, .field_count = 1};
    size_t count;
    const size_t *found = ruleset_match(matcher, &event, &count);
    for (size_t i = 1; i < count; i++)
        assert_true(found[i - 1] < found[i]);
    return count;
}

#define SOURCED(id, source) \
    "---\ntitle: t\nid: " id "\nlogsource: " source "\ndetection: {s: {a: x}, condition: s}\n"

static void rules_see_events_of_sources_that_agree(void **state)
{
    (void)state;
    struct told told;
    struct ruleset *ruleset = ruleset_new();
    load(ruleset,
         SOURCED("1", "{product: linux}") SOURCED("2", "{product: linux, service: sshd}")
             SOURCED("3", "{product: linux, category: process_creation}") SOURCED("4", "{service: sudo}")
                 SOURCED("5", "{product: windows}") SOURCED("6", "{category: webserver}")
                     SOURCED("7", "{product: linux, service: auth}")
                         SOURCED("8", "{product: windows, category: registry_event}")
                             SOURCED("9", "{category: of_our_own}"),
         &told);
    assert_int_equal(ruleset_count(ruleset), 9);
    ruleset_seal(ruleset, NULL, NULL);
    struct ruleset_matcher *matcher = ruleset_matcher_new(ruleset);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(count_for(matcher, (struct logsource){SV_NONE}), 9);
        assert_int_equal(count_for(matcher, (struct logsource){SV("linux"), SV_NONE, SV_NONE}), 7);
        assert_int_equal(count_for(matcher, (struct logsource){SV("linux"), SV_NONE, SV("sshd")}), 4);
        assert_int_equal(count_for(matcher, (struct logsource){SV("linux"), SV_NONE, SV("sudo")}), 5);
        assert_int_equal(count_for(matcher, (struct logsource){SV("Linux"), SV("process_creation"), SV_NONE}),
                         5);
        assert_int_equal(count_for(matcher, (struct logsource){SV("windows"), SV("webserver"), SV("x")}), 2);
        assert_int_equal(
            count_for(matcher, (struct logsource){SV("windows"), SV("registry_set"), SV("sysmon")}), 2);
        assert_int_equal(count_for(matcher, (struct logsource){SV("macos"), SV("x"), SV("x")}), 0);
    }
    ruleset_matcher_free(matcher);
    ruleset_free(ruleset);
}

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void folders_are_read_in_order_and_examples_left_alone(void **state)
{
    (void)state;
    char folder[] = "/tmp/vedette-rules-XXXXXX", inner[64];
    struct err err = {0};
    struct told told = {0};
    assert_non_null(mkdtemp(folder));
    snprintf(inner, sizeof inner, "%s/b", folder);
    assert_int_equal(mkdir(inner, 0700), 0);
    write_file(folder, "c.yml", RULE("three", "x"));
    write_file(folder, "a.yaml", RULE("one", "x"));
    write_file(folder, "a.test.yml", "match: [x]\n");
    write_file(folder, "readme.txt", "not a rule");
    write_file(inner, "b.yml", RULE("two", "x"));
    struct ruleset *ruleset = ruleset_new();
    assert_int_equal(ruleset_load(ruleset, folder, tell, &told, &err), 0);
    assert_string_equal(told.text, "");
    assert_int_equal(ruleset_count(ruleset), 3);
    assert_true(sv_eq(ruleset_rule(ruleset, 0)->id, SV("one")));
    assert_true(sv_eq(ruleset_rule(ruleset, 1)->id, SV("two")));
    assert_true(sv_eq(ruleset_rule(ruleset, 2)->id, SV("three")));
    assert_int_equal(ruleset_load(ruleset, "/nowhere/at/all", tell, &told, &err), -1);
    ruleset_free(ruleset);
    char path[128];
    static const char *const names[] = {"c.yml", "a.yaml", "a.test.yml", "readme.txt", "b/b.yml", "b", ""};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        assert_int_equal(remove(path), 0);
    }
}

static void ten_thousand_rules_are_told_apart(void **state)
{
    enum { RULES = 10000 };
    (void)state;
    struct told told;
    struct buf text = BUF_INIT(4 << 20);
    for (int i = 0; i < RULES; i++)
        buf_printf(&text,
                   "title: r%d\nlogsource: {product: x}\ndetection: {s: {a|contains: 'word%dx'}, condition: "
                   "s}\n---\n",
                   i, i);
    struct ruleset *ruleset = ruleset_new();
    told = (struct told){0};
    assert_int_equal(ruleset_load_text(ruleset, "many.yml", buf_view(&text), tell, &told), RULES);
    ruleset_seal(ruleset, tell, &told);
    assert_int_equal(told.count, 0);
    struct ruleset_matcher *matcher = ruleset_matcher_new(ruleset);
    for (int i = 0; i < RULES; i += 997) {
        char record[64];
        size_t count;
        snprintf(record, sizeof record, "word%dx and word%dx", i, RULES - 1 - i);
        struct event_field field = {SV("a"), sv_of(record), EVENT_STRING};
        struct event event = {.raw = sv_of(record), .fields = &field, .field_count = 1};
        const size_t *found = ruleset_match(matcher, &event, &count);
        assert_int_equal(count, 2);
        assert_true(found[0] == (size_t)i || found[1] == (size_t)i);
    }
    ruleset_matcher_free(matcher);
    ruleset_free(ruleset);
    buf_free(&text);
}

static void rules_past_the_bound_are_told_and_left_out(void **state)
{
    (void)state;
    struct told told;
    struct ruleset *ruleset = ruleset_new();
    ruleset->rules_max = 2;
    ruleset->correlations_max = 1;
    load(ruleset,
         SOURCED("1", "{product: x}") SOURCED("2", "{product: x}")
             SOURCED("3", "{product: x}") "---\ntitle: c\ncorrelation: {type: event_count, rules: ['1'], "
                                          "timespan: 1m, condition: {gte: 2}}\n"
                                          "---\ntitle: d\ncorrelation: {type: event_count, rules: ['1'], "
                                          "timespan: 1m, condition: {gte: 2}}\n",
         &told);
    ruleset_seal(ruleset, tell, &told);
    assert_int_equal(ruleset_count(ruleset), 2);
    assert_int_equal(ruleset_failed(ruleset), 2);
    assert_non_null(strstr(told.text, "there are more than 2 rules"));
    assert_non_null(strstr(told.text, "there are more than 1 correlations"));
    ruleset_free(ruleset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_ask_for_all_and_lists_for_any),
        cmocka_unit_test(strings_ignore_case_unless_told_otherwise),
        cmocka_unit_test(wildcards_and_backslashes_follow_the_specification),
        cmocka_unit_test(null_and_empty_and_absent_are_told_apart),
        cmocka_unit_test(numbers_match_as_numbers_and_as_text),
        cmocka_unit_test(expressions_search_and_keep_case),
        cmocka_unit_test(an_expression_that_runs_away_is_given_up_and_counted),
        cmocka_unit_test(networks_hold_addresses_of_their_family),
        cmocka_unit_test(keywords_search_the_record_and_what_it_says),
        cmocka_unit_test(windash_takes_any_dash_that_begins_an_option),
        cmocka_unit_test(conditions_combine_selections),
        cmocka_unit_test(each_mistake_is_told_where_it_stands),
        cmocka_unit_test(all_mistakes_of_a_rule_are_told_at_once),
        cmocka_unit_test(a_broken_rule_leaves_its_neighbours_loaded),
        cmocka_unit_test(a_rule_keeps_what_it_says_of_itself),
        cmocka_unit_test(rules_see_events_of_sources_that_agree),
        cmocka_unit_test(folders_are_read_in_order_and_examples_left_alone),
        cmocka_unit_test(ten_thousand_rules_are_told_apart),
        cmocka_unit_test(rules_past_the_bound_are_told_and_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
