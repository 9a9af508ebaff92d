/* The terms of rules: networks, hours, rates, patterns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "config/hours.h"
#include "config/network.h"
#include "config/pattern.h"
#include "config/rate.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void a_network_contains_its_addresses_and_no_others(void **state)
{
    (void)state;
    static const struct {
        const char *network, *address;
        bool inside;
    } cases[] = {
        {"192.0.2.0/24", "192.0.2.255", true},      {"192.0.2.0/24", "192.0.3.0", false},
        {"192.0.2.0/24", "::ffff:192.0.2.7", true}, {"192.0.2.7", "192.0.2.7", true},
        {"192.0.2.7", "192.0.2.8", false},          {"0.0.0.0/0", "203.0.113.1", true},
        {"0.0.0.0/0", "2001:db8::1", false},        {"::/0", "2001:db8::1", true},
        {"2001:db8::/33", "2001:db8:7fff::", true}, {"2001:db8::/33", "2001:db8:8000::", false},
        {"fe80::/10", "fe80::1%eth0", true},        {"192.0.2.128/25", "192.0.2.127", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct config_network network;
        uint8_t address[16];
        assert_true(config_network_parse(sv_of(cases[i].network), &network));
        assert_true(config_address_parse(sv_of(cases[i].address), address));
        if (config_network_contains(&network, address) != cases[i].inside)
            fail_msg("%s and %s", cases[i].network, cases[i].address);
    }
}

static void what_is_no_network_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "192.0.2.7/24",
                                        "192.0.2.0/33",
                                        "192.0.2.0/",
                                        "192.0.2.0/-1",
                                        "192.0.2",
                                        "example.org",
                                        "2001:db8::/129",
                                        "fe80::1%eth0",
                                        "192.0.2.0/024",
                                        "10.0.0.0/8/8",
                                        "0x7f.1"};
    struct config_network network;
    for (size_t i = 0; i < COUNT(wrong); i++)
        if (config_network_parse(sv_of(wrong[i]), &network))
            fail_msg("%s", wrong[i]);
}

static void hours_hold_over_midnight_and_weekends(void **state)
{
    (void)state;
    enum { MON, TUE, WED, THU, FRI, SAT, SUN };
    static const struct {
        const char *hours;
        unsigned weekday, hour, minute;
        bool inside;
    } cases[] = {
        {"Mon-Fri 07:00-19:00", MON, 7, 0, true},   {"Mon-Fri 07:00-19:00", FRI, 18, 59, true},
        {"Mon-Fri 07:00-19:00", FRI, 19, 0, false}, {"Mon-Fri 07:00-19:00", SAT, 12, 0, false},
        {"Sat,Sun 08:00-12:00", SUN, 8, 0, true},   {"fri-mon 00:00-24:00", SUN, 23, 59, true},
        {"fri-mon 00:00-24:00", TUE, 0, 0, false},  {"22:00-06:00", WED, 23, 0, true},
        {"22:00-06:00", WED, 5, 59, true},          {"Sun 22:00-06:00", MON, 3, 0, true},
        {"Sun 22:00-06:00", SUN, 3, 0, false},      {"daily 00:00-00:01", THU, 0, 0, true},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct config_hours hours;
        assert_true(config_hours_parse(sv_of(cases[i].hours), &hours));
        if (config_hours_contain(&hours, cases[i].weekday, cases[i].hour * 60 + cases[i].minute) !=
            cases[i].inside)
            fail_msg("%s: %zu", cases[i].hours, i);
    }
    static const char *const wrong[] = {"",
                                        "Mon",
                                        "Mon 7:00-9:00",
                                        "Mon 07:00",
                                        "07:00-07:00",
                                        "24:00-06:00",
                                        "Foo 07:00-08:00",
                                        "Mon- 07:00-08:00",
                                        "07:00-08:60",
                                        "07:00-24:01",
                                        "Mon 07:00-08:00 x",
                                        "Mon,,Tue 07:00-08:00"};
    struct config_hours hours;
    for (size_t i = 0; i < COUNT(wrong); i++)
        if (config_hours_parse(sv_of(wrong[i]), &hours))
            fail_msg("%s", wrong[i]);
}

static void a_rate_says_how_many_how_long_and_whose(void **state)
{
    (void)state;
    struct config_rate rate;
    assert_true(config_rate_parse(SV("60/1m per sender"), &rate));
    assert_true(rate.count == 60 && rate.length == 60 * NANOS_PER_SECOND && rate.per == CONFIG_PER_SENDER);
    assert_true(config_rate_parse(SV("5/second"), &rate));
    assert_true(rate.count == 5 && rate.length == NANOS_PER_SECOND && rate.per == CONFIG_PER_RULE);
    assert_true(config_quota_parse(SV("1000/day per account"), &rate));
    assert_true(rate.count == 1000 && rate.per == CONFIG_PER_ACCOUNT);
    static const char *const wrong[] = {"",
                                        "60",
                                        "0/1m",
                                        "60/",
                                        "60/0s",
                                        "60/2d",
                                        "60/1m sender",
                                        "60/1m per",
                                        "60/1m per moon",
                                        "-1/1m",
                                        "60/1m per sender x",
                                        "1000001/1m",
                                        "60 / 1m"};
    for (size_t i = 0; i < COUNT(wrong); i++)
        if (config_rate_parse(sv_of(wrong[i]), &rate))
            fail_msg("%s", wrong[i]);
    assert_false(config_quota_parse(SV("60/1h"), &rate));
    assert_false(config_rate_parse(SV("60/day"), &rate));
}

static void a_glob_takes_no_longer_than_it_must(void **state)
{
    (void)state;
    assert_true(config_glob(SV("*password*"), SV("Your PASSWORD has expired")));
    assert_true(config_glob(SV("a*b*c"), SV("aXbYbZc")));
    assert_false(config_glob(SV("a*b*c"), SV("aXbYbZ")));
    assert_true(config_glob(SV("**"), SV("")));
    assert_false(config_glob(SV(""), SV("x")));
    static char text[4096], pattern[CONFIG_PATTERN_MAX];
    memset(text, 'a', sizeof text);
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = i % 2 ? 'a' : '*';
    pattern[sizeof pattern - 1] = 'b';
    assert_false(config_glob(sv_make(pattern, sizeof pattern), sv_make(text, sizeof text)));
}

static void a_pattern_that_anybody_can_meet_is_foreign(void **state)
{
    (void)state;
    static const char *const foreign[] = {"*",          "@*",  ".com",       "@.com",    "*.com",
                                          "*ample.org", "a@*", "mail.*.org", "example.*"};
    static const char *const own[] = {"example.org",   "@example.org",   ".example.org", "*@example.org",
                                      "*.example.org", "a*@example.org", "localhost"};
    for (size_t i = 0; i < COUNT(foreign); i++)
        if (!config_pattern_is_foreign(sv_of(foreign[i])))
            fail_msg("%s", foreign[i]);
    for (size_t i = 0; i < COUNT(own); i++)
        if (config_pattern_is_foreign(sv_of(own[i])))
            fail_msg("%s", own[i]);
}

static void patterns_and_terms_that_mean_nothing_are_refused(void **state)
{
    (void)state;
    struct config_header_pattern header;
    struct config_rewrite rewrite;
    assert_false(config_mailbox_pattern_valid(SV("example.org")));
    assert_false(config_mailbox_pattern_valid(SV("a@b,c@d")));
    assert_false(config_mailbox_pattern_valid(SV("a b@c")));
    assert_false(config_mailbox_pattern_valid(SV("a\r@c")));
    assert_false(config_domain_pattern_valid(SV("a@example.org")));
    assert_false(config_domain_pattern_valid(SV("example..org")));
    assert_true(config_header_pattern_parse(SV("!Date"), &header) && header.absent);
    assert_true(config_header_pattern_parse(SV("Subject: *a: b*"), &header) &&
                sv_eq(header.glob, SV("*a: b*")));
    assert_false(config_header_pattern_parse(SV("!Date: x"), &header));
    assert_false(config_header_pattern_parse(SV("Sub ject: x"), &header));
    assert_false(config_header_pattern_parse(SV("Subject:"), &header));
    assert_true(config_rewrite_parse(SV("root@* -> soc@example.org"), &rewrite));
    assert_true(config_rewrite_parse(SV("@old.example->*@new.example"), &rewrite));
    assert_false(config_rewrite_parse(SV("root@* soc@example.org"), &rewrite));
    assert_false(config_rewrite_parse(SV("root@* -> soc"), &rewrite));
    assert_false(config_rewrite_parse(SV("root@* -> a@b\r\nc"), &rewrite));
    assert_true(config_tag_valid(SV("X-Relay: outside hours")));
    assert_false(config_tag_valid(SV("X-Relay: a\r\nBcc: b@c")));
    assert_false(config_tag_valid(SV("Received: x")));
    assert_false(config_tag_valid(SV("X Relay: x")));
    assert_false(config_tag_valid(SV("X-Relay:")));
}

static void a_pattern_is_compared_with_a_labels(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *ascii; /* NULL: refused */
    } cases[] = {
        {"bücher.example", "xn--bcher-kva.example"},
        {".bücher.example", ".xn--bcher-kva.example"},
        {"*.bücher.example", "*.xn--bcher-kva.example"},
        {"ä-*@BÜCHER.example", "ä-*@xn--bcher-kva.example"},
        {"@.bücher.example", "@.xn--bcher-kva.example"},
        {"*@bücher.example", "*@xn--bcher-kva.example"},
        {"ä*@example.org", "ä*@example.org"},
        {"*.Example.org", "*.Example.org"},
        {"<>", "<>"},
        {"*", "*"},
        {"b*ü.example", NULL},
        {"☃.example", NULL},
        {"a@☃.example", NULL},
        {"a@ü＠example", NULL},
        {"\xff.example", NULL},
    };
    struct arena *arena = arena_new(4096);
    for (size_t i = 0; i < COUNT(cases); i++) {
        sv ascii = config_pattern_to_ascii(sv_of(cases[i].pattern), arena);
        if (!cases[i].ascii)
            assert_null(ascii.p);
        else
            assert_true(sv_eq(ascii, sv_of(cases[i].ascii)));
    }
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_network_contains_its_addresses_and_no_others),
        cmocka_unit_test(what_is_no_network_is_refused),
        cmocka_unit_test(hours_hold_over_midnight_and_weekends),
        cmocka_unit_test(a_rate_says_how_many_how_long_and_whose),
        cmocka_unit_test(a_glob_takes_no_longer_than_it_must),
        cmocka_unit_test(a_pattern_that_anybody_can_meet_is_foreign),
        cmocka_unit_test(patterns_and_terms_that_mean_nothing_are_refused),
        cmocka_unit_test(a_pattern_is_compared_with_a_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
