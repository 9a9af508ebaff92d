#include "io/testing_certificates.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <sys/stat.h>

static void extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert(extension);
    X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
}

struct testing_certificate testing_certificate_make(const char *common_name, const char *names,
                                                    const struct testing_certificate *issuer, int is_ca,
                                                    int days)
{
    struct testing_certificate made = {.cert = X509_new(), .key = EVP_EC_gen("P-256")};
    X509 *cert = made.cert;
    assert(cert && made.key);
    uint64_t serial = 0;
    RAND_bytes((unsigned char *)&serial, sizeof serial);
    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1 | 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), days < 0 ? days * 86400L - 86400L : -86400L);
    X509_gmtime_adj(X509_getm_notAfter(cert), days * 86400L);
    X509_NAME *subject = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1, 0);
    X509_set_issuer_name(cert, issuer ? X509_get_subject_name(issuer->cert) : subject);
    X509_set_pubkey(cert, made.key);
    X509 *above = issuer ? issuer->cert : cert;
    extend(cert, above, NID_basic_constraints, is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    extend(cert, above, NID_subject_key_identifier, "hash");
    if (names)
        extend(cert, above, NID_subject_alt_name, names);
    int n = X509_sign(cert, issuer ? issuer->key : made.key, EVP_sha256());
    assert(n > 0);
    return made;
}

void testing_certificate_free(struct testing_certificate *certificate)
{
    X509_free(certificate->cert);
    EVP_PKEY_free(certificate->key);
}

void testing_certificate_write(const char *path, const struct testing_certificate *first,
                               const struct testing_certificate *second)
{
    FILE *file = fopen(path, "w");
    assert(file);
    PEM_write_X509(file, first->cert);
    if (second)
        PEM_write_X509(file, second->cert);
    fclose(file);
}

void testing_certificate_write_key(const char *path, const struct testing_certificate *certificate)
{
    FILE *file = fopen(path, "w");
    assert(file);
    chmod(path, 0600);
    PEM_write_PrivateKey(file, certificate->key, NULL, NULL, 0, NULL, NULL);
    fclose(file);
}
