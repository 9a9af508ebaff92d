#include "io/tls_private.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <openssl/x509v3.h>
#include <stdio.h>

enum { NAMES_SHOWN_MAX = 8, SHOWN_BYTES_MAX = 64 };

const char *tls_library_reason(void)
{
    unsigned long code = ERR_peek_error(); /* the first: later ones only say who called */
    const char *reason = code ? ERR_reason_error_string(code) : NULL;
    if (!reason && ERR_SYSTEM_ERROR(code))
        reason = strerrordesc_np(ERR_GET_REASON(code));
    return reason ? reason : "no reason given";
}

/* "mx.example.org, 192.0.2.25 and 3 more"; false if the certificate bears no such name. */
static bool names_text(X509 *cert, char *text, size_t cap)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    int n = names ? sk_GENERAL_NAME_num(names) : 0, shown = 0, more = 0;
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < n; i++) {
        char one[SHOWN_BYTES_MAX];
        if (!tls_alternative_text(sk_GENERAL_NAME_value(names, i), one, sizeof one))
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

/* The root's signature is not looked at, so the certificate at fault is the one that bears it. */
static void explain_weakness(const struct tls_refusal *refusal, struct err *err)
{
    char who[160], what[64];
    whose(refusal, who, sizeof who);
    if (refusal->code == X509_V_ERR_CA_MD_TOO_WEAK) {
        tls_signature_text(refusal->cert, what, sizeof what);
        err_set(err, ERR_PROTOCOL, "have it issued again, signed with SHA-256 or better",
                "%s is signed with %s, which can be forged", who, what);
        return;
    }
    tls_key_text(X509_get0_pubkey(refusal->cert), what, sizeof what);
    err_set(err, ERR_PROTOCOL, "have it issued again for a key of RSA 2048, EC P-256 or better",
            "%s has a key that is too weak (%s)", who, what);
}

static void explain_purpose(const struct tls_refusal *refusal, struct err *err)
{
    char who[160];
    whose(refusal, who, sizeof who);
    if (refusal->depth > 0)
        err_set(err, ERR_PROTOCOL,
                "have the certificate issued by a CA, and send that CA's certificate with it",
                "%s may not issue certificates", who);
    else
        err_set(err, ERR_PROTOCOL, "have it issued again with the extended key usage serverAuth",
                "%s was not issued for a server (its extended key usage or key usage forbids it)", who);
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
    case X509_V_ERR_DANE_NO_MATCH:
        tls_fingerprint(refusal->leaf, fingerprint, sizeof fingerprint);
        err_set(
            err, ERR_PROTOCOL,
            "the server's administrator must publish TLSA records of the certificate in use; if that did not "
            "change, somebody on the way may be in the server's place",
            "the certificate matches none of the TLSA records of %s; its fingerprint is %s",
            name ? name : "the server", fingerprint);
        return;
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
    case X509_V_ERR_CA_MD_TOO_WEAK:
        explain_weakness(refusal, err);
        return;
    case X509_V_ERR_INVALID_PURPOSE:
    case X509_V_ERR_INVALID_CA:
        explain_purpose(refusal, err);
        return;
    default:
        err_set(err, ERR_PROTOCOL, "the server's administrator must replace it", "%s is not acceptable: %s",
                whose(refusal, who, sizeof who), X509_verify_cert_error_string(refusal->code));
    }
}

struct reason {
    int code;
    enum tls_failure failure;
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
static const char ours_wanted[] = "the peer demands a client certificate, and we have none";
static const char ours_advice[] = "use a port or a gateway that asks for none";
static const char unsafe_renegotiation[] = "the peer knows no secure renegotiation (RFC 5746)";
static const char unsafe_advice[] = "update the other side: its TLS is from before 2010 and can be attacked";

#define FAILS(reason, failure) SSL_R_##reason, TLS_FAILURE_##failure
static const struct reason reasons[] = {
    {FAILS(WRONG_VERSION_NUMBER, PLAIN_TEXT), no_tls, plain_advice},
    {FAILS(PACKET_LENGTH_TOO_LONG, PLAIN_TEXT), no_tls, plain_advice},
    {FAILS(BAD_RECORD_TYPE, PLAIN_TEXT), no_tls, plain_advice},
    {FAILS(UNKNOWN_PROTOCOL, PLAIN_TEXT), no_tls, plain_advice},
    {FAILS(HTTP_REQUEST, PLAIN_TEXT), "the peer sent an HTTP request without TLS", NULL},
    {FAILS(HTTPS_PROXY_REQUEST, PLAIN_TEXT), "the peer sent a proxy request without TLS", NULL},
    {FAILS(UNSUPPORTED_PROTOCOL, TOO_OLD), too_old, old_advice},
    {FAILS(VERSION_TOO_LOW, TOO_OLD), too_old, old_advice},
    {FAILS(TLSV1_ALERT_PROTOCOL_VERSION, TOO_OLD), "the peer accepts no TLS version that we offer",
     old_advice},
    {FAILS(NO_SHARED_CIPHER, NO_CIPHER), no_cipher, cipher_advice},
    {FAILS(SSLV3_ALERT_HANDSHAKE_FAILURE, NO_CIPHER), no_cipher, cipher_advice},
    {FAILS(TLSV1_ALERT_INSUFFICIENT_SECURITY, NO_CIPHER), no_cipher, cipher_advice},
    {FAILS(TLSV1_ALERT_UNKNOWN_CA, OTHER), untrusted_us, "give the peer the certificate of our issuer"},
    {FAILS(SSLV3_ALERT_BAD_CERTIFICATE, OTHER), untrusted_us, "see the peer's own log for its reason"},
    {FAILS(SSLV3_ALERT_CERTIFICATE_UNKNOWN, OTHER), untrusted_us, "see the peer's own log for its reason"},
    {FAILS(SSLV3_ALERT_CERTIFICATE_EXPIRED, OTHER), "the peer says that our certificate has expired",
     "renew it"},
    {FAILS(TLSV13_ALERT_CERTIFICATE_REQUIRED, CLIENT_CERTIFICATE), ours_wanted, ours_advice},
    {FAILS(PEER_DID_NOT_RETURN_A_CERTIFICATE, OTHER), no_client,
     "give the client a certificate of the client CA"},
    {FAILS(TLSV1_UNRECOGNIZED_NAME, NAME), "the peer does not know the name that we asked for",
     "check verify_name"},
    {FAILS(DH_KEY_TOO_SMALL, NO_CIPHER), "the peer's Diffie-Hellman key is too small", cipher_advice},
    {FAILS(UNSAFE_LEGACY_RENEGOTIATION_DISABLED, RENEGOTIATION), unsafe_renegotiation, unsafe_advice},
};

static enum tls_failure explain_system(bool handshake, int system, struct err *err)
{
    errno = system;
    err_set(err, ERR_SYSTEM, handshake ? "see the peer's own log: it may refuse our TLS" : NULL, "%s",
            handshake ? "the connection broke during the TLS handshake" : "the TLS connection broke");
    if (err)
        err->class = ERR_UNAVAILABLE;
    return TLS_FAILURE_BROKEN;
}

enum tls_failure tls_explain_failure(bool server, bool handshake, int ssl_error, int system, struct err *err)
{
    const char *where = handshake ? "TLS handshake" : "TLS connection";
    unsigned long code = ERR_peek_error();
    if (ssl_error == SSL_ERROR_SYSCALL && system)
        return explain_system(handshake, system, err);
    if (!code || ssl_error != SSL_ERROR_SSL) {
        err_set(err, ERR_PROTOCOL,
                server ? "the client may not trust our certificate, or may have given up"
                       : "see the server's own log, and whether port and security fit",
                "the peer closed the connection during the %s", where);
        return TLS_FAILURE_HUNG_UP;
    }
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        if (reasons[i].code != ERR_GET_REASON(code) || ERR_GET_LIB(code) != ERR_LIB_SSL)
            continue;
        err_set(err, ERR_PROTOCOL, reasons[i].advice, "%s failed: %s", where, reasons[i].cause);
        return reasons[i].failure;
    }
    const char *reason = ERR_reason_error_string(code);
    err_set(err, ERR_PROTOCOL, NULL, "%s failed: %s", where, reason ? reason : "no reason given");
    return TLS_FAILURE_OTHER;
}

void tls_explain_client_certificate(struct err *err)
{
    err_set(err, ERR_PROTOCOL, ours_advice, "TLS handshake failed: %s", ours_wanted);
}
