/* The configuration: what is right is read to the letter, and what is unwise is warned of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/config_fixture.h"

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
    assert_int_equal(config->relay.listener_count, 1);
    assert_string_equal(config->relay.listeners[0].address, "127.0.0.1:2525");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_example_of_the_design_is_read_to_the_letter),
        TEST(what_is_absent_has_its_default),
        TEST(every_key_takes_its_value),
        TEST(the_path_has_its_landing_canary_bounces_and_other_ways_out),
        TEST(every_secret_that_is_named_is_found_with_its_place),
        TEST(a_state_directory_of_ones_own_has_the_control_socket_in_it),
        TEST(later_files_add_to_lists_and_sections),
        TEST(what_is_allowed_and_unwise_is_warned_of),
        TEST(the_description_names_every_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
