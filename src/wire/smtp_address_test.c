/* Mailboxes of an envelope: what goes to a gateway has its form, and nothing of an attack gets through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "wire/smtp_address.h"

static const struct {
    sv text, local, domain;
    bool quoted, literal, utf8;
} good[] = {
    {SV_INIT("soc@example.org"), SV_INIT("soc"), SV_INIT("example.org"), false, false, false},
    {SV_INIT("a.b+c=d@localhost"), SV_INIT("a.b+c=d"), SV_INIT("localhost"), false, false, false},
    {SV_INIT("!#$%&'*+-/=?^_`{|}~@x.y"), SV_INIT("!#$%&'*+-/=?^_`{|}~"), SV_INIT("x.y"), false, false, false},
    {SV_INIT("\"a b\"@example.org"), SV_INIT("\"a b\""), SV_INIT("example.org"), true, false, false},
    {SV_INIT("\"a@b\"@example.org"), SV_INIT("\"a@b\""), SV_INIT("example.org"), true, false, false},
    {SV_INIT("\"a\\\"b\"@example.org"), SV_INIT("\"a\\\"b\""), SV_INIT("example.org"), true, false, false},
    {SV_INIT("a@[192.0.2.1]"), SV_INIT("a"), SV_INIT("[192.0.2.1]"), false, true, false},
    {SV_INIT("a@[IPv6:2001:db8::1]"), SV_INIT("a"), SV_INIT("[IPv6:2001:db8::1]"), false, true, false},
    {SV_INIT("us\xc3\xa9r@example.org"), SV_INIT("us\xc3\xa9r"), SV_INIT("example.org"), false, false, true},
    {SV_INIT("a@b\xc3\xbc"
             "cher.example"),
     SV_INIT("a"),
     SV_INIT("b\xc3\xbc"
             "cher.example"),
     false, false, true},
    {SV_INIT("用户@例え.テスト"), SV_INIT("用户"), SV_INIT("例え.テスト"), false, false, true},
    {SV_INIT("a@каждая-длинная-буква-занимает-два.example"), SV_INIT("a"),
     SV_INIT("каждая-длинная-буква-занимает-два.example"), false, false, true},
};

static void a_well_formed_mailbox_is_taken_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct smtp_address address;
        assert_int_equal(smtp_address_parse(good[i].text, &address), SMTP_ADDRESS_NONE);
        assert_true(sv_eq(address.local, good[i].local));
        assert_true(sv_eq(address.domain, good[i].domain));
        assert_int_equal(address.quoted, good[i].quoted);
        assert_int_equal(address.literal, good[i].literal);
        assert_int_equal(address.utf8, good[i].utf8);
    }
}

static const struct {
    sv text;
    enum smtp_address_fault fault;
} bad[] = {
    {SV_INIT(""), SMTP_ADDRESS_EMPTY},
    {SV_INIT("a@b>\r\nRCPT TO:<c@d"), SMTP_ADDRESS_BRACKET},
    {SV_INIT("a@b\r\nDATA"), SMTP_ADDRESS_CONTROL},
    {SV_INIT("a\n@b"), SMTP_ADDRESS_CONTROL},
    {SV_INIT("a\0b@c"), SMTP_ADDRESS_CONTROL},
    {SV_INIT("\"a\r\nb\"@c"), SMTP_ADDRESS_CONTROL},
    {SV_INIT("\"a\\\rb\"@c"), SMTP_ADDRESS_CONTROL},
    {SV_INIT("\"a>b\"@c"), SMTP_ADDRESS_BRACKET},
    {SV_INIT("<a@b>"), SMTP_ADDRESS_BRACKET},
    {SV_INIT("a\x7f@b"), SMTP_ADDRESS_CONTROL},
    {SV_INIT("a\xc2\x85@b"), SMTP_ADDRESS_CONTROL},
    {SV_INIT("a\xff@b"), SMTP_ADDRESS_UTF8},
    {SV_INIT("a\xc0\xaf@b"), SMTP_ADDRESS_UTF8},
    {SV_INIT(";sleep 66;"), SMTP_ADDRESS_LOCAL_PART},
    {SV_INIT("a b@c"), SMTP_ADDRESS_LOCAL_PART},
    {SV_INIT("a..b@c"), SMTP_ADDRESS_LOCAL_PART},
    {SV_INIT(".a@c"), SMTP_ADDRESS_LOCAL_PART},
    {SV_INIT("a.@c"), SMTP_ADDRESS_LOCAL_PART},
    {SV_INIT("@c"), SMTP_ADDRESS_ROUTE},
    {SV_INIT("@gw:u@v"), SMTP_ADDRESS_ROUTE},
    {SV_INIT("u@v@gw"), SMTP_ADDRESS_DOMAIN},
    {SV_INIT("\"a@b"), SMTP_ADDRESS_LOCAL_PART},
    {SV_INIT("\"a\"b@c"), SMTP_ADDRESS_LOCAL_PART},
    {SV_INIT("\"a\\\"@c"), SMTP_ADDRESS_LOCAL_PART},
    {SV_INIT("\""), SMTP_ADDRESS_LOCAL_PART},
    {SV_INIT("postmaster"), SMTP_ADDRESS_NO_DOMAIN},
    {SV_INIT("\"a\""), SMTP_ADDRESS_NO_DOMAIN},
    {SV_INIT("a@"), SMTP_ADDRESS_NO_DOMAIN},
    {SV_INIT("a@b."), SMTP_ADDRESS_DOMAIN},
    {SV_INIT("a@.b"), SMTP_ADDRESS_DOMAIN},
    {SV_INIT("a@b..c"), SMTP_ADDRESS_DOMAIN},
    {SV_INIT("a@-b"), SMTP_ADDRESS_DOMAIN},
    {SV_INIT("a@b-"), SMTP_ADDRESS_DOMAIN},
    {SV_INIT("a@b c"), SMTP_ADDRESS_DOMAIN},
    {SV_INIT("a@b_c"), SMTP_ADDRESS_DOMAIN},
    {SV_INIT("a@[]"), SMTP_ADDRESS_LITERAL},
    {SV_INIT("a@["), SMTP_ADDRESS_LITERAL},
    {SV_INIT("a@[192.0.2.256]"), SMTP_ADDRESS_LITERAL},
    {SV_INIT("a@[192.0.2.1"), SMTP_ADDRESS_LITERAL},
    {SV_INIT("a@[2001:db8::1]"), SMTP_ADDRESS_LITERAL},
    {SV_INIT("a@[IPv6:192.0.2.1]"), SMTP_ADDRESS_LITERAL},
    {SV_INIT("a@[x-other:1]"), SMTP_ADDRESS_LITERAL},
    {SV_INIT("a@☃.example"), SMTP_ADDRESS_IDN},
    {SV_INIT("a@b＠c.example"), SMTP_ADDRESS_IDN},
    {SV_INIT("a@ü。"), SMTP_ADDRESS_IDN},
    {SV_INIT("a@ü..b"), SMTP_ADDRESS_DOMAIN},
};

static void anything_else_is_refused_with_its_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct smtp_address address = {.local = SV("untouched")};
        assert_int_equal(smtp_address_parse(bad[i].text, &address), bad[i].fault);
        assert_true(sv_eq(address.local, SV("untouched")));
        assert_true(strlen(smtp_address_fault_text(bad[i].fault)) > 0);
    }
}

static void lengths_end_where_the_standard_ends_them(void **state)
{
    (void)state;
    char text[400];
    memset(text, 'a', sizeof text);
    text[64] = '@';
    assert_int_equal(smtp_address_parse((sv){text, 80}, NULL), SMTP_ADDRESS_NONE);
    text[64] = 'a';
    text[65] = '@';
    assert_int_equal(smtp_address_parse((sv){text, 80}, NULL), SMTP_ADDRESS_LONG);

    memset(text, 'a', sizeof text);
    text[1] = '@';
    for (size_t i = 50; i < sizeof text; i += 50)
        text[i] = '.';
    assert_int_equal(smtp_address_parse((sv){text, 254}, NULL), SMTP_ADDRESS_NONE);
    assert_int_equal(smtp_address_parse((sv){text, 255}, NULL), SMTP_ADDRESS_LONG);
    assert_int_equal(smtp_domain_check((sv){text + 2, 255}), SMTP_ADDRESS_NONE);
    assert_int_equal(smtp_domain_check((sv){text + 2, 256}), SMTP_ADDRESS_LONG);

    memset(text, 'a', sizeof text);
    text[1] = '@';
    assert_int_equal(smtp_address_parse((sv){text, 2 + 63}, NULL), SMTP_ADDRESS_NONE);
    assert_int_equal(smtp_address_parse((sv){text, 2 + 64}, NULL), SMTP_ADDRESS_DOMAIN);
}

static void every_way_to_write_a_domain_is_one_in_ascii(void **state)
{
    (void)state;
    static const struct {
        const char *mailbox, *ascii;
    } cases[] = {
        {"a@bücher.example", "a@xn--bcher-kva.example"},
        {"ä@BÜCHER。example", "ä@xn--bcher-kva.example"},
        {"\"a@ü\"@bücher.example", "\"a@ü\"@xn--bcher-kva.example"},
        {"ä@example.org", "ä@example.org"},
        {"A@Example.org", "A@Example.org"},
        {"postmaster", "postmaster"},
        {"a@☃.example", "a@☃.example"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[SMTP_ADDRESS_ASCII_MAX];
        assert_true(sv_eq(smtp_address_ascii(sv_of(cases[i].mailbox), text), sv_of(cases[i].ascii)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_well_formed_mailbox_is_taken_apart),
        cmocka_unit_test(anything_else_is_refused_with_its_reason),
        cmocka_unit_test(lengths_end_where_the_standard_ends_them),
        cmocka_unit_test(every_way_to_write_a_domain_is_one_in_ascii),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
