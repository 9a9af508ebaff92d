/* Events: fields are found by their exact name, the first of several. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/event.h"

static void the_first_field_of_a_name_is_found_and_case_matters(void **state)
{
    (void)state;
    struct event_field fields[] = {
        {SV("suser"), SV("alice"), EVENT_STRING},
        {SV("suser"), SV("bob"), EVENT_STRING},
        {SV("empty"), SV_NONE, EVENT_NULL},
    };
    struct event event = {.fields = fields, .field_count = 3};
    assert_true(sv_eq(event_get(&event, SV("suser")), SV("alice")));
    assert_null(event_find(&event, SV("Suser")));
    assert_int_equal(event_get(&event, SV("missing")).n, 0);
    assert_ptr_equal(event_find(&event, SV("empty")), &fields[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_field_of_a_name_is_found_and_case_matters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
