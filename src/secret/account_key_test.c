/* Stored keys: what fits them and what does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "secret/account_key.h"

static void a_key_fits_its_password_and_no_other(void **state)
{
    (void)state;
    static const enum account_key_kind kinds[] = {ACCOUNT_KEY_SCRAM, ACCOUNT_KEY_ARGON2ID};
    for (size_t i = 0; i < 2; i++) {
        struct buf key = BUF_INIT(ACCOUNT_KEY_TEXT_MAX), again = BUF_INIT(ACCOUNT_KEY_TEXT_MAX);
        struct err err;
        assert_int_equal(account_key_make(kinds[i], SV("open sesame"), &key, &err), 0);
        assert_int_equal(account_key_make(kinds[i], SV("open sesame"), &again, &err), 0);
        assert_false(sv_eq(buf_view(&key), buf_view(&again))); /* salted */
        assert_int_equal(account_key_kind(buf_view(&key)), kinds[i]);
        assert_true(account_key_fits(buf_view(&key), SV("open sesame")));
        assert_false(account_key_fits(buf_view(&key), SV("open sesamE")));
        assert_false(account_key_fits(buf_view(&key), SV("open sesame\0")));
        assert_false(account_key_fits(buf_view(&key), SV("")));
        assert_int_equal(sv_find(buf_view(&key), SV("sesame")), SV_NPOS);
        buf_free(&key);
        buf_free(&again);
    }
}

/* The example of RFC 7677 §3, its keys derived from "pencil". */
static void a_key_that_another_program_made_is_taken(void **state)
{
    (void)state;
    sv key = SV("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
                "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=");
    assert_int_equal(account_key_kind(key), ACCOUNT_KEY_SCRAM);
    assert_true(account_key_fits(key, SV("pencil")));
    assert_false(account_key_fits(key, SV("pen")));
}

static void what_has_no_form_is_no_key(void **state)
{
    (void)state;
    static const sv wrong[] = {
        SV_INIT(""),
        SV_INIT("open sesame"),
        SV_INIT("$6$salt$hash"),
        SV_INIT("SCRAM-SHA-256$"),
        SV_INIT("SCRAM-SHA-256$0:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
                "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="),
        SV_INIT("SCRAM-SHA-256$9999999:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
                "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="),
        SV_INIT("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3Otc:wfPLwcE6nTWh"),
        SV_INIT("SCRAM-SHA-1$4096:QSXCR+Q6sek8bf92$AAAA:AAAA"),
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(account_key_kind(wrong[i]), ACCOUNT_KEY_NONE);
        assert_false(account_key_fits(wrong[i], SV("pencil")));
    }
    struct buf key = BUF_INIT(ACCOUNT_KEY_TEXT_MAX);
    struct err err;
    assert_int_equal(account_key_make(ACCOUNT_KEY_SCRAM, SV(""), &key, &err), -1);
    assert_int_equal(account_key_make(ACCOUNT_KEY_SCRAM, SV("a\nb"), &key, &err), -1);
    buf_free(&key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_fits_its_password_and_no_other),
        cmocka_unit_test(a_key_that_another_program_made_is_taken),
        cmocka_unit_test(what_has_no_form_is_no_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
