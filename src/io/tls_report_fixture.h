/* Servers that show certificates of a test authority, good and bad, and a client that looks at them. Not part
 * of the program. */
#ifndef VEDETTE_IO_TLS_REPORT_FIXTURE_H
#define VEDETTE_IO_TLS_REPORT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/testing_certificates.h"
#include "io/testing_streams.h"
#include "io/tls_private.h"

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

static inline int make_certificates(void **state)
{
    (void)state;
#define X(name, ...) certs[name] = testing_certificate_plan(&(struct testing_plan){__VA_ARGS__});
    CERTIFICATES(X)
#undef X
    testing_folder_make(certs, CERTIFICATES_N);
    return 0;
}

static inline int remove_certificates(void **state)
{
    (void)state;
    return testing_folder_remove(certs, CERTIFICATES_N);
}

static inline struct tls_context *looking(const char *ca_file, const char *pin)
{
    struct tls_context *context = NULL;
    struct err err = {0};
    if (tls_looking_context(&(struct tls_trust){.ca_file = ca_file, .pin = pin}, &context, &err) < 0)
        fail_msg("%s", err.cause);
    return context;
}

/* A server that shows that certificate, however bad, with another one behind it unless that is negative. */
static inline struct tls_context *showing(enum certificate which, int behind)
{
    struct tls_context *context = tls_context_new(true);
    SSL_CTX_set_security_level(context->ssl, 0);
    assert_int_equal(SSL_CTX_use_certificate(context->ssl, certs[which].cert), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(context->ssl, certs[which].key), 1);
    if (behind >= 0)
        assert_int_equal(SSL_CTX_add1_chain_cert(context->ssl, certs[behind].cert), 1);
    return context;
}

static inline const struct tls_report *report_of(struct pair *pair)
{
    if (!pair->client.count[STREAM_SECURED])
        fail_msg("no handshake: %s", pair->client.err.cause);
    const struct tls_report *report = stream_tls_report(pair->client.stream);
    assert_non_null(report);
    return report;
}

#define NOTHING_BEHIND (-1)

#endif
