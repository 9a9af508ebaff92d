#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs its types first. */
#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "io/loop.h"
#include "watch/ruleset_fixture.h"
#include "wire/event.h"

#include "watch/regex_run.h"

enum { ROUNDS = 4000 };

static struct regex *compiled(const char *expression, unsigned flags)
{
    char why[160];
    size_t place;
    struct regex *regex = regex_compile(sv_of(expression), flags, why, sizeof why, &place);
    if (!regex)
        fail_msg("%s: %s", expression, why);
    return regex;
}

static double burnt_seconds(void)
{
    return (double)loop_burnt() * 1e-9;
}

/* xorshift: the same in every run. */
static size_t roll(uint64_t *dice, size_t sides)
{
    *dice ^= *dice << 13;
    *dice ^= *dice >> 7;
    *dice ^= *dice << 17;
    return (size_t)(*dice >> 11) % sides;
}

static pcre2_code *plain(const char *expression, unsigned flags)
{
    int error;
    PCRE2_SIZE at;
    uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF;
    options |= flags & REGEX_MULTILINE ? PCRE2_MULTILINE : 0;
    options |= flags & REGEX_DOTALL ? PCRE2_DOTALL : 0;
    pcre2_code *code =
        pcre2_compile((PCRE2_SPTR)expression, PCRE2_ZERO_TERMINATED, options, &error, &at, NULL);
    assert_non_null(code);
    pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
    return code;
}

static void searching_in_slices_finds_what_one_search_finds(void **state)
{
    (void)state;
    static const struct {
        const char *expression;
        unsigned flags;
    } cases[] = {
        {"ab", 0},
        {"^ab", 0},
        {"^ab", REGEX_MULTILINE},
        {"ab$", 0},
        {"(?<=b)a", 0},
        {"(?<!b)aa$", 0},
        {"\\bab\\b", 0},
        {"\\Gab", 0},
        {"a(*COMMIT)b", 0},
        {"aa(*SKIP)b", 0},
        {"b{3}.ä", 0},
        {"[^a]ä$", 0},
        {".\n", 0},
        {"a.*b.*ää", REGEX_DOTALL},
        {"ää|bbbbb", 0},
        {"(a|b)*ä\\x{e4}", 0},
        {"a\\Kb", 0},
        {"(?=abä)a", 0},
        {"(ab|ä)\\1", 0},
        {"(?1)b(a|bb|)", 0},
        {"(?(?=b)ba|ä)", 0},
        {"a{3}|", 0},
    };
    static const char *const words[] = {"a", "b", "ab", "ä", "\n", "\xff", "\xa4", " "};
    struct regex_runner *runner = regex_runner_new(1);
    uint64_t dice = 0x9e3779b97f4a7c15ULL;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct regex *regex = compiled(cases[i].expression, cases[i].flags);
        pcre2_code *code = plain(cases[i].expression, cases[i].flags);
        pcre2_match_data *data = pcre2_match_data_create(1, NULL);
        for (int round = 0; round < ROUNDS; round++) {
            char text[600];
            size_t n = 0, most = roll(&dice, roll(&dice, 2) ? 500 : 8);
            while (n < most) {
                const char *word = words[roll(&dice, 6 + 2 * roll(&dice, 2))];
                memcpy(text + n, word, strlen(word));
                n += strlen(word);
            }
            bool expected = pcre2_match(code, (PCRE2_SPTR)text, n, 0, 0, data, NULL) >= 0;
            enum regex_verdict verdict = regex_run(runner, regex, sv_make(text, n), 0);
            if (verdict == REGEX_GIVEN_UP || (verdict == REGEX_FOUND) != expected)
                fail_msg("%s: %d, expected %d on: %.*s", cases[i].expression, (int)verdict, expected, (int)n,
                         text);
        }
        pcre2_match_data_free(data);
        pcre2_code_free(code);
        regex_free(regex);
    }
    regex_runner_free(runner);
}

/* Broken characters match nothing, and what stands behind them is searched like the rest. */
static void broken_characters_hide_nothing_behind_them(void **state)
{
    (void)state;
    static const struct {
        const char *expression, *text;
        unsigned flags;
        enum regex_verdict verdict;
    } cases[] = {
        {"a.*b", "\xff\xfe a b", 0, REGEX_FOUND},
        {".*a.*", "\xff\xfe a", 0, REGEX_FOUND},
        {".*a.*", "\xff\xfe a", REGEX_DOTALL, REGEX_FOUND},
        {".*a.*", "x\xff a", REGEX_DOTALL | REGEX_MULTILINE, REGEX_FOUND},
        {"(?s:.*)a", "x\xff a", 0, REGEX_FOUND},
        {".*, .*c", "1, 2\xff 3, abc", 0, REGEX_FOUND},
        {".*, .*c", "1, 2\xff abc", 0, REGEX_NOTHING},
        {".*x", "\xff\xfe a", REGEX_DOTALL, REGEX_NOTHING},
        {"^a", "\xff a", 0, REGEX_NOTHING},
        {"^.*a", "\xff a", REGEX_DOTALL, REGEX_NOTHING},
        {"^.*a", "\xff\n a", REGEX_MULTILINE, REGEX_FOUND},
    };
    struct regex_runner *runner = regex_runner_new(1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct regex *regex = compiled(cases[i].expression, cases[i].flags);
        if (regex_run(runner, regex, sv_of(cases[i].text), 0) != cases[i].verdict)
            fail_msg("%s in case %zu", cases[i].expression, i);
        regex_free(regex);
    }
    regex_runner_free(runner);
}

static void groups_are_told_where_they_stand(void **state)
{
    (void)state;
    struct regex_runner *runner = regex_runner_new(1);
    struct regex *regex = compiled("x(a+)|(b)", 0);
    char text[300];
    size_t from, to;
    memset(text, '.', sizeof text);
    memcpy(text + 200, "xaab", 4);
    assert_int_equal(regex_run(runner, regex, sv_make(text, sizeof text), 10), REGEX_FOUND);
    assert_true(regex_group(runner, 1, &from, &to));
    assert_int_equal(from, 201);
    assert_int_equal(to, 203);
    assert_false(regex_group(runner, 2, &from, &to));
    assert_int_equal(regex_run(runner, regex, sv_make(text, sizeof text), 204), REGEX_NOTHING);
    regex_free(regex);
    regex_runner_free(runner);
}

/* Each of these takes seconds, some hours, on a record as long as one may be. */
static const char *const runaways[] = {"(?=x*y)x",         "(?:x.)*[0-9]",      "(x|y)*[0-9]",
                                       "(x(?!x*y))*[0-9]", "^(x(?!x*y))*[0-9]", "x*x*x*[0-9]",
                                       "(x+x+)+[0-9]",     "(?i)x+.*x+[0-9]",   "\\Gx*x*x*[0-9]"};

static void no_expression_takes_more_than_its_share_however_many_texts_come(void **state)
{
    (void)state;
    char *text = malloc(EVENT_BYTES_MAX);
    assert_non_null(text);
    memset(text, 'x', EVENT_BYTES_MAX);
    for (size_t i = 0; i < sizeof runaways / sizeof *runaways; i++) {
        struct regex_runner *runner = regex_runner_new(50);
        struct regex *regex = compiled(runaways[i], 0);
        double before = burnt_seconds();
        for (int j = 0; j < 200; j++)
            regex_run(runner, regex, sv_make(text, EVENT_BYTES_MAX), 0);
        double took = burnt_seconds() - before;
        if (took > 1)
            fail_msg("%s took %.2f s", runaways[i], took);
        assert_true(regex_runner_given_up(runner) > 100);
        regex_free(regex);
        regex_runner_free(runner);
    }
    free(text);
}

static void one_that_overdid_it_is_tried_again_once_its_share_has_passed(void **state)
{
    (void)state;
    struct regex_runner *runner = regex_runner_new(1);
    struct regex *regex = compiled("(?:x.)*[0-9]", 0);
    char *text = malloc(EVENT_BYTES_MAX);
    struct timespec pause = {.tv_nsec = 80 * 1000 * 1000};
    assert_non_null(text);
    memset(text, 'x', EVENT_BYTES_MAX);
    for (int i = 0; i < 20; i++)
        regex_run(runner, regex, sv_make(text, EVENT_BYTES_MAX), 0);
    assert_int_equal(regex_run(runner, regex, SV("xx7"), 0), REGEX_GIVEN_UP);
    for (int i = 0; i < 50 && regex_run(runner, regex, SV("xx7"), 0) != REGEX_FOUND; i++)
        nanosleep(&pause, NULL);
    assert_int_equal(regex_run(runner, regex, SV("xx7"), 0), REGEX_FOUND);
    free(text);
    regex_free(regex);
    regex_runner_free(runner);
}

/* A rule whose expression runs away takes nothing from the others. */
static void the_stream_goes_on_beside_an_expression_that_runs_away(void **state)
{
    (void)state;
    struct told told = {0};
    struct ruleset *ruleset = ruleset_new();
    ruleset_load_text(ruleset, "t.yml",
                      SV("title: bad\nid: bad\nlogsource: {product: x}\ndetection: {s: {a|re: "
                         "'(x(?!x*y))*[0-9]'}, condition: s}\n"
                         "---\ntitle: good\nid: good\nlogsource: {product: x}\n"
                         "detection: {s: {a|re: 'x{3}(,x+)* end$'}, condition: s}\n"),
                      tell, &told);
    ruleset_seal(ruleset, tell, &told);
    assert_int_equal(told.count, 0);
    struct ruleset_matcher *matcher = ruleset_matcher_new(ruleset);
    char *text = malloc(EVENT_BYTES_MAX);
    assert_non_null(text);
    memset(text, 'x', EVENT_BYTES_MAX);
    memcpy(text + EVENT_BYTES_MAX - 8, ",xxx end", 8);
    struct event_field field = {SV("a"), sv_make(text, EVENT_BYTES_MAX), EVENT_STRING};
    struct event event = {.fields = &field, .field_count = 1, .raw = field.value};
    double before = burnt_seconds();
    size_t found = 0, count;
    for (int i = 0; i < 300; i++) {
        ruleset_match(matcher, &event, &count);
        found += count;
    }
    assert_int_equal(found, 300);
    assert_true(burnt_seconds() - before < 3);
    ruleset_matcher_free(matcher);
    ruleset_free(ruleset);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(searching_in_slices_finds_what_one_search_finds),
        cmocka_unit_test(broken_characters_hide_nothing_behind_them),
        cmocka_unit_test(groups_are_told_where_they_stand),
        cmocka_unit_test(no_expression_takes_more_than_its_share_however_many_texts_come),
        cmocka_unit_test(one_that_overdid_it_is_tried_again_once_its_share_has_passed),
        cmocka_unit_test(the_stream_goes_on_beside_an_expression_that_runs_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
