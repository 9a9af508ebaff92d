/* The relay's section: what is wrong with its rules is told with its place, and an open relay is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/config_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define RELAY        "relay:\n  listen: ['127.0.0.1:25']\n"
#define RULE         RELAY "  rules:\n    - {name: a, networks: [192.0.2.0/24], "
#define OPEN         "  open_relay: \"yes, anybody may send through us\"\n"

static void a_relay_on_its_own_needs_no_gateways_and_nobody_to_tell(void **state)
{
    (void)state;
    struct config *config = parse(RULE "accept: {}}\n");
    assert_non_null(config);
    assert_true(config_relay_alone(config));
    assert_int_equal(config->relay.rule_count, 1);
    assert_int_equal(config->relay.rules[0].place.line, 4);
    assert_int_equal(config->relay.rules[0].over, CONFIG_OVER_DEFER);
    config_free(config);
    assert_null(parse(RELAY "inputs: [{journal: {}}]\n"));
    assert_int_equal(errors.count, 3); /* sender, recipients, gateways */
}

#define INSIDE_TLS "  certificate: c\n  key: k\n"

static void an_address_stands_alone_or_with_what_holds_there(void **state)
{
    (void)state;
    struct config *config =
        parse_well("relay:\n  listen: ['[::]:25', {address: '[::]:587', submission: true, "
                   "hostname: mx.example.org, message_bytes_max: 1M}]\n"
                   "  listen_tls: ['[::]:465']\n  message_bytes_max: 2M\n" INSIDE_TLS
                   "  accounts: [{name: a, password: 'secret:file/a'}]\n"
                   "hostname: gw.example.org\n");
    const struct config_listener *listeners = config->relay.listeners;
    assert_int_equal(config->relay.listener_count, 3);
    assert_string_equal(listeners[0].address, "[::]:25");
    assert_true(listeners[0].security == CONFIG_LISTENING_OFFERED && !listeners[0].submission);
    assert_string_equal(listeners[0].hostname, "gw.example.org");
    assert_int_equal(listeners[0].message_bytes_max, 2 * 1024 * 1024);
    assert_true(listeners[1].submission);
    assert_string_equal(listeners[1].hostname, "mx.example.org");
    assert_int_equal(listeners[1].message_bytes_max, 1024 * 1024);
    assert_string_equal(listeners[2].address, "[::]:465");
    assert_int_equal(listeners[2].security, CONFIG_LISTENING_TLS);
    config_free(config);
    config = parse_well("relay:\n  listen_tls: ['[::]:465']\n" INSIDE_TLS); /* nothing in the clear */
    assert_int_equal(config->relay.listener_count, 1);
    config_free(config);
}

static void what_is_wrong_with_an_address_is_told_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *listen, *more, *message;
        int column;
    } cases[] = {
        {"localhost:25", "", "address: \"localhost:25\"", 12},
        {"{security: tls}", "", "address is missing", 13},
        {"{address: '[::]:25', security: tls}", "", "security: needs a certificate", 43},
        {"{address: '[::]:25', security: starttls}", "", "security: needs a certificate", 43},
        {"{address: '[::]:25', security: smtps}", "", "security: \"smtps\"", 43},
        {"{address: '[::]:25', auth: true}", "", "auth: logins are taken inside TLS only", 39},
        {"{address: '[::]:25', auth: true}", INSIDE_TLS, "auth: there is nobody to log in", 39},
        {"{address: '[::]:25', submission: true}", INSIDE_TLS, "submission: there is nobody", 45},
        {"{address: '[::]:25', submission: true, security: none}", INSIDE_TLS, "inside TLS only", 45},
        {"{address: '[::]:25', message_bytes_max: 1K}", "", "from 64K to 1G", 52},
        {"'[::]:25', '[::]:25'", "", "address: is listed twice", 23},
        {"'[::]:25'", INSIDE_TLS "  listen_tls: ['[::]:25']\n", "address: is listed twice", 12},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[1024];
        size_t before = errors.count;
        snprintf(text, sizeof text, "relay:\n  listen: [%s]\n%s", cases[i].listen, cases[i].more);
        assert_null(parse(text));
        const struct config_error *error = &errors.items[before];
        if (!strstr(error->message, cases[i].message) || error->line != 2 || error->column != cases[i].column)
            fail_msg("%s: %d:%d: %s", cases[i].listen, error->line, error->column, error->message);
    }
}

static void more_addresses_than_the_gateway_listens_at_are_an_error(void **state)
{
    (void)state;
    for (int more = 0; more < 2; more++) {
        struct buf text = BUF_INIT(8192);
        buf_printf(&text, "relay:\n" INSIDE_TLS "  listen: [");
        for (int i = 0; i < CONFIG_LISTENERS_MAX / 2; i++)
            buf_printf(&text, "'[::]:%d', ", 1000 + i);
        buf_printf(&text, "]\n  listen_tls: [");
        for (int i = 0; i < CONFIG_LISTENERS_MAX / 2 + more; i++)
            buf_printf(&text, "'[::]:%d', ", 2000 + i);
        buf_printf(&text, "]\n%c", '\0');
        struct config *config = parse(text.bytes);
        assert_int_equal(config == NULL, more);
        config_free(config);
        buf_free(&text);
    }
    assert_int_equal(errors.count, 1);
    assert_non_null(strstr(errors.items[0].message, "listen_tls: more than 64 addresses"));
    assert_int_equal(errors.items[0].line, 5);
}

static void what_is_wrong_with_a_rule_is_told_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int line, column;
        const char *message;
    } cases[] = {
        {RULE "}\n", 4, 8, "exactly one of accept, reject"},
        {RULE "accept: {}, reject: no}\n", 4, 63, "exactly one of accept, reject"},
        {RULE "accept: yes}\n", 4, 51, "accept: "},
        {RULE "hours: ['Mon 07:00-08:00'], accept: {}}\n", 4, 43, "hours: need a time zone"},
        {RULE "hours: [Mon 7-8], time_zone: UTC, accept: {}}\n", 4, 51, "\"Mon 7-8\" is not days and times"},
        {RULE "burst: 3, accept: {}}\n", 4, 50, "burst: is of a rate"},
        {RULE "rate: [1/1h], burst: 745, accept: {}}\n", 4, 64, "burst: would take the rate over a month"},
        {RULE "over: next, accept: {}}\n", 4, 49, "over: is of a rate or quota"},
        {RULE "rate: [1/1m], reject: no}\n", 4, 43, "rate: means nothing on a rule that refuses"},
        {RULE "accounts: [ann], accept: {}}\n", 4, 43, "an account is named"},
        {RULE "listeners: ['127.0.0.1:587'], accept: {}}\n", 4, 43, "an address is named"},
        {RULE "senders: [], accept: {}}\n", 4, 43, "senders: the list is empty"},
        {RULE "senders: [example.org], accept: {}}\n", 4, 53, "is not an address such as"},
        {RULE "senders: ['@☃.example'], accept: {}}\n", 4, 53, "is not an address such as"},
        {RULE "domains: ['b*ü.example'], accept: {}}\n", 4, 53, "is not a domain"},
        {RULE "rewrite: ['a@ü.example -> b@☃.example'], accept: {}}\n", 4, 53, "is not a rewriting"},
        {RULE "redirect: b@☃.example}\n", 4, 53, "is not a mailbox"},
        {RULE "tls: 1.1, accept: {}}\n", 4, 48, "tls: "},
        {RULE "tag: 'Bcc: x@y'}\n", 4, 48, "tag: "},
        {RULE "rewrite: ['a@b -> c@d'], redirect: e@example.org}\n", 4, 43, "rewrite: excludes redirect"},
        {RULE "colour: red, accept: {}}\n", 4, 43, "unknown key \"colour\" in rules"},
        {RELAY "  rules:\n    - {name: a, networks: [192.0.2.7/24], accept: {}}\n", 4, 28,
         "is not a network"},
        {RELAY "  rules:\n    - {name: a, bare_lf: true, accounts: ['*'], accept: {}}\n", 4, 26,
         "invites smuggling"},
        {RULE "accept: {}}\n    - {name: a, reject: no}\n", 5, 14, "another rule is called so"},
        {RELAY "  accounts: [{name: a}, {name: a}]\n", 3, 32, "another account is called so"},
        {RELAY "  accounts: [{name: a, hours: ['07:00-08:00']}]\n", 3, 24, "hours: need a time zone"},
        {RELAY "  domains: [a.example]\n", 3, 3, "domains: "},
        {RELAY "  open_relay: sure\n", 3, 15, "these are not the words"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t before = errors.count;
        struct config *config = parse(cases[i].text);
        const struct config_error *error = &errors.items[before];
        if (config || errors.count == before || error->line != cases[i].line ||
            error->column != cases[i].column || !strstr(error->message, cases[i].message))
            fail_msg("%s: %d:%d %s", cases[i].text, errors.count > before ? error->line : 0,
                     errors.count > before ? error->column : 0,
                     errors.count > before ? error->message : "none");
        config_free(config);
    }
}

static void a_rule_that_lets_anybody_send_anywhere_is_refused_unless_it_is_said_in_words(void **state)
{
    (void)state;
    static const struct {
        const char *rule;
        bool open;
    } cases[] = {
        {"{name: a, accept: {}}", true},
        {"{name: a, tag: 'X-A: b'}", true},
        {"{name: a, networks: [0.0.0.0/0], accept: {}}", true},
        {"{name: a, networks: ['::/0'], accept: {}}", true},
        {"{name: a, networks: [0.0.0.0/1, 128.0.0.0/1], accept: {}}", true},
        {"{name: a, networks: [1.0.0.0/8, 2.0.0.0/8], accept: {}}", true},
        {"{name: a, senders: ['@example.org'], accept: {}}", true}, /* anybody can write that */
        {"{name: a, hours: ['07:00-19:00'], time_zone: UTC, tls: 1.3, size: 1M, rate: [1/1h], accept: {}}",
         true},
        {"{name: a, headers: [X-Token], accept: {}}", true},
        {"{name: a, domains: ['*'], accept: {}}", true},
        {"{name: a, recipients: ['@*'], accept: {}}", true},
        {"{name: a, domains: [.com], accept: {}}", true},
        {"{name: a, networks: [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 'fc00::/7'], accept: {}}", false},
        {"{name: a, networks: [192.0.2.0/24], accept: {}}", false},
        {"{name: a, accounts: ['*'], accept: {}}", false},
        {"{name: a, certificates: ['CN=x'], accept: {}}", false},
        {"{name: a, domains: [example.org], accept: {}}", false},
        {"{name: a, recipients: ['soc@example.org'], accept: {}}", false},
        {"{name: a, redirect: soc@example.org}", false},
        {"{name: a, quarantine: {}}", false},
        {"{name: a, reject: no}", false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[1024];
        size_t before = errors.count;
        snprintf(text, sizeof text, "%s  rules: [%s]\n", RELAY, cases[i].rule);
        struct config *config = parse(text);
        bool refused = !config && strstr(errors.items[before].message, "open relay");
        if (refused != cases[i].open || (!cases[i].open && !config))
            fail_msg("%s", cases[i].rule);
        config_free(config);
        snprintf(text, sizeof text, "%s%s  rules: [%s]\n", RELAY, OPEN, cases[i].rule);
        config = parse(text);
        if (!config)
            fail_msg("%s, said in words", cases[i].rule);
        config_free(config);
    }
}

static void keep_warning(void *arg, const char *file, int line, const char *sentence)
{
    (void)file;
    if (strstr(sentence, "open relay"))
        *(int *)arg = line;
}

static void an_open_relay_is_warned_of_every_time(void **state)
{
    (void)state;
    int line = 0;
    struct config *config = parse(RELAY OPEN "  rules: [{name: a, accept: {}}]\n");
    assert_non_null(config);
    config_warnings(config, keep_warning, &line);
    assert_int_equal(line, 4);
    config_free(config);
}

static void count_pam_warning(void *arg, const char *file, int line, const char *sentence)
{
    (void)file;
    (void)line;
    *(int *)arg += strstr(sentence, "by PAM can't log in by SCRAM") != NULL;
}

static void accounts_by_pam_are_warned_of_where_scram_is_offered(void **state)
{
    (void)state;
    static const char account[] = "  certificate: c\n  key: k\n  accounts: [{name: a, pam: vedette}]\n";
    for (int plain = 0; plain < 2; plain++) {
        char text[1024];
        int count = 0;
        snprintf(text, sizeof text, "%s%s%s", RELAY, account, plain ? "  mechanisms: [PLAIN, LOGIN]\n" : "");
        struct config *config = parse(text);
        assert_non_null(config);
        config_warnings(config, count_pam_warning, &count);
        assert_int_equal(count, !plain);
        config_free(config);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_relay_on_its_own_needs_no_gateways_and_nobody_to_tell),
        TEST(an_address_stands_alone_or_with_what_holds_there),
        TEST(what_is_wrong_with_an_address_is_told_with_its_place),
        TEST(more_addresses_than_the_gateway_listens_at_are_an_error),
        TEST(what_is_wrong_with_a_rule_is_told_with_its_place),
        TEST(a_rule_that_lets_anybody_send_anywhere_is_refused_unless_it_is_said_in_words),
        TEST(an_open_relay_is_warned_of_every_time),
        TEST(accounts_by_pam_are_warned_of_where_scram_is_offered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
