#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "wire/verp.h"

static const unsigned char KEY[VERP_KEY_BYTES] = {1, 2, 3};
static const unsigned char OTHER_KEY[VERP_KEY_BYTES] = {1, 2, 4};
#define ADDRESS SV("bounces@example.org")

static enum verp read_back(const char *text, int64_t *ret_id)
{
    *ret_id = -1;
    return verp_read(sv_of(text), ADDRESS, KEY, ret_id);
}

static void a_token_comes_back_as_the_mail_it_was_made_for(void **state)
{
    (void)state;
    static const int64_t ids[] = {1, 9, 4711, 1000000007, INT64_MAX};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        char sender[VERP_ADDRESS_MAX];
        int64_t id;
        assert_true(verp_make(ADDRESS, ids[i], KEY, sender));
        assert_true(strchr(sender, '@') - sender <= VERP_LOCAL_MAX);
        assert_int_equal(read_back(sender, &id), VERP_GOOD);
        assert_int_equal(id, ids[i]);
    }
}

static void a_token_survives_what_mail_systems_do_to_an_address(void **state)
{
    (void)state;
    char sender[VERP_ADDRESS_MAX], text[3 * VERP_ADDRESS_MAX];
    assert_true(verp_make(ADDRESS, 4711, KEY, sender));
    static const char *const around[] = {
        "<%s>",
        "Postmaster <x@example.net>, <%s>",
        "rfc822;%s",
        "prvs=0123456789=%s",
        "SRS0=abcd=xy=example.net=%s",
        "bounces+1.abc@example.org, %s",
    };
    int64_t id;
    for (size_t i = 0; i < sizeof around / sizeof *around; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(text, sizeof text, around[i], sender);
#pragma GCC diagnostic pop
        assert_int_equal(read_back(text, &id), VERP_GOOD);
        assert_int_equal(id, 4711);
    }
    for (char *c = sender; *c; c++)
        *c = (char)(*c >= 'a' && *c <= 'z' ? *c - 32 : *c);
    assert_int_equal(read_back(sender, &id), VERP_GOOD);
}

static void a_forged_token_is_told_from_no_token(void **state)
{
    (void)state;
    int64_t id;
    static const char *const forged[] = {
        "bounces+4711.aaaaaaaaaaaaaaaaaaaa@example.org",
        "bounces+4711.@example.org",
        "bounces+4711.aaaa",
        "bounces+99999999999999999999.aaaaaaaaaaaaaaaaaaaa@example.org",
        "bounces+0.aaaaaaaaaaaaaaaaaaaa@example.org",
    };
    static const char *const none[] = {"",
                                       "bounces@example.org",
                                       "bounces+x@example.org",
                                       "bounces+12@example.org",
                                       "someone+4711.aaaaaaaaaaaaaaaaaaaa@example.org",
                                       "xbounces+4711.aaaaaaaaaaaaaaaaaaaa@example.org",
                                       "bounces+4711"};
    for (size_t i = 0; i < sizeof forged / sizeof *forged; i++) {
        enum verp got = read_back(forged[i], &id);
        if (i == 3) /* longer than any number of ours: no token at all */
            assert_int_not_equal(got, VERP_GOOD);
        else
            assert_int_equal(got, VERP_FORGED);
        assert_int_equal(id, -1);
    }
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_int_equal(read_back(none[i], &id), VERP_NONE);
}

static void the_token_of_one_mail_is_none_of_another(void **state)
{
    (void)state;
    char one[VERP_ADDRESS_MAX], two[VERP_ADDRESS_MAX], mixed[VERP_ADDRESS_MAX + 20];
    int64_t id = -1;
    assert_true(verp_make(ADDRESS, 4711, KEY, one));
    assert_true(verp_make(ADDRESS, 4712, KEY, two));
    assert_string_not_equal(one + 12, two + 12);
    snprintf(mixed, sizeof mixed, "bounces+4712%s", one + strlen("bounces+4711"));
    assert_int_equal(read_back(mixed, &id), VERP_FORGED);
    snprintf(mixed, sizeof mixed, "bounces+04711%s", one + strlen("bounces+4711"));
    assert_int_equal(read_back(mixed, &id), VERP_FORGED);
    assert_int_equal(verp_read(sv_of(one), ADDRESS, OTHER_KEY, &id), VERP_FORGED);
    assert_int_equal(id, -1);
}

static void every_changed_character_makes_it_forged(void **state)
{
    (void)state;
    char sender[VERP_ADDRESS_MAX];
    int64_t id;
    assert_true(verp_make(ADDRESS, 4711, KEY, sender));
    for (char *c = strchr(sender, '.') + 1; *c != '@'; c++) {
        char kept = *c;
        *c = kept == 'a' ? 'b' : 'a';
        assert_int_equal(read_back(sender, &id), VERP_FORGED);
        *c = kept;
    }
}

static void an_address_too_long_for_a_token_is_refused(void **state)
{
    (void)state;
    char sender[VERP_ADDRESS_MAX], address[100];
    snprintf(address, sizeof address, "%.*s@example.org", VERP_BASE_MAX, "abcdefghijklmnopqrstuvwxyz");
    assert_true(verp_fits(sv_of(address)));
    assert_true(verp_make(sv_of(address), INT64_MAX, KEY, sender));
    assert_int_equal(strchr(sender, '@') - sender, VERP_LOCAL_MAX);
    assert_false(verp_fits(SV("abcdefghijklmnopqrstuvwxyz@example.org")));
    assert_false(verp_fits(SV("\"a b\"@example.org")));
    assert_false(verp_fits(SV("nobody")));
    assert_false(verp_fits(SV("@example.org")));
    assert_false(verp_make(ADDRESS, 0, KEY, sender));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_comes_back_as_the_mail_it_was_made_for),
        cmocka_unit_test(a_token_survives_what_mail_systems_do_to_an_address),
        cmocka_unit_test(a_forged_token_is_told_from_no_token),
        cmocka_unit_test(the_token_of_one_mail_is_none_of_another),
        cmocka_unit_test(every_changed_character_makes_it_forged),
        cmocka_unit_test(an_address_too_long_for_a_token_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
