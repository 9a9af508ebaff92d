#include "io/tls_memory.h"
#include "io/tls_private.h"
#include "io/tls_tickets.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CA_FILES_MAX = 8192 };

static const char system_bundle[] = "/etc/ssl/certs/ca-certificates.crt";

static int pin_parse(const char *text, unsigned char pin[static TLS_PIN_BYTES], struct err *err)
{
    sv hex = sv_of(text);
    bool good = sv_istarts(hex, SV("sha256:"));
    hex = sv_from(hex, good ? 7 : 0);
    good = good && hex.n == 2 * TLS_PIN_BYTES;
    for (size_t i = 0; good && i < TLS_PIN_BYTES; i++) {
        int high = OPENSSL_hexchar2int((unsigned char)hex.p[2 * i]);
        int low = OPENSSL_hexchar2int((unsigned char)hex.p[2 * i + 1]);
        good = high >= 0 && low >= 0;
        pin[i] = (unsigned char)(good ? high << 4 | low : 0);
    }
    if (!good)
        return err_set(err, ERR_CONFIG, "write sha256: and 64 hexadecimal digits, without colons",
                       "\"%.100s\" is not a pin", text);
    return 0;
}

/* Without it OpenSSL would ask for a key's passphrase on the terminal. */
static int no_passphrase(char *to, int cap, int writing, void *arg)
{
    (void)to;
    (void)cap;
    (void)writing;
    (void)arg;
    return 0;
}

struct tls_context *tls_context_new(bool server)
{
    struct tls_context *context = calloc(1, sizeof *context);
    assert(context);
    *context = (struct tls_context){.references = 1, .server = server};
    context->ssl = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
    assert(context->ssl);
    SSL_CTX *ssl = context->ssl;
    SSL_CTX_set_app_data(ssl, context);
    SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
    /* Many mail servers hang up without a close_notify; our protocols mark their own ends. */
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                                 SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    if (server)
        SSL_CTX_set_num_tickets(ssl, 0);
    SSL_CTX_set_default_passwd_cb(ssl, no_passphrase);
    return context;
}

static int load_file(SSL_CTX *ssl, const char *path, struct err *err)
{
    ERR_clear_error();
    if (access(path, R_OK) < 0) {
        err_set(err, ERR_SYSTEM, "check ca_file and its permissions", "read certificates from %s", path);
        if (err)
            err->class = ERR_CONFIG;
        return -1;
    }
    if (SSL_CTX_load_verify_file(ssl, path) != 1)
        return err_set(err, ERR_CONFIG, "it must hold PEM certificates (-----BEGIN CERTIFICATE-----)",
                       "no certificate could be read from %s: %s", path, tls_library_reason());
    return 0;
}

/* Reads every file now, so that a sandboxed process need not reach the directory during a handshake. */
static int load_directory(SSL_CTX *ssl, const char *path, struct err *err)
{
    DIR *dir = opendir(path);
    if (!dir)
        return err_set(err, ERR_SYSTEM, "check ca_directory and its permissions", "open %s", path);
    int seen = 0, loaded = 0;
    for (struct dirent *entry; seen < CA_FILES_MAX && (entry = readdir(dir)); seen++) {
        char file[PATH_MAX];
        int n = snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        if (entry->d_name[0] != '.' && n > 0 && (size_t)n < sizeof file)
            loaded += SSL_CTX_load_verify_file(ssl, file) == 1;
    }
    closedir(dir);
    ERR_clear_error(); /* what is not a certificate is passed over */
    if (!loaded)
        return err_set(err, ERR_CONFIG, "put PEM files of the trusted issuers into it",
                       "there is no certificate in %s", path);
    return 0;
}

static int load_trust(struct tls_context *context, const struct tls_trust *trust, struct err *err)
{
    SSL_CTX *ssl = context->ssl;
    if (trust->ca_file && load_file(ssl, trust->ca_file, err) < 0)
        return -1;
    if (trust->ca_directory && load_directory(ssl, trust->ca_directory, err) < 0)
        return -1;
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ssl);
    if (trust->ca_file || trust->ca_directory) {
        /* What the operator names is trusted, be it a root, an issuing CA or the server's own. */
        X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
        context->named_trust = true;
        return 0;
    }
    if (access(system_bundle, R_OK) == 0)
        return load_file(ssl, system_bundle, err);
    if (SSL_CTX_set_default_verify_paths(ssl) != 1)
        return err_set(err, ERR_CONFIG, "install the package ca-certificates or set ca_file",
                       "the system's trusted certificates cannot be read: %s", tls_library_reason());
    return 0;
}

int tls_client_context(const struct tls_trust *trust, struct tls_context **ret, struct err *err)
{
    assert((trust->pin != NULL) + (trust->dane != NULL) + trust->anybody <= 1);
    struct tls_context *context = tls_context_new(false);
    int rc = 0;
    if (trust->pin) {
        context->pinned = true;
        rc = pin_parse(trust->pin, context->pin, err);
        SSL_CTX_set_cert_verify_callback(context->ssl, tls_pin_check, context);
    } else if (trust->dane) {
        tls_dane_adopt(context, trust->dane);
    } else if (trust->anybody) {
        context->kind = TLS_UNVERIFIED;
    } else {
        rc = load_trust(context, trust, err);
    }
    SSL_CTX_set_verify(context->ssl, trust->anybody ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, tls_verify_note);
    SSL_CTX_set_client_cert_cb(context->ssl, tls_client_certificate_note);
    if (rc < 0) {
        tls_context_free(context);
        return -1;
    }
    *ret = context;
    return 0;
}

void tls_client_keep_sessions(struct tls_context *context)
{
    assert(!context->server && context->kind == TLS_STRICT && !context->memory);
    context->memory = tls_memory_new();
    SSL_CTX_clear_options(context->ssl, SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(context->ssl, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context->ssl, tls_client_session_note);
}

static int load_pair(SSL_CTX *ssl, const char *certificate, const char *key, struct err *err)
{
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(ssl, certificate) != 1)
        return err_set(err, ERR_CONFIG,
                       "name a readable PEM file: the certificate first, then its intermediates",
                       "no certificate could be read from %s: %s", certificate, tls_library_reason());
    if (SSL_CTX_use_PrivateKey_file(ssl, key, SSL_FILETYPE_PEM) == 1)
        return 0;
    if (ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH)
        return err_set(err, ERR_CONFIG, "name the key that the certificate was made for",
                       "the key in %s does not belong to the certificate in %s", key, certificate);
    return err_set(err, ERR_CONFIG, "name a readable PEM file whose key has no passphrase",
                   "no private key could be read from %s: %s", key, tls_library_reason());
}

static int load_client_ca(SSL_CTX *ssl, const char *path, struct err *err)
{
    if (load_file(ssl, path, err) < 0)
        return -1;
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(path);
    if (!names)
        return err_set(err, ERR_CONFIG, NULL, "no certificate could be read from %s: %s", path,
                       tls_library_reason());
    SSL_CTX_set_client_CA_list(ssl, names);
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ssl), X509_V_FLAG_PARTIAL_CHAIN);
    SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, tls_verify_note);
    return 0;
}

int tls_server_context(const char *certificate, const char *key, const char *client_ca,
                       struct tls_context **ret, struct err *err)
{
    struct tls_context *context = tls_context_new(true);
    if (load_pair(context->ssl, certificate, key, err) < 0 ||
        (client_ca && load_client_ca(context->ssl, client_ca, err) < 0)) {
        tls_context_free(context);
        return -1;
    }
    *ret = context;
    return 0;
}

void tls_server_let_strangers_in(struct tls_context *context)
{
    assert(context->server);
    if (SSL_CTX_get_verify_mode(context->ssl) & SSL_VERIFY_PEER)
        SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER, tls_verify_note);
}

struct tls_context *tls_context_keep(struct tls_context *context)
{
    if (context)
        context->references++;
    return context;
}

void tls_context_free(struct tls_context *context)
{
    if (!context || --context->references)
        return;
    SSL_CTX_free(context->ssl);
    free(context->dane);
    tls_tickets_free(context->tickets);
    tls_memory_free(context->memory);
    free(context);
}
