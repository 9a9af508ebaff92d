/* What a look at a TLS server promises of its certificate: every fault told by its own name, none forgotten.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/tls_report_fixture.h"

#include <openssl/ocsp.h>

#define SYSTEM_TRUST (-1)
#define ALSO(fault)  (1u << TLS_FAULT_##fault)

static struct tls_context *strict(const char *ca_file)
{
    struct tls_context *context = NULL;
    assert_int_equal(tls_client_context(&(struct tls_trust){.ca_file = ca_file}, &context, NULL), 0);
    return context;
}

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
    return looking(c->trusted == SYSTEM_TRUST ? NULL : testing_path("pem", c->trusted), NULL);
}

static void each_fault_is_told_by_its_name_with_what_would_mend_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof fault_cases / sizeof *fault_cases; i++) {
        const struct fault_case *c = &fault_cases[i];
        struct pair pair;
        pair_meet(&pair, trust_of(c), showing(c->shown, c->behind), c->name);
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
        pair_leave(&pair);
    }
}

static void what_a_look_refuses_is_refused_by_a_strict_context_too(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof fault_cases / sizeof *fault_cases; i++) {
        const struct fault_case *c = &fault_cases[i];
        struct pair pair;
        pair_meet(&pair, strict(c->trusted == SYSTEM_TRUST ? NULL : testing_path("pem", c->trusted)),
                  showing(c->shown, c->behind), c->name);
        if (pair.client.count[STREAM_SECURED])
            fail_msg("%s is accepted", c->what);
        assert_int_equal(stream_tls_failure(pair.client.stream), TLS_FAILURE_CERTIFICATE);
        assert_null(stream_tls_report(pair.client.stream));
        assert_false(stream_tls_trusted(pair.client.stream));
        pair_leave(&pair);
    }
}

static void a_faultless_certificate_is_described_whole_and_trusted(void **state)
{
    (void)state;
    struct pair pair;
    pair_meet(&pair, looking(testing_path("pem", ROOT), NULL), showing(UNDER_MIDDLE, MIDDLE),
              "mail.example.org");
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
    pair_leave(&pair);
}

static void names_past_the_bound_are_counted(void **state)
{
    (void)state;
    struct pair pair;
    pair_meet(&pair, looking(testing_path("pem", ROOT), NULL), showing(MANY_NAMES, NOTHING_BEHIND),
              "mail.example.org");
    const struct tls_report *report = report_of(&pair);
    assert_true(report->verified);
    assert_int_equal(report->sent[0].name_count, TLS_NAMES_MAX);
    assert_int_equal(report->sent[0].names_left_out, 21 - TLS_NAMES_MAX);
    pair_leave(&pair);
}

static void both_fingerprints_serve_as_a_pin_and_another_one_is_told(void **state)
{
    (void)state;
    struct pair pair;
    char pins[2][80];
    pair_meet(&pair, looking(testing_path("pem", ROOT), NULL), showing(SELF, NOTHING_BEHIND),
              "mail.example.org");
    sv_copy(pins[0], sizeof pins[0], sv_of(report_of(&pair)->sent[0].fingerprint));
    sv_copy(pins[1], sizeof pins[1], sv_of(report_of(&pair)->sent[0].spki_fingerprint));
    pair_leave(&pair);
    for (int i = 0; i < 2; i++) {
        pair_meet(&pair, looking(NULL, pins[i]), showing(SELF, NOTHING_BEHIND), "mail.example.org");
        assert_true(report_of(&pair)->verified);
        assert_int_equal(report_of(&pair)->chain_count, 0);
        assert_true(stream_tls_trusted(pair.client.stream));
        pair_leave(&pair);
        pair_meet(&pair, looking(NULL, pins[i]), showing(GOOD, NOTHING_BEHIND), "mail.example.org");
        assert_int_equal(report_of(&pair)->fault, TLS_FAULT_PIN_MISMATCH);
        assert_non_null(strstr(report_of(&pair)->cause, report_of(&pair)->sent[0].fingerprint));
        assert_false(stream_tls_trusted(pair.client.stream));
        pair_leave(&pair);
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
        pair_meet(&pair, looking(testing_path("pem", ROOT), NULL), server, "mail.example.org");
        const struct tls_report *report = report_of(&pair);
        if (report->ocsp != cases[i].ocsp)
            fail_msg("case %zu: %s", i, tls_ocsp_text(report->ocsp));
        assert_int_equal(report->fault, cases[i].trusted ? TLS_FAULT_NONE : TLS_FAULT_REVOKED);
        assert_int_equal(stream_tls_trusted(pair.client.stream), cases[i].trusted);
        assert_int_equal(report->ocsp_next_update != 0, report->ocsp != TLS_OCSP_INVALID);
        if (!cases[i].trusted)
            assert_non_null(strstr(report->cause, "keyCompromise"));
        pair_leave(&pair);
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
    pair_meet(&pair, looking(testing_path("pem", ROOT), NULL), server, "mail.example.org");
    assert_int_equal(report_of(&pair)->ocsp, TLS_OCSP_INVALID);
    assert_true(stream_tls_trusted(pair.client.stream));
    pair_leave(&pair);
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
    };
    return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
