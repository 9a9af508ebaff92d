#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs its types first. */
#include <cmocka.h>

#include "base/buf.h"
#include "watch/sigma_regex.h"

/* "one|other & third": of each set one text, the set that tells most first. */
struct set_case {
    const char *expression, *sets;
};

static void write_sets(struct buf *ret, const struct text_set *sets, size_t count)
{
    buf_clear(ret);
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < sets[i].count; j++)
            buf_printf(ret, "%s%.*s", j ? "|" : i ? " & " : "", SV_ARG(sets[i].texts[j]));
}

static void check(const struct set_case *cases, size_t count, bool caseless)
{
    struct arena *arena = arena_new(1 << 20);
    struct buf text = BUF_INIT(1 << 16);
    for (size_t i = 0; i < count; i++) {
        struct text_set sets[SIGMA_REGEX_SETS_MAX];
        write_sets(&text, sets, sigma_regex_sets(sets, sv_of(cases[i].expression), caseless, arena));
        if (!sv_eq(buf_view(&text), sv_of(cases[i].sets)))
            fail_msg("%s: '%.*s', not '%s'", cases[i].expression, SV_ARG(buf_view(&text)), cases[i].sets);
    }
    buf_free(&text);
    arena_free(arena);
}

static void the_texts_that_must_be_there_are_found(void **state)
{
    (void)state;
    static const struct set_case cases[] = {
        {"root", "root"},
        {"^root$", "root"},
        {"Root", "root"},
        {".*sudo.+passwd", "passwd & sudo"},
        {"a\\.example\\.org\\b", "a.example.org"},
        {"C:\\\\Windows", "c:\\windows"},
        {"user\\s+add", "user & add"},
        {"abc[^\\]x]defg", "defg & abc"},
        {"abc[^]x]defg", "defg & abc"},
        {"abc[a-f]defg", "defg & abc"},
        {"(?i)vault", "vault"},
        {"-e\"x\"", "-e\"x\""},
        {"", ""},
        {"a.b.c.d.ef", "ef & a & b & c"},
    };
    check(cases, sizeof cases / sizeof *cases, false);
}

static void alternatives_are_told_one_by_one(void **state)
{
    (void)state;
    static const struct set_case cases[] = {
        {"root|admin", "root|admin"},
        {"/bin/(grant|revoke)-[a-z]+", "/bin/grant-|/bin/revoke-"},
        {"(?:one|two)three", "onethree|twothree"},
        {"(a(b[)]c)d)xyz", "ab)cdxyz"},
        {"(a\\)b)xyz", "a)bxyz"},
        {"[Pp]ermissive", "permissive"},
        {"abc[]x]d", "abc]d|abcxd"},
        {"abc[\\]x]d", "abc]d|abcxd"},
        {"(ba|z|)sh", "sh"},
        {"(useradd|adduser) -o", "useradd -o|adduser -o"},
        {"(user.add|add)x", "addx & user|add"},
        {"(user.mod|add)x", "modx|addx & user|add"},
        {"(a.*|[0-9]+)x", "x"},
        {"^(/usr)?(/local)?/s?bin/(su|passwd)$", "/sbin/su|/sbin/passwd|/bin/su|/bin/passwd"},
        {"a{2}b", "ab & a"},
    };
    check(cases, sizeof cases / sizeof *cases, false);
}

static void what_may_be_absent_or_repeated_parts_texts(void **state)
{
    (void)state;
    static const struct set_case cases[] = {
        {"abcd?ef", "abcdef|abcef"},
        {"abcd*ef", "abc & ef"},
        {"abcd{0,2}ef", "abc & ef"},
        {"abcd{2}ef", "abcd & def"},
        {"abc+de", "abc & cde"},
        {"abc+?de", "abc & cde"},
        {"ab(cde)?fg", "abcdefg|abfg"},
        {"ab(cde)+fg", "abcde & cdefg"},
        {"ab(c.e)*fg", "ab & fg"},
        {"ab(c.e)?fg", "ab & fg"},
        {"ab.c", "ab & c"},
        {"a\\.?bc", "a.bc|abc"},
        {"\xc3\xa4rger", "rger"},
        {"\xc3\xa4?rger", "rger"},
        {"ab\\wcd\\d", "ab & cd"},
        {"abcd{ 1 , 2 }", "abc"},
        {"abcd{1,2,3}ef", "abc & ef"}, /* which is the text itself */
        {"abcd{2 3}ef", "abc & ef"},
    };
    check(cases, sizeof cases / sizeof *cases, false);
}

static void too_many_texts_part_where_they_become_too_many(void **state)
{
    (void)state;
    static const struct set_case cases[] = {
        {"(ab|cd)(ef|gh)(ij|kl)(mn|op)(qr|st)xyz(uv|wx)",
         "abefijmnqrxyz|abefijmnstxyz|abefijopqrxyz|abefijopstxyz|abefklmnqrxyz|abefklmnstxyz|abefklopqrxyz|"
         "abefklopstxyz|abghijmnqrxyz|abghijmnstxyz|abghijopqrxyz|abghijopstxyz|abghklmnqrxyz|abghklmnstxyz|"
         "abghklopqrxyz|abghklopstxyz|cdefijmnqrxyz|cdefijmnstxyz|cdefijopqrxyz|cdefijopstxyz|cdefklmnqrxyz|"
         "cdefklmnstxyz|cdefklopqrxyz|cdefklopstxyz|cdghijmnqrxyz|cdghijmnstxyz|cdghijopqrxyz|cdghijopstxyz|"
         "cdghklmnqrxyz|cdghklmnstxyz|cdghklopqrxyz|cdghklopstxyz & uv|wx"},
        {"01234567890123456789012345678901234567890123456789012345678901234567890",
         "0123456789012345678901234567890123456789012345678901234567890123 & 4567890"},
        {"(a|b)(((((((((c)))))))))d", ""},
    };
    check(cases, sizeof cases / sizeof *cases, false);
}

static void what_is_not_understood_gives_no_text(void **state)
{
    (void)state;
    static const struct set_case cases[] = {
        {"abc(?i)def", ""},        {"(?x) a b c", ""},      {"(?=abc)abc", ""},
        {"abc(?#note)def", ""},    {"\\x41bcdef", ""},      {"\\Qa.b\\Ecdef", ""},
        {"abc[[:alpha:]]def", ""}, {"abc[\\Q]\\E]def", ""}, {"(\\Q)\\Eabc)def", ""},
        {"x{[}]yz", ""},           {"abc{def", ""},         {"(*UTF)abc", ""},
        {"(abc(*FAIL))def", ""},   {"(abc)\\1def", ""},     {"abc\\", ""},
        {"abc[def", ""},           {"abc(def", ""},         {"abc)def", ""},
        {"\\p{Lu}abc", ""},        {"abc\\Kdef", ""},       {"(?P<name>abc)def", ""},
        {"abc(def\\", ""},         {"abc[def\\", ""},       {"a{2}{3}bc", ""},
        {"[\\c]]abc", ""},
    };
    check(cases, sizeof cases / sizeof *cases, false);
}

static void without_case_k_and_s_may_be_other_bytes(void **state)
{
    (void)state;
    static const struct set_case cases[] = {
        {"powershell", "power & hell"}, {"KILL", "ill"}, {"sk", ""}, {"ab[sx]cd", "ab & cd"}};
    check(cases, sizeof cases / sizeof *cases, true);
    static const struct set_case inside[] = {{"(?i)powershell", "power & hell"}};
    check(inside, 1, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_texts_that_must_be_there_are_found),
        cmocka_unit_test(alternatives_are_told_one_by_one),
        cmocka_unit_test(what_may_be_absent_or_repeated_parts_texts),
        cmocka_unit_test(too_many_texts_part_where_they_become_too_many),
        cmocka_unit_test(what_is_not_understood_gives_no_text),
        cmocka_unit_test(without_case_k_and_s_may_be_other_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
