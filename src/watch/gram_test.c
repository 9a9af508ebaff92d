#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs its types first. */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "watch/ruleset_fixture.h"
#include "watch/ruleset_priv.h"

#include "watch/gram.h"

#define RULE(list) "title: t\nid: t\nlogsource: {product: x}\ndetection: {s: {" list "}, condition: s}\n"

static void a_set_has_every_gram_of_its_text_and_what_is_not_known(void **state)
{
    (void)state;
    static const char text[] = "c:\\windows\\system32\\svchost.exe";
    struct gram_set set;
    for (size_t n = 0; n < sizeof text; n++) {
        char *copy = malloc(n + 1); /* so that reading on is noticed */
        assert_non_null(copy);
        memcpy(copy, text, n);
        gram_set_make(&set, sv_make(copy, n));
        for (size_t i = 0; i + GRAM_BYTES <= n; i++)
            assert_true(gram_set_has(&set, gram_at(copy + i)));
        assert_true(gram_set_has(&set, GRAM_NONE));
        free(copy);
    }
    assert_false(gram_set_has(&set, gram_at("notepad")));
}

/* The gram that was chosen for a value of the first item of a rule. */
static uint16_t chosen(const struct ruleset *ruleset, size_t rule, size_t value)
{
    return ruleset->rules[rule].selections[0].groups[0].items[0].grams[value];
}

static void each_value_has_the_gram_that_the_fewest_have(void **state)
{
    (void)state;
    struct told told = {0};
    struct ruleset *ruleset = ruleset_new();
    ruleset_load_text(
        ruleset, "t.yml",
        SV(RULE("a|contains: ['windowsF', 'windowsT', 'win', null]") "---\ntitle: u\nid: u\n"
                                                                     "logsource: {product: x}\ndetection: "
                                                                     "{s: {a|re: ['Windows+quux', "
                                                                     "'win.*dow']}, condition: s}\n"),
        tell, &told);
    ruleset_seal(ruleset, tell, &told);
    assert_int_equal(told.count, 0);
    assert_int_equal(chosen(ruleset, 0, 0), gram_at("owsf"));
    assert_int_equal(chosen(ruleset, 0, 1), gram_at("owst"));
    assert_int_equal(chosen(ruleset, 0, 2), GRAM_NONE);
    assert_int_equal(chosen(ruleset, 1, 0), gram_at("squu"));
    assert_int_equal(chosen(ruleset, 1, 1), GRAM_NONE);
    ruleset_free(ruleset);
}

/* As many fields as there are, some with values longer than grams are made of. */
static void lists_find_their_values_in_texts_of_any_length(void **state)
{
    (void)state;
    enum { LENGTHS = 9 };
    static const size_t lengths[LENGTHS] = {0, 3, 4, 15, 16, 17, GRAM_TEXT_MAX, GRAM_TEXT_MAX + 1, 20000};
    static const char *const places[] = {"a|startswith", "a|endswith", "a|contains"};
    for (size_t place = 0; place < sizeof places / sizeof *places; place++)
        for (size_t i = 0; i < LENGTHS * 2; i++) {
            struct told told = {0};
            char rule[300];
            snprintf(rule, sizeof rule, RULE("%s: [nowhere, Word, neither]"), places[place]);
            struct ruleset *ruleset = ruleset_new();
            ruleset_load_text(ruleset, "t.yml", sv_of(rule), tell, &told);
            ruleset_seal(ruleset, tell, &told);
            struct ruleset_matcher *matcher = ruleset_matcher_new(ruleset);
            size_t n = lengths[i / 2], count;
            char *text = malloc(n + 1);
            assert_non_null(text);
            memset(text, '.', n);
            bool there = i % 2 && n >= 4;
            if (there)
                memcpy(text + (place == 0 ? 0 : n - 4), "wORD", 4);
            struct event_field field = {SV("a"), sv_make(text, n), EVENT_STRING};
            struct event event = {.fields = &field, .field_count = 1, .raw = field.value};
            ruleset_match(matcher, &event, &count);
            assert_int_equal(count, there);
            free(text);
            ruleset_matcher_free(matcher);
            ruleset_free(ruleset);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_has_every_gram_of_its_text_and_what_is_not_known),
        cmocka_unit_test(each_value_has_the_gram_that_the_fewest_have),
        cmocka_unit_test(lists_find_their_values_in_texts_of_any_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
