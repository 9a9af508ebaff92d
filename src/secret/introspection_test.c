/* What a provider's answer is taken for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "secret/introspection.h"

static const struct {
    int status;
    sv body;
    enum introspection_outcome outcome;
    const char *text; /* NULL: any */
} answers[] = {
    {200, SV_INIT("{\"active\": true, \"username\": \"ann\", \"sub\": \"4711\"}"), INTROSPECTION_ACTIVE,
     "ann"},
    {200, SV_INIT("{\"active\": true, \"sub\": \"4711\"}"), INTROSPECTION_ACTIVE, "4711"},
    {200, SV_INIT("{\"active\": false}"), INTROSPECTION_INACTIVE, NULL},
    {200, SV_INIT("{\"active\": true}"), INTROSPECTION_UNKNOWN, NULL},
    {200, SV_INIT("{\"active\": \"true\", \"username\": \"ann\"}"), INTROSPECTION_UNKNOWN, NULL},
    {200, SV_INIT("{\"active\": true, \"username\": \"\"}"), INTROSPECTION_UNKNOWN, NULL},
    {200, SV_INIT("{\"active\": true, \"username\": \"a\\nb\"}"), INTROSPECTION_UNKNOWN, NULL},
    {200, SV_INIT("{\"active\": true, \"username\": 7}"), INTROSPECTION_UNKNOWN, NULL},
    {200, SV_INIT("[true]"), INTROSPECTION_UNKNOWN, NULL},
    {200, SV_INIT(""), INTROSPECTION_UNKNOWN, NULL},
    {200, SV_INIT("{\"active\": true, \"username\": \"ann"), INTROSPECTION_UNKNOWN, NULL},
    {401, SV_INIT("{\"active\": true, \"username\": \"ann\"}"), INTROSPECTION_UNKNOWN, NULL},
    {500, SV_INIT("{\"active\": false}"), INTROSPECTION_UNKNOWN, NULL},
};

static void only_a_clear_yes_lets_somebody_in_and_only_a_clear_no_refuses_him(void **state)
{
    (void)state;
    char text[64];
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        enum introspection_outcome outcome =
            introspection_read(answers[i].status, answers[i].body, text, sizeof text);
        if (outcome != answers[i].outcome)
            fail_msg("case %zu: %d", i, (int)outcome);
        if (answers[i].text)
            assert_string_equal(text, answers[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_clear_yes_lets_somebody_in_and_only_a_clear_no_refuses_him),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
