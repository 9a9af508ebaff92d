/* TLS contexts for both sides and what a handshake found. OpenSSL stays behind this header. */
#ifndef VEDETTE_IO_TLS_H
#define VEDETTE_IO_TLS_H

#include "base/err.h"
#include "base/sv.h"
#include "base/timefmt.h"

struct tls_context;

/* How a client trusts a server. Verification cannot be switched off: a pin replaces it, nothing else does. */
struct tls_trust {
    const char *ca_file;      /* PEM; NULL with ca_directory NULL: the system's */
    const char *ca_directory; /* every PEM file in it */
    const char *pin;          /* "sha256:<64 hex>" of the certificate or of its public key (SPKI); then the
                                 chain and the dates are not looked at; NULL for none */
};

/* TLS ≥ 1.2. Reads the files now. */
int tls_client_context(const struct tls_trust *trust, struct tls_context **ret, struct err *err);

/* certificate and key in PEM; client_ca NULL or a PEM file: then clients must present a certificate of it. */
int tls_server_context(const char *certificate, const char *key, const char *client_ca,
                       struct tls_context **ret, struct err *err);

/* For a server made with client_ca: clients are still asked for a certificate, and one that they show must be
 * of that authority, but they may show none. */
void tls_server_let_strangers_in(struct tls_context *context);

/* Contexts are counted: a stream keeps its own reference. NULL is fine. */
struct tls_context *tls_context_keep(struct tls_context *context);
void tls_context_free(struct tls_context *context);

/* What the handshake found, for the record of the attempt. */
struct tls_info {
    char version[16]; /* "TLSv1.3" */
    char cipher[64];
    char subject[256], issuer[256];
    char fingerprint[72]; /* "sha256:…" of the peer's certificate; empty without one */
    nanos not_after;
    unsigned char exporter[32]; /* RFC 9266 tls-exporter channel binding */
    size_t exporter_length;     /* 32 with TLS 1.3, else 0 */
};

#endif
