/* What the TLS sources share among themselves. The only header with OpenSSL's types; no other source of this
 * room includes it. */
#ifndef VEDETTE_IO_TLS_PRIVATE_H
#define VEDETTE_IO_TLS_PRIVATE_H

#include "io/tls.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>

enum { TLS_PIN_BYTES = 32 };

struct tls_context {
    SSL_CTX *ssl;
    unsigned references;
    bool server, pinned;
    unsigned char pin[TLS_PIN_BYTES];
};

/* Why a certificate was refused, kept from inside the verification. */
struct tls_refusal {
    int code;   /* X509_V_ERR_…, 0: nothing was refused */
    int depth;  /* of cert in the chain, 0 is the peer's own */
    int sent;   /* certificates that the peer sent */
    X509 *cert; /* the one at fault */
    X509 *leaf; /* the peer's own */
};

/* SSL_set_app_data holds one of these while a handshake runs. */
void tls_refusal_note(struct tls_refusal *refusal, X509_STORE_CTX *store, int code);
void tls_refusal_clear(struct tls_refusal *refusal);

/* Verification by pin, in place of OpenSSL's own; arg is the tls_context. */
int tls_pin_check(X509_STORE_CTX *store, void *arg);

/* Records refusals, changes no verdict. */
int tls_verify_note(int ok, X509_STORE_CTX *store);

/* "sha256:…" of the certificate. */
void tls_fingerprint(X509 *cert, char *text, size_t cap);

/* An RFC 2253 name, control bytes escaped. */
void tls_name_text(const X509_NAME *name, char *text, size_t cap);

nanos tls_time(const ASN1_TIME *time);

/* Both fill *err with class PROTOCOL, or UNAVAILABLE when the transport broke. */
void tls_explain_refusal(const struct tls_refusal *refusal, const char *name, struct err *err);
void tls_explain_failure(bool server, bool handshake, int ssl_error, int system, struct err *err);

/* OpenSSL's reason for what failed; never empty. */
const char *tls_library_reason(void);

#endif
