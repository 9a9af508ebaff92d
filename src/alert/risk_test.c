#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs its types first. */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "alert/risk.h"

static void risk_grows_with_level_context_and_repetition_and_is_bounded(void **state)
{
    static const struct {
        enum severity severity;
        int context;
        int64_t count;
        int expected;
    } cases[] = {
        {SEVERITY_INFORMATIONAL, 0, 1, 5}, {SEVERITY_LOW, 0, 1, 20},      {SEVERITY_MEDIUM, 0, 1, 40},
        {SEVERITY_HIGH, 0, 1, 60},         {SEVERITY_CRITICAL, 0, 1, 80}, {SEVERITY_HIGH, 30, 1, 90},
        {SEVERITY_LOW, 0, 2, 25},          {SEVERITY_LOW, 0, 3, 25},      {SEVERITY_LOW, 0, 4, 30},
        {SEVERITY_LOW, 0, 1000000, 35},    {SEVERITY_LOW, 0, 0, 20},      {SEVERITY_CRITICAL, 40, 1000, 100},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(risk_score(cases[i].severity, cases[i].context, cases[i].count), cases[i].expected);
}

static void a_finding_about_somebody_in_a_list_has_its_score(void **state)
{
    char path[] = "/tmp/vedette-list-XXXXXX", why[200], tiny[12];
    int fd = mkstemp(path);
    const char *users[] = {"root", "Administrator"}, *hosts[] = {"dc1"}, *only[] = {"TargetUser"};
    struct config_list list[] = {
        {.name = "tier0", .values = {users, 2}, .file = path, .score = 30},
        {.name = "servers", .values = {hosts, 1}, .score = 20},
        {.name = "targets", .values = {users, 1}, .fields = {only, 1}, .score = 5},
        {.name = "words", .values = {users, 2}},
    };
    const struct config config = {.lists = list, .list_count = 4};
    struct event_field fields[] = {{SV("user.name"), SV("ROOT"), EVENT_STRING},
                                   {SV("host.name"), SV("dc1"), EVENT_STRING},
                                   {SV("process.name"), SV("root"), EVENT_STRING}};
    struct finding finding = {.fields = fields, .field_count = 3};
    (void)state;
    assert_true(write(fd, "# remark\n\n oracle \n", 19) == 19);
    close(fd);
    struct risk_lists *lists = risk_lists_new(&config);
    assert_int_equal(risk_context(lists, &finding, why, sizeof why), 40); /* 30 and 20, of which 40 count */
    assert_string_equal(why, "tier0 +30 (user.name ROOT), servers +20 (host.name dc1)");
    assert_int_equal(risk_context(lists, &finding, tiny, sizeof tiny), 40);
    assert_string_equal(tiny, "");
    finding.field_count = 1;
    fields[0].value = SV("oracle");
    assert_int_equal(risk_context(lists, &finding, why, sizeof why), 30);
    fields[0].value = SV("# remark");
    assert_int_equal(risk_context(lists, &finding, why, sizeof why), 0);
    fields[0] = (struct event_field){SV("TargetUser"), SV("root"), EVENT_STRING};
    assert_int_equal(risk_context(lists, &finding, why, sizeof why), 5);
    assert_int_equal(risk_context(NULL, &finding, why, sizeof why), 0);
    risk_lists_free(lists);
    unlink(path);
}

static void what_an_event_says_of_its_own_risk_is_not_believed(void **state)
{
    (void)state;
    struct arena *arena = arena_new(64 * 1024);
    const char *users[] = {"root"};
    struct config_list list[] = {{.name = "tier0", .values = {users, 1}, .score = 30}};
    struct risk_lists *lists = risk_lists_new(&(struct config){.lists = list, .list_count = 1});
    struct event_field said[] = {{risk_field, SV("0"), EVENT_NUMBER},
                                 {SV("user.name"), SV("root"), EVENT_STRING},
                                 {risk_reason_field, SV("none"), EVENT_STRING}};
    struct finding finding = {.fields = said, .field_count = 3};
    assert_int_equal(risk_add(lists, &finding, arena), 30);
    assert_int_equal(finding.field_count, 3);
    assert_int_equal(risk_of(&finding, SEVERITY_HIGH, 1), 90);
    assert_true(sv_eq(finding.fields[2].value, SV("tier0 +30 (user.name root)")));
    said[0].value = SV("40");
    finding = (struct finding){.fields = said, .field_count = 1};
    assert_int_equal(risk_add(lists, &finding, arena), 0);
    assert_int_equal(risk_of(&finding, SEVERITY_HIGH, 1), 60);
    risk_lists_free(lists);
    arena_free(arena);
}

static void a_mail_tells_the_risk_that_its_finding_carries(void **state)
{
    struct event_field fields[] = {{risk_field, SV("30"), EVENT_NUMBER}};
    struct finding finding = {.fields = fields, .field_count = 1};
    (void)state;
    assert_int_equal(risk_of(&finding, SEVERITY_HIGH, 1), 90);
    fields[0].value = SV("9999");
    assert_int_equal(risk_of(&finding, SEVERITY_LOW, 1), 60);
    fields[0].value = SV("none");
    assert_int_equal(risk_of(&finding, SEVERITY_LOW, 1), 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(risk_grows_with_level_context_and_repetition_and_is_bounded),
        cmocka_unit_test(a_finding_about_somebody_in_a_list_has_its_score),
        cmocka_unit_test(what_an_event_says_of_its_own_risk_is_not_believed),
        cmocka_unit_test(a_mail_tells_the_risk_that_its_finding_carries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
