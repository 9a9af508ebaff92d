#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs its types first. */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "watch/rule_replay.h"
#include "watch/ruleset_fixture.h"

static const char rules[] =
    "title: a\nname: a\nlogsource: {product: x}\ndetection: {s: {k: a}, condition: s}\n---\n"
    "title: b\nname: b\nlogsource: {product: x}\ndetection: {s: {k: b}, condition: s}\n---\n"
    "title: c\ncorrelation: {type: temporal_ordered, rules: [a, b], group-by: [u], timespan: "
    "1m}\n";

struct found {
    char text[400];
    size_t n;
};

static void note(void *arg, const struct finding *finding, uint64_t ordinal)
{
    struct found *found = arg;
    (void)ordinal;
    for (size_t i = 0; i < finding->field_count; i++)
        if (sv_eq(finding->fields[i].name, SV("u")))
            found->n += (size_t)snprintf(found->text + found->n, sizeof found->text - found->n, "%.*s ",
                                         SV_ARG(finding->fields[i].value));
}

static struct ruleset *loaded(const char *text)
{
    struct told told = {0};
    struct ruleset *ruleset = ruleset_new();
    ruleset_load_text(ruleset, "t.yml", sv_of(text), tell, &told);
    ruleset_seal(ruleset, tell, &told);
    assert_int_equal(told.count, 0);
    return ruleset;
}

/* Rule 0 or 1 matched an event of the user, so many seconds from the start. */
static void match(struct rule_replay *replay, size_t rule, const char *user, int64_t seconds)
{
    struct event_field fields[] = {{SV("k"), rule ? SV("b") : SV("a"), EVENT_STRING},
                                   {SV("u"), sv_of(user), EVENT_STRING},
                                   {SV("user.name"), SV("for people only"), EVENT_STRING}};
    const struct event event = {
        .time = (1767571200 + seconds) * NANOS_PER_SECOND, .fields = fields, .field_count = 3};
    rule_replay_match(replay, rule, &event);
}

static void pieces_are_gone_over_in_their_order_whoever_read_them_and_when(void **state)
{
    (void)state;
    struct err err;
    struct found found = {0};
    struct rule_replay *replay;
    struct ruleset *ruleset = loaded(rules);
    assert_int_equal(rule_replay_new(&replay, ruleset, 2, 3, &err), 0);
    rule_replay_begin(replay, 1);
    match(replay, 1, "bob", 20); /* after its a, which another process reads later */
    match(replay, 1, "eve", 21);
    assert_int_equal(rule_replay_end(replay, 1, &err), 0);
    rule_replay_begin(replay, 0);
    match(replay, 0, "bob", 10);
    assert_int_equal(rule_replay_end(replay, 0, &err), 0);
    match(replay, 0, "eve", 30); /* too late: in the third piece */
    match(replay, 1, "tom", 31);
    assert_int_equal(rule_replay_end(replay, 2, &err), 0);
    assert_int_equal(rule_replay_run(replay, (const size_t[]){3}, 1, note, &found, &err), 0);
    assert_string_equal(found.text, "bob ");
    rule_replay_free(replay);
    ruleset_free(ruleset);
}

static void logs_of_the_same_time_are_gone_over_together(void **state)
{
    (void)state;
    struct err err;
    struct found found = {0};
    struct rule_replay *replay;
    struct ruleset *ruleset = loaded(rules);
    assert_int_equal(rule_replay_new(&replay, ruleset, 1, 3, &err), 0);
    rule_replay_begin(replay, 0);
    match(replay, 1, "bob", 20); /* the first log has all the b */
    match(replay, 1, "eve", 7200);
    assert_int_equal(rule_replay_end(replay, 0, &err), 0);
    assert_int_equal(rule_replay_end(replay, 1, &err), 0); /* a piece in which nothing matched */
    match(replay, 0, "bob", 10);
    match(replay, 0, "eve", 7190);
    assert_int_equal(rule_replay_end(replay, 2, &err), 0);
    assert_int_equal(rule_replay_run(replay, (const size_t[]){2, 0, 1}, 3, note, &found, &err), 0);
    assert_string_equal(found.text, "bob eve ");
    rule_replay_free(replay);
    ruleset_free(ruleset);
}

static void without_correlations_nothing_is_written(void **state)
{
    (void)state;
    struct err err;
    struct found found = {0};
    struct rule_replay *replay;
    struct ruleset *ruleset =
        loaded("title: a\nlogsource: {product: x}\ndetection: {s: {k: a}, condition: s}\n");
    assert_int_equal(rule_replay_new(&replay, ruleset, 4, 1, &err), 0);
    rule_replay_begin(replay, 3);
    match(replay, 0, "bob", 10);
    assert_int_equal(rule_replay_end(replay, 0, &err), 0);
    assert_int_equal(rule_replay_run(replay, (const size_t[]){1}, 1, note, &found, &err), 0);
    assert_int_equal(found.n, 0);
    rule_replay_free(replay);
    ruleset_free(ruleset);
}

static void a_folder_for_files_that_is_not_there_is_told(void **state)
{
    (void)state;
    struct err err;
    struct rule_replay *replay;
    struct ruleset *ruleset = loaded(rules);
    assert_int_equal(setenv("TMPDIR", "/nonexistent", 1), 0);
    assert_int_equal(rule_replay_new(&replay, ruleset, 2, 1, &err), -1);
    assert_non_null(strstr(err.advice, "$TMPDIR"));
    unsetenv("TMPDIR");
    ruleset_free(ruleset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_gone_over_in_their_order_whoever_read_them_and_when),
        cmocka_unit_test(logs_of_the_same_time_are_gone_over_together),
        cmocka_unit_test(without_correlations_nothing_is_written),
        cmocka_unit_test(a_folder_for_files_that_is_not_there_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
