/* What a mail server's TLSA records verify, what they do not, and what goes to anybody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/testing_certificates.h"
#include "io/testing_streams.h"
#include "io/tls_report.h"

#include <openssl/evp.h>

/* name, subject, alternative names, issuer, is a CA, days left */
#define CERTIFICATES(X)                                             \
    X(ROOT, "Example Root", NULL, NULL, 1, 100)                     \
    X(ALIEN_ROOT, "Alien Root", NULL, NULL, 1, 100)                 \
    X(GOOD, "ignored", "DNS:mail.example.org", &certs[ROOT], 0, 50) \
    X(NEXT_HOP, "ignored", "DNS:example.com", &certs[ROOT], 0, 50)  \
    X(OTHER, "other", "DNS:other.example.net", &certs[ROOT], 0, 50) \
    X(SUBJECT, "mail.example.org", NULL, &certs[ROOT], 0, 50)       \
    X(EXPIRED, "old", "DNS:mail.example.org", &certs[ROOT], 0, -3)  \
    X(SELF, "lonely", NULL, NULL, 0, 50)                            \
    X(ALIEN, "alien", "DNS:mail.example.org", &certs[ALIEN_ROOT], 0, 50)

enum certificate {
#define X(name, ...) name,
    CERTIFICATES(X)
#undef X
        CERTIFICATES_N
};

enum { CERT = 0, SPKI = 1, FULL = 0, SUM256 = 1, SUM512 = 2, TA = 2, EE = 3, DATA_MAX = 4096 };

static struct testing_certificate certs[CERTIFICATES_N];

static int make_certificates(void **state)
{
    (void)state;
#define X(name, ...) certs[name] = testing_certificate_make(__VA_ARGS__);
    CERTIFICATES(X)
#undef X
    testing_folder_make(certs, CERTIFICATES_N);
    for (int i = GOOD; i < CERTIFICATES_N; i++) /* under DANE-TA(2) the server sends its root, too */
        if (i != SELF)
            testing_certificate_write(testing_path("pem", i), &certs[i],
                                      &certs[i == ALIEN ? ALIEN_ROOT : ROOT]);
    return 0;
}

static int remove_certificates(void **state)
{
    (void)state;
    return testing_folder_remove(certs, CERTIFICATES_N);
}

/* The record that a certificate fits, its data in to. */
static struct tls_tlsa record_of(int which, uint8_t usage, uint8_t selector, uint8_t matching,
                                 unsigned char to[static DATA_MAX])
{
    unsigned char *der = NULL;
    X509 *cert = certs[which].cert;
    int n = selector == SPKI ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der) : i2d_X509(cert, &der);
    unsigned length = (unsigned)n;
    assert_true(n > 0 && n < DATA_MAX);
    if (matching == FULL)
        memcpy(to, der, length);
    else
        EVP_Digest(der, length, to, &length, matching == SUM256 ? EVP_sha256() : EVP_sha512(), NULL);
    OPENSSL_free(der);
    return (struct tls_tlsa){usage, selector, matching, sv_make(to, length)};
}

static void meet(struct pair *pair, const struct tls_trust *trust, int which)
{
    struct tls_context *client = NULL, *server = NULL;
    assert_int_equal(tls_client_context(trust, &client, NULL), 0);
    assert_int_equal(
        tls_server_context(testing_path("pem", which), testing_path("key", which), NULL, &server, NULL), 0);
    pair_meet(pair, client, server, "name.that.does.not.matter");
}

static bool verifies(const struct tls_dane *dane, int which, struct err *ret_err)
{
    struct pair pair;
    meet(&pair, &(struct tls_trust){.dane = dane}, which);
    bool secured = pair.client.count[STREAM_SECURED];
    *ret_err = pair.client.err;
    if (secured) {
        assert_int_equal(stream_tls_info(pair.client.stream)->proof, TLS_PROOF_DANE);
        assert_true(stream_tls_trusted(pair.client.stream));
    } else {
        assert_true(stream_distrusts(pair.client.stream));
    }
    pair_leave(&pair);
    return secured;
}

static void one_record_that_fits_is_enough_and_none_is_not(void **state)
{
    (void)state;
    static const struct {
        int server, of;
        uint8_t usage, selector, matching;
        bool good;
    } cases[] = {
        /* DANE-EE(3): neither name nor date nor issuer counts. */
        {GOOD, GOOD, EE, SPKI, SUM256, true},
        {GOOD, GOOD, EE, CERT, SUM512, true},
        {GOOD, GOOD, EE, CERT, FULL, true},
        {OTHER, OTHER, EE, SPKI, SUM256, true},
        {EXPIRED, EXPIRED, EE, SPKI, FULL, true},
        {SELF, SELF, EE, CERT, SUM256, true},
        {GOOD, OTHER, EE, SPKI, SUM256, false},
        {GOOD, ROOT, EE, SPKI, SUM256, false},
        /* DANE-TA(2): a chain to the anchor, a date and a name. */
        {GOOD, ROOT, TA, CERT, SUM256, true},
        {GOOD, ROOT, TA, SPKI, SUM512, true},
        {GOOD, ROOT, TA, CERT, FULL, true},
        {SUBJECT, ROOT, TA, CERT, SUM256, true},
        {NEXT_HOP, ROOT, TA, CERT, SUM256, true},
        {OTHER, ROOT, TA, CERT, SUM256, false},
        {EXPIRED, ROOT, TA, CERT, SUM256, false},
        {ALIEN, ROOT, TA, CERT, SUM256, false},
        {SELF, ROOT, TA, CERT, SUM256, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned char data[DATA_MAX], unfit[DATA_MAX];
        struct err err;
        const struct tls_tlsa records[] = {
            record_of(ALIEN_ROOT, EE, SPKI, SUM256, unfit),
            record_of(cases[i].of, cases[i].usage, cases[i].selector, cases[i].matching, data)};
        const struct tls_dane dane = {"mail.example.org", "example.com", records, 2};
        if (verifies(&dane, cases[i].server, &err) != cases[i].good)
            fail_msg("case %zu: %s", i, err.cause);
    }
}

static void a_refusal_names_the_records_and_the_certificate(void **state)
{
    (void)state;
    unsigned char data[DATA_MAX];
    struct err err;
    const struct tls_tlsa record = record_of(OTHER, EE, SPKI, SUM256, data);
    assert_false(verifies(&(struct tls_dane){"mail.example.org", NULL, &record, 1}, GOOD, &err));
    assert_int_equal(err.class, ERR_PROTOCOL);
    assert_non_null(
        strstr(err.cause, "none of the TLSA records of mail.example.org; its fingerprint is sha256:"));
    assert_non_null(strstr(err.advice, "administrator"));
}

static void what_smtp_cannot_use_is_no_record(void **state)
{
    (void)state;
    unsigned char data[DATA_MAX];
    struct tls_tlsa good = record_of(GOOD, EE, SPKI, SUM256, data), bad;
    assert_true(tls_dane_usable(&good, 1));
    assert_false(tls_dane_usable(&good, 0));
    for (uint8_t usage = 0; usage < 2; usage++) { /* PKIX-TA(0), PKIX-EE(1): RFC 7672 §3.1.3 */
        bad = good;
        bad.usage = usage;
        assert_false(tls_dane_usable(&bad, 1));
    }
    bad = good, bad.usage = 4;
    assert_false(tls_dane_usable(&bad, 1));
    bad = good, bad.selector = 2;
    assert_false(tls_dane_usable(&bad, 1));
    bad = good, bad.matching = 3;
    assert_false(tls_dane_usable(&bad, 1));
    bad = good, bad.data.n--;
    assert_false(tls_dane_usable(&bad, 1));
    bad = good, bad.matching = FULL; /* a hash is no key */
    assert_false(tls_dane_usable(&bad, 1));
    const struct tls_tlsa both[] = {bad, good};
    assert_true(tls_dane_usable(both, 2));
}

static void whoever_answers_is_encrypted_to_and_never_trusted(void **state)
{
    (void)state;
    static const int servers[] = {SELF, EXPIRED, OTHER, GOOD};
    for (size_t i = 0; i < sizeof servers / sizeof *servers; i++) {
        struct pair pair;
        meet(&pair, &(struct tls_trust){.anybody = true}, servers[i]);
        assert_int_equal(pair.client.count[STREAM_SECURED], 1);
        assert_int_equal(stream_tls_info(pair.client.stream)->proof, TLS_PROOF_NONE);
        assert_false(stream_tls_trusted(pair.client.stream));
        stream_write(pair.client.stream, SV("MAIL FROM:<>\r\n")); /* mail may go */
        end_wait_bytes(&pair.server, strlen("MAIL FROM:<>\r\n"));
        pair_leave(&pair);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_record_that_fits_is_enough_and_none_is_not),
        cmocka_unit_test(a_refusal_names_the_records_and_the_certificate),
        cmocka_unit_test(what_smtp_cannot_use_is_no_record),
        cmocka_unit_test(whoever_answers_is_encrypted_to_and_never_trusted),
    };
    return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
