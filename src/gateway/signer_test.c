/* Whose From makes a message ours to sign. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "gateway/signer.h"

static void the_domain_is_that_of_the_one_from(void **state)
{
    (void)state;
    static const struct {
        sv content, domain;
    } rows[] = {
        {SV_INIT("From: a@example.org\r\n\r\nx"), SV_INIT("example.org")},
        {SV_INIT("Subject: x\r\nfrom : \"a@b\" <c@Mail.Example.org>\r\n\r\n"), SV_INIT("Mail.Example.org")},
        {SV_INIT("From: A\r\n <a@example.org>\r\n\r\n"), SV_INIT("example.org")},
        {SV_INIT("From: a@example.org (Alerts)\r\n\r\n"), SV_INIT("example.org")},
        {SV_INIT("From: a@example.org\r\nFrom: b@example.net\r\n\r\n"), SV_INIT("")},
        {SV_INIT("From: nobody\r\n\r\n"), SV_INIT("")},
        {SV_INIT("From: a@\r\n\r\n"), SV_INIT("")},
        {SV_INIT("From:\r\n\r\n"), SV_INIT("")},
        {SV_INIT("Subject: x\r\n\r\nFrom: a@example.org\r\n"), SV_INIT("")},
        {SV_INIT(""), SV_INIT("")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sv domain = signer_domain_of(rows[i].content);
        if (!sv_eq(domain, rows[i].domain))
            print_error("row %zu: \"%.*s\"\n", i, SV_ARG(domain));
        assert_true(sv_eq(domain, rows[i].domain));
    }
}

static void without_keys_everything_goes_as_it_is(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct config_relay relay = {0};
    struct signer *signer = signer_new(loop, NULL, &relay);
    struct buf out = BUF_INIT(SIGNER_BYTES_MAX);
    assert_int_equal(signer_sign(signer, SV("From: a@example.org\r\n\r\n"), 0, &out), SIGNER_NOTHING);
    assert_int_equal(buf_view(&out).n, 0);
    signer_free(signer);
    loop_free(loop);
}

static void a_message_waits_for_its_key_and_others_do_not(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct keeper_client *keeper = keeper_client_new(loop);
    const char *headers[] = {"From"};
    struct config_dkim keys[] = {
        {.domain = "example.org", .selector = "s", .key = "file/s", .headers = {headers, 1}},
        {.domain = "xn--bcher-kva.example", .selector = "s", .key = "file/s", .headers = {headers, 1}},
    };
    struct config_relay relay = {.dkim = keys, .dkim_count = 2};
    struct signer *signer = signer_new(loop, keeper, &relay);
    struct buf out = BUF_INIT(SIGNER_BYTES_MAX);
    static const struct {
        sv content;
        enum signer_outcome outcome;
    } rows[] = {
        {SV_INIT("From: a@example.org\r\n\r\n"), SIGNER_WAITS},
        {SV_INIT("From: a@below.EXAMPLE.org\r\n\r\n"), SIGNER_WAITS},
        {SV_INIT("From: a@bücher.example\r\n\r\n"), SIGNER_WAITS},
        {SV_INIT("From: a@☃.example\r\n\r\n"), SIGNER_NOTHING},
        {SV_INIT("From: a@otherexample.org\r\n\r\n"), SIGNER_NOTHING},
        {SV_INIT("From: a@org\r\n\r\n"), SIGNER_NOTHING},
        {SV_INIT("Subject: x\r\n\r\n"), SIGNER_NOTHING},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(signer_sign(signer, rows[i].content, 0, &out), rows[i].outcome);
    signer_free(signer);
    keeper_client_free(keeper);
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_domain_is_that_of_the_one_from),
        cmocka_unit_test(without_keys_everything_goes_as_it_is),
        cmocka_unit_test(a_message_waits_for_its_key_and_others_do_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
