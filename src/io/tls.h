/* TLS contexts for both sides and what a handshake found. OpenSSL stays behind this header. */
#ifndef VEDETTE_IO_TLS_H
#define VEDETTE_IO_TLS_H

#include "base/err.h"
#include "base/sv.h"
#include "base/timefmt.h"

struct tls_context;

/* A TLSA record (RFC 6698 §2.1). */
struct tls_tlsa {
    uint8_t usage, selector, matching;
    sv data;
};

/* What DNSSEC vouches for of one mail server (RFC 7672). */
struct tls_dane {
    const char *base;  /* the name that the records belong to: sent as SNI */
    const char *other; /* a further name that a certificate under DANE-TA(2) may bear; NULL: none */
    const struct tls_tlsa *records;
    size_t count;
};

/* True if one of the records at least can verify a mail server: DANE-TA(2) or DANE-EE(3) (RFC 7672 §3.1.3),
 * with a selector and a matching type that are known, and data that fit it. */
bool tls_dane_usable(const struct tls_tlsa *records, size_t count);

/* How a client trusts a server: by authorities, or by exactly one of pin, dane and anybody. Verification is
 * switched off by anybody alone, for mail that the configuration lets go to whoever answers. */
struct tls_trust {
    const char *ca_file;         /* PEM; NULL with ca_directory NULL: the system's */
    const char *ca_directory;    /* every PEM file in it */
    const char *pin;             /* "sha256:<64 hex>" of the certificate or of its public key (SPKI); then the
                                    chain and the dates are not looked at; NULL for none */
    const struct tls_dane *dane; /* copied; must be usable; NULL for none */
    bool anybody;                /* encrypts, and knows nothing of the peer: never for credentials */
};

/* TLS ≥ 1.2. Reads the files now. */
int tls_client_context(const struct tls_trust *trust, struct tls_context **ret, struct err *err);

/* certificate and key in PEM; client_ca NULL or a PEM file: then clients must present a certificate of it. */
int tls_server_context(const char *certificate, const char *key, const char *client_ca,
                       struct tls_context **ret, struct err *err);

/* For a server made with client_ca: clients are still asked for a certificate, and one that they show must be
 * of that authority, but they may show none. */
void tls_server_let_strangers_in(struct tls_context *context);

/* Clients of the server may come back without a whole handshake, for a day at most: they get tickets that
 * only this context can open, under keys that change every hour. A session keeps whose certificate was shown
 * in it, until that expires; where certificates are asked for, one without is not gone on with. */
void tls_server_give_tickets(struct tls_context *context);

/* Sessions with a server are gone on with, so that it need not be verified at each connection: with the same
 * address under the same name and by the same trust, for a day at most, and not past its certificate's end.
 */
void tls_client_keep_sessions(struct tls_context *context);

/* Contexts are counted: a stream keeps its own reference. NULL is fine. */
struct tls_context *tls_context_keep(struct tls_context *context);
void tls_context_free(struct tls_context *context);

/* What a server was verified by. */
enum tls_proof { TLS_PROOF_NONE, TLS_PROOF_AUTHORITY, TLS_PROOF_PIN, TLS_PROOF_DANE };

/* What the handshake found, for the record of the attempt. */
struct tls_info {
    enum tls_proof proof; /* of clients with a context of tls_client_context, else NONE */
    char version[16];     /* "TLSv1.3" */
    char cipher[64];
    char subject[256], issuer[256];
    char fingerprint[72]; /* "sha256:…" of the peer's certificate; empty without one */
    nanos not_after;
    unsigned char exporter[32]; /* RFC 9266 tls-exporter channel binding */
    size_t exporter_length;     /* 32 with TLS 1.3, else 0 */
    bool resumed;               /* no whole handshake: the certificate is the one of an earlier one */
};

#endif
