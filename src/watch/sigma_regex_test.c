#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs its types first. */
#include <cmocka.h>

#include "watch/sigma_regex.h"

struct literal_case {
    const char *expression, *literal;
};

static void check(const struct literal_case *cases, size_t count, bool caseless)
{
    struct arena *arena = arena_new(1 << 16);
    for (size_t i = 0; i < count; i++) {
        sv found = sigma_regex_literal(sv_of(cases[i].expression), caseless, arena);
        if (!sv_eq(found, sv_of(cases[i].literal)))
            fail_msg("%s: '%.*s', not '%s'", cases[i].expression, SV_ARG(found), cases[i].literal);
    }
    arena_free(arena);
}

static void the_longest_text_that_must_be_there_is_found(void **state)
{
    (void)state;
    static const struct literal_case cases[] = {
        {"root", "root"},
        {"^root$", "root"},
        {".*sudo.+passwd", "passwd"},
        {"/bin/(grant|revoke)-[a-z]+", "/bin/"},
        {"a\\.example\\.org\\b", "a.example.org"},
        {"C:\\\\Windows", "C:\\Windows"},
        {"user\\s+add", "user"},
        {"abc[\\]x]defg", "defg"},
        {"abc[]x]defg", "defg"},
        {"abc[^]x]defg", "defg"},
        {"(?:one|two)three", "three"},
        {"(a(b[)]c)d)xyz", "xyz"},
        {"(a\\)b)xyz", "xyz"},
        {"(?i)vault", "vault"},
        {"-e\"x\"", "-e\"x\""},
        {"", ""},
    };
    check(cases, sizeof cases / sizeof *cases, false);
}

static void what_may_be_absent_or_repeated_ends_it(void **state)
{
    (void)state;
    static const struct literal_case cases[] = {
        {"abcd?ef", "abc"},   {"abcd*ef", "abc"},       {"abcd{0,2}ef", "abc"},   {"abcd{2}ef", "abc"},
        {"abc+de", "abc"},    {"abc+?de", "abc"},       {"ab(cde)?fg", "ab"},     {"ab(cde)fg", "ab"},
        {"ab.c", "ab"},       {"a\\.?bc", "bc"},        {"\xc3\xa4rger", "rger"}, {"\xc3\xa4?rger", "rger"},
        {"ab\\wcd\\d", "ab"}, {"abcd{ 1 , 2 }", "abc"},
    };
    check(cases, sizeof cases / sizeof *cases, false);
}

static void what_is_not_understood_gives_no_text(void **state)
{
    (void)state;
    static const struct literal_case cases[] = {
        {"root|admin", ""},       {"abc(?i)def", ""},      {"(?x) a b c", ""},    {"(?=abc)abc", ""},
        {"abc(?#note)def", ""},   {"\\x41bcdef", ""},      {"\\Qa.b\\Ecdef", ""}, {"abc[[:alpha:]]def", ""},
        {"abc[\\Q]\\E]def", ""},  {"(\\Q)\\Eabc)def", ""}, {"x{[}]yz", ""},       {"abc{def", ""},
        {"(*UTF)abc", ""},        {"(abc(*FAIL))def", ""}, {"(abc)\\1def", ""},   {"abc\\", ""},
        {"abc[def", ""},          {"abc(def", ""},         {"abc)def", ""},       {"\\p{Lu}abc", ""},
        {"(?P<name>abc)def", ""}, {"abc(def\\", ""},       {"abc[def\\", ""},
    };
    check(cases, sizeof cases / sizeof *cases, false);
}

static void without_case_k_and_s_may_be_other_bytes(void **state)
{
    (void)state;
    static const struct literal_case cases[] = {{"powershell", "power"}, {"KILL", "ILL"}, {"sk", ""}};
    check(cases, sizeof cases / sizeof *cases, true);
    static const struct literal_case inside[] = {{"(?i)powershell", "power"}};
    check(inside, 1, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_text_that_must_be_there_is_found),
        cmocka_unit_test(what_may_be_absent_or_repeated_ends_it),
        cmocka_unit_test(what_is_not_understood_gives_no_text),
        cmocka_unit_test(without_case_k_and_s_may_be_other_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
