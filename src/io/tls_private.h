/* What the TLS sources share among themselves. The only header with OpenSSL's types; no other source of this
 * room includes it. */
#ifndef VEDETTE_IO_TLS_PRIVATE_H
#define VEDETTE_IO_TLS_PRIVATE_H

#include "io/tls.h"
#include "io/tls_report.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

enum { TLS_PIN_BYTES = 32 };

enum tls_kind { TLS_STRICT, TLS_UNVERIFIED, TLS_LOOKING, TLS_ANTIQUE };

struct tls_memory;
struct tls_tickets;

struct tls_context {
    SSL_CTX *ssl; /* its app data is the context */
    unsigned references;
    enum tls_kind kind;
    bool server, pinned;
    struct tls_dane *dane; /* a copy, in one piece of memory with all it points at; NULL: none */
    bool named_trust;      /* the operator named the CA; any certificate of it may end a chain */
    unsigned char pin[TLS_PIN_BYTES];
    struct tls_tickets *tickets; /* of a server that gives them out; else NULL */
    struct tls_memory *memory;   /* of a client that keeps sessions; else NULL */
};

/* Why a certificate was refused, kept from inside the verification. */
struct tls_refusal {
    int code;        /* X509_V_ERR_…, 0: nothing was refused */
    int depth;       /* of cert in the chain, 0 is the peer's own */
    int sent;        /* certificates that the peer sent */
    X509 *cert;      /* the one at fault */
    X509 *leaf;      /* the peer's own */
    unsigned faults; /* looking: all of them, bit 1u << enum tls_fault; code and cert are of the first */
    enum tls_fault fault;
    bool client_certificate_wanted; /* the server asked for one */
};

/* Without OpenSSL's defaults that we do not want; nothing is trusted yet. */
struct tls_context *tls_context_new(bool server);

/* The one of a session, from within its handshake. */
struct tls_refusal *tls_refusal_of(X509_STORE_CTX *store);
void tls_refusal_note(struct tls_refusal *refusal, X509_STORE_CTX *store, int code);
void tls_refusal_clear(struct tls_refusal *refusal);

/* tls_dane.c: takes the records over, and has each connection verified by them. */
void tls_dane_adopt(struct tls_context *context, const struct tls_dane *dane);
void tls_dane_expect(SSL *ssl, const struct tls_dane *dane);

/* Verification by pin, in place of OpenSSL's own; arg is the tls_context. */
int tls_pin_check(X509_STORE_CTX *store, void *arg);

/* Records refusals, changes no verdict. */
int tls_verify_note(int ok, X509_STORE_CTX *store);

/* Called when a client has a session that it may keep. */
int tls_client_session_note(SSL *ssl, SSL_SESSION *session);

/* Called when a server asks for a client certificate: notes it, and has none to give. */
int tls_client_certificate_note(SSL *ssl, X509 **cert, EVP_PKEY **key);

/* The verdict of a looking context: always 1, with the refusal noted. arg is the tls_context. */
int tls_look_check(X509_STORE_CTX *store, void *arg);

/* Fills report after a handshake of a looking context. name as given by the caller, may be "". */
void tls_report_fill(struct tls_report *report, SSL *ssl, const struct tls_context *context,
                     const struct tls_refusal *refusal, const char *name);

/* What OCSP said in the handshake, checked against the chain. */
struct tls_stapled {
    enum tls_ocsp status;
    nanos next_update, revoked_at; /* 0: not said */
    const char *reason;            /* of the revocation, NULL: not said */
};
void tls_stapled_check(SSL *ssl, bool named_trust, struct tls_stapled *ret);

/* Descriptions; see struct tls_certificate for the forms. */
void tls_certificate_describe(struct tls_certificate *to, X509 *cert);
void tls_fingerprint(X509 *cert, char *text, size_t cap);
bool tls_spki_digest(X509 *cert, unsigned char digest[static TLS_PIN_BYTES]);
void tls_key_text(EVP_PKEY *key, char *text, size_t cap);
void tls_signature_text(X509 *cert, char *text, size_t cap);

/* A DNS name or an IP address; false for the other kinds. */
bool tls_alternative_text(const GENERAL_NAME *name, char *text, size_t cap);

/* An RFC 2253 name, control bytes escaped. */
void tls_name_text(const X509_NAME *name, char *text, size_t cap);

nanos tls_time(const ASN1_TIME *time);

/* Both fill *err with class PROTOCOL, or UNAVAILABLE when the transport broke. */
void tls_explain_refusal(const struct tls_refusal *refusal, const char *name, struct err *err);
enum tls_failure tls_explain_failure(bool server, bool handshake, int ssl_error, int system, struct err *err);

/* The server asked for a client certificate before it turned us away. */
void tls_explain_client_certificate(struct err *err);

/* OpenSSL's reason for what failed; never empty. */
const char *tls_library_reason(void);

#endif
