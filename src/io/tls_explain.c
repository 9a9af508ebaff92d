#include "io/tls_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <time.h>

enum { NAMES_SHOWN_MAX = 8, NAME_BYTES_MAX = 64 };

const char *tls_library_reason(void)
{
    unsigned long code = ERR_peek_error(); /* the first: later ones only say who called */
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    if (!reason && ERR_SYSTEM_ERROR(code))
        reason = strerrordesc_np(ERR_GET_REASON(code));
    return reason ? reason : "no reason given";
}

void tls_fingerprint(X509 *cert, char *text, size_t cap)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (X509_digest(cert, EVP_sha256(), digest, &n) != 1)
        n = 0;
    size_t used = (size_t)snprintf(text, cap, "sha256:");
    for (unsigned i = 0; i < n && used + 2 < cap; i++)
        used += (size_t)snprintf(text + used, cap - used, "%02x", digest[i]);
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

/* One alternative name as text; the peer chose its bytes, so only plain ones are shown. */
static bool alternative_text(const GENERAL_NAME *name, char text[static NAME_BYTES_MAX])
{
    if (name->type == GEN_IPADD) {
        const ASN1_OCTET_STRING *ip = name->d.iPAddress;
        int family = ASN1_STRING_length(ip) == 4 ? AF_INET : AF_INET6;
        if (ASN1_STRING_length(ip) != 4 && ASN1_STRING_length(ip) != 16)
            return false;
        return inet_ntop(family, ASN1_STRING_get0_data(ip), text, NAME_BYTES_MAX);
    }
    if (name->type != GEN_DNS)
        return false;
    const ASN1_IA5STRING *dns = name->d.dNSName;
    sv_copy(text, NAME_BYTES_MAX, sv_make(ASN1_STRING_get0_data(dns), (size_t)ASN1_STRING_length(dns)));
    for (char *c = text; *c; c++)
        if (*c <= ' ' || *c >= 0x7f)
            *c = '?';
    return true;
}

/* "mx.example.org, 192.0.2.25 and 3 more"; false if the certificate bears no such name. */
static bool names_text(X509 *cert, char *text, size_t cap)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    int n = names ? sk_GENERAL_NAME_num(names) : 0, shown = 0, more = 0;
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < n; i++) {
        char one[NAME_BYTES_MAX];
        if (!alternative_text(sk_GENERAL_NAME_value(names, i), one))
            continue;
        if (shown >= NAMES_SHOWN_MAX || used + strlen(one) + 24 > cap) {
            more++;
            continue;
        }
        used += (size_t)snprintf(text + used, cap - used, "%s%s", shown++ ? ", " : "", one);
    }
    if (more)
        snprintf(text + used, cap - used, " and %d more", more);
    GENERAL_NAMES_free(names);
    return shown > 0;
}

static void explain_mismatch(const struct tls_refusal *refusal, const char *name, struct err *err)
{
    static const char advice[] =
        "set verify_name to a name that the certificate bears, if that is the server "
        "you mean; else give the server a certificate for the expected name";
    char names[240];
    if (names_text(refusal->leaf, names, sizeof names)) {
        err_set(err, ERR_PROTOCOL, advice, "the certificate is for %s, not for %s", names, name);
        return;
    }
    char subject[160];
    tls_name_text(X509_get_subject_name(refusal->leaf), subject, sizeof subject);
    err_set(err, ERR_PROTOCOL, "give the server a certificate with that name, or pin this one",
            "the certificate has no subject alternative name, and its subject %s does not count; expected %s",
            subject, name);
}

static const char *whose(const struct tls_refusal *refusal, char *text, size_t cap)
{
    if (refusal->depth == 0)
        return "the certificate";
    char subject[120];
    tls_name_text(X509_get_subject_name(refusal->cert), subject, sizeof subject);
    snprintf(text, cap, "the issuer's certificate (%s)", subject);
    return text;
}

static void explain_dates(const struct tls_refusal *refusal, struct err *err)
{
    char who[160], when[40];
    if (refusal->code == X509_V_ERR_CERT_HAS_EXPIRED) {
        time_rfc3339(tls_time(X509_get0_notAfter(refusal->cert)), when, sizeof when);
        err_set(err, ERR_PROTOCOL, "renew it on the server, and check this machine's clock",
                "%s expired at %s", whose(refusal, who, sizeof who), when);
        return;
    }
    time_rfc3339(tls_time(X509_get0_notBefore(refusal->cert)), when, sizeof when);
    err_set(err, ERR_PROTOCOL, "check this machine's clock", "%s is valid only from %s",
            whose(refusal, who, sizeof who), when);
}

static void explain_issuer(const struct tls_refusal *refusal, struct err *err)
{
    char issuer[160], fingerprint[72];
    tls_name_text(X509_get_issuer_name(refusal->cert), issuer, sizeof issuer);
    tls_fingerprint(refusal->leaf, fingerprint, sizeof fingerprint);
    if (refusal->sent <= 1)
        err_set(err, ERR_PROTOCOL,
                "make the server send its intermediate certificates too; or put its issuer into ca_file, or "
                "pin the certificate",
                "the certificate's issuer %s is not trusted here, and the server sent no intermediate "
                "certificate that leads to a trusted one; its fingerprint is %s",
                issuer, fingerprint);
    else
        err_set(err, ERR_PROTOCOL, "if you trust that issuer, put its certificate into ca_file",
                "the certificate chain ends at an unknown issuer, %s; the fingerprint is %s", issuer,
                fingerprint);
}

static void explain_self_signed(const struct tls_refusal *refusal, struct err *err)
{
    char subject[160], fingerprint[72];
    tls_name_text(X509_get_subject_name(refusal->cert), subject, sizeof subject);
    tls_fingerprint(refusal->leaf, fingerprint, sizeof fingerprint);
    if (refusal->code == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT)
        err_set(
            err, ERR_PROTOCOL,
            "compare the fingerprint with the one that the server's administrator sees, then set pin to it",
            "the certificate is self-signed by %s; its fingerprint is %s", subject, fingerprint);
    else
        err_set(err, ERR_PROTOCOL, "if you trust that root, put its certificate into ca_file",
                "the certificate chain ends at a root that is not trusted here, %s; the fingerprint is %s",
                subject, fingerprint);
}

void tls_explain_refusal(const struct tls_refusal *refusal, const char *name, struct err *err)
{
    char fingerprint[72], who[160];
    switch (refusal->code) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        explain_mismatch(refusal, name ? name : "us", err);
        return;
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        explain_dates(refusal, err);
        return;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        explain_issuer(refusal, err);
        return;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        explain_self_signed(refusal, err);
        return;
    case X509_V_ERR_APPLICATION_VERIFICATION:
        tls_fingerprint(refusal->leaf, fingerprint, sizeof fingerprint);
        err_set(err, ERR_PROTOCOL,
                "if the server's certificate was renewed, confirm the new fingerprint with its administrator "
                "and set pin to it",
                "the certificate is not the pinned one; its fingerprint is %s", fingerprint);
        return;
    default:
        err_set(err, ERR_PROTOCOL, "the server's administrator must replace it", "%s is not acceptable: %s",
                whose(refusal, who, sizeof who), X509_verify_cert_error_string(refusal->code));
    }
}

struct reason {
    int code;
    const char *cause, *advice;
};

static const char plain_advice[] =
    "port and security do not fit: 465 goes with tls, 587 and 25 with starttls";
static const char old_advice[] = "TLS 1.2 is the least; update the other side or its TLS settings";
static const char no_tls[] = "the peer speaks plain text where TLS was expected";
static const char too_old[] = "the peer offers no TLS version from 1.2 on";
static const char no_cipher[] = "no cipher or key type suits both sides";
static const char cipher_advice[] = "compare the TLS settings of both sides";
static const char untrusted_us[] = "the peer does not trust our certificate";
static const char no_client[] = "the peer showed no certificate, which is required here";

static const struct reason reasons[] = {
    {SSL_R_WRONG_VERSION_NUMBER, no_tls, plain_advice},
    {SSL_R_PACKET_LENGTH_TOO_LONG, no_tls, plain_advice},
    {SSL_R_BAD_RECORD_TYPE, no_tls, plain_advice},
    {SSL_R_UNKNOWN_PROTOCOL, no_tls, plain_advice},
    {SSL_R_HTTP_REQUEST, "the peer sent an HTTP request without TLS", NULL},
    {SSL_R_HTTPS_PROXY_REQUEST, "the peer sent a proxy request without TLS", NULL},
    {SSL_R_UNSUPPORTED_PROTOCOL, too_old, old_advice},
    {SSL_R_VERSION_TOO_LOW, too_old, old_advice},
    {SSL_R_TLSV1_ALERT_PROTOCOL_VERSION, "the peer accepts no TLS version that we offer", old_advice},
    {SSL_R_NO_SHARED_CIPHER, no_cipher, cipher_advice},
    {SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE, no_cipher, cipher_advice},
    {SSL_R_TLSV1_ALERT_INSUFFICIENT_SECURITY, no_cipher, cipher_advice},
    {SSL_R_TLSV1_ALERT_UNKNOWN_CA, untrusted_us, "give the peer the certificate of our issuer"},
    {SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, untrusted_us, "see the peer's own log for its reason"},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, untrusted_us, "see the peer's own log for its reason"},
    {SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, "the peer says that our certificate has expired", "renew it"},
    {SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED, "the peer demands a client certificate, and we have none",
     "use a port or a gateway that asks for none"},
    {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, no_client, "give the client a certificate of the client CA"},
    {SSL_R_TLSV1_UNRECOGNIZED_NAME, "the peer does not know the name that we asked for", "check verify_name"},
    {SSL_R_DH_KEY_TOO_SMALL, "the peer's Diffie-Hellman key is too small", cipher_advice},
};

static void explain_system(bool handshake, int system, struct err *err)
{
    errno = system;
    err_set(err, ERR_SYSTEM, handshake ? "see the peer's own log: it may refuse our TLS" : NULL, "%s",
            handshake ? "the connection broke during the TLS handshake" : "the TLS connection broke");
    if (err)
        err->class = ERR_UNAVAILABLE;
}

void tls_explain_failure(bool server, bool handshake, int ssl_error, int system, struct err *err)
{
    const char *where = handshake ? "TLS handshake" : "TLS connection";
    unsigned long code = ERR_peek_error();
    if (ssl_error == SSL_ERROR_SYSCALL && system) {
        explain_system(handshake, system, err);
        return;
    }
    if (!code || ssl_error != SSL_ERROR_SSL) {
        err_set(err, ERR_PROTOCOL,
                server ? "the client may not trust our certificate, or may have given up"
                       : "see the server's own log, and whether port and security fit",
                "the peer closed the connection during the %s", where);
        return;
    }
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        if (reasons[i].code != ERR_GET_REASON(code) || ERR_GET_LIB(code) != ERR_LIB_SSL)
            continue;
        err_set(err, ERR_PROTOCOL, reasons[i].advice, "%s failed: %s", where, reasons[i].cause);
        return;
    }
    const char *reason = ERR_reason_error_string(code);
    err_set(err, ERR_PROTOCOL, NULL, "%s failed: %s", where, reason ? reason : "no reason given");
}
