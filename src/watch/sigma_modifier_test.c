#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs its types first. */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "watch/ruleset_fixture.h"
#include "watch/sigma_modifier.h"

static void encodings_apply_in_the_order_of_the_chain(void **state)
{
    (void)state;
    static const struct match_case cases[] = {
        {S "        a|base64: foobar\n", "", "a=Zm9vYmFy", true},
        {S "        a|base64: fooba\n", "", "a=Zm9vYmE=", true},
        {S "        a|base64: foob\n", "", "a=Zm9vYg==", true},
        {S "        a|base64: foob\n", "", "a=Zm9vYgA", false},
        {S "        a|base64|contains: foo\n", "", "a=--Zm9v--", true},
        {S "        a|base64|startswith: foo\n", "", "a=Zm9v--", true},
        {S "        a|base64: 'a\\*b'\n", "", "a=YSpi", true},
        {S "        a|base64|cased: foo\n", "", "a=zM9V", false},
        {S "        a|base64: foo\n", "", "a=zM9V", true},
        /* "XfooY", "XXfooY": 1 and 2 bytes before it. */
        {S "        a|base64offset|contains: foo\n", "", "a=Zm9vWQ==", true},
        {S "        a|base64offset|contains: foo\n", "", "a=WGZvb1k=", true},
        {S "        a|base64offset|contains: foo\n", "", "a=WFhmb29Z", true},
        {S "        a|base64offset|contains: foo\n", "", "a=WFhmb3Z=", false},
        {S "        a|base64offset|contains|all: [foo, bar]\n", "", "a=Zm9vYmFy", true},
        {S "        a|base64offset|contains|all: [foo, baz]\n", "", "a=Zm9vYmFy", false},
        /* "ab" in UTF-16LE is 61 00 62 00: YQBiAA==. */
        {S "        a|wide|base64: ab\n", "", "a=YQBiAA==", true},
        {S "        a|utf16le|base64: ab\n", "", "a=YQBiAA==", true},
        {S "        a|utf16be|base64: ab\n", "", "a=AGEAYg==", true},
        {S "        a|utf16|base64: ab\n", "", "a=//5hAGIA", true},
        /* ä is e4 00, 😀 the pair d83d de00. */
        {S "        a|wide|base64: ä\n", "", "a=5AA=", true},
        {S "        a|wide|base64: 😀\n", "", "a=PdgA3g==", true},
        {S "        a|wide|base64offset|contains: ab\n", "", "a=WGEAYgA=", true},
        {S "        a|wide|base64offset|contains: ab\n", "", "a=WFhhAGIA", true},
        /* A dash is each of the five before it is encoded: "/ab" is L2Fi. */
        {S "        a|windash|base64: -ab\n", "", "a=L2Fi", true},
        {S "        a|windash|base64: -ab\n", "", "a=4oCTYWI=", true},
        {S "        a|windash|base64: -ab\n", "", "a=K2Fi", false},
        {S "        '|base64|all': [foo, bar]\n", "Zm9v YmFy", "", true},
        {S "        '|base64offset': [foo]\n", "a WFhmb29Z b", "", true},
    };
    CHECK(cases);
}

static void wide_text_is_found_among_its_zero_bytes(void **state)
{
    (void)state;
    struct told told;
    size_t count;
    struct event_field field = {SV("a"), SV("x\0c\0m\0d\0y\0"), EVENT_STRING};
    const struct event event = {.fields = &field, .field_count = 1};
    struct ruleset *ruleset = rules_of(S "        a|wide|contains: CMD\n", &told);
    struct ruleset_matcher *matcher = ruleset_matcher_new(ruleset);
    ruleset_match(matcher, &event, &count);
    assert_int_equal(count, 1);
    field.value = SV("xcmdy");
    ruleset_match(matcher, &event, &count);
    assert_int_equal(count, 0);
    ruleset_matcher_free(matcher);
    ruleset_free(ruleset);
}

static void windash_knows_all_five_dashes_on_both_sides(void **state)
{
    (void)state;
    static const struct match_case cases[] = {
        {S "        a|windash|contains: ' -enc '\n", "", "a=p —enc x", true},
        {S "        a|contains|windash: ' -enc '\n", "", "a=p ―enc x", true},
        {S "        a|contains|windash: ' –enc '\n", "", "a=p /enc x", true},
        {S "        a|contains|windash: ' /enc '\n", "", "a=p -enc x", true},
        {S "        a|contains|windash: ' -a -b '\n", "", "a=p /a –b ", true},
        {S "        a|contains|windash: '- b'\n", "", "a=p / b", false},
        {S "        a|contains|windash: 'x-y-z'\n", "", "a=x/y/z", false},
        {S "        a|contains|windash|all: [' -a', ' -b']\n", "", "a=p /b /a", true},
        {S "        a|windash: '-?'\n", "", "a=/x", false},
        {S "        a|windash|cased: '-A'\n", "", "a=/a", false},
    };
    CHECK(cases);
}

static void a_field_is_compared_with_another(void **state)
{
    (void)state;
    static const struct match_case cases[] = {
        {S "        a|fieldref: b\n", "", "a=Root;b=rOOT", true},
        {S "        a|fieldref|cased: b\n", "", "a=Root;b=rOOT", false},
        {S "        a|fieldref: b\n", "", "a=x;b=y", false},
        {S "        a|fieldref: b\n", "", "a=x", false},
        {S "        a|fieldref: b\n", "", "b=x", false},
        {S "        a|fieldref: b\n", "", "c=x", false},
        {S "        a|fieldref: b\n", "", "a!=;b!=", false},
        {S "        a|fieldref: b\n", "", "a=;b=", true},
        {S "        a|fieldref: b\n", "", "a=x;a=y;b=z;b=y", true},
        {S "        a|fieldref: b\n", "", "a:=5;b:=5.0", true},
        {S "        a|fieldref: b\n", "", "a=5;b=5.0", false},
        {S "        a|fieldref|neq: b\n", "", "a=x;b=y", true},
        {S "        a|neq|fieldref: b\n", "", "a=x;b=x", false},
        {S "        a|fieldref: [b, c]\n", "", "a=x;b=y;c=x", true},
        {S "        a|fieldref|all: [b, c]\n", "", "a=x;b=y;c=x", false},
        {S "        a|fieldref|startswith: b\n", "", "a=xyz;b=XY", true},
        {S "        a|fieldref|endswith: b\n", "", "a=xyz;b=yz", true},
        {S "        a|fieldref|contains: b\n", "", "a=xyz;b=y", true},
        {S "        a|fieldref|contains: b\n", "", "a=y;b=xyz", false},
        /* The name is a name, whatever it looks like. */
        {S "        a|fieldref: 5\n", "", "a=x;5=x", true},
    };
    CHECK(cases);
}

static void parts_of_a_date_are_numbers(void **state)
{
    (void)state;
    static const struct match_case cases[] = {
        {S "        a|hour: 8\n", "", "a=2026-11-24T08:15:30Z", true},
        {S "        a|hour: 8\n", "", "a=2026-11-24 08:15:30", true},
        {S "        a|hour: 8\n", "", "a=2026-11-24T08:15:30+05:00", true},
        {S "        a|hour|gte: 18\n", "", "a=2026-11-24T18:00:00Z", true},
        {S "        a|hour|lt: 6\n", "", "a=2026-11-24T06:00:00Z", false},
        {S "        a|hour|neq: 8\n", "", "a=2026-11-24T08:15:30Z", false},
        {S "        a|hour: [7, 8]\n", "", "a=2026-11-24T08:15:30Z", true},
        {S "        a|minute: 15\n", "", "a=2026-11-24T08:15:30Z", true},
        {S "        a|day: 24\n", "", "a=2026-11-24", true},
        {S "        a|hour: 0\n", "", "a=2026-11-24", false},
        {S "        a|month: 11\n", "", "a=Nov 24 08:15:30", true},
        {S "        a|day: 4\n", "", "a=Nov  4 08:15:30", true},
        {S "        a|year: 2026\n", "", "a=Nov  4 08:15:30", false},
        {S "        a|year: 2026\n", "", "a=2026-11-24", true},
        {S "        a|year: 2026\n", "", "a:=1793000000", true},
        {S "        a|hour: 14\n", "", "a:=1793111111.5", true},
        {S "        a|hour: 14\n", "", "a=1793111111000", true},
        {S "        a|year: 2026\n", "", "a=17930000000", false},
        {S "        a|week: 1\n", "", "a=2026-01-01", true},
        {S "        a|week: 53\n", "", "a=2027-01-03", true},
        {S "        a|week: 1\n", "", "a=2024-12-30", true},
        {S "        a|week: 52\n", "", "a=2023-01-01", true},
        {S "        a|day: 30\n", "", "a=2026-02-30", false},
        {S "        a|day: 29\n", "", "a=2024-02-29", true},
        {S "        a|hour: 8\n", "", "a=soon", false},
        {S "        a|hour: 8\n", "", "a=", false},
        {S "        a|hour: 8\n", "", "a!=", false},
    };
    CHECK(cases);
}

static struct sigma_lists *some_lists(void)
{
    struct sigma_lists *lists = sigma_lists_new();
    assert_true(sigma_lists_read(lists, SV("admins"), SV("# who may\nroot\n\n  adm_*  \r\n")));
    assert_true(sigma_lists_add(lists, SV("hosts"), SV("h1")));
    assert_true(sigma_lists_add(lists, SV("hosts"), SV("%admins%")));
    assert_true(sigma_lists_add(lists, SV("nets"), SV("192.0.2.0/24")));
    assert_true(sigma_lists_add(lists, SV("nets"), SV("2001:db8::/32")));
    assert_true(sigma_lists_add(lists, SV("words"), SV("o+")));
    assert_true(sigma_lists_add(lists, SV("empty"), SV("")));
    return lists;
}

static void placeholders_become_what_their_list_says(void **state)
{
    (void)state;
    static const struct match_case cases[] = {
        {S "        a|expand: '%admins%'\n", "", "a=ROOT", true},
        {S "        a|expand: '%admins%'\n", "", "a=adm_x", true},
        {S "        a|expand: '%Admins%'\n", "", "a=root", true},
        {S "        a|expand: '%admins%'\n", "", "a=rooty", false},
        {S "        a|expand|contains: '%admins%'\n", "", "a=rooty", true},
        {S "        a|contains|expand: '%admins%'\n", "", "a=rooty", true},
        {S "        a|expand: '%admins%@%hosts%'\n", "", "a=adm_7@h1", true},
        {S "        a|expand: '%admins%@%hosts%'\n", "", "a=h1@root", false},
        /* What a list says is not expanded again. */
        {S "        a|expand: '%hosts%'\n", "", "a=%admins%", true},
        {S "        a|expand: '%hosts%'\n", "", "a=root", false},
        /* Without the modifier, or behind a backslash, a percent sign is one. */
        {S "        a: '%admins%'\n", "", "a=%admins%", true},
        {S "        a|expand: '\\%admins%'\n", "", "a=%admins%", true},
        {S "        a|expand: '\\%plain%admins%'\n", "", "a=%plainroot", true},
        {S "        a|expand: '100%'\n", "", "a=100%", true},
        {S "        a|expand|cidr: '%nets%'\n", "", "a=192.0.2.9", true},
        {S "        a|expand|cidr: '%nets%'\n", "", "a=2001:db8::9", true},
        {S "        a|cidr|expand: '%nets%'\n", "", "a=198.51.100.9", false},
        {S "        a|re|expand: '^r%words%t$'\n", "", "a=rooot", true},
        {S "        a|expand|neq: '%admins%'\n", "", "a=root", false},
        {S "        a|expand|base64: '%hosts%'\n", "", "a=aDE=", true},
        {S "        '|expand': ['%admins%']\n", "hello root", "", true},
    };
    struct sigma_lists *lists = some_lists();
    check_matches(cases, sizeof cases / sizeof *cases, lists);
    sigma_lists_free(lists);
}

static void a_placeholder_that_cannot_be_resolved_is_an_error_that_names_it(void **state)
{
    (void)state;
    static const struct error_case cases[] = {
        {S "        a|expand: '%nobody%'\n",
         "8:20 placeholder %nobody% cannot be resolved: the configuration has no list"},
        {S "        a|expand: '%empty%'\n",
         "8:20 placeholder %empty% cannot be resolved: the list of that name is empty"},
        {S "        a|expand|cidr: '%admins%'\n", "'root' is no network"},
        {S "        a|expand|gt: '%admins%'\n", "lt, lte, gt and gte compare numbers"},
    };
    struct sigma_lists *lists = some_lists();
    check_errors(cases, sizeof cases / sizeof *cases, lists);
    check_errors(cases, 1, NULL);
    sigma_lists_free(lists);
}

static void modifiers_that_do_not_go_together_are_told(void **state)
{
    (void)state;
    static const struct error_case cases[] = {
        {S "        a|re|contains: x\n", "8:14 modifier 'contains' works on text"},
        {S "        a|contains|re: x\n", "8:20 modifier 're' cannot be combined"},
        {S "        a|contains|base64: x\n", "base64 cannot encode a text with wildcards"},
        {S "        a|base64offset: 'x?'\n", "base64offset cannot encode a text with wildcards"},
        {S "        a|base64offset|contains: x\n", "at least 2 bytes"},
        {S "        a|wide|wide: x\n", "8:16 modifier 'wide' stands twice"},
        {S "        a|wide|utf16be: ä\n", "this is encoded already"},
        {S "        a|fieldref|re: x\n", "8:20 modifier 're' cannot be combined"},
        {S "        a|fieldref|base64: x\n", "8:20 modifier 'base64' works on text"},
        {S "        a|fieldref: ''\n", "fieldref is followed by the name of another field"},
        {S "        a|hour|contains: 8\n", "8:16 modifier 'contains' works on text"},
        {S "        a|gt|hour: 8\n", "8:14 modifier 'hour' takes a number out of a date"},
        {S "        a|hour: eight\n", "a part of a date is a number, and 'eight' is none"},
        {S "        a|gt|lt: 8\n", "8:14 modifier 'lt' cannot be combined"},
        {S "        a|exists|neq|cidr: x\n", "8:22 modifier 'cidr' cannot be combined"},
        {S "        '|fieldref': x\n", "a search without a field knows only"},
        {S "        '|hour': 8\n", "a search without a field knows only"},
    };
    check_errors(cases, sizeof cases / sizeof *cases, NULL);
}

/* So that one is not forgotten when the table grows. */
static void every_modifier_of_the_specification_is_known(void **state)
{
    (void)state;
    static const char *const names[] = {
        "all",    "startswith", "endswith",     "contains", "exists",  "cased",   "re|i", "re|m",
        "re|s",   "base64",     "base64offset", "utf16",    "utf16le", "utf16be", "wide", "windash",
        "cidr",   "expand",     "fieldref",     "lt",       "lte",     "gt",      "gte",  "neq",
        "minute", "hour",       "day",          "week",     "month",   "year",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct sigma_key key;
        char text[64], problem[400];
        size_t offset;
        snprintf(text, sizeof text, "field|%s", names[i]);
        if (!sigma_key_parse(sv_of(text), &key, problem, sizeof problem, &offset))
            fail_msg("%s: %s", text, problem);
        assert_true(sv_eq(key.field, SV("field")));
    }
}

static void a_value_becomes_no_more_texts_than_the_bound(void **state)
{
    (void)state;
    struct told told;
    struct sigma_lists *lists = sigma_lists_new();
    char entry[16];
    for (int i = 0; i < 200; i++) {
        snprintf(entry, sizeof entry, "e%d", i);
        assert_true(sigma_lists_add(lists, SV("many"), sv_of(entry)));
    }
    struct ruleset *ruleset = rules_with(S "        a|expand: '%many%%many%'\n", lists, &told);
    assert_non_null(strstr(told.text, "this value becomes more than 20000 texts"));
    ruleset_free(ruleset);
    ruleset = rules_with(S "        a|expand: '%many%'\n", lists, &told);
    assert_int_equal(told.count, 0);
    assert_true(matches(ruleset, "", "a=e199"));
    assert_false(matches(ruleset, "", "a=e200"));
    ruleset_free(ruleset);
    sigma_lists_free(lists);
}

static void lists_have_names_and_bounds(void **state)
{
    (void)state;
    struct sigma_lists *lists = sigma_lists_new();
    char *longest = malloc(SIGMA_LIST_ENTRY_BYTES_MAX + 1);
    assert_non_null(longest);
    memset(longest, 'x', SIGMA_LIST_ENTRY_BYTES_MAX + 1);
    assert_false(sigma_lists_add(lists, SV("a b"), SV("x")));
    assert_false(sigma_lists_add(lists, SV(""), SV("x")));
    assert_false(sigma_lists_add(lists, SV("a"), sv_make(longest, SIGMA_LIST_ENTRY_BYTES_MAX + 1)));
    assert_true(sigma_lists_add(lists, SV("a"), sv_make(longest, SIGMA_LIST_ENTRY_BYTES_MAX)));
    for (size_t i = 1; i < SIGMA_LIST_ENTRIES_MAX; i++)
        assert_true(sigma_lists_add(lists, SV("a"), SV("x")));
    assert_false(sigma_lists_add(lists, SV("a"), SV("x")));
    assert_int_equal(sigma_lists_find(lists, SV("A"))->count, SIGMA_LIST_ENTRIES_MAX);
    assert_null(sigma_lists_find(lists, SV("b")));
    assert_null(sigma_lists_find(NULL, SV("a")));
    free(longest);
    sigma_lists_free(lists);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodings_apply_in_the_order_of_the_chain),
        cmocka_unit_test(wide_text_is_found_among_its_zero_bytes),
        cmocka_unit_test(windash_knows_all_five_dashes_on_both_sides),
        cmocka_unit_test(a_field_is_compared_with_another),
        cmocka_unit_test(parts_of_a_date_are_numbers),
        cmocka_unit_test(placeholders_become_what_their_list_says),
        cmocka_unit_test(a_placeholder_that_cannot_be_resolved_is_an_error_that_names_it),
        cmocka_unit_test(modifiers_that_do_not_go_together_are_told),
        cmocka_unit_test(every_modifier_of_the_specification_is_known),
        cmocka_unit_test(a_value_becomes_no_more_texts_than_the_bound),
        cmocka_unit_test(lists_have_names_and_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
