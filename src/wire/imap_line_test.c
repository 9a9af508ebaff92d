#include "wire/imap_line.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on

#define COUNT(a) (sizeof(a) / sizeof *(a))

static void a_search_gives_its_numbers_and_nothing_else(void **state)
{
    (void)state;
    sv numbers;
    uint32_t n;
    assert_true(imap_line_search(SV("* SEARCH 4 7 4294967295\r\n"), &numbers));
    assert_true(imap_line_number(&numbers, &n) && n == 4);
    assert_true(imap_line_number(&numbers, &n) && n == 7);
    assert_true(imap_line_number(&numbers, &n) && n == 4294967295U);
    assert_false(imap_line_number(&numbers, &n));
    assert_true(imap_line_search(SV("* SEARCH\r\n"), &numbers));
    assert_false(imap_line_number(&numbers, &n));
    assert_false(imap_line_search(SV("* SEARCHING 1\r\n"), &numbers));
    assert_false(imap_line_search(SV("A001 OK SEARCH done\r\n"), &numbers));
    assert_true(imap_line_search(SV("* SEARCH 0 4294967296\r\n"), &numbers));
    assert_false(imap_line_number(&numbers, &n));
}

static void a_fetch_line_needs_its_uid_and_its_date(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        bool good;
    } cases[] = {
        {"* 12 FETCH (UID 9 INTERNALDATE \"24-Nov-2026 08:15:30 +0100\")\r\n", true},
        {"* 12 FETCH (INTERNALDATE \"24-Nov-2026 08:15:30 +0100\" UID 9)\r\n", true},
        {"* 12 fetch (RFC822.SIZE 17 UID 9 INTERNALDATE \"24-nov-2026 07:15:30 +0000\")\r\n", true},
        {"* 12 FETCH (FLAGS (\\Seen \\Recent) UID 9 INTERNALDATE \"24-Nov-2026 08:15:30 +0100\")\r\n", true},
        {"* 12 FETCH (UID 9)\r\n", false},
        {"* 12 FETCH (UID 0 INTERNALDATE \"24-Nov-2026 08:15:30 +0100\")\r\n", false},
        {"* 12 FETCH (INTERNALDATE \"24-Nov-2026 08:15:30 +0100\")\r\n", false},
        {"* 12 FETCH (UID 9 INTERNALDATE \"24-Nov-2026 08:15:30\")\r\n", false},
        {"* 12 EXISTS\r\n", false},
        {"* FETCH (UID 9 INTERNALDATE \"24-Nov-2026 08:15:30 +0100\")\r\n", false},
        {"", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint32_t uid = 0;
        nanos at = 0;
        assert_int_equal(imap_line_fetch(sv_of(cases[i].line), &uid, &at), cases[i].good);
        assert_int_equal(uid, cases[i].good ? 9 : 0);
        assert_int_equal(at / NANOS_PER_SECOND, cases[i].good ? time_from_civil(2026, 11, 24, 7, 15, 30) : 0);
    }
}

static void a_date_has_a_zone_and_its_parts_have_bounds(void **state)
{
    (void)state;
    nanos at;
    assert_true(imap_date_time(SV(" 1-Feb-2026 00:00:00 -0230"), &at));
    assert_int_equal(at / NANOS_PER_SECOND, time_from_civil(2026, 2, 1, 2, 30, 0));
    static const char *const bad[] = {"32-Feb-2026 00:00:00 +0000", "01-Feb-2026 24:00:00 +0000",
                                      "01-Fob-2026 00:00:00 +0000", "01-Feb-2026 00:60:00 +0000",
                                      "01-Feb-20x6 00:00:00 +0000", "01-Feb-2026 00:00:00 00000"};
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(imap_date_time(sv_of(bad[i]), &at));
}

static void the_validity_of_uids_is_found(void **state)
{
    (void)state;
    uint32_t n = 0;
    assert_true(imap_line_uid_validity(SV("* OK [UIDVALIDITY 1700000000] UIDs valid\r\n"), &n));
    assert_int_equal(n, 1700000000);
    assert_false(imap_line_uid_validity(SV("* OK [UIDNEXT 17] soon\r\n"), &n));
    assert_false(imap_line_uid_validity(SV("* OK [UIDVALIDITY 17"), &n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_search_gives_its_numbers_and_nothing_else),
        cmocka_unit_test(a_fetch_line_needs_its_uid_and_its_date),
        cmocka_unit_test(a_date_has_a_zone_and_its_parts_have_bounds),
        cmocka_unit_test(the_validity_of_uids_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
