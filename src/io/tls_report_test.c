/* What a look at a TLS server promises: every fault told by its own name, none forgotten, nothing said over
 * it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/testing_certificates.h"
#include "io/testing_streams.h"
#include "io/tls_private.h"

#include <openssl/ocsp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define OWN  .names = "DNS:mail.example.org,IP:127.0.0.1", .days = 50
#define URL  "http://ca.example.org/issuing.cer"
#define MANY "DNS:a1.example.org,DNS:a2.example.org,DNS:a3.example.org,DNS:a4.example.org,"

/* name, what is special about it */
#define CERTIFICATES(X)                                                                                   \
    X(ROOT, .common_name = "Example Root", .is_ca = 1, .days = 100)                                       \
    X(MIDDLE, .common_name = "Example Issuing", .is_ca = 1, .days = 100, .issuer = &certs[ROOT])          \
    X(OLD_MIDDLE, .common_name = "Example Bygone", .is_ca = 1, .days = -3, .issuer = &certs[ROOT])        \
    X(GOOD, .common_name = "good", OWN, .issuer = &certs[ROOT])                                           \
    X(GOOD_RSA, .common_name = "good", OWN, .issuer = &certs[ROOT], .rsa_bits = 2048)                     \
    X(UNDER_MIDDLE, .common_name = "leaf", OWN, .issuer = &certs[MIDDLE], .issuer_url = URL)              \
    X(UNDER_OLD, .common_name = "leaf", OWN, .issuer = &certs[OLD_MIDDLE])                                \
    X(EXPIRED, .common_name = "old", .names = "DNS:mail.example.org", .days = -3, .issuer = &certs[ROOT]) \
    X(FUTURE, .common_name = "early", OWN, .starts = 10, .issuer = &certs[ROOT])                          \
    X(OTHER, .common_name = "other", .names = "DNS:mx1.example.net", .days = 50, .issuer = &certs[ROOT])  \
    X(BARE, .common_name = "mail.example.org", .days = 50, .issuer = &certs[ROOT])                        \
    X(MANY_NAMES, .common_name = "many", .days = 50, .issuer = &certs[ROOT],                              \
      .names = MANY MANY MANY MANY MANY "DNS:mail.example.org")                                           \
    X(SELF, .common_name = "lonely", OWN)                                                                 \
    X(SELF_OLD, .common_name = "lonely", .names = "DNS:mx1.example.net", .days = -3)                      \
    X(ALIEN_ROOT, .common_name = "Alien Root", .is_ca = 1, .days = 100)                                   \
    X(ALIEN, .common_name = "alien", OWN, .issuer = &certs[ALIEN_ROOT])                                   \
    X(SMALL_KEY, .common_name = "small", OWN, .issuer = &certs[ROOT], .rsa_bits = 1024)                   \
    X(WEAKLY_SIGNED, .common_name = "weak", OWN, .issuer = &certs[ROOT], .sha1 = 1)                       \
    X(FOR_CLIENTS, .common_name = "client", OWN, .issuer = &certs[ROOT], .usage = "clientAuth")           \
    X(UNDER_LEAF, .common_name = "grandchild", OWN, .issuer = &certs[GOOD])

enum certificate {
#define X(name, ...) name,
    CERTIFICATES(X)
#undef X
        CERTIFICATES_N
};

static struct testing_certificate certs[CERTIFICATES_N];
static char dir[] = "/tmp/vedette-look-XXXXXX";

static const char *path(const char *what, enum certificate which)
{
    static char paths[2][CERTIFICATES_N][64];
    char *text = paths[what[0] == 'p'][which];
    snprintf(text, sizeof paths[0][0], "%s/%d.%s", dir, (int)which, what);
    return text;
}

static int make_certificates(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return -1;
#define X(name, ...) certs[name] = testing_certificate_plan(&(struct testing_plan){__VA_ARGS__});
    CERTIFICATES(X)
#undef X
    for (enum certificate i = 0; i < CERTIFICATES_N; i++) {
        testing_certificate_write(path("pem", i), &certs[i], NULL);
        testing_certificate_write_key(path("key", i), &certs[i]);
    }
    return 0;
}

static int remove_certificates(void **state)
{
    (void)state;
    for (enum certificate i = 0; i < CERTIFICATES_N; i++) {
        unlink(path("pem", i));
        unlink(path("key", i));
        testing_certificate_free(&certs[i]);
    }
    return rmdir(dir);
}

static struct tls_context *looking(const char *ca_file, const char *pin)
{
    struct tls_context *context = NULL;
    struct err err = {0};
    if (tls_looking_context(&(struct tls_trust){.ca_file = ca_file, .pin = pin}, &context, &err) < 0)
        fail_msg("%s", err.cause);
    return context;
}

static struct tls_context *strict(const char *ca_file)
{
    struct tls_context *context = NULL;
    assert_int_equal(tls_client_context(&(struct tls_trust){.ca_file = ca_file}, &context, NULL), 0);
    return context;
}

/* A server that shows that certificate, however bad, with another one behind it unless that is negative. */
static struct tls_context *showing(enum certificate which, int behind)
{
    struct tls_context *context = tls_context_new(true);
    SSL_CTX_set_security_level(context->ssl, 0);
    assert_int_equal(SSL_CTX_use_certificate(context->ssl, certs[which].cert), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(context->ssl, certs[which].key), 1);
    if (behind >= 0)
        assert_int_equal(SSL_CTX_add1_chain_cert(context->ssl, certs[behind].cert), 1);
    return context;
}

struct pair {
    struct loop *loop;
    struct end client, server;
};

static void stop_when_decided(struct end *end, enum stream_event event)
{
    if (event == STREAM_SECURED || event == STREAM_FAILED)
        loop_stop(end->loop);
}

static void decide(struct end *end)
{
    end->hook = stop_when_decided;
    while (!end->count[STREAM_SECURED] && !end->count[STREAM_FAILED])
        end_wait(end, STREAM_FAILED);
    end->hook = NULL;
}

static void meet(struct pair *pair, struct tls_context *client, struct tls_context *server, const char *name)
{
    pair->loop = loop_new();
    ends_connect(pair->loop, &pair->client, &pair->server);
    stream_secure_client(pair->client.stream, client, name);
    stream_secure_server(pair->server.stream, server);
    tls_context_free(client);
    tls_context_free(server);
    decide(&pair->client);
}

static const struct tls_report *report_of(struct pair *pair)
{
    if (!pair->client.count[STREAM_SECURED])
        fail_msg("no handshake: %s", pair->client.err.cause);
    const struct tls_report *report = stream_tls_report(pair->client.stream);
    assert_non_null(report);
    return report;
}

static void leave(struct pair *pair)
{
    end_close(&pair->client);
    end_close(&pair->server);
    loop_free(pair->loop);
}

#define NOTHING_BEHIND (-1)
#define SYSTEM_TRUST   (-1)
#define ALSO(fault)    (1u << TLS_FAULT_##fault)

static const struct fault_case {
    const char *what;
    enum certificate shown;
    int behind, trusted;
    const char *name;
    enum tls_fault fault;
    unsigned also; /* other faults that it has */
    int depth;
    const char *cause, *advice; /* must be said */
} fault_cases[] = {
    {"expired", EXPIRED, NOTHING_BEHIND, ROOT, "mail.example.org", TLS_FAULT_EXPIRED, 0, 0, "expired at 20",
     "renew"},
    {"not yet valid", FUTURE, NOTHING_BEHIND, ROOT, "mail.example.org", TLS_FAULT_NOT_YET_VALID, 0, 0,
     "valid only from", "clock"},
    {"the issuer's expired", UNDER_OLD, OLD_MIDDLE, ROOT, "mail.example.org", TLS_FAULT_EXPIRED, 0, 1,
     "the issuer's certificate (CN=Example Bygone) expired", "renew"},
    {"other name", OTHER, NOTHING_BEHIND, ROOT, "mail.example.org", TLS_FAULT_NAME_MISMATCH, 0, 0,
     "mx1.example.net, not for mail.example.org", "verify_name"},
    {"other address", GOOD, NOTHING_BEHIND, ROOT, "127.0.0.2", TLS_FAULT_NAME_MISMATCH, 0, 0,
     "not for 127.0.0.2", "verify_name"},
    {"name in the subject only", BARE, NOTHING_BEHIND, ROOT, "mail.example.org", TLS_FAULT_CN_ONLY, 0, 0,
     "CN=mail.example.org does not count", "pin"},
    {"self-signed", SELF, NOTHING_BEHIND, ROOT, "mail.example.org", TLS_FAULT_SELF_SIGNED, 0, 0,
     "self-signed by CN=lonely; its fingerprint is sha256:", "set pin: sha256:"},
    {"self-signed, expired, other name", SELF_OLD, NOTHING_BEHIND, ROOT, "mail.example.org",
     TLS_FAULT_SELF_SIGNED, ALSO(EXPIRED) | ALSO(NAME_MISMATCH), 0, "self-signed", "set pin: sha256:"},
    {"unknown issuer, root sent", ALIEN, ALIEN_ROOT, ROOT, "mail.example.org", TLS_FAULT_UNKNOWN_ISSUER, 0, 1,
     "a root that is not trusted here, CN=Alien Root", "the certificate of CN=Alien Root"},
    {"unknown issuer of a lone certificate", ALIEN, NOTHING_BEHIND, SYSTEM_TRUST, "mail.example.org",
     TLS_FAULT_UNKNOWN_ISSUER, 0, 0, "issuer CN=Alien Root is not trusted",
     "the certificate of CN=Alien Root"},
    {"missing intermediate that can be fetched", UNDER_MIDDLE, NOTHING_BEHIND, SYSTEM_TRUST,
     "mail.example.org", TLS_FAULT_MISSING_INTERMEDIATE, 0, 0, "no intermediate", "it is at " URL},
    {"missing intermediate under a named CA", UNDER_OLD, NOTHING_BEHIND, ROOT, "mail.example.org",
     TLS_FAULT_MISSING_INTERMEDIATE, 0, 0, "issuer CN=Example Bygone", "intermediate certificates too"},
    {"small key", SMALL_KEY, NOTHING_BEHIND, ROOT, "mail.example.org", TLS_FAULT_WEAK_KEY, 0, 0,
     "too weak (RSA 1024)", "RSA 2048"},
    {"weak signature", WEAKLY_SIGNED, NOTHING_BEHIND, ROOT, "mail.example.org", TLS_FAULT_WEAK_SIGNATURE, 0,
     0, "ecdsa-with-SHA1", "SHA-256"},
    {"for clients only", FOR_CLIENTS, NOTHING_BEHIND, ROOT, "mail.example.org", TLS_FAULT_WRONG_PURPOSE, 0, 0,
     "not issued for a server", "serverAuth"},
    {"issued by who may not", UNDER_LEAF, GOOD, ROOT, "mail.example.org", TLS_FAULT_WRONG_PURPOSE, 0, 1,
     "(CN=good) may not issue", "a CA"},
};

static struct tls_context *trust_of(const struct fault_case *c)
{
    return looking(c->trusted == SYSTEM_TRUST ? NULL : path("pem", (enum certificate)c->trusted), NULL);
}

static void each_fault_is_told_by_its_name_with_what_would_mend_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof fault_cases / sizeof *fault_cases; i++) {
        const struct fault_case *c = &fault_cases[i];
        struct pair pair;
        meet(&pair, trust_of(c), showing(c->shown, c->behind), c->name);
        const struct tls_report *report = report_of(&pair);
        if (report->fault != c->fault || (report->faults & ~(1u << c->fault)) != c->also)
            fail_msg("%s: %s (%x): %s", c->what, tls_fault_name(report->fault), report->faults,
                     report->cause);
        if (report->fault_depth != c->depth)
            fail_msg("%s: at depth %d", c->what, report->fault_depth);
        if (!strstr(report->cause, c->cause) || !strstr(report->advice, c->advice))
            fail_msg("%s: %s; %s", c->what, report->cause, report->advice);
        assert_false(report->verified);
        assert_true(report->words[0] != '\0');
        assert_false(stream_tls_trusted(pair.client.stream));
        leave(&pair);
    }
}

static void what_a_look_refuses_is_refused_by_a_strict_context_too(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof fault_cases / sizeof *fault_cases; i++) {
        const struct fault_case *c = &fault_cases[i];
        struct pair pair;
        meet(&pair, strict(c->trusted == SYSTEM_TRUST ? NULL : path("pem", (enum certificate)c->trusted)),
             showing(c->shown, c->behind), c->name);
        if (pair.client.count[STREAM_SECURED])
            fail_msg("%s is accepted", c->what);
        assert_int_equal(stream_tls_failure(pair.client.stream), TLS_FAILURE_CERTIFICATE);
        assert_null(stream_tls_report(pair.client.stream));
        assert_false(stream_tls_trusted(pair.client.stream));
        leave(&pair);
    }
}

static void a_faultless_certificate_is_described_whole_and_trusted(void **state)
{
    (void)state;
    struct pair pair;
    meet(&pair, looking(path("pem", ROOT), NULL), showing(UNDER_MIDDLE, MIDDLE), "mail.example.org");
    const struct tls_report *report = report_of(&pair);
    assert_true(report->verified);
    assert_int_equal(report->fault, TLS_FAULT_NONE);
    assert_string_equal(report->cause, "");
    assert_true(stream_tls_trusted(pair.client.stream));
    assert_string_equal(report->version, "TLSv1.3");
    assert_string_equal(report->group, "X25519");
    assert_true(report->secure_renegotiation);
    assert_int_equal(report->ocsp, TLS_OCSP_NOT_STAPLED);
    assert_int_equal(report->sent_count, 2);
    assert_int_equal(report->chain_count, 3);
    assert_string_equal(report->chain[2].subject, "CN=Example Root");
    const struct tls_certificate *leaf = &report->sent[0];
    assert_string_equal(leaf->subject, "CN=leaf");
    assert_string_equal(leaf->issuer, "CN=Example Issuing");
    assert_int_equal(leaf->name_count, 2);
    assert_string_equal(leaf->names[0], "mail.example.org");
    assert_string_equal(leaf->names[1], "127.0.0.1");
    assert_string_equal(leaf->key, "EC P-256");
    assert_int_equal(leaf->bits, 256);
    assert_string_equal(leaf->signature, "ecdsa-with-SHA256");
    assert_string_equal(leaf->issuer_url, URL);
    assert_false(leaf->weak_key || leaf->weak_signature || leaf->self_signed || leaf->is_ca);
    assert_true(leaf->not_before < loop_now() && leaf->not_after > loop_now());
    assert_true(report->sent[1].is_ca);
    assert_true(report->chain[2].self_signed);
    assert_int_equal(strlen(leaf->fingerprint), 7 + 64);
    assert_string_not_equal(leaf->fingerprint, leaf->spki_fingerprint);
    leave(&pair);
}

static void names_past_the_bound_are_counted(void **state)
{
    (void)state;
    struct pair pair;
    meet(&pair, looking(path("pem", ROOT), NULL), showing(MANY_NAMES, NOTHING_BEHIND), "mail.example.org");
    const struct tls_report *report = report_of(&pair);
    assert_true(report->verified);
    assert_int_equal(report->sent[0].name_count, TLS_NAMES_MAX);
    assert_int_equal(report->sent[0].names_left_out, 21 - TLS_NAMES_MAX);
    leave(&pair);
}

static void both_fingerprints_serve_as_a_pin_and_another_one_is_told(void **state)
{
    (void)state;
    struct pair pair;
    char pins[2][80];
    meet(&pair, looking(path("pem", ROOT), NULL), showing(SELF, NOTHING_BEHIND), "mail.example.org");
    sv_copy(pins[0], sizeof pins[0], sv_of(report_of(&pair)->sent[0].fingerprint));
    sv_copy(pins[1], sizeof pins[1], sv_of(report_of(&pair)->sent[0].spki_fingerprint));
    leave(&pair);
    for (int i = 0; i < 2; i++) {
        meet(&pair, looking(NULL, pins[i]), showing(SELF, NOTHING_BEHIND), "mail.example.org");
        assert_true(report_of(&pair)->verified);
        assert_int_equal(report_of(&pair)->chain_count, 0);
        assert_true(stream_tls_trusted(pair.client.stream));
        leave(&pair);
        meet(&pair, looking(NULL, pins[i]), showing(GOOD, NOTHING_BEHIND), "mail.example.org");
        assert_int_equal(report_of(&pair)->fault, TLS_FAULT_PIN_MISMATCH);
        assert_non_null(strstr(report_of(&pair)->cause, report_of(&pair)->sent[0].fingerprint));
        assert_false(stream_tls_trusted(pair.client.stream));
        leave(&pair);
    }
}

struct staple {
    unsigned char *der;
    int n;
};

static int give_staple(SSL *ssl, void *arg)
{
    const struct staple *staple = arg;
    unsigned char *copy = OPENSSL_memdup(staple->der, (size_t)staple->n);
    SSL_set_tlsext_status_ocsp_resp(ssl, copy, staple->n);
    return SSL_TLSEXT_ERR_OK;
}

static void a_stapled_answer_is_checked_and_a_revocation_heeded(void **state)
{
    (void)state;
    const struct {
        int status, from_days;
        enum certificate about, signer;
        enum tls_ocsp ocsp;
        bool trusted;
    } cases[] = {
        {V_OCSP_CERTSTATUS_GOOD, 0, GOOD, ROOT, TLS_OCSP_GOOD, true},
        {V_OCSP_CERTSTATUS_REVOKED, 0, GOOD, ROOT, TLS_OCSP_REVOKED, false},
        {V_OCSP_CERTSTATUS_REVOKED, -30, GOOD, ROOT, TLS_OCSP_REVOKED, false},
        {V_OCSP_CERTSTATUS_UNKNOWN, 0, GOOD, ROOT, TLS_OCSP_UNKNOWN, true},
        {V_OCSP_CERTSTATUS_GOOD, -30, GOOD, ROOT, TLS_OCSP_STALE, true},
        {V_OCSP_CERTSTATUS_GOOD, 2, GOOD, ROOT, TLS_OCSP_STALE, true},
        {V_OCSP_CERTSTATUS_GOOD, 0, OTHER, ROOT, TLS_OCSP_INVALID, true},
        {V_OCSP_CERTSTATUS_REVOKED, 0, GOOD, ALIEN_ROOT, TLS_OCSP_INVALID, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct staple staple;
        staple.der = testing_ocsp_answer(&certs[cases[i].about], &certs[ROOT], &certs[cases[i].signer],
                                         cases[i].status, cases[i].from_days, &staple.n);
        struct tls_context *server = showing(GOOD, NOTHING_BEHIND);
        SSL_CTX_set_tlsext_status_cb(server->ssl, give_staple);
        SSL_CTX_set_tlsext_status_arg(server->ssl, &staple);
        struct pair pair;
        meet(&pair, looking(path("pem", ROOT), NULL), server, "mail.example.org");
        const struct tls_report *report = report_of(&pair);
        if (report->ocsp != cases[i].ocsp)
            fail_msg("case %zu: %s", i, tls_ocsp_text(report->ocsp));
        assert_int_equal(report->fault, cases[i].trusted ? TLS_FAULT_NONE : TLS_FAULT_REVOKED);
        assert_int_equal(stream_tls_trusted(pair.client.stream), cases[i].trusted);
        assert_int_equal(report->ocsp_next_update != 0, report->ocsp != TLS_OCSP_INVALID);
        if (!cases[i].trusted)
            assert_non_null(strstr(report->cause, "keyCompromise"));
        leave(&pair);
        OPENSSL_free(staple.der);
    }
}

static void a_staple_that_is_no_answer_is_told_as_such(void **state)
{
    (void)state;
    struct staple staple = {(unsigned char *)(uintptr_t) "not DER", 7};
    struct tls_context *server = showing(GOOD, NOTHING_BEHIND);
    SSL_CTX_set_tlsext_status_cb(server->ssl, give_staple);
    SSL_CTX_set_tlsext_status_arg(server->ssl, &staple);
    struct pair pair;
    meet(&pair, looking(path("pem", ROOT), NULL), server, "mail.example.org");
    assert_int_equal(report_of(&pair)->ocsp, TLS_OCSP_INVALID);
    assert_true(stream_tls_trusted(pair.client.stream));
    leave(&pair);
}

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
        struct tls_context *context = looking(path("pem", ROOT), NULL);
        struct pair pair;
        meet(&pair, tls_context_keep(context), showing(shown[k], NOTHING_BEHIND), "mail.example.org");
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
        leave(&pair);
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
        meet(&pair, looking(path("pem", ROOT), NULL), bygone(cases[i].min, cases[i].max), "mail.example.org");
        assert_int_equal(pair.client.count[STREAM_SECURED], 0);
        assert_int_equal(stream_tls_failure(pair.client.stream), TLS_FAILURE_TOO_OLD);
        leave(&pair);
        meet(&pair, tls_antique_context(), bygone(cases[i].min, cases[i].max), "mail.example.org");
        if (!pair.client.count[STREAM_SECURED])
            fail_msg("%s: %s", cases[i].version, pair.client.err.cause);
        assert_string_equal(stream_tls_info(pair.client.stream)->version, cases[i].version);
        assert_null(stream_tls_report(pair.client.stream));
        assert_false(stream_tls_trusted(pair.client.stream));
        leave(&pair);
    }
}

static void a_modern_server_does_not_answer_the_second_look(void **state)
{
    (void)state;
    struct pair pair;
    meet(&pair, tls_antique_context(), showing(GOOD, NOTHING_BEHIND), "mail.example.org");
    assert_int_equal(pair.client.count[STREAM_SECURED], 0);
    leave(&pair);
}

static void a_server_without_a_cipher_for_us_is_told_from_an_old_one(void **state)
{
    (void)state;
    struct tls_context *server = showing(GOOD_RSA, NOTHING_BEHIND);
    SSL_CTX_set_max_proto_version(server->ssl, TLS1_2_VERSION);
    assert_int_equal(SSL_CTX_set_cipher_list(server->ssl, "aNULL:@SECLEVEL=0"), 1);
    struct pair pair;
    meet(&pair, looking(path("pem", ROOT), NULL), server, "mail.example.org");
    assert_int_equal(stream_tls_failure(pair.client.stream), TLS_FAILURE_NO_CIPHER);
    leave(&pair);
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
        meet(&pair, looking(path("pem", ROOT), NULL), server, "mail.example.org");
        assert_string_equal(report_of(&pair)->group, cases[i].group);
        assert_string_equal(report_of(&pair)->version, "TLSv1.2");
        assert_string_equal(report_of(&pair)->sent[0].key, "RSA 2048");
        assert_true(report_of(&pair)->secure_renegotiation);
        leave(&pair);
    }
}

static void a_demand_for_our_certificate_is_told_in_every_version(void **state)
{
    (void)state;
    const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    for (size_t i = 0; i < 2; i++) {
        struct tls_context *server = NULL;
        assert_int_equal(
            tls_server_context(path("pem", GOOD), path("key", GOOD), path("pem", ROOT), &server, NULL), 0);
        SSL_CTX_set_max_proto_version(server->ssl, versions[i]);
        struct pair pair;
        meet(&pair, looking(path("pem", ROOT), NULL), server, "mail.example.org");
        if (!pair.client.count[STREAM_FAILED])
            end_wait(&pair.client, STREAM_FAILED);
        if (stream_tls_failure(pair.client.stream) != TLS_FAILURE_CLIENT_CERTIFICATE)
            fail_msg("case %zu: %s", i, pair.client.err.cause);
        assert_non_null(strstr(pair.client.err.cause, "demands a client certificate"));
        leave(&pair);
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
        struct tls_context *context = looking(path("pem", ROOT), NULL);
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
        cmocka_unit_test(each_fault_is_told_by_its_name_with_what_would_mend_it),
        cmocka_unit_test(what_a_look_refuses_is_refused_by_a_strict_context_too),
        cmocka_unit_test(a_faultless_certificate_is_described_whole_and_trusted),
        cmocka_unit_test(names_past_the_bound_are_counted),
        cmocka_unit_test(both_fingerprints_serve_as_a_pin_and_another_one_is_told),
        cmocka_unit_test(a_stapled_answer_is_checked_and_a_revocation_heeded),
        cmocka_unit_test(a_staple_that_is_no_answer_is_told_as_such),
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
