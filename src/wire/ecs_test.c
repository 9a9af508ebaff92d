/* The tables of names: each name stands where it is looked for, once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/cyberark.h"
#include "wire/ecs.h"
#include "wire/windows_event.h"

static void check_table(const struct names *names)
{
    size_t count = 0;
    for (size_t n = 0; n <= NAMES_BYTES_MAX; n++) {
        for (size_t i = 0; i < names->by_length[n].count; i++, count++) {
            const struct name *name = &names->by_length[n].list[i];
            if (name->text.n != n)
                fail_msg("%.*s stands among names of %zu bytes", SV_ARG(name->text), n);
            assert_int_equal(names_find(names, name->text), name->value);
        }
    }
    assert_true(count > 0);
}

static void every_name_stands_among_those_of_its_length(void **state)
{
    (void)state;
    static const struct names *const tables[] = {&ecs_cef, &ecs_leef, &windows_event_names, &ecs_auditd,
                                                 &cyberark_names};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        check_table(tables[i]);
    assert_int_equal(names_find(&ecs_cef, SV("")), -1);
    assert_int_equal(names_find(&ecs_cef, SV("a name that is longer than any in a table")), -1);
}

static void no_name_of_cyberark_ends_like_a_custom_field(void **state)
{
    (void)state;
    for (size_t n = 1; n <= NAMES_BYTES_MAX; n++)
        for (size_t i = 0; i < cyberark_names.by_length[n].count; i++)
            assert_null(strchr("0123456789l", cyberark_names.by_length[n].list[i].text.p[n - 1]));
}

static void addresses_are_told_by_their_form(void **state)
{
    (void)state;
    static const struct {
        sv text;
        bool ip;
    } cases[] = {{SV_INIT("192.0.2.1"), true},
                 {SV_INIT("192.0.2.256"), false},
                 {SV_INIT("192.0.2"), false},
                 {SV_INIT("1.2.3.4.5"), false},
                 {SV_INIT("2001:db8::1"), true},
                 {SV_INIT("::1"), true},
                 {SV_INIT("fe80::1%eth0"), true},
                 {SV_INIT("::ffff:192.0.2.1"), true},
                 {SV_INIT("db1.example.org"), false},
                 {SV_INIT("a:b"), false},
                 {SV_INIT(""), false},
                 {SV_INIT("192.0.2.1 "), false},
                 {SV_INIT("1..2.3"), false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (decoding_is_ip(cases[i].text) != cases[i].ip)
            fail_msg("%.*s", SV_ARG(cases[i].text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_stands_among_those_of_its_length),
        cmocka_unit_test(no_name_of_cyberark_ends_like_a_custom_field),
        cmocka_unit_test(addresses_are_told_by_their_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
