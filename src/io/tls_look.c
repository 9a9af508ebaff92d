#include "io/tls_private.h"

#include <assert.h>
#include <openssl/err.h>
#include <stdio.h>

static const struct {
    const char *name, *phrase;
} faults[] = {
#define X(name, phrase) {#name, phrase},
    TLS_FAULTS(X)
#undef X
};

const char *tls_fault_name(enum tls_fault fault)
{
    return faults[fault].name;
}

const char *tls_fault_phrase(enum tls_fault fault)
{
    return faults[fault].phrase;
}

const char *tls_ocsp_text(enum tls_ocsp ocsp)
{
    switch (ocsp) {
    case TLS_OCSP_NOT_STAPLED:
        return "not stapled";
    case TLS_OCSP_GOOD:
        return "good";
    case TLS_OCSP_REVOKED:
        return "revoked";
    case TLS_OCSP_UNKNOWN:
        return "unknown to the responder";
    case TLS_OCSP_STALE:
        return "out of date";
    case TLS_OCSP_INVALID:
        return "not valid";
    }
    return "";
}

static bool has_alternative_names(X509 *cert)
{
    struct tls_certificate described;
    tls_certificate_describe(&described, cert);
    return described.name_count > 0;
}

/* A lone certificate whose issuer is not here: a public CA would have told where its own is to be had, and an
 * operator who named a CA meant one above it. */
static bool lacks_intermediate(const struct tls_context *context, const struct tls_refusal *refusal)
{
    struct tls_certificate described;
    tls_certificate_describe(&described, refusal->cert);
    return refusal->sent <= 1 && (context->named_trust || described.issuer_url[0]);
}

static enum tls_fault fault_of(const struct tls_context *context, const struct tls_refusal *refusal)
{
    switch (refusal->code) {
    case X509_V_OK:
        return TLS_FAULT_NONE;
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return TLS_FAULT_EXPIRED;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return TLS_FAULT_NOT_YET_VALID;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return has_alternative_names(refusal->leaf) ? TLS_FAULT_NAME_MISMATCH : TLS_FAULT_CN_ONLY;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        return TLS_FAULT_SELF_SIGNED;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        return lacks_intermediate(context, refusal) ? TLS_FAULT_MISSING_INTERMEDIATE
                                                    : TLS_FAULT_UNKNOWN_ISSUER;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        return TLS_FAULT_UNKNOWN_ISSUER;
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
        return TLS_FAULT_WEAK_KEY;
    case X509_V_ERR_CA_MD_TOO_WEAK:
        return TLS_FAULT_WEAK_SIGNATURE;
    case X509_V_ERR_CERT_REVOKED:
        return TLS_FAULT_REVOKED;
    case X509_V_ERR_APPLICATION_VERIFICATION:
        return TLS_FAULT_PIN_MISMATCH;
    case X509_V_ERR_INVALID_PURPOSE:
    case X509_V_ERR_INVALID_CA:
        return TLS_FAULT_WRONG_PURPOSE;
    default:
        return TLS_FAULT_OTHER;
    }
}

static const struct tls_context *context_of(X509_STORE_CTX *store)
{
    const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    return SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
}

/* Goes on past every fault, so that all are known; the first one is explained. */
static int note_fault(int ok, X509_STORE_CTX *store)
{
    if (ok)
        return 1;
    struct tls_refusal *refusal = tls_refusal_of(store), this = {0};
    tls_refusal_note(&this, store, X509_STORE_CTX_get_error(store));
    this.fault = fault_of(context_of(store), &this);
    this.faults = refusal->faults | 1u << this.fault;
    this.client_certificate_wanted = refusal->client_certificate_wanted;
    if (refusal->code) {
        refusal->faults = this.faults;
        tls_refusal_clear(&this);
    } else {
        tls_refusal_clear(refusal);
        *refusal = this;
    }
    return 1;
}

int tls_look_check(X509_STORE_CTX *store, void *arg)
{
    const struct tls_context *context = arg;
    struct tls_refusal *refusal = tls_refusal_of(store);
    int rc = context->pinned ? tls_pin_check(store, arg) : X509_verify_cert(store);
    if (rc != 1 && !refusal->code) /* refused before a certificate was looked at */
        tls_refusal_note(refusal, store,
                         X509_STORE_CTX_get_error(store) ? X509_STORE_CTX_get_error(store)
                                                         : X509_V_ERR_UNSPECIFIED);
    if (refusal->code && !refusal->faults) {
        refusal->fault = fault_of(context, refusal);
        refusal->faults = 1u << refusal->fault;
    }
    X509_STORE_CTX_set_error(store, refusal->code);
    ERR_clear_error();
    return 1;
}

int tls_looking_context(const struct tls_trust *trust, struct tls_context **ret, struct err *err)
{
    struct tls_context *context = NULL;
    if (tls_client_context(trust, &context, err) < 0)
        return -1;
    context->kind = TLS_LOOKING;
    SSL_CTX_set_cert_verify_callback(context->ssl, tls_look_check, context);
    if (!context->pinned) {
        SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER, note_fault);
        SSL_CTX_set_tlsext_status_type(context->ssl, TLSEXT_STATUSTYPE_ocsp);
    }
    *ret = context;
    return 0;
}

struct tls_context *tls_antique_context(void)
{
    struct tls_context *context = tls_context_new(false);
    context->kind = TLS_ANTIQUE;
    SSL_CTX *ssl = context->ssl;
    /* Debian's defaults forbid these versions and what they sign with. */
    SSL_CTX_set_security_level(ssl, 0);
    SSL_CTX_set_min_proto_version(ssl, TLS1_VERSION);
    SSL_CTX_set_max_proto_version(ssl, TLS1_1_VERSION);
    SSL_CTX_set_options(ssl, SSL_OP_LEGACY_SERVER_CONNECT);
    int rc = SSL_CTX_set_cipher_list(ssl, "ALL:@SECLEVEL=0");
    assert(rc == 1);
    SSL_CTX_set_verify(ssl, SSL_VERIFY_NONE, NULL);
    return context;
}

static void describe_chain(STACK_OF(X509) * chain, struct tls_certificate *to, size_t *ret_n,
                           size_t *ret_more)
{
    size_t n = chain ? (size_t)sk_X509_num(chain) : 0;
    *ret_n = n < TLS_CHAIN_MAX ? n : TLS_CHAIN_MAX;
    for (size_t i = 0; i < *ret_n; i++)
        tls_certificate_describe(&to[i], sk_X509_value(chain, (int)i));
    if (ret_more)
        *ret_more = n - *ret_n;
}

static void describe_group(SSL *ssl, char *text, size_t cap)
{
    EVP_PKEY *key = NULL;
    if (SSL_get_peer_tmp_key(ssl, &key) != 1) {
        snprintf(text, cap, "RSA");
        return;
    }
    char whole[48];
    tls_key_text(key, whole, sizeof whole);
    sv group = sv_of(whole);
    sv_copy(text, cap, sv_starts(group, SV("EC ")) ? sv_from(group, 3) : group);
    EVP_PKEY_free(key);
}

/* Remedies that need what only the report has room for. */
static void advise(struct tls_report *report)
{
    const struct tls_certificate *leaf = &report->sent[0];
    switch (report->fault) {
    case TLS_FAULT_MISSING_INTERMEDIATE:
        if (leaf->issuer_url[0])
            snprintf(
                report->advice, sizeof report->advice,
                "make the server send its intermediate certificate too: it is at %s, and belongs (as PEM) "
                "behind the server's own in its certificate file; until then, name it as ca_file",
                leaf->issuer_url);
        break;
    case TLS_FAULT_SELF_SIGNED:
        snprintf(
            report->advice, sizeof report->advice,
            "compare the fingerprint with the one that the server's administrator sees, then set pin: %s",
            leaf->fingerprint);
        break;
    case TLS_FAULT_UNKNOWN_ISSUER:
        snprintf(report->advice, sizeof report->advice,
                 "get the certificate of %.200s from who runs it and name it as ca_file; or compare the "
                 "fingerprint with the server's administrator, then set pin: %s",
                 report->chain[report->chain_count ? report->chain_count - 1 : 0].issuer, leaf->fingerprint);
        break;
    case TLS_FAULT_NONE:
    case TLS_FAULT_EXPIRED:
    case TLS_FAULT_NOT_YET_VALID:
    case TLS_FAULT_NAME_MISMATCH:
    case TLS_FAULT_CN_ONLY:
    case TLS_FAULT_WEAK_KEY:
    case TLS_FAULT_WEAK_SIGNATURE:
    case TLS_FAULT_REVOKED:
    case TLS_FAULT_PIN_MISMATCH:
    case TLS_FAULT_WRONG_PURPOSE:
    case TLS_FAULT_OTHER:
        break;
    }
}

/* Revocation outweighs what else is wrong: a certificate that was taken back is nobody's. */
static void heed_revocation(struct tls_report *report, const struct tls_stapled *stapled)
{
    char when[40] = "";
    report->fault = TLS_FAULT_REVOKED;
    report->faults |= 1u << TLS_FAULT_REVOKED;
    report->fault_depth = 0;
    if (stapled->revoked_at)
        time_rfc3339(stapled->revoked_at, when, sizeof when);
    snprintf(report->cause, sizeof report->cause, "the certificate was revoked by its issuer%s%s%s%s%s",
             *when ? " at " : "", when, stapled->reason ? " (" : "", stapled->reason ? stapled->reason : "",
             stapled->reason ? ")" : "");
    snprintf(report->advice, sizeof report->advice,
             "send nothing there until the server's administrator has explained it and replaced the "
             "certificate and its key");
}

static void explain(struct tls_report *report, const struct tls_refusal *refusal, const char *name)
{
    struct err err;
    report->fault = refusal->fault;
    report->faults = refusal->faults;
    report->fault_depth = refusal->depth;
    tls_explain_refusal(refusal, *name ? name : NULL, &err);
    snprintf(report->cause, sizeof report->cause, "%s", err.cause);
    snprintf(report->advice, sizeof report->advice, "%s", err.advice);
    advise(report);
}

void tls_report_fill(struct tls_report *report, SSL *ssl, const struct tls_context *context,
                     const struct tls_refusal *refusal, const char *name)
{
    *report = (struct tls_report){.client_certificate_wanted = refusal->client_certificate_wanted};
    sv_copy(report->version, sizeof report->version, sv_of(SSL_get_version(ssl)));
    sv_copy(report->cipher, sizeof report->cipher, sv_of(SSL_get_cipher_name(ssl)));
    describe_group(ssl, report->group, sizeof report->group);
    report->secure_renegotiation =
        SSL_version(ssl) == TLS1_3_VERSION || SSL_get_secure_renegotiation_support(ssl);
    describe_chain(SSL_get_peer_cert_chain(ssl), report->sent, &report->sent_count, &report->sent_left_out);
    if (!context->pinned)
        describe_chain(SSL_get0_verified_chain(ssl), report->chain, &report->chain_count, NULL);
    report->verified = SSL_get_verify_result(ssl) == X509_V_OK && !refusal->code;
    if (!report->verified)
        explain(report, refusal, name);
    struct tls_stapled stapled;
    tls_stapled_check(ssl, context->named_trust, &stapled);
    report->ocsp = stapled.status;
    report->ocsp_next_update = stapled.next_update;
    if (stapled.status == TLS_OCSP_REVOKED)
        heed_revocation(report, &stapled);
    report->words = faults[report->fault].phrase;
    assert(report->verified || report->fault != TLS_FAULT_NONE);
}

/* What a shell takes as it stands. */
static bool is_plain_word(const char *text)
{
    return text && *text &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/") == strlen(text);
}

const char *tls_save_command(const struct address *at, const char *name, bool starttls, const char *file,
                             char *text, size_t cap)
{
    char where[ADDRESS_TEXT_MAX];
    struct address ip;
    bool sni = is_plain_word(name) && name[0] != '-' && address_parse(sv_of(name), 0, &ip, NULL) < 0;
    snprintf(text, cap,
             "openssl s_client -connect %s%s%s%s -showcerts </dev/null | sed -n '/-BEGIN/,/-END/p' >%s",
             address_text(at, where), starttls ? " -starttls smtp" : "", sni ? " -servername " : "",
             sni ? name : "", is_plain_word(file) ? file : "gateway.pem");
    return text;
}
