#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs its types first. */
#include <cmocka.h>

#include <stdlib.h>

#include "watch/ruleset_fixture.h"

#define RULES                                                                                         \
    "title: First\nid: one\nname: first\nlogsource: {product: linux}\n"                               \
    "detection: {s: {a: x}, t: {b: y}, condition: s or t}\n---\n"                                     \
    "title: Second\nid: two\nlogsource: {product: linux}\ndetection: {s: {a: x}, condition: [s]}\n"   \
    "---\ntitle: Third\nid: three\nlogsource: {product: windows}\ndetection: {s: {a: x}, condition: " \
    "s}\n---\n"

/* How many rules of the text match a linux event with these fields, whatever its source. */
static size_t count_matches(const char *text, const char *a, const char *user)
{
    struct told told = {0};
    struct ruleset *ruleset = ruleset_new();
    ruleset_load_text(ruleset, "test.yml", sv_of(text), tell, &told);
    ruleset_seal(ruleset, tell, &told);
    if (told.count)
        fail_msg("%s", told.text);
    struct event_field fields[] = {{SV("a"), sv_of(a), EVENT_STRING},
                                   {SV("user"), sv_of(user), EVENT_STRING}};
    struct event event = {.fields = fields, .field_count = 2};
    struct ruleset_matcher *matcher = ruleset_matcher_new(ruleset);
    size_t count;
    ruleset_match(matcher, &event, &count);
    ruleset_matcher_free(matcher);
    ruleset_free(ruleset);
    return count;
}

static void a_filter_is_added_to_the_rules_that_it_names(void **state)
{
    (void)state;
    static const char filter[] =
        RULES "title: F\nlogsource: {product: linux}\n"
              "filter: {rules: [first, TWO], sel: {user|startswith: adm_}, condition: not sel}\n";
    assert_int_equal(count_matches(RULES, "x", "adm_x"), 3);
    assert_int_equal(count_matches(filter, "x", "adm_x"), 1);
    assert_int_equal(count_matches(filter, "x", "bob"), 3);
    /* It may stand before the rules, too, and several add up. */
    assert_int_equal(
        count_matches("title: F\nlogsource: {product: linux}\n"
                      "filter: {rules: one, sel: {user: bob}, condition: not sel}\n---\n"
                      "title: G\nlogsource: {product: linux}\n"
                      "filter: {rules: one, sel: {user: eve}, condition: [not sel]}\n---\n" RULES,
                      "x", "eve"),
        2);
}

static void any_reaches_the_rules_of_its_log_source_only(void **state)
{
    (void)state;
    assert_int_equal(count_matches(RULES "title: F\nlogsource: {product: linux}\n"
                                         "filter: {rules: any, s: {user: bob}, condition: not 1 of them}\n",
                                   "x", "bob"),
                     1);
    assert_int_equal(count_matches(RULES "title: F\nlogsource: {product: linux, service: sshd}\n"
                                         "filter: {rules: [any], s: {user: bob}, condition: not s}\n",
                                   "x", "bob"),
                     3);
}

/* The filter's selections are its own, whatever the rule calls its. */
static void names_in_filter_and_rule_do_not_mix(void **state)
{
    (void)state;
    assert_int_equal(count_matches(RULES "title: F\nlogsource: {product: linux}\n"
                                         "filter: {rules: [one, two], s: {user: bob}, condition: s}\n",
                                   "x", "bob"),
                     3);
    assert_int_equal(count_matches(RULES "title: F\nlogsource: {product: linux}\n"
                                         "filter: {rules: [one, two], s: {user|re: '^b'}, condition: s}\n",
                                   "x", "eve"),
                     1);
}

static void a_filter_with_a_mistake_says_which(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"title: F\nlogsource: {product: linux}\nfilter: {rules: [nobody], s: {a: x}, condition: s}\n",
         "3:17 this filter names the rule 'nobody', but no rule loaded has that id or name"},
        {"title: F\nlogsource: {product: linux}\nfilter: {s: {a: x}, condition: s}\n",
         "3:9 filter names no rules"},
        {"title: F\nlogsource: {product: linux}\nfilter: {rules: [], s: {a: x}, condition: s}\n",
         "3:17 filter names no rules"},
        {"title: F\nlogsource: {product: linux}\nfilter: {rules: [{}], s: {a: x}, condition: s}\n",
         "3:18 rules are named by their id or name"},
        {"title: F\nlogsource: {product: linux}\nfilter: {rules: any, s: {a: x}}\n",
         "3:1 detection has no condition"},
        {"title: F\nfilter: {rules: any, s: {a: x}, condition: s}\n", "1:1 logsource is missing"},
        {"title: F\nlogsource: {product: linux}\nfilter: any\n", "3:9 filter must be a map"},
        {"title: F\nlogsource: {product: linux}\nfilter: {rules: any, s: {a|contain: x}, condition: s}\n",
         "unknown modifier 'contain'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct told told = {0};
        struct ruleset *ruleset = ruleset_new();
        ruleset_load_text(ruleset, "test.yml", sv_of(cases[i].text), tell, &told);
        ruleset_seal(ruleset, tell, &told);
        if (told.count != 1 || !strstr(told.text, cases[i].expected))
            fail_msg("case %zu: expected \"%s\", told: %s", i, cases[i].expected, told.text);
        assert_int_equal(ruleset_failed(ruleset), 1);
        ruleset_free(ruleset);
    }
}

static void there_are_no_more_filters_than_the_bound(void **state)
{
    (void)state;
    struct told told = {0};
    struct ruleset *ruleset = ruleset_new();
    static const char *const one =
        "title: F\nlogsource: {product: linux}\nfilter: {rules: any, s: {a: x}, condition: s}\n";
    for (size_t i = 0; i < 1000; i++)
        ruleset_load_text(ruleset, "test.yml", sv_of(one), tell, &told);
    assert_int_equal(told.count, 0);
    ruleset_load_text(ruleset, "test.yml", sv_of(one), tell, &told);
    assert_non_null(strstr(told.text, "more than 1000 filters"));
    ruleset_free(ruleset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_filter_is_added_to_the_rules_that_it_names),
        cmocka_unit_test(any_reaches_the_rules_of_its_log_source_only),
        cmocka_unit_test(names_in_filter_and_rule_do_not_mix),
        cmocka_unit_test(a_filter_with_a_mistake_says_which),
        cmocka_unit_test(there_are_no_more_filters_than_the_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
