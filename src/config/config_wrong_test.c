/* What is wrong with a configuration is told with its place, all at once, and no secret is shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/config_fixture.h"

/* A relay with whatever follows. */
#define RELAY MINIMUM "relay: {listen: ['[::1]:25'], domains: [a.example], maildir: /m, "

/* Each is one error; the message must hold `says`, the advice `advises` (if any). */
static const struct wrong {
    const char *text;
    int line, column;
    const char *says, *advises;
} wrongs[] = {
    {PEOPLE "gateways:\n  - name: a\n    adress: 192.0.2.1\n    address: 192.0.2.1\n    security: tls\n", 5,
     5, "unknown key \"adress\" in gateways", "did you mean address?"},
    {MINIMUM "recipient: x\n", 4, 1, "unknown key \"recipient\"", "recipients"},
    {MINIMUM "qwerty: x\n", 4, 1, "unknown key \"qwerty\"", "help config"},
    {PEOPLE, 1, 1, "gateways: at least one", "address"},
    {PEOPLE "gateways: []\n", 3, 1, "gateways: at least one", NULL},
    {PEOPLE "gateways: {}\n", 3, 1, "gateways: expected is a list of sections", NULL},
    {GATEWAY "sender: v@example.org\n", 1, 1, "recipients is missing", NULL},
    {GATEWAY "sender: v@example.org\nrecipients: []\n", 3, 1, "recipients: the list is empty", NULL},
    {GATEWAY "sender: v@example.org\nrecipients: soc@example.org\n", 3, 13, "recipients: expected is a list",
     "brackets"},
    {GATEWAY "sender: v@example.org\nrecipients: [a@example.org, A@EXAMPLE.ORG]\n", 3, 1, "there twice",
     NULL},
    {GATEWAY "sender: v@example.org\nrecipients:\n  - a@example.org\n  - b at example.org\n", 5, 5,
     "\"b at example.org\" is not a mailbox", NULL},
    {GATEWAY "sender: 'x <v@example.org'\nrecipients: [a@example.org]\n", 2, 9, "is not a mailbox", NULL},
    {PEOPLE "gateways: [{name: a, address: 192.0.2.1}]\n", 3, 13, "security is missing in gateways", NULL},
    {PEOPLE "gateways: [{name: a, address: mail.example.org, security: tls}]\n", 3, 31,
     "is not an IP address", "DNS"},
    {PEOPLE "gateways: [{name: a, address: 192.0.2.1, security: ssl}]\n", 3, 52,
     "\"ssl\" is not tls, starttls", NULL},
    {PEOPLE "gateways: [{name: a, address: 192.0.2.1, port: 0, security: tls}]\n", 3, 48,
     "port from 1 to 65535", NULL},
    {PEOPLE "gateways: [{name: a, address: 192.0.2.1, port: 65536, security: tls}]\n", 3, 48,
     "port from 1 to 65535", NULL},
    {PEOPLE "gateways: [{name: a, address: 192.0.2.1, port: [25], security: tls}]\n", 3, 49, "not a list",
     NULL},
    {PEOPLE "gateways:\n- name: a\n  address: 192.0.2.1\n  port:\n  security: tls\n", 6, 3,
     "port: has no value", NULL},
    {PEOPLE "gateways: [{name: a b, address: 192.0.2.1, security: tls}]\n", 3, 19, "is not a name", NULL},
    {PEOPLE "gateways:\n- {name: a, address: 192.0.2.1, security: tls}\n"
            "- {name: a, address: 192.0.2.2, security: tls}\n",
     5, 10, "name: another gateway is called so", NULL},
    {PEOPLE "gateways: [{name: a, address: 192.0.2.1, security: tls, username: u}]\n", 3, 67,
     "username: needs a password", "secret:"},
    {PEOPLE "gateways: [{name: a, address: 192.0.2.1, security: tls, password: secret:file/a}]\n", 3, 67,
     "password: needs a username", NULL},
    {PEOPLE
     "gateways: [{name: a, address: 192.0.2.1, security: none, username: u, password: secret:file/a}]\n",
     3, 81, "in the clear", NULL},
    {PEOPLE "gateways: [{name: a, address: 192.0.2.1, security: tls, ca_file: /c, pin: 'sha256:"
            "0000000000000000000000000000000000000000000000000000000000000000'}]\n",
     3, 75, "pin: excludes ca_file", NULL},
    {PEOPLE "gateways: [{name: a, address: 192.0.2.1, security: tls, pin: sha256:00}]\n", 3, 62, "64 hex",
     NULL},
    {PEOPLE "gateways: [{name: a, address: 192.0.2.1, security: tls, auth: PLAIN}]\n", 3, 63,
     "auth: needs a password", NULL},
    {PEOPLE "gateways: [{name: a, address: 192.0.2.1, security: tls, connections: 0}]\n", 3, 70,
     "out of range", NULL},
    {PEOPLE "gateways: [{name: a, address: 192.0.2.1, security: tls, connect_timeout: 10}]\n", 3, 74,
     "length of time", NULL},
    {MINIMUM "state_directory: /a\nstate_directory: /b\n", 5, 1, "state_directory: given before, at", ":4"},
    {MINIMUM "lists: [{name: a}]\n", 4, 16, "name: the list has no entries", "add values"},
    {MINIMUM "lists: [{name: a, values: [x]}, {name: A, file: b}]\n", 4, 40,
     "name: another list is called so", "letters' cases"},
    {MINIMUM "rules: [a]\nrules: [b]\n", 5, 1, "rules: given before", NULL},
    {MINIMUM "inputs:\n- {}\n", 4, 1, "exactly one of", NULL},
    {MINIMUM "inputs:\n- journal: {}\n  stdin: {}\n", 6, 3, "stdin: an input is exactly one of", NULL},
    {MINIMUM "inputs:\n- journal: true\n", 5, 12, "journal: takes no value", "write {}"},
    {MINIMUM "inputs: [{journal: {a: b}}]\n", 4, 21, "journal: takes no value", NULL},
    {MINIMUM "inputs: [{syslog: 'udp://localhost:514'}]\n", 4, 19, "is not a place", "127.0.0.1"},
    {MINIMUM "inputs: [{syslog: 'http://127.0.0.1:514'}]\n", 4, 19, "is not a syslog URL", "udp://"},
    {MINIMUM "inputs: [{syslog: 'udp://::1:514'}]\n", 4, 19, "is not a place", NULL},
    {MINIMUM "inputs: [{syslog: 'unix://relative'}]\n", 4, 19, "is not a place", "absolute"},
    {MINIMUM "inputs: [{syslog: 'tls://127.0.0.1:6514'}]\n", 4, 19, "needs a certificate", NULL},
    {MINIMUM "inputs: [{syslog: 'tcp://127.0.0.1:6514', key: k}]\n", 4, 48, "key: is for tls://", NULL},
    {MINIMUM "inputs: [{syslog: 'udp://127.0.0.1:1', connections_max: 3}]\n", 4, 57, "no connections", NULL},
    {MINIMUM "inputs: [{journal: {}, from_start: true}]\n", 4, 36, "for file inputs only", NULL},
    {MINIMUM "inputs: [{file: a, certificate: true}]\n", 4, 33, "for syslog and relp inputs only", NULL},
    {MINIMUM "inputs: [{relp: 'udp://127.0.0.1:2514'}]\n", 4, 17, "is not a RELP URL", "tcp:// or tls://"},
    {MINIMUM "inputs: [{relp: 'tcp://2514'}]\n", 4, 17, "is not a place", NULL},
    {MINIMUM "inputs: [{relp: 'tls://127.0.0.1:2514'}]\n", 4, 17, "needs a certificate", NULL},
    {MINIMUM "inputs: [{relp: 'tcp://127.0.0.1:1'}, {relp: 'tcp://127.0.0.1:1'}]\n", 4, 46,
     "another input reads the same", NULL},
    {MINIMUM "inputs: [{file: /a, line_bytes_max: 65537}]\n", 4, 37, "out of range", NULL},
    {MINIMUM "inputs: [{file: a}, {file: /etc/vedette/a}]\n", 4, 28, "another input reads the same", NULL},
    {MINIMUM "inputs: [{file: a, format: xml}]\n", 4, 28, "is not auto, json", NULL},
    {MINIMUM "inputs: [{file: a, logsource: linux}]\n", 4, 31, "product/category/service", "slashes"},
    {MINIMUM "alerts: 15m\n", 4, 1, "alerts: expected is a section", NULL},
    {MINIMUM "alerts: {throttle: soon}\n", 4, 20, "length of time", NULL},
    {MINIMUM "alerts: {minimum_level: loud}\n", 4, 25, "is not informational", NULL},
    {MINIMUM "delivery: {retry_first: 10m}\n", 4, 25, "shorter than retry_first", NULL},
    {MINIMUM "relay: {listen: [localhost:25], domains: [a.example], maildir: /m}\n", 4, 18,
     "address and port", NULL},
    {RELAY "routes: [{name: r}]}\n", 4, 76, "a route has exactly one of via, mx, lmtp and maildir",
     "name smarthosts as via"},
    {RELAY "routes: [{name: r, mx: true, tls: none, lmtp: '127.0.0.1:24'}]}\n", 4, 76,
     "a route has exactly one of via, mx, lmtp and maildir", "mx: true"},
    {RELAY "routes: [{name: r, mx: true, tls: dane}]}\n", 4, 100,
     "tls: \"dane\" is not verified, required, opportunistic, dane-only or none", NULL},
    {RELAY
     "routes: [{name: r, mx: true, "
     "tls: required, pin: 'sha256:0000000000000000000000000000000000000000000000000000000000000000'}]}\n",
     4, 115, "pin: says that the certificate counts", NULL},
    {RELAY "routes: [{name: r, maildir: /r, port: 26}]}\n", 4, 104, "port: is for routes by mx only", NULL},
    {RELAY "routes: [{name: r, mx: true, tls: none, ca_file: /c}]}\n", 4, 115,
     "ca_file: has no certificate to check", NULL},
    {RELAY "smarthosts: [{name: s, security: none}]}\n", 4, 86, "name: nothing says where this smarthost is",
     NULL},
    {RELAY "smarthosts: [{name: s, host: s.example}]}\n", 4, 80, "security is missing in smarthosts", NULL},
    {RELAY "routes: [{name: r, via: [nowhere]}]}\n", 4, 85,
     "via: a smarthost is named that relay.smarthosts does not have", NULL},
    {RELAY "routes: [{name: r, via: []}]}\n", 4, 85, "via: the list is empty", NULL},
    {RELAY "routes: [{name: r, maildir: /r, mailboxes: ['soc at b.example']}]}\n", 4, 110,
     "mailboxes: \"soc at b.example\" is not an address", "@example.org"},
    {RELAY "routes: [{name: r, maildir: /r}, {name: r, maildir: /s}]}\n", 4, 106,
     "name: another route is called so", NULL},
    {RELAY
     "smarthosts: [{name: s, address: '::1', security: none, username: u, password: 'secret:file/s'}]}\n",
     4, 144, "password: would travel in the clear with security: none", NULL},
    {RELAY "rules: [{name: x, accept: {}, domains: [a.example], route: r}]}\n", 4, 125,
     "route: a route is named that relay.routes does not have", NULL},
    {RELAY "dkim: [{domain: a.example, selector: s, key: sesame}]}\n", 4, 111,
     "key: a secret may not stand in the configuration", NULL},
    {RELAY "dkim: [{domain: a.example, selector: s, key: 'secret:file/s', headers: ['From: x']}]}\n", 4, 128,
     "headers: one of them is no name of a header field", "names alone"},
    {RELAY
     "dkim: [{domain: a.example, "
     "selector: s, key: 'secret:file/s', headers: [a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, "
     "a, a, a, a, a, a, a, a, a, a, a, a, a, a, a]}]}\n",
     4, 128, "headers: are more than 32", "people see"},
    {RELAY "dkim: [{domain: a.example, selector: s, key: 'secret:file/s'}, {domain: A.example, selector: S, "
           "key: 'secret:file/s'}]}\n",
     4, 159, "selector: another key of the domain has it", NULL},
    {MINIMUM "relay: {domains: [a.example], maildir: /m}\n", 4, 1, "listen is missing in relay", NULL},
    {RELAY "certificate: c.pem}\n", 4, 79, "needs a key", NULL},
    {RELAY "key: k.pem}\n", 4, 71, "needs a certificate", NULL},
    {RELAY "accounts: [{name: a, password: 'secret:file/p'}]}\n", 4, 97,
     "password: is asked for inside TLS only", NULL},
    {RELAY "accounts: [{name: a, pam: vedette}]}\n", 4, 92, "pam: is asked for inside TLS only", NULL},
    {RELAY "certificate: c, key: k, accounts: [{name: a, pam: vedette, password: 'secret:file/p'}]}\n", 4,
     116, "pam: excludes password", "keep one of the two"},
    {RELAY "pam_timeout: 30s}\n", 4, 79, "from 100ms to 25s", NULL},
    {RELAY "mechanisms: [CRAM-MD5]}\n", 4, 66, "not known", NULL},
    {RELAY "command_timeout: 1ms}\n", 4, 83, "from 100ms to 1h", NULL},
    {RELAY "certificate: c, key: k, introspection_secret: 'secret:file/p', introspection: 'ftp://x/'}\n", 4,
     144, "introspection: is no http(s) URL", NULL},
    {RELAY "certificate: c, key: k, introspection_secret: 'secret:file/p', introspection: "
           "'https://idp.example/i'}\n",
     4, 144, "introspection: needs an address", NULL},
    {RELAY
     "certificate: c, key: k, introspection_secret: 'secret:file/p', introspection: 'http://192.0.2.9/i'}\n",
     4, 144, "introspection: would send tokens in the clear", NULL},
    {MINIMUM "bounces: {address: b@example.org}\n", 4, 20, "nobody would read", "maildir or imap"},
    {MINIMUM "bounces: {maildir: /b}\n", 4, 20, "no report would be sent there", "address:"},
    {MINIMUM "bounces: {address: b@example.org, imap: '192.0.2.30:993'}\n", 4, 41, "needs an account",
     "password"},
    {MINIMUM "bounces: {address: b@example.org, maildir: /b, username: u}\n", 4, 58, "is for imap only",
     NULL},
    {MINIMUM "bounces: {address: b@example.org, maildir: /b, every: 0s}\n", 4, 55, "out of range", NULL},
    {PEOPLE "gateways: [{name: a, address: 192.0.2.1, security: tls, landing: {recipient: c@example.org}}]\n",
     3, 78, "cannot be seen to land", "dsn"},
    {PEOPLE
     "gateways: [{name: a, address: 192.0.2.1, security: tls, landing: {maildir: /m, imap: '192.0.2.30:993', "
     "username: u, password: secret:file/i}}]\n",
     3, 86, "excludes maildir", NULL},
    {MINIMUM "ways_out: [{name: a}]\n", 4, 13, "exactly one of webhook", NULL},
    {MINIMUM "ways_out: [{name: a, webhook: 'https://h.example/', console: {}}]\n", 4, 13,
     "exactly one of webhook", NULL},
    {MINIMUM "ways_out: [{name: a, webhook: 'ftp://h.example/'}]\n", 4, 31, "is no web address", "https://"},
    {MINIMUM "ways_out: [{name: a, webhook: 'https://h.example/', template: pagerduty}]\n", 4, 63,
     "needs a key", "routing key"},
    {MINIMUM "ways_out: [{name: a, console: {}, template: slack}]\n", 4, 45, "is for webhooks only", NULL},
    {MINIMUM "ways_out: [{name: a, syslog: 'udp://siem'}]\n", 4, 30, "is not a place", NULL},
    {MINIMUM "ways_out: [{name: a, command: [wall]}]\n", 4, 22, "names no program", "full path"},
    {MINIMUM "ways_out: [{name: a, console: {}}, {name: a, console: {}}]\n", 4, 43, "another way out", NULL},
    {MINIMUM "heartbeat: {every: 5s}\n", 4, 1, "is no web address", NULL},
    {MINIMUM "correlation: {memory: 1K}\n", 4, 23, "from 1M to 16G", NULL},
    {MINIMUM "correlation: {lateness: 2d}\n", 4, 25, "from 0s to 1d", NULL},
    {MINIMUM "canary: {wait: 2d}\n", 4, 16, "out of range", NULL},
    {MINIMUM "hostname: -a.example\n", 4, 11, "is not a domain name", "xn--"},
    {MINIMUM "hostname: ☃.example\n", 4, 11, "is not a domain name", "IDNA"},
    {MINIMUM "log_level: *anchor\n", 4, 12, "anchors and aliases", NULL},
    {MINIMUM "state_directory: \"a\\0b\"\n", 4, 18, "is not a path", NULL},
    {MINIMUM "? [a]\n: b\n", 4, 4, "unknown key", NULL},
    {"- a\n", 1, 3, "expected is a section", NULL},
    {MINIMUM "---\na: b\n", 1, 1, "more than one YAML document", NULL},
    {MINIMUM "rules: [a\n", 5, 1, "YAML: ", NULL},
    {MINIMUM "rules: \"a\n", 4, 9, "YAML: ", NULL},
    {MINIMUM "\trules: a\n", 4, 1, "YAML: ", NULL},
    {MINIMUM "rules: [\xff]\n", 4, 1, "not UTF-8", NULL},
};

static void what_is_wrong_is_told_with_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
        config_errors_free(&errors);
        config_errors_init(&errors);
        assert_null(parse(wrongs[i].text));
        const struct config_error *first = &errors.items[0];
        bool says = strstr(first->message, wrongs[i].says) != NULL;
        bool advises = !wrongs[i].advises || strstr(first->advice, wrongs[i].advises) ||
                       strstr(first->message, wrongs[i].advises);
        if (errors.count != 1 || !says || !advises || first->line != wrongs[i].line ||
            first->column != wrongs[i].column)
            fail_msg("case %zu (%s): %zu errors, first %d:%d: %s; %s", i, wrongs[i].text, errors.count,
                     first->line, first->column, first->message, first->advice);
        assert_string_equal(first->file, "/etc/vedette/vedette.yaml");
    }
}

static void all_errors_come_at_once_in_the_order_of_lines(void **state)
{
    (void)state;
    assert_null(parse("gateways:\n- name: a\n  address: nowhere\n  security: maybe\n  port: x\n"
                      "sender: nobody\nrecipients: [a@example.org, b, c]\nbogus: 1\n"));
    static const int lines[] = {3, 4, 5, 6, 7, 7, 8};
    assert_int_equal(errors.count, 7);
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(errors.items[i].line, lines[i]);
}

static void a_password_in_the_file_is_refused_and_never_shown(void **state)
{
    (void)state;
    static const char *const written[] = {
        "password: hunter2",
        "password: secret:hunter2",
        "password: secret:file/../hunter2",
        "password: [hunter2]",
        "password: {hunter2: 1}",
        "password: \"hunter2\\n\"",
        "password: hunter2\n  password: hunter2",
        "password: !!str hunter2",
        "pasword: hunter2",
        "password: |\n    hunter2",
        "password: hunter2: x",
        "password:hunter2",
        "password: secret:hunter2/x y",
        "{password:hunter2}: x",
        "password=hunter2: x",
    };
    for (size_t i = 0; i < sizeof written / sizeof *written; i++) {
        config_errors_free(&errors);
        config_errors_init(&errors);
        char text[512];
        snprintf(text, sizeof text,
                 PEOPLE "gateways:\n- name: a\n  address: 192.0.2.1\n  security: tls\n"
                        "  username: u\n  %s\n",
                 written[i]);
        assert_null(parse(text));
        assert_true(errors.count > 0);
        for (size_t j = 0; j < errors.count; j++)
            if (strstr(errors.items[j].message, "hunter2") || strstr(errors.items[j].advice, "hunter2"))
                fail_msg("case %zu shows it: %s; %s", i, errors.items[j].message, errors.items[j].advice);
    }
    config_errors_free(&errors);
    config_errors_init(&errors);
    parse(PEOPLE
          "gateways: [{name: a, address: 192.0.2.1, security: tls, username: u, password: hunter2}]\n");
    assert_int_equal(errors.count, 1);
    assert_non_null(strstr(errors.items[0].advice, "secret:file/NAME"));
    assert_non_null(strstr(errors.items[0].advice, "secrets_directory"));
    assert_non_null(strstr(errors.items[0].advice, "0400"));
}

static void later_files_may_not_repeat_a_scalar(void **state)
{
    (void)state;
    const struct config_source sources[] = {
        {"/e/a.yaml", SV_INIT(MINIMUM "alerts: {throttle: 1m}\n")},
        {"/e/b.yaml", SV_INIT("alerts: {throttle: 1m}\nsender: w@example.org\n")},
    };
    assert_null(config_parse(sources, 2, "m.example", &errors));
    assert_int_equal(errors.count, 2);
    assert_string_equal(errors.items[0].file, "/e/b.yaml");
    assert_int_equal(errors.items[0].line, 1);
    assert_non_null(strstr(errors.items[0].message, "throttle: given before, at /e/a.yaml:4"));
    assert_non_null(strstr(errors.items[1].message, "sender: given before, at /e/a.yaml:2"));
}

static void bad_syntax_in_one_file_does_not_hide_errors_of_another(void **state)
{
    (void)state;
    const struct config_source sources[] = {
        {"/e/a.yaml", SV_INIT("gateways: [\n")},
        {"/e/b.yaml", SV_INIT("log_level: loud\n")},
    };
    assert_null(config_parse(sources, 2, "m.example", &errors));
    assert_int_equal(errors.count, 2);
    assert_string_equal(errors.items[1].file, "/e/b.yaml");
    assert_non_null(strstr(errors.items[1].message, "log_level"));
}

static void what_was_read_in_spite_of_errors_can_be_looked_at(void **state)
{
    (void)state;
    const struct config_source source = {"/e/a.yaml", SV_INIT(GATEWAY "sender: nobody\nrules: [r]\n")};
    struct config *config = config_parse_faulty(&source, 1, "m.example", &errors);
    assert_int_equal(errors.count, 2);
    assert_non_null(config);
    assert_string_equal(config->rules.items[0], "/e/r");
    assert_int_equal(config->rules_place.line, 3);
    config_free(config);
    const struct config_source broken = {"/e/a.yaml", SV_INIT("rules: [r\n")};
    assert_null(config_parse_faulty(&broken, 1, "m.example", &errors));
}

static void more_errors_than_fit_are_counted(void **state)
{
    (void)state;
    struct buf text = BUF_INIT(100000);
    for (int i = 0; i < 500; i++)
        buf_printf(&text, "unknown%d: x\n", i);
    buf_put_char(&text, '\0');
    assert_null(parse(text.bytes));
    assert_true(errors.count >= 500);
    buf_free(&text);
}

static void bounds_end_what_is_too_long(void **state)
{
    (void)state;
    static char text[CONFIG_BYTES_MAX + 2];
    memset(text, '#', CONFIG_BYTES_MAX + 1);
    assert_null(parse(text));
    assert_int_equal(errors.count, 1);
    assert_non_null(strstr(errors.items[0].message, "longer than"));
    struct buf many = BUF_INIT(100000);
    buf_printf(&many, MINIMUM "rules: [a");
    for (int i = 0; i < CONFIG_LIST_ITEMS_MAX; i++)
        buf_printf(&many, ", a");
    buf_printf(&many, "]\n");
    buf_put_char(&many, '\0');
    config_errors_free(&errors);
    config_errors_init(&errors);
    assert_null(parse(many.bytes));
    assert_non_null(strstr(errors.items[0].message, "more than 1000 items"));
    buf_free(&many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_wrong_is_told_with_its_place),
        TEST(all_errors_come_at_once_in_the_order_of_lines),
        TEST(a_password_in_the_file_is_refused_and_never_shown),
        TEST(later_files_may_not_repeat_a_scalar),
        TEST(bad_syntax_in_one_file_does_not_hide_errors_of_another),
        TEST(what_was_read_in_spite_of_errors_can_be_looked_at),
        TEST(more_errors_than_fit_are_counted),
        TEST(bounds_end_what_is_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
