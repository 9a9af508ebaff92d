/* The configuration: what is right is read to the letter, what is wrong is told with its place and all at
 * once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "config/config.h"

#define GATEWAY "gateways: [{name: a, address: 192.0.2.25, security: starttls}]\n"
#define PEOPLE  "sender: v@example.org\nrecipients: [soc@example.org]\n"
#define MINIMUM GATEWAY PEOPLE

static struct config_errors errors;

static int set_up(void **state)
{
    (void)state;
    config_errors_init(&errors);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    config_errors_free(&errors);
    return 0;
}

static struct config *parse_as(const char *name, const char *text)
{
    struct config_source source = {name, sv_of(text)};
    return config_parse(&source, 1, "machine.example.org", &errors);
}

static struct config *parse(const char *text)
{
    return parse_as("/etc/vedette/vedette.yaml", text);
}

static struct config *parse_well(const char *text)
{
    struct config *config = parse(text);
    for (size_t i = 0; i < errors.count && i < CONFIG_ERRORS_MAX; i++)
        print_error("%s:%d:%d: %s; %s\n", errors.items[i].file, errors.items[i].line, errors.items[i].column,
                    errors.items[i].message, errors.items[i].advice);
    assert_non_null(config);
    return config;
}

static const char design_example[] =
    "gateways:                          # tried in this order\n"
    "  - name: primary\n"
    "    address: 192.0.2.25            # the SMTP gateway's IP address, v4 or v6\n"
    "    host: mail.example.org         # optional: its name, watched for drift from the address\n"
    "    port: 587\n"
    "    security: starttls             # tls | starttls | none\n"
    "    verify_name: mail.example.org  # the name its certificate must bear\n"
    "    ca_file: /etc/vedette/corp-ca.pem   # or pin: sha256:…\n"
    "    username: svc-vedette\n"
    "    password: secret:file/primary  # never a value\n"
    "sender: Vedette <vedette@example.org>\n"
    "recipients: [soc@example.org]\n"
    "inputs:\n"
    "  - syslog: udp://127.0.0.1:5514\n"
    "  - syslog: tcp://127.0.0.1:5514\n"
    "  - file: /var/log/auth.log\n"
    "  - journal: {}\n"
    "rules: [/usr/share/vedette/rules, /etc/vedette/rules.d]\n"
    "state_directory: /var/lib/vedette\n"
    "relay:                             # our own gateway, off unless present\n"
    "  listen: [127.0.0.1:2525]\n"
    "  domains: [localhost.example]     # delivered here\n"
    "  maildir: /var/lib/vedette/inbox\n";

static void the_example_of_the_design_is_read_to_the_letter(void **state)
{
    (void)state;
    struct config *config = parse_well(design_example);
    assert_int_equal(config->gateway_count, 1);
    const struct config_gateway *gateway = &config->gateways[0];
    assert_string_equal(gateway->name, "primary");
    assert_string_equal(gateway->address, "192.0.2.25");
    assert_string_equal(gateway->host, "mail.example.org");
    assert_int_equal(gateway->port, 587);
    assert_int_equal(gateway->security, SMTP_SECURITY_STARTTLS);
    assert_string_equal(gateway->verify_name, "mail.example.org");
    assert_string_equal(gateway->ca_file, "/etc/vedette/corp-ca.pem");
    assert_string_equal(gateway->username, "svc-vedette");
    assert_string_equal(gateway->password, "file/primary");
    assert_int_equal(gateway->place.line, 2);
    assert_string_equal(config->sender, "Vedette <vedette@example.org>");
    assert_int_equal(config->recipients.count, 1);
    assert_string_equal(config->recipients.items[0], "soc@example.org");
    static const char *const labels[] = {"syslog udp://127.0.0.1:5514", "syslog tcp://127.0.0.1:5514",
                                         "file /var/log/auth.log", "journal"};
    assert_int_equal(config->input_count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(config->inputs[i].label, labels[i]);
    assert_true(config->inputs[3].journal);
    assert_false(config->inputs[3].stdin);
    assert_int_equal(config->rules.count, 2);
    assert_string_equal(config->rules.items[1], "/etc/vedette/rules.d");
    assert_true(config->relay.present);
    assert_string_equal(config->relay.listen.items[0], "127.0.0.1:2525");
    assert_true(config->relay.command_timeout == 300 * NANOS_PER_SECOND);
    assert_int_equal(config->relay.mechanisms.count, 4);
    assert_null(config->relay.certificate);
    assert_string_equal(config->relay.domains.items[0], "localhost.example");
    assert_string_equal(config->relay.maildir, "/var/lib/vedette/inbox");
    config_free(config);
}

static void what_is_absent_has_its_default(void **state)
{
    (void)state;
    struct config *config = parse_well(MINIMUM "inputs: [{stdin: {}}]\n");
    const struct config_gateway *gateway = &config->gateways[0];
    assert_int_equal(gateway->port, 587);
    assert_int_equal(gateway->connections, 4);
    assert_true(gateway->connect_timeout == 0);
    assert_null(gateway->host);
    assert_null(gateway->password);
    assert_null(gateway->landing.maildir);
    assert_string_equal(gateway->verify_name, "192.0.2.25");
    assert_string_equal(gateway->helo, "machine.example.org");
    assert_string_equal(gateway->sender, "v@example.org");
    const struct config_input *input = &config->inputs[0];
    assert_true(input->stdin);
    assert_int_equal(input->format, DECODE_AUTO);
    assert_true(input->line_bytes_max == 65536);
    assert_int_equal(input->connections_max, 1000);
    assert_false(input->from_start);
    assert_true(config->alerts.throttle == 15 * 60 * NANOS_PER_SECOND);
    assert_true(config->alerts.quiet == 24 * 3600 * NANOS_PER_SECOND);
    assert_int_equal(config->alerts.group_by.count, 4);
    assert_string_equal(config->alerts.group_by.items[1], "user.target.name");
    assert_string_equal(config->alerts.minimum_level, "low");
    assert_true(config->delivery.retry_first == 2 * NANOS_PER_SECOND);
    assert_true(config->delivery.retry_max == 300 * NANOS_PER_SECOND);
    assert_true(config->delivery.expire == 24 * 3600 * NANOS_PER_SECOND);
    assert_true(config->delivery.hold_down == 10 * NANOS_PER_SECOND);
    assert_false(config->relay.present);
    assert_int_equal(config->rules.count, 0);
    assert_string_equal(config->state_directory, "/var/lib/vedette");
    assert_string_equal(config->runtime_directory, "/run/vedette");
    assert_string_equal(config->secrets_directory, "/etc/vedette/secrets");
    assert_string_equal(config->hostname, "machine.example.org");
    assert_int_equal(config->privileges, CONFIG_PRIVILEGES_AUTO);
    assert_int_equal(config->log_level, LOG_LEVEL_INFO);
    assert_int_equal(config->log_format, LOG_FORMAT_LOGFMT);
    config_free(config);
}

static void every_key_takes_its_value(void **state)
{
    (void)state;
    struct config *config = parse_well(
        "gateways:\n"
        "- {name: b, address: '2001:db8::25', port: 465, security: tls, pin: 'sha256:" //
        "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF',"
        "   username: u, password: secret:systemd/smtp, auth: SCRAM-SHA-256, helo: us.example.org,"
        "   sender: other@example.org, connections: 2, connect_timeout: 500ms, stage_timeout: 1m,"
        "   landing: {maildir: inbox}}\n"
        "sender: '\"Vedette, on watch\" <v@example.org>'\n"
        "recipients:\n- soc@example.org\n- Ops <ops@[192.0.2.1]>\n"
        "inputs:\n"
        "- {syslog: 'tls://[::1]:6514', format: cef, logsource: cyberark//vault, certificate: c.pem, key: "
        "k.pem,"
        "   client_ca: ca.pem, line_bytes_max: 8K, connections_max: 7}\n"
        "- {file: log/a.log, from_start: true, format: json}\n"
        "alerts: {throttle: 0s, quiet: 2d, group_by: [user.name], minimum_level: high}\n"
        "delivery: {retry_first: 1s, retry_max: 1m, expire: 4h, hold_down: 5s}\n"
        "relay: {listen: ['[::1]:2525'], domains: [a.example], maildir: /m, message_bytes_max: 1M, "
        "connections_max: 9}\n"
        "state_directory: state\nruntime_directory: ./run\nsecrets_directory: /s\nhostname: us.example.org\n"
        "privileges: keep\nlog_level: debug\nlog_format: json\n");
    const struct config_gateway *gateway = &config->gateways[0];
    assert_string_equal(gateway->password, "systemd/smtp");
    assert_string_equal(gateway->sender, "other@example.org");
    assert_string_equal(gateway->landing.maildir, "/etc/vedette/inbox");
    assert_true(gateway->connect_timeout == 500 * NANOS_PER_MS);
    assert_true(gateway->stage_timeout == 60 * NANOS_PER_SECOND);
    assert_int_equal(gateway->connections, 2);
    assert_string_equal(config->inputs[0].certificate, "/etc/vedette/c.pem");
    assert_string_equal(config->inputs[0].logsource, "cyberark//vault");
    assert_true(config->inputs[0].line_bytes_max == 8192);
    assert_int_equal(config->inputs[0].connections_max, 7);
    assert_int_equal(config->inputs[0].format, DECODE_CEF);
    assert_string_equal(config->inputs[1].label, "file /etc/vedette/log/a.log");
    assert_true(config->inputs[1].from_start);
    assert_true(config->alerts.throttle == 0);
    assert_true(config->relay.message_bytes_max == 1024 * 1024);
    assert_string_equal(config->state_directory, "/etc/vedette/state");
    assert_string_equal(config->runtime_directory, "/etc/vedette/run");
    assert_int_equal(config->privileges, CONFIG_PRIVILEGES_KEEP);
    assert_int_equal(config->log_level, LOG_LEVEL_DEBUG);
    assert_int_equal(config->log_format, LOG_FORMAT_JSON);
    assert_true(sv_eq(config_mailbox_name(config->sender), SV("Vedette, on watch")));
    assert_true(sv_eq(config_mailbox_address(config->sender), SV("v@example.org")));
    assert_true(sv_eq(config_mailbox_address(config->recipients.items[0]), SV("soc@example.org")));
    assert_int_equal(config_mailbox_name(config->recipients.items[0]).n, 0);
    config_free(config);
}

static void the_path_has_its_landing_canary_bounces_and_other_ways_out(void **state)
{
    (void)state;
    struct config *config = parse(
        PEOPLE "gateways:\n- name: a\n  address: 192.0.2.1\n  security: tls\n  landing:\n"
               "    imap: 192.0.2.30:993\n    username: canary\n    password: secret:file/imap\n"
               "    recipient: canary@example.org\n    dsn: true\n"
               "- {name: b, address: 192.0.2.2, security: tls}\n"
               "canary: {every: 30m}\npaths: {trouble_after: 5m}\nresolvers: ['192.0.2.53']\n"
               "bounces: {address: bounces@example.org, maildir: /var/mail/bounces}\n"
               "ways_out:\n- {name: chat, webhook: secret:file/chat, template: slack}\n"
               "- {name: siem, syslog: 'tcp://192.0.2.40:514'}\n- {name: local, command: [/bin/wall, -n]}\n"
               "heartbeat: {url: 'https://watch.example.org/x'}\n");
    assert_non_null(config);
    const struct config_landing *landing = &config->gateways[0].landing;
    assert_ptr_equal(landing->imap, landing->box.imap);
    assert_string_equal(landing->box.imap, "192.0.2.30:993");
    assert_string_equal(landing->box.folder, "INBOX");
    assert_string_equal(landing->recipient, "canary@example.org");
    assert_true(landing->dsn && landing->box.security == SMTP_SECURITY_TLS);
    assert_false(config_postbox_present(&config->gateways[1].landing.box));
    assert_true(config->canary.every == 1800 * NANOS_PER_SECOND &&
                config->canary.wait == 600 * NANOS_PER_SECOND);
    assert_true(config->paths.trouble_after == 300 * NANOS_PER_SECOND);
    assert_true(config_postbox_present(&config->bounces.box));
    assert_string_equal(config->bounces.box.maildir, "/var/mail/bounces");
    assert_int_equal(config->way_count, 3);
    const char *reference;
    assert_true(config_is_secret(config->ways[0].webhook, &reference));
    assert_string_equal(reference, "file/chat");
    assert_int_equal(config->ways[0].template, CONFIG_TEMPLATE_SLACK);
    assert_false(config_is_secret(config->heartbeat.url, &reference));
    assert_int_equal(config->ways[2].command.count, 2);
    assert_true(config->ways[1].cef && config->ways[1].timeout == 10 * NANOS_PER_SECOND);
    config_free(config);
}

static void every_secret_that_is_named_is_found_with_its_place(void **state)
{
    (void)state;
    struct config *config = parse_well(
        MINIMUM "ways_out:\n  - {name: chat, webhook: 'secret:file/chat', key: secret:systemd/key}\n"
                "  - {name: other, webhook: 'https://192.0.2.9/secret:file/x'}\n"
                "heartbeat: {url: 'https://192.0.2.9/beat'}\n"
                "relay:\n  listen: [127.0.0.1:2525]\n  certificate: c\n  key: k\n"
                "  rules:\n    - {name: no, reject: 'secret:file/is-a-text-here'}\n"
                "  accounts:\n    - {name: printer, password: secret:file/printer}\n");
    const struct {
        const char *reference, *whose;
    } expected[] = {
        {"file/printer", "relay: accounts printer: password"},
        {"file/chat", "ways_out chat: webhook"},
        {"systemd/key", "ways_out chat: key"},
    };
    const struct config_secret *secret = config->secrets;
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++, secret = secret->next) {
        assert_non_null(secret);
        assert_string_equal(secret->reference, expected[i].reference);
        assert_string_equal(secret->whose, expected[i].whose);
        assert_true(secret->place.file && secret->place.line > 3);
    }
    assert_null(secret);
    config_free(config);
}

static void a_state_directory_of_ones_own_has_the_control_socket_in_it(void **state)
{
    (void)state;
    struct config *config = parse_well(MINIMUM "state_directory: /home/u/vedette\n");
    assert_string_equal(config->runtime_directory, "/home/u/vedette/run");
    config_free(config);
}

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
    {MINIMUM "inputs: [{file: a, certificate: true}]\n", 4, 33, "for syslog inputs only", NULL},
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
    {MINIMUM "relay: {listen: ['[::1]:25'], domains: [a.example], maildir: /m, routes: [{name: r}]}\n", 4, 76,
     "a route has exactly one of via, lmtp and maildir", "name smarthosts as via"},
    {MINIMUM "relay: {listen: ['[::1]:25'], domains: [a.example], maildir: /m, routes: [{name: r, via: "
             "[nowhere]}]}\n",
     4, 85, "via: a smarthost is named that relay.smarthosts does not have", NULL},
    {MINIMUM
     "relay: {listen: ['[::1]:25'], domains: [a.example], maildir: /m, routes: [{name: r, via: []}]}\n",
     4, 85, "via: the list is empty", NULL},
    {MINIMUM "relay: {listen: ['[::1]:25'], domains: [a.example], maildir: /m, routes: [{name: r, maildir: "
             "/r}, {name: r, maildir: /s}]}\n",
     4, 106, "name: another route is called so", NULL},
    {MINIMUM "relay: {listen: ['[::1]:25'], domains: [a.example], maildir: /m, smarthosts: [{name: s, "
             "address: '::1', security: none, username: u, password: 'secret:file/s'}]}\n",
     4, 144, "password: would travel in the clear with security: none", NULL},
    {MINIMUM "relay: {listen: ['[::1]:25'], domains: [a.example], maildir: /m, rules: [{name: x, accept: {}, "
             "domains: [a.example], route: r}]}\n",
     4, 125, "route: a route is named that relay.routes does not have", NULL},
    {MINIMUM "relay: {listen: ['[::1]:25'], domains: [a.example], maildir: /m, dkim: [{domain: a.example, "
             "selector: s, key: sesame}]}\n",
     4, 111, "key:", NULL},
    {MINIMUM "relay: {listen: ['[::1]:25'], domains: [a.example], maildir: /m, dkim: [{domain: a.example, "
             "selector: s, key: 'secret:file/s', headers: ['From: x']}]}\n",
     4, 128, "headers: one of them is no name of a header field", "names alone"},
    {MINIMUM
     "relay: {listen: ['[::1]:25'], domains: [a.example], maildir: /m, dkim: [{domain: a.example, "
     "selector: s, key: 'secret:file/s', headers: [a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, "
     "a, a, a, a, a, a, a, a, a, a, a, a, a, a, a]}]}\n",
     4, 128, "headers: are more than 32", "people see"},
    {MINIMUM "relay: {listen: ['[::1]:25'], domains: [a.example], maildir: /m, dkim: [{domain: a.example, "
             "selector: s, key: 'secret:file/s'}, {domain: A.example, selector: S, key: 'secret:file/s'}]}\n",
     4, 159, "selector: another key of the domain has it", NULL},
    {MINIMUM "relay: {domains: [a.example], maildir: /m}\n", 4, 1, "listen is missing in relay", NULL},
    {MINIMUM "relay: {listen: ['[::1]:25'], domains: [a.example], maildir: /m, certificate: c.pem}\n", 4, 79,
     "needs a key", NULL},
    {MINIMUM "relay: {listen: ['[::1]:25'], domains: [a.example], maildir: /m, key: k.pem}\n", 4, 71,
     "needs a certificate", NULL},
    {MINIMUM "relay: {listen: ['[::1]:25'], domains: [a.example], maildir: /m, accounts: [{name: a, "
             "password: 'secret:file/p'}]}\n",
     4, 97, "password: is asked for inside TLS only", NULL},
    {MINIMUM "relay: {listen: ['[::1]:25'], domains: [a.example], maildir: /m, mechanisms: [CRAM-MD5]}\n", 4,
     66, "not known", NULL},
    {MINIMUM "relay: {listen: ['[::1]:25'], domains: [a.example], maildir: /m, command_timeout: 1ms}\n", 4,
     83, "from 100ms to 1h", NULL},
    {MINIMUM "relay: {listen: ['[::1]:25'], domains: [a.example], maildir: /m, certificate: c, key: k, "
             "introspection_secret: 'secret:file/p', introspection: 'ftp://x/'}\n",
     4, 144, "introspection: ", NULL},
    {MINIMUM "relay: {listen: ['[::1]:25'], domains: [a.example], maildir: /m, certificate: c, key: k, "
             "introspection_secret: 'secret:file/p', introspection: 'https://idp.example/i'}\n",
     4, 144, "introspection: ", NULL},
    {MINIMUM "relay: {listen: ['[::1]:25'], domains: [a.example], maildir: /m, certificate: c, key: k, "
             "introspection_secret: 'secret:file/p', introspection: 'http://192.0.2.9/i'}\n",
     4, 144, "introspection: ", NULL},
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

static void later_files_add_to_lists_and_sections(void **state)
{
    (void)state;
    const struct config_source sources[] = {
        {"/etc/vedette/vedette.yaml", SV_INIT(MINIMUM "rules: [a]\nalerts: {throttle: 1m}\n")},
        {"/etc/vedette/conf.d/10.yaml", SV_INIT("# nothing yet\n")},
        {"/etc/vedette/conf.d/20.yaml",
         SV_INIT("rules: [b]\nalerts: {quiet: 1h}\nrecipients: [ops@example.org]\n"
                 "gateways: [{name: b, address: 192.0.2.26, security: tls}]\ninputs: [{journal: {}}]\n")},
    };
    struct config *config = config_parse(sources, 3, "m.example", &errors);
    assert_non_null(config);
    assert_int_equal(config->rules.count, 2);
    assert_string_equal(config->rules.items[0], "/etc/vedette/a");
    assert_string_equal(config->rules.items[1], "/etc/vedette/conf.d/b");
    assert_true(config->alerts.throttle == 60 * NANOS_PER_SECOND);
    assert_true(config->alerts.quiet == 3600 * NANOS_PER_SECOND);
    assert_int_equal(config->recipients.count, 2);
    assert_int_equal(config->gateway_count, 2);
    assert_string_equal(config->gateways[1].name, "b");
    assert_string_equal(config->gateways[1].place.file, "/etc/vedette/conf.d/20.yaml");
    assert_int_equal(config->input_count, 1);
    config_free(config);
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

static void collect(void *arg, const char *file, int line, const char *sentence)
{
    buf_printf(arg, "%s:%d %s\n", file ? file : "-", line, sentence);
}

static void what_is_allowed_and_unwise_is_warned_of(void **state)
{
    (void)state;
    struct config *config =
        parse_well(PEOPLE "privileges: required\nrules: [a]\ninputs: [{journal: {}}]\n"
                          "ways_out: [{name: screen, console: {}}]\n"
                          "gateways: [{name: plain, address: 192.0.2.1, port: 25, security: none}]\n");
    struct buf text = BUF_INIT(4096);
    config_warnings(config, collect, &text);
    sv said = buf_view(&text);
    assert_true(sv_starts(said, SV("/etc/vedette/vedette.yaml:7 Mail over gateway plain goes in the clear")));
    assert_int_equal(sv_find_char(said, '\n'), said.n - 1);
    config_free(config);
    config = parse_well(MINIMUM);
    buf_clear(&text);
    config_warnings(config, collect, &text);
    assert_true(sv_find(buf_view(&text), SV("nothing is watched")) != SV_NPOS);
    assert_true(sv_find(buf_view(&text), SV("no ways_out")) != SV_NPOS);
    config_free(config);
    config = parse_well(MINIMUM "ways_out:\n- {name: clear, webhook: http://192.0.2.1/in}\n"
                                "- {name: here, webhook: http://127.0.0.1/in}\n"
                                "heartbeat: {url: http://watch.example.org/}\n");
    buf_clear(&text);
    config_warnings(config, collect, &text);
    assert_true(sv_find(buf_view(&text), SV("no ways_out")) == SV_NPOS);
    assert_true(sv_find(buf_view(&text), SV("webhook clear go in the clear")) != SV_NPOS);
    assert_true(sv_find(buf_view(&text), SV("webhook here")) == SV_NPOS);
    assert_true(sv_find(buf_view(&text), SV("heartbeat goes in the clear")) != SV_NPOS);
    buf_free(&text);
    config_free(config);
}

static void the_description_names_every_key(void **state)
{
    (void)state;
    static const char *const keys[] = {
#define X(k, t, d, h) #k ": ",
        CONFIG_TOP(X) CONFIG_GATEWAY(X) CONFIG_LANDING(X) CONFIG_INPUT(X) CONFIG_ALERTS(X) CONFIG_DELIVERY(X)
            CONFIG_RELAY(X) CONFIG_LIST(X)
#undef X
    };
    struct buf text = BUF_INIT(65536);
    config_describe(&text);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (sv_find(buf_view(&text), sv_of(keys[i])) == SV_NPOS)
            fail_msg("%s is not described", keys[i]);
    assert_true(sv_find(buf_view(&text), SV("default 15m")) != SV_NPOS);
    buf_free(&text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_example_of_the_design_is_read_to_the_letter),
        TEST(what_is_absent_has_its_default),
        TEST(every_key_takes_its_value),
        TEST(the_path_has_its_landing_canary_bounces_and_other_ways_out),
        TEST(every_secret_that_is_named_is_found_with_its_place),
        TEST(a_state_directory_of_ones_own_has_the_control_socket_in_it),
        TEST(what_is_wrong_is_told_with_its_place),
        TEST(all_errors_come_at_once_in_the_order_of_lines),
        TEST(a_password_in_the_file_is_refused_and_never_shown),
        TEST(later_files_add_to_lists_and_sections),
        TEST(what_was_read_in_spite_of_errors_can_be_looked_at),
        TEST(later_files_may_not_repeat_a_scalar),
        TEST(bad_syntax_in_one_file_does_not_hide_errors_of_another),
        TEST(more_errors_than_fit_are_counted),
        TEST(bounds_end_what_is_too_long),
        TEST(what_is_allowed_and_unwise_is_warned_of),
        TEST(the_description_names_every_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
