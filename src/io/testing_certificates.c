#include "io/testing_certificates.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void extend(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert(extension);
    X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
}

static void fill_name(X509 *cert, const char *common_name)
{
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8,
                               (const unsigned char *)common_name, -1, -1, 0);
}

static void fill_dates(X509 *cert, const struct testing_plan *plan)
{
    long day = 86400L, from = plan->days < 0 ? plan->days * day - day : -day;
    X509_gmtime_adj(X509_getm_notBefore(cert), plan->starts ? plan->starts * day : from);
    X509_gmtime_adj(X509_getm_notAfter(cert), plan->days * day);
}

static void fill_extensions(X509 *cert, X509 *above, const struct testing_plan *plan)
{
    extend(cert, above, NID_basic_constraints, plan->is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
    extend(cert, above, NID_subject_key_identifier, "hash");
    if (plan->names)
        extend(cert, above, NID_subject_alt_name, plan->names);
    if (plan->usage)
        extend(cert, above, NID_ext_key_usage, plan->usage);
    if (plan->issuer_url) {
        char value[200];
        snprintf(value, sizeof value, "caIssuers;URI:%s", plan->issuer_url);
        extend(cert, above, NID_info_access, value);
    }
}

struct testing_certificate testing_certificate_plan(const struct testing_plan *plan)
{
    struct testing_certificate made = {.cert = X509_new(),
                                       .key = plan->rsa_bits ? EVP_RSA_gen((unsigned)plan->rsa_bits)
                                                             : EVP_EC_gen("P-256")};
    X509 *cert = made.cert;
    assert(cert && made.key);
    uint64_t serial = 0;
    RAND_bytes((unsigned char *)&serial, sizeof serial);
    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1 | 1);
    fill_dates(cert, plan);
    fill_name(cert, plan->common_name);
    X509 *above = plan->issuer ? plan->issuer->cert : cert;
    X509_set_issuer_name(cert, X509_get_subject_name(above));
    X509_set_pubkey(cert, made.key);
    fill_extensions(cert, above, plan);
    int n =
        X509_sign(cert, plan->issuer ? plan->issuer->key : made.key, plan->sha1 ? EVP_sha1() : EVP_sha256());
    assert(n > 0);
    return made;
}

struct testing_certificate testing_certificate_make(const char *common_name, const char *names,
                                                    const struct testing_certificate *issuer, int is_ca,
                                                    int days)
{
    return testing_certificate_plan(&(struct testing_plan){
        .common_name = common_name, .names = names, .issuer = issuer, .is_ca = is_ca, .days = days});
}

unsigned char *testing_ocsp_answer(const struct testing_certificate *cert,
                                   const struct testing_certificate *issuer,
                                   const struct testing_certificate *signer, int status, int from_days,
                                   int *ret_n)
{
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha256(), cert->cert, issuer->cert);
    ASN1_TIME *from = X509_gmtime_adj(NULL, from_days * 86400L - 60);
    ASN1_TIME *until = X509_gmtime_adj(NULL, (from_days + 1) * 86400L);
    OCSP_basic_add1_status(basic, id, status, OCSP_REVOKED_STATUS_KEYCOMPROMISE, from, from, until);
    int rc = OCSP_basic_sign(basic, signer->cert, signer->key, EVP_sha256(), NULL, 0);
    assert(rc == 1);
    OCSP_RESPONSE *response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    unsigned char *der = NULL;
    *ret_n = i2d_OCSP_RESPONSE(response, &der);
    assert(*ret_n > 0);
    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
    OCSP_CERTID_free(id);
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(response);
    return der;
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

enum { FOLDER_CERTIFICATES_MAX = 32 };

static char folder[] = "/tmp/vedette-tls-XXXXXX";
static const char *const kinds[] = {"pem", "key", "chain"};

const char *testing_path(const char *what, int which)
{
    static char paths[sizeof kinds / sizeof *kinds][FOLDER_CERTIFICATES_MAX][64];
    size_t kind = 0;
    while (strcmp(kinds[kind], what) != 0)
        kind++;
    assert(which >= 0 && which < FOLDER_CERTIFICATES_MAX);
    snprintf(paths[kind][which], sizeof **paths, "%s/%d.%s", folder, which, what);
    return paths[kind][which];
}

const char *testing_folder_make(const struct testing_certificate *certs, int count)
{
    const char *made = mkdtemp(folder);
    assert(made);
    for (int i = 0; i < count; i++) {
        testing_certificate_write(testing_path("pem", i), &certs[i], NULL);
        testing_certificate_write_key(testing_path("key", i), &certs[i]);
    }
    return made;
}

int testing_folder_remove(struct testing_certificate *certs, int count)
{
    for (int i = 0; i < count; i++) {
        for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++)
            unlink(testing_path(kinds[kind], i));
        testing_certificate_free(&certs[i]);
    }
    return rmdir(folder);
}
