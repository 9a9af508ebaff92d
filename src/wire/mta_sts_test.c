#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "wire/mta_sts.h"

#define HEAD "version: STSv1\nmode: enforce\nmax_age: 86400\n"

static void the_id_of_a_record_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *text, *id;
    } cases[] = {
        {"v=STSv1; id=20160831085700Z;", "20160831085700Z"},
        {"v=STSv1;id=1", "1"},
        {"v=STSv1 ;\t id=a ; other=b;c=d; ", "a"},
        {"v=STSv1; other=b; id=a; id=b", "a"},
        {"v=STSv1; id=abcdefghijklmnopqrstuvwxyz012345", "abcdefghijklmnopqrstuvwxyz012345"},
        {"v=STSv1; a.b-c_d=!$:<~; id=9", "9"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char id[MTA_STS_ID_MAX] = "";
        sv text = sv_of(cases[i].text);
        assert_true(mta_sts_record_read(&text, 1, id));
        assert_string_equal(id, cases[i].id);
    }
}

static void a_record_without_form_is_none(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "v=STSv1",
        "v=STSv1;",
        "v=STSv1; id=",
        "v=STSv1; id",
        "v=stsv1; id=1;",
        " v=STSv1; id=1;",
        "v=STSv10; id=1;",
        "id=1; v=STSv1;",
        "v=STSv1; id=1-2;",
        "v=STSv1; id=abcdefghijklmnopqrstuvwxyz0123456;",
        "v=STSv1; id=1;; a=b",
        "v=STSv1; id=1; =b",
        "v=STSv1; id=1; a=b=c",
        "v=STSv1; id=1; a=\x01",
        "v=STSv1; id=1; -a=b",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char id[MTA_STS_ID_MAX] = "before";
        sv text = sv_of(cases[i]);
        assert_false(mta_sts_record_read(&text, 1, id));
        assert_string_equal(id, "before");
    }
}

static void of_several_records_exactly_one_must_be_of_sts(void **state)
{
    (void)state;
    char id[MTA_STS_ID_MAX];
    const sv others[] = {SV("v=spf1 -all"), SV("v=STSv1; id=7;"), SV("v=STSv2; id=8;")};
    assert_true(mta_sts_record_read(others, 3, id));
    assert_string_equal(id, "7");
    const sv two[] = {SV("v=STSv1; id=7;"), SV("v=STSv1; id=8;")};
    assert_false(mta_sts_record_read(two, 2, id));
    assert_false(mta_sts_record_read(NULL, 0, id));
}

static void a_policy_is_read_with_either_line_end_and_in_any_order(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum mta_sts_mode mode;
        uint32_t max_age;
    } cases[] = {
        {"version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\nmax_age: "
         "604800\r\n",
         MTA_STS_ENFORCE, 604800},
        {"max_age:0\nmx:\ta.example \nmode:testing\nversion:STSv1", MTA_STS_TESTING, 0},
        {"version: STSv1\nmode: none\nmax_age: 86400\n", MTA_STS_NONE, 86400},
        {"version: STSv1\n\nmode: none\nmax_age: 9999999999\n\n", MTA_STS_NONE, MTA_STS_AGE_SECONDS_MAX},
        {HEAD "mx: a.example\nmode: none\nmax_age: x\nversion: STSv2\n", MTA_STS_ENFORCE, 86400},
        {HEAD "mx: a.example\nx-other: \xc3\xa4\xc3\xb6 : anything\n", MTA_STS_ENFORCE, 86400},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mta_sts_policy policy;
        struct err err;
        assert_int_equal(mta_sts_policy_read(sv_of(cases[i].text), &policy, &err), 0);
        assert_int_equal(policy.mode, cases[i].mode);
        assert_int_equal(policy.max_age_seconds, cases[i].max_age);
    }
}

static void what_is_no_policy_is_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "<html>not found</html>",
        HEAD,
        "mode: enforce\nmx: a.example\nmax_age: 1\n",
        "version: STSv1\nmx: a.example\nmax_age: 1\n",
        "version: STSv1\nmode: enforce\nmx: a.example\n",
        "version: STSv2\nmode: enforce\nmx: a.example\nmax_age: 1\n",
        "version: STSv1\nmode: ENFORCE\nmx: a.example\nmax_age: 1\n",
        "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: -1\n",
        "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 12345678901\n",
        HEAD "mx: a.example\nno colon\n",
        HEAD "mx: a.example\nx: \x01\n",
        HEAD "mx:\n",
        HEAD "mx: *\n",
        HEAD "mx: *.*.example\n",
        HEAD "mx: mail.*.example\n",
        HEAD "mx: [192.0.2.1]\n",
        HEAD "mx: a b\n",
        HEAD "mx: a.example\rmx: b.example\n",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mta_sts_policy policy = {.max_age_seconds = 77};
        struct err err;
        assert_int_equal(mta_sts_policy_read(sv_of(cases[i]), &policy, &err), -1);
        assert_int_equal(policy.max_age_seconds, 77);
    }
}

static void a_policy_may_have_64_kib_and_no_more(void **state)
{
    (void)state;
    static const char first[] = HEAD "mx: a.example\nx: ";
    char *text = malloc(MTA_STS_POLICY_BYTES_MAX + 1);
    assert_non_null(text);
    memset(text, 'y', MTA_STS_POLICY_BYTES_MAX + 1);
    memcpy(text, first, sizeof first - 1);
    struct mta_sts_policy policy;
    struct err err;
    assert_int_equal(mta_sts_policy_read(sv_make(text, MTA_STS_POLICY_BYTES_MAX), &policy, &err), 0);
    assert_int_equal(mta_sts_policy_read(sv_make(text, MTA_STS_POLICY_BYTES_MAX + 1), &policy, &err), -1);
    assert_int_equal(err.class, ERR_LIMIT);
    free(text);
}

static void a_wildcard_stands_for_one_label_and_nothing_else(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        bool allowed;
    } cases[] = {
        {"mail.example.com", true},
        {"MAIL.Example.COM.", true},
        {"mail.example.com.evil.example", false},
        {"xmail.example.com", false},
        {"example.com", false},
        {"a.example.net", true},
        {"A.EXAMPLE.NET", true},
        {"example.net", false},
        {"a.b.example.net", false},
        {".example.net", false},
        {"*.example.net", true},
        {"aexample.net", false},
        {"", false},
        {".", false},
        {"a.b.wide.example", false},
        {"b.wide.example", true},
    };
    struct mta_sts_policy policy;
    struct err err;
    sv text = SV(HEAD "mx: mail.example.com\nmx: *.example.net\nmx: *.wide.example\n");
    assert_int_equal(mta_sts_policy_read(text, &policy, &err), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(mta_sts_policy_allows(&policy, sv_of(cases[i].host)), cases[i].allowed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_id_of_a_record_is_read),
        cmocka_unit_test(a_record_without_form_is_none),
        cmocka_unit_test(of_several_records_exactly_one_must_be_of_sts),
        cmocka_unit_test(a_policy_is_read_with_either_line_end_and_in_any_order),
        cmocka_unit_test(what_is_no_policy_is_refused),
        cmocka_unit_test(a_policy_may_have_64_kib_and_no_more),
        cmocka_unit_test(a_wildcard_stands_for_one_label_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
