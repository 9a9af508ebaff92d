#include "io/tls_session.h"

#include "io/address.h"
#include "io/loop.h"
#include "io/tls_memory.h"
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
    char *name;      /* NULL for servers */
    char *whom;      /* at which address under which name; NULL unless sessions are kept */
    nanos proven_at; /* monotonic: the whole handshake of the session that is gone on with */
    struct tls_refusal refusal;
    struct tls_info info;
    struct tls_report *report; /* NULL unless the context looks, and until the handshake is done */
    enum tls_failure failure;
    bool secured, broken;
};

void tls_refusal_note(struct tls_refusal *refusal, X509_STORE_CTX *store, int code)
{
    bool wanted = refusal->client_certificate_wanted;
    tls_refusal_clear(refusal);
    X509 *cert = X509_STORE_CTX_get_current_cert(store), *leaf = X509_STORE_CTX_get0_cert(store);
    STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(store);
    *refusal = (struct tls_refusal){.code = code,
                                    .depth = X509_STORE_CTX_get_error_depth(store),
                                    .sent = sent ? sk_X509_num(sent) : 0,
                                    .cert = cert ? cert : leaf,
                                    .leaf = leaf,
                                    .client_certificate_wanted = wanted};
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

struct tls_refusal *tls_refusal_of(X509_STORE_CTX *store)
{
    const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls_session *session = SSL_get_app_data(ssl);
    return &session->refusal;
}

int tls_verify_note(int ok, X509_STORE_CTX *store)
{
    if (!ok)
        tls_refusal_note(tls_refusal_of(store), store, X509_STORE_CTX_get_error(store));
    return ok;
}

int tls_pin_check(X509_STORE_CTX *store, void *arg)
{
    const struct tls_context *context = arg;
    X509 *cert = X509_STORE_CTX_get0_cert(store);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    bool good = cert && X509_digest(cert, EVP_sha256(), digest, &n) == 1 && n == TLS_PIN_BYTES &&
                CRYPTO_memcmp(digest, context->pin, TLS_PIN_BYTES) == 0;
    if (cert && !good)
        good = tls_spki_digest(cert, digest) && CRYPTO_memcmp(digest, context->pin, TLS_PIN_BYTES) == 0;
    X509_STORE_CTX_set_error(store, good ? X509_V_OK : X509_V_ERR_APPLICATION_VERIFICATION);
    if (!good)
        tls_refusal_note(tls_refusal_of(store), store, X509_V_ERR_APPLICATION_VERIFICATION);
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

int tls_client_certificate_note(SSL *ssl, X509 **cert, EVP_PKEY **key)
{
    (void)cert;
    (void)key;
    struct tls_session *session = SSL_get_app_data(ssl);
    session->refusal.client_certificate_wanted = true;
    return 0;
}

static void be_client(struct tls_session *session, const char *name)
{
    const struct tls_dane *dane = session->context->dane;
    session->name = strdup(dane ? dane->base : name ? name : "");
    assert(session->name);
    size_t n = strlen(session->name);
    if (n > 1 && session->name[n - 1] == '.')
        session->name[n - 1] = '\0';
    if (session->context->dane)
        tls_dane_expect(session->ssl, session->context->dane);
    else if (*session->name)
        expect_name(session->ssl, session->name);
    SSL_set_connect_state(session->ssl);
}

static char *describe_whom(int fd, const char *name)
{
    struct address peer = {.length = sizeof peer.storage};
    char text[ADDRESS_TEXT_MAX], *whom = NULL;
    if (getpeername(fd, (struct sockaddr *)&peer.storage, &peer.length) < 0 ||
        (peer.storage.ss_family != AF_INET && peer.storage.ss_family != AF_INET6))
        return NULL;
    int n = asprintf(&whom, "%s %s", address_text(&peer, text), name);
    assert(n > 0);
    return whom;
}

static void go_on_with_known(struct tls_session *session, int fd)
{
    session->whom = describe_whom(fd, session->name);
    if (!session->whom)
        return;
    SSL_SESSION *known =
        tls_memory_take(session->context->memory, session->whom, loop_monotonic(), &session->proven_at);
    if (known)
        SSL_set_session(session->ssl, known);
    SSL_SESSION_free(known);
}

int tls_client_session_note(SSL *ssl, SSL_SESSION *fresh)
{
    struct tls_session *session = SSL_get_app_data(ssl);
    if (!session->whom || SSL_get_verify_result(ssl) != X509_V_OK)
        return 0;
    nanos proven_at = SSL_session_reused(ssl) ? session->proven_at : loop_monotonic();
    tls_memory_put(session->context->memory, session->whom, fresh, proven_at);
    return 1;
}

struct tls_session *tls_session_new(struct tls_context *context, int fd, const char *name)
{
    assert(context->server || context->pinned || context->kind == TLS_ANTIQUE || (name && *name));
    struct tls_session *session = calloc(1, sizeof *session);
    assert(session);
    session->context = tls_context_keep(context);
    session->ssl = SSL_new(context->ssl);
    assert(session->ssl);
    SSL_set_app_data(session->ssl, session);
    int rc = SSL_set_fd(session->ssl, fd);
    assert(rc == 1);
    if (context->server)
        SSL_set_accept_state(session->ssl);
    else
        be_client(session, name);
    if (context->memory)
        go_on_with_known(session, fd);
    return session;
}

void tls_session_free(struct tls_session *session)
{
    if (!session)
        return;
    /* Otherwise OpenSSL takes the end of a connection without ado for a fault, and spoils its session. */
    if (session->secured && !session->broken)
        SSL_set_shutdown(session->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(session->ssl);
    tls_refusal_clear(&session->refusal);
    tls_context_free(session->context);
    free(session->name);
    free(session->whom);
    free(session->report);
    free(session);
}

static void explain(struct tls_session *session, bool handshake, int error, int system, struct err *err)
{
    bool strict = session->context->kind == TLS_STRICT;
    if (session->refusal.code && handshake && strict) {
        session->failure = TLS_FAILURE_CERTIFICATE;
        tls_explain_refusal(&session->refusal, session->name, err);
        return;
    }
    session->failure = tls_explain_failure(session->context->server, handshake, error, system, err);
    /* Before TLS 1.3 a missing client certificate has no alert of its own. */
    if (session->failure == TLS_FAILURE_NO_CIPHER && session->refusal.client_certificate_wanted) {
        session->failure = TLS_FAILURE_CLIENT_CERTIFICATE;
        tls_explain_client_certificate(err);
    }
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
    explain(session, handshake, error, system, err);
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

static enum tls_proof proof_of(const struct tls_context *context)
{
    if (context->server || context->kind != TLS_STRICT)
        return TLS_PROOF_NONE;
    return context->dane ? TLS_PROOF_DANE : context->pinned ? TLS_PROOF_PIN : TLS_PROOF_AUTHORITY;
}

static void describe_session(struct tls_session *session)
{
    static const char label[] = "EXPORTER-Channel-Binding"; /* RFC 9266 §2 */
    struct tls_info *info = &session->info;
    const SSL *ssl = session->ssl;
    info->resumed = SSL_session_reused(session->ssl);
    const char *version = SSL_get_version(ssl);
    info->proof = proof_of(session->context);
    sv_copy(info->version, sizeof info->version, sv_of(strcmp(version, "TLSv1") ? version : "TLSv1.0"));
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
    assert(session->context->server || session->context->kind != TLS_STRICT ||
           SSL_get_verify_result(session->ssl) == X509_V_OK);
    if (session->context->kind == TLS_LOOKING) {
        session->report = calloc(1, sizeof *session->report);
        assert(session->report);
        tls_report_fill(session->report, session->ssl, session->context, &session->refusal, session->name);
    }
    bool wanted = session->refusal.client_certificate_wanted;
    tls_refusal_clear(&session->refusal);
    session->refusal.client_certificate_wanted = wanted;
    describe_session(session);
    session->secured = true;
    /* Before TLS 1.3 a session is good for more than one connection, and the server need not send another. */
    if (session->info.resumed && session->whom && SSL_version(session->ssl) < TLS1_3_VERSION)
        tls_memory_put(session->context->memory, session->whom, SSL_get1_session(session->ssl),
                       session->proven_at);
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
    return session->failure == TLS_FAILURE_CERTIFICATE;
}

const struct tls_report *tls_session_report(const struct tls_session *session)
{
    return session->report;
}

bool tls_session_trusted(const struct tls_session *session)
{
    switch (session->context->kind) {
    case TLS_STRICT:
        return session->secured;
    case TLS_LOOKING:
        return session->report && session->report->fault == TLS_FAULT_NONE;
    case TLS_UNVERIFIED:
    case TLS_ANTIQUE:
        return false;
    }
    return false;
}

enum tls_failure tls_session_failure(const struct tls_session *session)
{
    return session->failure;
}

bool tls_session_may_say(const struct tls_session *session, sv bytes)
{
    static const sv harmless[] = {SV_INIT("EHLO "), SV_INIT("HELO "), SV_INIT("QUIT")};
    enum tls_kind kind = session->context->kind;
    if (kind == TLS_STRICT || kind == TLS_UNVERIFIED || tls_session_trusted(session))
        return true;
    while (bytes.n) {
        sv line = sv_split(&bytes, '\n');
        bool known = false;
        for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
            known = known || sv_istarts(line, harmless[i]);
        if (!known || kind == TLS_ANTIQUE)
            return false;
    }
    return true;
}
