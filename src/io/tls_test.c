/* What TLS promises: whom it trusts, what it says when it does not, and that nothing slips past it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/testing_certificates.h"
#include "io/testing_streams.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <unistd.h>

/* name, subject, alternative names, issuer, is a CA, days left */
#define CERTIFICATES(X)                                                                             \
    X(ROOT, "Example Root", NULL, NULL, 1, 100)                                                     \
    X(MIDDLE, "Example Issuing", NULL, &certs[ROOT], 1, 100)                                        \
    X(GOOD, "ignored", "DNS:mail.example.org,IP:127.0.0.1", &certs[ROOT], 0, 50)                    \
    X(WILD, "ignored", "DNS:*.example.org", &certs[ROOT], 0, 50)                                    \
    X(BARE, "mail.example.org", NULL, &certs[ROOT], 0, 50)                                          \
    X(OTHER, "other", "DNS:mx1.example.net,DNS:*.mx.example.net,IP:192.0.2.1", &certs[ROOT], 0, 50) \
    X(EXPIRED, "old", "DNS:mail.example.org", &certs[ROOT], 0, -3)                                  \
    X(SELF, "lonely", "DNS:mail.example.org", NULL, 0, 50)                                          \
    X(UNDER_MIDDLE, "leaf", "DNS:mail.example.org", &certs[MIDDLE], 0, 50)                          \
    X(ALIEN_ROOT, "Alien Root", NULL, NULL, 1, 100)                                                 \
    X(ALIEN_MIDDLE, "Alien Issuing", NULL, &certs[ALIEN_ROOT], 1, 100)                              \
    X(ALIEN, "alien", "DNS:mail.example.org", &certs[ALIEN_MIDDLE], 0, 50)                          \
    X(CLIENT, "client", NULL, &certs[ROOT], 0, 50)

enum certificate {
#define X(name, ...) name,
    CERTIFICATES(X)
#undef X
        CERTIFICATES_N
};

static struct testing_certificate certs[CERTIFICATES_N];
static const char *dir;

static int make_certificates(void **state)
{
    (void)state;
#define X(name, ...) certs[name] = testing_certificate_make(__VA_ARGS__);
    CERTIFICATES(X)
#undef X
    dir = testing_folder_make(certs, CERTIFICATES_N);
    testing_certificate_write(testing_path("chain", UNDER_MIDDLE), &certs[UNDER_MIDDLE], &certs[MIDDLE]);
    testing_certificate_write(testing_path("chain", ALIEN), &certs[ALIEN], &certs[ALIEN_MIDDLE]);
    return 0;
}

static int remove_certificates(void **state)
{
    (void)state;
    return testing_folder_remove(certs, CERTIFICATES_N);
}

static struct tls_context *trusting(const char *ca_file, const char *pin)
{
    struct tls_context *context = NULL;
    struct err err = {0};
    int rc = tls_client_context(&(struct tls_trust){.ca_file = ca_file, .pin = pin}, &context, &err);
    if (rc < 0)
        fail_msg("%s", err.cause);
    return context;
}

static struct tls_context *serving(const char *certificate, int key, const char *client_ca)
{
    struct tls_context *context = NULL;
    struct err err = {0};
    if (tls_server_context(certificate, testing_path("key", key), client_ca, &context, &err) < 0)
        fail_msg("%s", err.cause);
    return context;
}

static void a_right_certificate_is_accepted(void **state)
{
    (void)state;
    const struct {
        const char *file, *name;
        int cert, trusted;
    } cases[] = {
        {testing_path("pem", GOOD), "mail.example.org", GOOD, ROOT},
        {testing_path("pem", GOOD), "MAIL.example.ORG.", GOOD, ROOT},
        {testing_path("pem", GOOD), "127.0.0.1", GOOD, ROOT},
        {testing_path("pem", WILD), "mail.example.org", WILD, ROOT},
        {testing_path("chain", UNDER_MIDDLE), "mail.example.org", UNDER_MIDDLE, ROOT},
        {testing_path("pem", UNDER_MIDDLE), "mail.example.org", UNDER_MIDDLE, MIDDLE},
        {testing_path("pem", SELF), "mail.example.org", SELF, SELF},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pair pair;
        pair_meet(&pair, trusting(testing_path("pem", cases[i].trusted), NULL),
                  serving(cases[i].file, cases[i].cert, NULL), cases[i].name);
        if (!pair.client.count[STREAM_SECURED])
            fail_msg("case %zu: %s", i, pair.client.err.cause);
        assert_false(stream_distrusts(pair.client.stream));
        pair_leave(&pair);
    }
}

static void a_wrong_certificate_is_refused_with_what_was_expected_and_found(void **state)
{
    (void)state;
    char self[80], alien[80];
    unsigned char digest[32];
    int which[] = {SELF, ALIEN};
    char *texts[] = {self, alien};
    for (size_t i = 0; i < 2; i++) {
        X509_digest(certs[which[i]].cert, EVP_sha256(), digest, NULL);
        size_t used = (size_t)snprintf(texts[i], 80, "sha256:");
        for (size_t j = 0; j < 32; j++)
            used += (size_t)snprintf(texts[i] + used, 80 - used, "%02x", digest[j]);
    }
    const struct {
        const char *file, *name;
        int cert;
        const char *says[3];
    } cases[] = {
        {testing_path("pem", OTHER),
         "mail.example.org",
         OTHER,
         {"mx1.example.net, *.mx.example.net, 192.0.2.1", "not for mail.example.org", "verify_name"}},
        {testing_path("pem", GOOD), "127.0.0.2", GOOD, {"mail.example.org, 127.0.0.1", "not for 127.0.0.2"}},
        {testing_path("pem", WILD), "a.b.example.org", WILD, {"*.example.org", "not for a.b.example.org"}},
        {testing_path("pem", BARE),
         "mail.example.org",
         BARE,
         {"no subject alternative name", "CN=mail.example.org", "expected mail.example.org"}},
        {testing_path("pem", EXPIRED), "mail.example.org", EXPIRED, {"expired at 20", "renew"}},
        {testing_path("pem", SELF), "mail.example.org", SELF, {"self-signed by CN=lonely", self, "set pin"}},
        {testing_path("pem", UNDER_MIDDLE),
         "mail.example.org",
         UNDER_MIDDLE,
         {"issuer CN=Example Issuing", "sent no intermediate", "intermediate certificates too"}},
        {testing_path("chain", ALIEN),
         "mail.example.org",
         ALIEN,
         {"unknown issuer, CN=Alien Root", alien, "ca_file"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pair pair;
        pair_meet(&pair, trusting(testing_path("pem", ROOT), NULL),
                  serving(cases[i].file, cases[i].cert, NULL), cases[i].name);
        assert_int_equal(pair.client.count[STREAM_SECURED], 0);
        assert_int_equal(pair.client.err.class, ERR_PROTOCOL);
        assert_true(stream_distrusts(pair.client.stream));
        char text[700];
        err_text(&pair.client.err, text, sizeof text);
        for (size_t j = 0; j < 3 && cases[i].says[j]; j++)
            if (!strstr(text, cases[i].says[j]))
                fail_msg("case %zu does not say \"%s\": %s", i, cases[i].says[j], text);
        pair_leave(&pair);
    }
}

static void a_pin_replaces_the_chain_the_dates_and_the_name(void **state)
{
    (void)state;
    int pinned[] = {SELF, EXPIRED, OTHER};
    for (size_t i = 0; i < 6; i++) {
        X509 *cert = certs[pinned[i / 2]].cert;
        unsigned char digest[32], *spki = NULL;
        if (i % 2) {
            int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &spki);
            assert_int_equal(EVP_Digest(spki, (size_t)n, digest, NULL, EVP_sha256(), NULL), 1);
            OPENSSL_free(spki);
        } else {
            X509_digest(cert, EVP_sha256(), digest, NULL);
        }
        char pin[80] = "SHA256:";
        for (size_t j = 0; j < 32; j++)
            snprintf(pin + 7 + 2 * j, 3, i < 3 ? "%02x" : "%02X", digest[j]);
        struct pair pair;
        pair_meet(&pair, trusting(NULL, pin),
                  serving(testing_path("pem", pinned[i / 2]), pinned[i / 2], NULL), "mail.example.org");
        assert_int_equal(pair.client.count[STREAM_SECURED], 1);
        pair_leave(&pair);
        pair_meet(&pair, trusting(NULL, pin), serving(testing_path("pem", GOOD), GOOD, NULL),
                  "mail.example.org");
        assert_int_equal(pair.client.count[STREAM_SECURED], 0);
        assert_non_null(strstr(pair.client.err.cause, "not the pinned one"));
        pair_leave(&pair);
    }
}

static void files_that_cannot_serve_are_refused_by_name(void **state)
{
    (void)state;
    struct tls_context *context = NULL;
    struct err err;
    const struct {
        struct tls_trust trust;
        const char *says;
    } bad[] = {
        {{.ca_file = "/nonexistent/ca.pem"}, "/nonexistent/ca.pem"},
        {{.ca_file = testing_path("key", ROOT)}, ".key"},
        {{.ca_directory = "/proc/self/task"}, "no certificate in /proc/self/task"},
        {{.pin = "sha256:00"}, "sha256:00"},
        {{.pin = "sha1:00"}, "sha1:00"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(tls_client_context(&bad[i].trust, &context, &err), -1);
        assert_non_null(strstr(err.cause, bad[i].says));
        assert_true(err.advice[0] != '\0');
    }
    assert_int_equal(tls_client_context(&(struct tls_trust){.ca_directory = dir}, &context, &err), 0);
    tls_context_free(context);
    context = NULL;
    assert_int_equal(
        tls_server_context(testing_path("pem", GOOD), testing_path("key", SELF), NULL, &context, &err), -1);
    assert_non_null(strstr(err.cause, "does not belong"));
    assert_int_equal(tls_server_context("/nonexistent", testing_path("key", SELF), NULL, &context, &err), -1);
    assert_null(context);
}

static void the_handshake_is_described_for_the_record(void **state)
{
    (void)state;
    struct pair pair;
    pair_meet(&pair, trusting(testing_path("pem", ROOT), NULL),
              serving(testing_path("pem", GOOD), GOOD, NULL), "mail.example.org");
    if (!pair.server.count[STREAM_SECURED])
        end_wait(&pair.server, STREAM_SECURED);
    const struct tls_info *client = stream_tls_info(pair.client.stream);
    const struct tls_info *server = stream_tls_info(pair.server.stream);
    assert_string_equal(client->version, "TLSv1.3");
    assert_true(client->cipher[0] != '\0');
    assert_string_equal(client->subject, "CN=ignored");
    assert_string_equal(client->issuer, "CN=Example Root");
    assert_int_equal(strlen(client->fingerprint), 7 + 64);
    assert_true(client->not_after > loop_now());
    assert_int_equal(client->exporter_length, 32);
    assert_memory_equal(client->exporter, server->exporter, 32);
    assert_string_equal(server->fingerprint, "");
    pair_leave(&pair);
}

static void bytes_go_both_ways_past_every_buffer_and_the_end_is_told(void **state)
{
    (void)state;
    struct pair pair;
    pair_meet(&pair, trusting(testing_path("pem", ROOT), NULL),
              serving(testing_path("pem", GOOD), GOOD, NULL), "mail.example.org");
    enum { BYTES = 5 * 1024 * 1024 + 7 };
    char *bytes = malloc(BYTES);
    assert_non_null(bytes);
    for (size_t i = 0; i < BYTES; i++)
        bytes[i] = (char)(i * 131 >> 5);
    stream_write(pair.client.stream, sv_make(bytes, BYTES));
    stream_write(pair.server.stream, sv_make(bytes, BYTES));
    end_wait_bytes(&pair.server, BYTES);
    end_wait_bytes(&pair.client, BYTES);
    assert_memory_equal(buf_view(&pair.server.got).p, bytes, BYTES);
    assert_memory_equal(buf_view(&pair.client.got).p, bytes, BYTES);
    stream_write(pair.client.stream, SV("QUIT"));
    stream_finish(pair.client.stream, NANOS_PER_SECOND);
    pair.client.stream = NULL;
    end_wait(&pair.server, STREAM_EOF);
    assert_int_equal(buf_view(&pair.server.got).n, BYTES + 4);
    free(bytes);
    stream_close(pair.server.stream);
    pair.server.stream = NULL;
    loop_turn_for(pair.loop, 20 * NANOS_PER_MS); /* the client's end sees it and goes */
    pair_leave(&pair);
}

static void a_reader_that_pauses_and_takes_little_gets_all_of_it(void **state)
{
    (void)state;
    struct pair pair;
    pair_meet(&pair, trusting(testing_path("pem", ROOT), NULL),
              serving(testing_path("pem", GOOD), GOOD, NULL), "mail.example.org");
    enum { BYTES = 3 * STREAM_INPUT_MAX };
    char *bytes = calloc(1, BYTES);
    assert_non_null(bytes);
    pair.client.keep_input = true;
    stream_write(pair.server.stream, sv_make(bytes, BYTES));
    free(bytes);
    size_t got = 0;
    for (int i = 0; i < 200 && got < BYTES; i++) {
        loop_turn_for(pair.loop, 2 * NANOS_PER_MS);
        stream_pause(pair.client.stream);
        size_t n = stream_input(pair.client.stream).n;
        stream_consume(pair.client.stream, n);
        got += n;
        stream_resume(pair.client.stream);
    }
    assert_int_equal(got, BYTES);
    assert_true(pair.client.most_unread <= STREAM_INPUT_MAX + 16 * 1024);
    pair_leave(&pair);
}

static void nothing_said_before_the_handshake_survives_it(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct end client, server;
    ends_connect(loop, &client, &server);
    client.keep_input = server.keep_input = true;
    stream_write(server.stream, SV("220 go\r\n250 forged\r\n"));
    stream_write(client.stream, SV("STARTTLS\r\nMAIL FROM:<forged>\r\n"));
    end_wait(&client, STREAM_DATA);
    if (!server.count[STREAM_DATA])
        end_wait(&server, STREAM_DATA);
    struct tls_context *trust = trusting(testing_path("pem", ROOT), NULL);
    struct tls_context *serve = serving(testing_path("pem", GOOD), GOOD, NULL);
    stream_secure_client(client.stream, trust, "mail.example.org");
    stream_secure_server(server.stream, serve);
    assert_int_equal(stream_input(client.stream).n, 0);
    end_wait(&server, STREAM_SECURED);
    assert_int_equal(stream_input(client.stream).n + stream_input(server.stream).n, 0);
    assert_null(strstr(server.err.cause, "forged"));
    tls_context_free(trust);
    tls_context_free(serve);
    end_close(&client);
    end_close(&server);
    loop_free(loop);
}

static void what_is_written_before_the_handshake_goes_out_in_the_clear(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct end client, server;
    ends_connect(loop, &client, &server);
    struct tls_context *trust = trusting(testing_path("pem", ROOT), NULL);
    struct tls_context *serve = serving(testing_path("pem", GOOD), GOOD, NULL);
    stream_write(server.stream, SV("220 go ahead\r\n"));
    stream_secure_server(server.stream, serve);
    stream_write(server.stream, SV("250 inside\r\n"));
    end_wait_bytes(&client, 14);
    assert_int_equal(buf_view(&client.got).n, 14);
    stream_secure_client(client.stream, trust, "mail.example.org");
    end_wait_bytes(&client, 26);
    assert_true(sv_eq(buf_view(&client.got), SV("220 go ahead\r\n250 inside\r\n")));
    assert_int_equal(client.count[STREAM_SECURED], 1);
    tls_context_free(trust);
    tls_context_free(serve);
    end_close(&client);
    end_close(&server);
    loop_free(loop);
}

static void a_peer_that_speaks_plain_text_is_named_as_such(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct end end;
    int raw = end_on_raw_peer(loop, &end);
    struct tls_context *trust = trusting(testing_path("pem", ROOT), NULL);
    assert_int_equal(write(raw, "220 mail.example.org ESMTP\r\n", 28), 28);
    loop_turn_for(loop, 5 * NANOS_PER_MS);
    assert_int_equal(write(raw, "500 what?\r\n", 11), 11);
    stream_secure_client(end.stream, trust, "mail.example.org");
    end_wait(&end, STREAM_FAILED);
    assert_int_equal(end.err.class, ERR_PROTOCOL);
    assert_non_null(strstr(end.err.cause, "plain text"));
    assert_non_null(strstr(end.err.advice, "port and security do not fit"));
    assert_false(stream_distrusts(end.stream));
    tls_context_free(trust);
    close(raw);
    end_close(&end);
    loop_free(loop);
}

static void a_peer_that_hangs_up_in_the_handshake_is_told_from_a_refusal(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct end end;
    int raw = end_on_raw_peer(loop, &end);
    struct tls_context *trust = trusting(testing_path("pem", ROOT), NULL);
    stream_secure_client(end.stream, trust, "mail.example.org");
    loop_turn_for(loop, 5 * NANOS_PER_MS);
    char hello[2048];
    assert_true(read(raw, hello, sizeof hello) > 0);
    close(raw);
    end_wait(&end, STREAM_FAILED);
    assert_non_null(strstr(end.err.cause, "closed the connection during the TLS handshake"));
    tls_context_free(trust);
    end_close(&end);
    loop_free(loop);
}

static void an_alert_of_the_peer_is_put_into_words(void **state)
{
    (void)state;
    const struct {
        char alert; /* RFC 8446 §6 */
        const char *says;
    } cases[] = {
        {70, "accepts no TLS version that we offer"},
        {40, "no cipher or key type suits both sides"},
        {112, "does not know the name that we asked for"},
        {80, "alert internal error"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct loop *loop = loop_new();
        struct end end;
        int raw = end_on_raw_peer(loop, &end);
        struct tls_context *trust = trusting(testing_path("pem", ROOT), NULL);
        const char record[] = {0x15, 3, 1, 0, 2, 2, cases[i].alert};
        assert_int_equal(write(raw, record, sizeof record), sizeof record);
        stream_secure_client(end.stream, trust, "mail.example.org");
        end_wait(&end, STREAM_FAILED);
        assert_int_equal(end.err.class, ERR_PROTOCOL);
        if (!strstr(end.err.cause, cases[i].says))
            fail_msg("alert %d: %s", cases[i].alert, end.err.cause);
        tls_context_free(trust);
        close(raw);
        end_close(&end);
        loop_free(loop);
    }
}

static void a_server_with_a_client_ca_turns_away_who_has_no_certificate(void **state)
{
    (void)state;
    struct pair pair;
    pair_meet(&pair, trusting(testing_path("pem", ROOT), NULL),
              serving(testing_path("pem", GOOD), GOOD, testing_path("pem", ROOT)), "mail.example.org");
    if (!pair.server.count[STREAM_FAILED])
        end_wait(&pair.server, STREAM_FAILED);
    assert_int_equal(pair.server.count[STREAM_SECURED], 0);
    assert_non_null(strstr(pair.server.err.cause, "showed no certificate"));
    if (!pair.client.count[STREAM_FAILED])
        end_wait(&pair.client, STREAM_FAILED);
    assert_non_null(strstr(pair.client.err.cause, "demands a client certificate"));
    pair_leave(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_right_certificate_is_accepted),
        cmocka_unit_test(a_wrong_certificate_is_refused_with_what_was_expected_and_found),
        cmocka_unit_test(a_pin_replaces_the_chain_the_dates_and_the_name),
        cmocka_unit_test(files_that_cannot_serve_are_refused_by_name),
        cmocka_unit_test(the_handshake_is_described_for_the_record),
        cmocka_unit_test(bytes_go_both_ways_past_every_buffer_and_the_end_is_told),
        cmocka_unit_test(a_reader_that_pauses_and_takes_little_gets_all_of_it),
        cmocka_unit_test(nothing_said_before_the_handshake_survives_it),
        cmocka_unit_test(what_is_written_before_the_handshake_goes_out_in_the_clear),
        cmocka_unit_test(a_peer_that_speaks_plain_text_is_named_as_such),
        cmocka_unit_test(a_peer_that_hangs_up_in_the_handshake_is_told_from_a_refusal),
        cmocka_unit_test(an_alert_of_the_peer_is_put_into_words),
        cmocka_unit_test(a_server_with_a_client_ca_turns_away_who_has_no_certificate),
    };
    return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
