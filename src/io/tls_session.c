#include "io/tls_session.h"
#include "io/tls_private.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

struct tls_session {
    struct tls_context *context;
    SSL *ssl;
    char *name; /* NULL for servers */
    struct tls_refusal refusal;
    struct tls_info info;
    bool secured, broken;
};

void tls_refusal_note(struct tls_refusal *refusal, X509_STORE_CTX *store, int code)
{
    tls_refusal_clear(refusal);
    X509 *cert = X509_STORE_CTX_get_current_cert(store), *leaf = X509_STORE_CTX_get0_cert(store);
    STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(store);
    *refusal = (struct tls_refusal){.code = code,
                                    .depth = X509_STORE_CTX_get_error_depth(store),
                                    .sent = sent ? sk_X509_num(sent) : 0,
                                    .cert = cert ? cert : leaf,
                                    .leaf = leaf};
    if (refusal->cert)
        X509_up_ref(refusal->cert);
    if (refusal->leaf)
        X509_up_ref(refusal->leaf);
}

void tls_refusal_clear(struct tls_refusal *refusal)
{
    X509_free(refusal->cert);
    X509_free(refusal->leaf);
    *refusal = (struct tls_refusal){0};
}

static struct tls_refusal *refusal_of(X509_STORE_CTX *store)
{
    const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    return SSL_get_app_data(ssl);
}

int tls_verify_note(int ok, X509_STORE_CTX *store)
{
    if (!ok)
        tls_refusal_note(refusal_of(store), store, X509_STORE_CTX_get_error(store));
    return ok;
}

int tls_pin_check(X509_STORE_CTX *store, void *arg)
{
    const struct tls_context *context = arg;
    X509 *cert = X509_STORE_CTX_get0_cert(store);
    unsigned char digest[EVP_MAX_MD_SIZE], *spki = NULL;
    unsigned n = 0;
    bool good = cert && X509_digest(cert, EVP_sha256(), digest, &n) == 1 && n == TLS_PIN_BYTES &&
                CRYPTO_memcmp(digest, context->pin, TLS_PIN_BYTES) == 0;
    int length = cert && !good ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &spki) : 0;
    if (length > 0)
        good = EVP_Digest(spki, (size_t)length, digest, &n, EVP_sha256(), NULL) == 1 &&
               CRYPTO_memcmp(digest, context->pin, TLS_PIN_BYTES) == 0;
    OPENSSL_free(spki);
    X509_STORE_CTX_set_error(store, good ? X509_V_OK : X509_V_ERR_APPLICATION_VERIFICATION);
    if (!good)
        tls_refusal_note(refusal_of(store), store, X509_V_ERR_APPLICATION_VERIFICATION);
    return good;
}

/* An address is checked against the certificate's addresses and, as RFC 6066 §3 wants, not sent as SNI. */
static void expect_name(SSL *ssl, const char *name)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    /* Only subject alternative names count (RFC 9525 §2). */
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
                                               X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    if (X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1)
        return;
    ERR_clear_error();
    int rc = X509_VERIFY_PARAM_set1_host(param, name, 0);
    assert(rc == 1);
    /* A name too long for SNI is not sent; the check above still holds. */
    SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, (void *)(uintptr_t)name);
}

static void be_client(struct tls_session *session, const char *name)
{
    session->name = strdup(name ? name : "");
    assert(session->name);
    size_t n = strlen(session->name);
    if (n > 1 && session->name[n - 1] == '.')
        session->name[n - 1] = '\0';
    if (*session->name)
        expect_name(session->ssl, session->name);
    SSL_set_connect_state(session->ssl);
}

struct tls_session *tls_session_new(struct tls_context *context, int fd, const char *name)
{
    assert(context->server || context->pinned || (name && *name));
    struct tls_session *session = calloc(1, sizeof *session);
    assert(session);
    session->context = tls_context_keep(context);
    session->ssl = SSL_new(context->ssl);
    assert(session->ssl);
    SSL_set_app_data(session->ssl, &session->refusal);
    int rc = SSL_set_fd(session->ssl, fd);
    assert(rc == 1);
    if (context->server)
        SSL_set_accept_state(session->ssl);
    else
        be_client(session, name);
    return session;
}

void tls_session_free(struct tls_session *session)
{
    if (!session)
        return;
    SSL_free(session->ssl);
    tls_refusal_clear(&session->refusal);
    tls_context_free(session->context);
    free(session->name);
    free(session);
}

/* Turns what OpenSSL returned into a result. errno must be as OpenSSL left it. */
static enum tls_result result_of(struct tls_session *session, int rc, bool handshake, struct err *err)
{
    int system = errno;
    int error = SSL_get_error(session->ssl, rc);
    if (error == SSL_ERROR_WANT_READ)
        return TLS_WANT_READ;
    if (error == SSL_ERROR_WANT_WRITE)
        return TLS_WANT_WRITE;
    if (error == SSL_ERROR_ZERO_RETURN && !handshake)
        return TLS_ENDED;
    session->broken = true;
    if (session->refusal.code && handshake)
        tls_explain_refusal(&session->refusal, session->name, err);
    else
        tls_explain_failure(session->context->server, handshake, error, system, err);
    ERR_clear_error();
    return TLS_BROKEN;
}

static void describe_peer(struct tls_info *info, X509 *cert)
{
    if (!cert)
        return;
    tls_name_text(X509_get_subject_name(cert), info->subject, sizeof info->subject);
    tls_name_text(X509_get_issuer_name(cert), info->issuer, sizeof info->issuer);
    tls_fingerprint(cert, info->fingerprint, sizeof info->fingerprint);
    info->not_after = tls_time(X509_get0_notAfter(cert));
}

static void describe(struct tls_session *session)
{
    static const char label[] = "EXPORTER-Channel-Binding"; /* RFC 9266 §2 */
    struct tls_info *info = &session->info;
    const SSL *ssl = session->ssl;
    sv_copy(info->version, sizeof info->version, sv_of(SSL_get_version(ssl)));
    sv_copy(info->cipher, sizeof info->cipher, sv_of(SSL_get_cipher_name(ssl)));
    X509 *cert = SSL_get1_peer_certificate(ssl);
    describe_peer(info, cert);
    X509_free(cert);
    const unsigned char nothing = 0;
    if (SSL_version(ssl) == TLS1_3_VERSION &&
        SSL_export_keying_material(session->ssl, info->exporter, sizeof info->exporter, label,
                                   sizeof label - 1, &nothing, 0, 1) == 1)
        info->exporter_length = sizeof info->exporter;
}

enum tls_result tls_session_handshake(struct tls_session *session, struct err *err)
{
    ERR_clear_error();
    errno = 0;
    int rc = SSL_do_handshake(session->ssl);
    if (rc != 1)
        return result_of(session, rc, true, err);
    /* OpenSSL has refused already what does not verify; this says so once more in our own words. */
    assert(session->context->server || SSL_get_verify_result(session->ssl) == X509_V_OK);
    tls_refusal_clear(&session->refusal);
    describe(session);
    session->secured = true;
    return TLS_OK;
}

enum tls_result tls_session_read(struct tls_session *session, char *to, size_t n, size_t *ret_n,
                                 struct err *err)
{
    ERR_clear_error();
    errno = 0;
    int rc = SSL_read_ex(session->ssl, to, n, ret_n);
    return rc == 1 ? TLS_OK : result_of(session, rc, false, err);
}

enum tls_result tls_session_write(struct tls_session *session, sv bytes, size_t *ret_n, struct err *err)
{
    ERR_clear_error();
    errno = 0;
    int rc = SSL_write_ex(session->ssl, bytes.p, bytes.n, ret_n);
    return rc == 1 ? TLS_OK : result_of(session, rc, false, err);
}

void tls_session_end(struct tls_session *session)
{
    if (session->broken || !session->secured)
        return;
    ERR_clear_error();
    SSL_shutdown(session->ssl);
    ERR_clear_error();
}

const struct tls_info *tls_session_info(const struct tls_session *session)
{
    return session->secured ? &session->info : NULL;
}

bool tls_session_distrusts(const struct tls_session *session)
{
    return session->refusal.code != 0;
}
