#include "io/tls_tickets.h"

#include "io/loop.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <stdlib.h>

struct tls_tickets {
    struct tls_ticket_key present, past;
};

struct tls_tickets *tls_tickets_new(void)
{
    struct tls_tickets *tickets = calloc(1, sizeof *tickets);
    assert(tickets);
    return tickets;
}

void tls_tickets_free(struct tls_tickets *tickets)
{
    if (!tickets)
        return;
    OPENSSL_cleanse(tickets, sizeof *tickets);
    free(tickets);
}

static int make_key(struct tls_ticket_key *key, nanos now)
{
    if (RAND_bytes(key->name, sizeof key->name) != 1 || RAND_bytes(key->cipher, sizeof key->cipher) != 1 ||
        RAND_bytes(key->mac, sizeof key->mac) != 1)
        return -1;
    key->made_at = now;
    return 0;
}

struct tls_ticket_key *tls_tickets_seal(struct tls_tickets *tickets, nanos now)
{
    struct tls_ticket_key fresh;
    if (tickets->present.made_at && now - tickets->present.made_at < TLS_TICKET_PERIOD)
        return &tickets->present;
    if (make_key(&fresh, now) < 0)
        return NULL;
    tickets->past = tickets->present;
    tickets->present = fresh;
    OPENSSL_cleanse(&fresh, sizeof fresh);
    return &tickets->present;
}

struct tls_ticket_key *tls_tickets_open(struct tls_tickets *tickets, const unsigned char *name, nanos now,
                                        bool *ret_old)
{
    struct tls_ticket_key *const keys[] = {&tickets->present, &tickets->past};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        nanos age = now - keys[i]->made_at;
        if (!keys[i]->made_at || age >= 2 * TLS_TICKET_PERIOD ||
            CRYPTO_memcmp(keys[i]->name, name, sizeof keys[i]->name) != 0)
            continue;
        *ret_old = age >= TLS_TICKET_PERIOD;
        return keys[i];
    }
    return NULL;
}

/* --- What OpenSSL asks --- */

static struct tls_tickets *tickets_of(SSL *ssl)
{
    const struct tls_context *context = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    return context->tickets;
}

/* 0: no ticket, or none that we can open; 1: sealed or opened; 2: opened, and to be renewed. */
static int on_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
                  int sealing)
{
    bool old = false;
    nanos now = loop_monotonic();
    struct tls_ticket_key *key =
        sealing ? tls_tickets_seal(tickets_of(ssl), now) : tls_tickets_open(tickets_of(ssl), name, now, &old);
    if (!key)
        return 0;
    if (sealing) {
        memcpy(name, key->name, sizeof key->name);
        if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1)
            return -1;
    }
    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac, sizeof key->mac),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    if (EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->cipher, iv, sealing) != 1 ||
        EVP_MAC_CTX_set_params(mac, params) != 1)
        return -1;
    return old ? 2 : 1;
}

/* Writes into the ticket when the whole handshake was; a renewed one keeps what it had. */
static int on_seal(SSL *ssl, void *arg)
{
    (void)arg;
    nanos now = loop_monotonic();
    return SSL_session_reused(ssl) || SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), &now, sizeof now);
}

/* A certificate is not looked at again, so its end is. Where one may be shown, a session that had none is not
 * gone on with: the client may have one by now. */
static bool still_holds(SSL *ssl, SSL_SESSION *session)
{
    void *written;
    size_t n;
    nanos proven_at;
    if (SSL_SESSION_get0_ticket_appdata(session, &written, &n) != 1 || n != sizeof proven_at)
        return false;
    memcpy(&proven_at, written, sizeof proven_at);
    if (loop_monotonic() - proven_at >= TLS_PROOF_AGE_MAX)
        return false;
    const X509 *cert = SSL_SESSION_get0_peer(session);
    if (!cert)
        return !(SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER);
    return X509_cmp_current_time(X509_get0_notAfter(cert)) > 0;
}

static SSL_TICKET_RETURN on_open(SSL *ssl, SSL_SESSION *session, const unsigned char *name, size_t n,
                                 SSL_TICKET_STATUS status, void *arg)
{
    (void)name;
    (void)n;
    (void)arg;
    bool opened = status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW;
    if (!opened || !still_holds(ssl, session))
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    /* With TLS 1.3 a ticket is used once (RFC 8446 §C.4), so the client needs another. */
    bool renew = status == SSL_TICKET_SUCCESS_RENEW || SSL_version(ssl) == TLS1_3_VERSION;
    return renew ? SSL_TICKET_RETURN_USE_RENEW : SSL_TICKET_RETURN_USE;
}

void tls_server_give_tickets(struct tls_context *context)
{
    unsigned char id[SSL_MAX_SID_CTX_LENGTH];
    assert(context->server && !context->tickets);
    /* Without an id of its own OpenSSL breaks off what is resumed where certificates are asked for. */
    if (RAND_bytes(id, sizeof id) != 1 || SSL_CTX_set_session_id_context(context->ssl, id, sizeof id) != 1)
        return;
    context->tickets = tls_tickets_new();
    SSL_CTX_clear_options(context->ssl, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(context->ssl, 1);
    SSL_CTX_set_timeout(context->ssl, (long)(TLS_TICKET_PERIOD / NANOS_PER_SECOND));
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context->ssl, on_key);
    SSL_CTX_set_session_ticket_cb(context->ssl, on_seal, on_open, NULL);
}
