/* What a look at a TLS server promises where no certificate decides: who may be spoken to, and why a
 * handshake ended. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/tls_report_fixture.h"

#include <signal.h>
#include <sys/wait.h>

static void only_ehlo_and_quit_may_be_said_to_an_untrusted_peer(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        bool untrusted, trusted;
    } cases[] = {
        {"EHLO client.example.org\r\n", true, true},
        {"ehlo client.example.org\r\nQUIT\r\n", true, true},
        {"QUIT\r\n", true, true},
        {"AUTH PLAIN AGEAYg==\r\n", false, true},
        {"EHLO client.example.org\r\nMAIL FROM:<a@example.org>\r\n", false, true},
        {"EHLO client.example.org\nAUTH PLAIN AGEAYg==\n", false, true},
        {"RSET\r\n", false, true},
    };
    const enum certificate shown[] = {SELF, GOOD};
    for (size_t k = 0; k < 2; k++) {
        struct tls_context *context = looking(testing_path("pem", ROOT), NULL);
        struct pair pair;
        pair_meet(&pair, tls_context_keep(context), showing(shown[k], NOTHING_BEHIND), "mail.example.org");
        report_of(&pair);
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            bool may = k ? cases[i].trusted : cases[i].untrusted;
            pid_t child = fork();
            assert_true(child >= 0);
            if (child == 0) {
                if (!freopen("/dev/null", "w", stderr))
                    _exit(2);
                signal(SIGABRT, SIG_DFL);
                stream_write(pair.client.stream, sv_of(cases[i].bytes));
                _exit(0);
            }
            int status = 0;
            assert_int_equal(waitpid(child, &status, 0), child);
            if (may != (WIFEXITED(status) && WEXITSTATUS(status) == 0))
                fail_msg("case %zu, %s: status %x", i, k ? "trusted" : "untrusted", (unsigned)status);
        }
        pair_leave(&pair);
        tls_context_free(context);
    }
}

static struct tls_context *bygone(int min, int max)
{
    struct tls_context *context = showing(GOOD_RSA, NOTHING_BEHIND);
    SSL_CTX_set_min_proto_version(context->ssl, min);
    SSL_CTX_set_max_proto_version(context->ssl, max);
    assert_int_equal(SSL_CTX_set_cipher_list(context->ssl, "ALL:@SECLEVEL=0"), 1);
    return context;
}

static void a_server_from_before_tls_1_2_is_named_by_a_second_look(void **state)
{
    (void)state;
    const struct {
        int min, max;
        const char *version;
    } cases[] = {
        {TLS1_VERSION, TLS1_VERSION, "TLSv1.0"},
        {TLS1_1_VERSION, TLS1_1_VERSION, "TLSv1.1"},
        {TLS1_VERSION, TLS1_1_VERSION, "TLSv1.1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pair pair;
        pair_meet(&pair, looking(testing_path("pem", ROOT), NULL), bygone(cases[i].min, cases[i].max),
                  "mail.example.org");
        assert_int_equal(pair.client.count[STREAM_SECURED], 0);
        assert_int_equal(stream_tls_failure(pair.client.stream), TLS_FAILURE_TOO_OLD);
        pair_leave(&pair);
        pair_meet(&pair, tls_antique_context(), bygone(cases[i].min, cases[i].max), "mail.example.org");
        if (!pair.client.count[STREAM_SECURED])
            fail_msg("%s: %s", cases[i].version, pair.client.err.cause);
        assert_string_equal(stream_tls_info(pair.client.stream)->version, cases[i].version);
        assert_null(stream_tls_report(pair.client.stream));
        assert_false(stream_tls_trusted(pair.client.stream));
        pair_leave(&pair);
    }
}

static void a_modern_server_does_not_answer_the_second_look(void **state)
{
    (void)state;
    struct pair pair;
    pair_meet(&pair, tls_antique_context(), showing(GOOD, NOTHING_BEHIND), "mail.example.org");
    assert_int_equal(pair.client.count[STREAM_SECURED], 0);
    pair_leave(&pair);
}

static void a_server_without_a_cipher_for_us_is_told_from_an_old_one(void **state)
{
    (void)state;
    struct tls_context *server = showing(GOOD_RSA, NOTHING_BEHIND);
    SSL_CTX_set_max_proto_version(server->ssl, TLS1_2_VERSION);
    assert_int_equal(SSL_CTX_set_cipher_list(server->ssl, "aNULL:@SECLEVEL=0"), 1);
    struct pair pair;
    pair_meet(&pair, looking(testing_path("pem", ROOT), NULL), server, "mail.example.org");
    assert_int_equal(stream_tls_failure(pair.client.stream), TLS_FAILURE_NO_CIPHER);
    pair_leave(&pair);
}

static void key_exchange_without_forward_secrecy_is_named(void **state)
{
    (void)state;
    const struct {
        const char *cipher, *group;
    } cases[] = {{"AES256-GCM-SHA384", "RSA"}, {"ECDHE-RSA-AES256-GCM-SHA384", "X25519"}};
    for (size_t i = 0; i < 2; i++) {
        struct tls_context *server = showing(GOOD_RSA, NOTHING_BEHIND);
        SSL_CTX_set_max_proto_version(server->ssl, TLS1_2_VERSION);
        assert_int_equal(SSL_CTX_set_cipher_list(server->ssl, cases[i].cipher), 1);
        struct pair pair;
        pair_meet(&pair, looking(testing_path("pem", ROOT), NULL), server, "mail.example.org");
        assert_string_equal(report_of(&pair)->group, cases[i].group);
        assert_string_equal(report_of(&pair)->version, "TLSv1.2");
        assert_string_equal(report_of(&pair)->sent[0].key, "RSA 2048");
        assert_true(report_of(&pair)->secure_renegotiation);
        pair_leave(&pair);
    }
}

static void a_demand_for_our_certificate_is_told_in_every_version(void **state)
{
    (void)state;
    const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (size_t i = 0; i < 2; i++) {
        struct tls_context *server = NULL;
        assert_int_equal(tls_server_context(testing_path("pem", GOOD), testing_path("key", GOOD),
                                            testing_path("pem", ROOT), &server, NULL),
                         0);
        SSL_CTX_set_max_proto_version(server->ssl, versions[i]);
        struct pair pair;
        pair_meet(&pair, looking(testing_path("pem", ROOT), NULL), server, "mail.example.org");
        if (!pair.client.count[STREAM_FAILED])
            end_wait(&pair.client, STREAM_FAILED);
        if (stream_tls_failure(pair.client.stream) != TLS_FAILURE_CLIENT_CERTIFICATE)
            fail_msg("case %zu: %s", i, pair.client.err.cause);
        assert_non_null(strstr(pair.client.err.cause, "demands a client certificate"));
        pair_leave(&pair);
    }
}

static void an_end_in_the_handshake_is_sorted_by_what_came(void **state)
{
    (void)state;
    const struct {
        const char *bytes;
        size_t n;
        enum tls_failure failure;
        const char *says;
    } cases[] = {
        {"220 mail.example.org ESMTP\r\n", 28, TLS_FAILURE_PLAIN_TEXT, "plain text"},
        {"\x15\3\1\0\2\2\x46", 7, TLS_FAILURE_TOO_OLD, "no TLS version"},
        {"\x15\3\1\0\2\2\x28", 7, TLS_FAILURE_NO_CIPHER, "no cipher"},
        {"\x15\3\1\0\2\2\x47", 7, TLS_FAILURE_NO_CIPHER, "no cipher"},
        {"\x15\3\1\0\2\2\x70", 7, TLS_FAILURE_NAME, "does not know the name"},
        {"\x15\3\1\0\2\2\x74", 7, TLS_FAILURE_CLIENT_CERTIFICATE, "client certificate"},
        {"\x15\3\1\0\2\2\x50", 7, TLS_FAILURE_OTHER, "internal error"},
        {"", 0, TLS_FAILURE_HUNG_UP, "closed the connection during the TLS handshake"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct loop *loop = loop_new();
        struct end end;
        int raw = end_on_raw_peer(loop, &end);
        struct tls_context *context = looking(testing_path("pem", ROOT), NULL);
        stream_secure_client(end.stream, context, "mail.example.org");
        loop_turn_for(loop, 5 * NANOS_PER_MS);
        char hello[2048];
        assert_true(read(raw, hello, sizeof hello) > 0);
        assert_int_equal(write(raw, cases[i].bytes, cases[i].n), (ssize_t)cases[i].n);
        if (!cases[i].n)
            close(raw);
        end_wait(&end, STREAM_FAILED);
        if (stream_tls_failure(end.stream) != cases[i].failure || !strstr(end.err.cause, cases[i].says))
            fail_msg("case %zu: %d %s", i, (int)stream_tls_failure(end.stream), end.err.cause);
        tls_context_free(context);
        if (cases[i].n)
            close(raw);
        end_close(&end);
        loop_free(loop);
    }
}

static void the_command_to_save_a_chain_lets_nothing_slip_into_the_shell(void **state)
{
    (void)state;
    const struct {
        const char *ip, *name;
        bool starttls;
        const char *file, *command;
    } cases[] = {
        {"192.0.2.25", "mail.example.org", true, "ca.pem",
         "openssl s_client -connect 192.0.2.25:587 -starttls smtp -servername mail.example.org -showcerts "
         "</dev/null | sed -n '/-BEGIN/,/-END/p' >ca.pem"},
        {"2001:db8::25", "2001:db8::25", false, "ca.pem",
         "openssl s_client -connect [2001:db8::25]:587 -showcerts </dev/null | sed -n '/-BEGIN/,/-END/p' "
         ">ca.pem"},
        {"192.0.2.25", "a;reboot", false, "$(reboot)",
         "openssl s_client -connect 192.0.2.25:587 -showcerts </dev/null | sed -n '/-BEGIN/,/-END/p' "
         ">gateway.pem"},
        {"192.0.2.25", NULL, false, "ca.pem",
         "openssl s_client -connect 192.0.2.25:587 -showcerts </dev/null | sed -n '/-BEGIN/,/-END/p' "
         ">ca.pem"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct address at;
        char text[512];
        assert_int_equal(address_parse(sv_of(cases[i].ip), 587, &at, NULL), 0);
        tls_save_command(&at, cases[i].name, cases[i].starttls, cases[i].file, text, sizeof text);
        assert_string_equal(text, cases[i].command);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_ehlo_and_quit_may_be_said_to_an_untrusted_peer),
        cmocka_unit_test(a_server_from_before_tls_1_2_is_named_by_a_second_look),
        cmocka_unit_test(a_modern_server_does_not_answer_the_second_look),
        cmocka_unit_test(a_server_without_a_cipher_for_us_is_told_from_an_old_one),
        cmocka_unit_test(key_exchange_without_forward_secrecy_is_named),
        cmocka_unit_test(a_demand_for_our_certificate_is_told_in_every_version),
        cmocka_unit_test(an_end_in_the_handshake_is_sorted_by_what_came),
        cmocka_unit_test(the_command_to_save_a_chain_lets_nothing_slip_into_the_shell),
    };
    return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
