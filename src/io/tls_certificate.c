#include "io/tls_private.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdio.h>

enum {
    RSA_BITS_MIN = 2048,
    EC_BITS_MIN = 224,
    SIGNATURE_SECURITY_BITS_MIN = 80, /* SHA-1 is worth less (OpenSSL counts 63) */
};

static void digest_text(const unsigned char *digest, unsigned n, char *text, size_t cap)
{
    size_t used = (size_t)snprintf(text, cap, "sha256:");
    for (unsigned i = 0; i < n && used + 2 < cap; i++)
        used += (size_t)snprintf(text + used, cap - used, "%02x", digest[i]);
}

void tls_fingerprint(X509 *cert, char *text, size_t cap)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (X509_digest(cert, EVP_sha256(), digest, &n) != 1)
        n = 0;
    digest_text(digest, n, text, cap);
}

bool tls_spki_digest(X509 *cert, unsigned char digest[static TLS_PIN_BYTES])
{
    unsigned char *spki = NULL;
    unsigned n = 0;
    int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &spki);
    bool good = length > 0 && EVP_Digest(spki, (size_t)length, digest, &n, EVP_sha256(), NULL) == 1;
    OPENSSL_free(spki);
    return good;
}

void tls_name_text(const X509_NAME *name, char *text, size_t cap)
{
    BIO *out = BIO_new(BIO_s_mem());
    char *bytes = NULL;
    long n = 0;
    if (out && X509_NAME_print_ex(out, name, 0, XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) >= 0)
        n = BIO_get_mem_data(out, &bytes);
    sv whole = sv_make(bytes, n > 0 ? (size_t)n : 0);
    sv_copy(text, cap, whole.n ? whole : SV("(no name)"));
    BIO_free(out);
}

nanos tls_time(const ASN1_TIME *time)
{
    struct tm tm;
    if (!time || ASN1_TIME_to_tm(time, &tm) != 1)
        return 0;
    return time_from_civil(tm.tm_year + 1900, (unsigned)tm.tm_mon + 1, (unsigned)tm.tm_mday,
                           (unsigned)tm.tm_hour, (unsigned)tm.tm_min, (unsigned)tm.tm_sec) *
           NANOS_PER_SECOND;
}

/* The peer chose the bytes, so only plain ones are shown. */
static void plain_text(const ASN1_IA5STRING *string, char *text, size_t cap)
{
    sv_copy(text, cap, sv_make(ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string)));
    for (char *c = text; *c; c++)
        if (*c <= ' ' || *c >= 0x7f)
            *c = '?';
}

bool tls_alternative_text(const GENERAL_NAME *name, char *text, size_t cap)
{
    if (name->type == GEN_IPADD) {
        const ASN1_OCTET_STRING *ip = name->d.iPAddress;
        int family = ASN1_STRING_length(ip) == 4 ? AF_INET : AF_INET6;
        if (ASN1_STRING_length(ip) != 4 && ASN1_STRING_length(ip) != 16)
            return false;
        return inet_ntop(family, ASN1_STRING_get0_data(ip), text, (socklen_t)cap);
    }
    if (name->type != GEN_DNS)
        return false;
    plain_text(name->d.dNSName, text, cap);
    return true;
}

static void describe_names(struct tls_certificate *to, X509 *cert)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    int n = names ? sk_GENERAL_NAME_num(names) : 0;
    for (int i = 0; i < n; i++) {
        char one[TLS_NAME_BYTES_MAX];
        if (!tls_alternative_text(sk_GENERAL_NAME_value(names, i), one, sizeof one))
            continue;
        if (to->name_count == TLS_NAMES_MAX)
            to->names_left_out++;
        else
            sv_copy(to->names[to->name_count++], TLS_NAME_BYTES_MAX, sv_of(one));
    }
    GENERAL_NAMES_free(names);
}

static void describe_issuer_url(struct tls_certificate *to, X509 *cert)
{
    AUTHORITY_INFO_ACCESS *ways = X509_get_ext_d2i(cert, NID_info_access, NULL, NULL);
    int n = ways ? sk_ACCESS_DESCRIPTION_num(ways) : 0;
    for (int i = 0; i < n && !to->issuer_url[0]; i++) {
        const ACCESS_DESCRIPTION *way = sk_ACCESS_DESCRIPTION_value(ways, i);
        if (OBJ_obj2nid(way->method) != NID_ad_ca_issuers || way->location->type != GEN_URI)
            continue;
        plain_text(way->location->d.uniformResourceIdentifier, to->issuer_url, sizeof to->issuer_url);
        if (!sv_istarts(sv_of(to->issuer_url), SV("http://")) &&
            !sv_istarts(sv_of(to->issuer_url), SV("https://")))
            to->issuer_url[0] = '\0';
    }
    AUTHORITY_INFO_ACCESS_free(ways);
}

/* The names that people know. */
static const char *curve_text(const char *group)
{
    static const char *const names[][2] = {
        {"prime256v1", "P-256"}, {"secp384r1", "P-384"}, {"secp521r1", "P-521"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (sv_ieq(sv_of(group), sv_of(names[i][0])))
            return names[i][1];
    return group;
}

void tls_key_text(EVP_PKEY *key, char *text, size_t cap)
{
    static const struct {
        int id;
        const char *name;
    } fixed[] = {{EVP_PKEY_ED25519, "Ed25519"},
                 {EVP_PKEY_ED448, "Ed448"},
                 {EVP_PKEY_X25519, "X25519"},
                 {EVP_PKEY_X448, "X448"}};
    int id = key ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE;
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        if (id == fixed[i].id) {
            snprintf(text, cap, "%s", fixed[i].name);
            return;
        }
    char group[32];
    size_t n = 0;
    const char *type = key ? EVP_PKEY_get0_type_name(key) : NULL;
    if (id == EVP_PKEY_EC && EVP_PKEY_get_group_name(key, group, sizeof group, &n) == 1)
        snprintf(text, cap, "EC %s", curve_text(group));
    else if (type)
        snprintf(text, cap, "%s %d", type, EVP_PKEY_get_bits(key));
    else
        snprintf(text, cap, "unknown");
}

static bool key_is_weak(EVP_PKEY *key)
{
    switch (key ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE) {
    case EVP_PKEY_RSA:
    case EVP_PKEY_RSA_PSS:
        return EVP_PKEY_get_bits(key) < RSA_BITS_MIN;
    case EVP_PKEY_EC:
        return EVP_PKEY_get_bits(key) < EC_BITS_MIN;
    case EVP_PKEY_DSA:
        return true;
    default:
        return false;
    }
}

void tls_signature_text(X509 *cert, char *text, size_t cap)
{
    const char *name = OBJ_nid2ln(X509_get_signature_nid(cert));
    snprintf(text, cap, "%s", name ? name : "unknown");
}

static bool signature_is_weak(X509 *cert)
{
    int security = 0;
    uint32_t flags = 0;
    if (X509_get_signature_info(cert, NULL, NULL, &security, &flags) != 1)
        return false;
    return security < SIGNATURE_SECURITY_BITS_MIN;
}

void tls_certificate_describe(struct tls_certificate *to, X509 *cert)
{
    *to = (struct tls_certificate){0};
    tls_name_text(X509_get_subject_name(cert), to->subject, sizeof to->subject);
    tls_name_text(X509_get_issuer_name(cert), to->issuer, sizeof to->issuer);
    describe_names(to, cert);
    describe_issuer_url(to, cert);
    to->not_before = tls_time(X509_get0_notBefore(cert));
    to->not_after = tls_time(X509_get0_notAfter(cert));
    EVP_PKEY *key = X509_get0_pubkey(cert);
    tls_key_text(key, to->key, sizeof to->key);
    to->bits = key ? (unsigned)EVP_PKEY_get_bits(key) : 0;
    to->weak_key = key_is_weak(key);
    tls_signature_text(cert, to->signature, sizeof to->signature);
    to->self_signed = X509_get_extension_flags(cert) & EXFLAG_SS;
    to->weak_signature = !to->self_signed && signature_is_weak(cert);
    to->is_ca = X509_check_ca(cert) == 1;
    tls_fingerprint(cert, to->fingerprint, sizeof to->fingerprint);
    unsigned char digest[EVP_MAX_MD_SIZE];
    digest_text(digest, tls_spki_digest(cert, digest) ? TLS_PIN_BYTES : 0, to->spki_fingerprint,
                sizeof to->spki_fingerprint);
}
