/* What a look at a TLS server found: the session, every certificate, and the first thing that is wrong.
 *
 * A looking context is for diagnosis only. Its handshake completes even when the certificate is refused, so
 * that the whole chain can be told; the refusal stays in the report and cannot be cleared. Over such a stream
 * NOTHING BUT EHLO, HELO AND QUIT MAY BE SAID: no credentials, no MAIL. stream_write asserts it, and
 * stream_tls_trusted is what to ask before anything else is said. Mail goes over the contexts of io/tls.h. */
#ifndef VEDETTE_IO_TLS_REPORT_H
#define VEDETTE_IO_TLS_REPORT_H

#include "io/address.h"
#include "io/stream.h"
#include "io/tls.h"

enum {
    TLS_CHAIN_MAX = 8,  /* certificates described */
    TLS_NAMES_MAX = 16, /* names described of each */
    TLS_NAME_BYTES_MAX = 128,
};

/* name, phrase that says it of "the certificate" */
#define TLS_FAULTS(X)                                                                         \
    X(NONE, "is accepted")                                                                    \
    X(EXPIRED, "has expired")                                                                 \
    X(NOT_YET_VALID, "is not valid yet")                                                      \
    X(NAME_MISMATCH, "is for another name")                                                   \
    X(CN_ONLY, "bears its name only in the subject, which does not count")                    \
    X(SELF_SIGNED, "is self-signed and not trusted here")      /* the leaf itself */          \
    X(UNKNOWN_ISSUER, "comes from an issuer not trusted here") /* root or issuer not in CA */ \
    X(MISSING_INTERMEDIATE, "was sent without its intermediate")                              \
    X(WEAK_KEY, "has a key that is too weak")                                                 \
    X(WEAK_SIGNATURE, "is signed with an algorithm that is too weak")                         \
    X(REVOKED, "was revoked by its issuer")                                                   \
    X(PIN_MISMATCH, "is not the pinned one")                                                  \
    X(WRONG_PURPOSE, "may not be used for this")                                              \
    X(OTHER, "is not acceptable")

enum tls_fault {
#define X(name, phrase) TLS_FAULT_##name,
    TLS_FAULTS(X)
#undef X
};

/* Of the stapled answer (RFC 6066 §8, RFC 6960). */
enum tls_ocsp {
    TLS_OCSP_NOT_STAPLED,
    TLS_OCSP_GOOD,
    TLS_OCSP_REVOKED,
    TLS_OCSP_UNKNOWN, /* the responder does not know the certificate */
    TLS_OCSP_STALE,   /* its next update is past, or its time is to come */
    TLS_OCSP_INVALID, /* unreadable, for another certificate, or its signature does not verify */
};

/* Text of the peer's: control bytes are escaped or replaced. */
struct tls_certificate {
    char subject[256], issuer[256];                /* RFC 2253 */
    char names[TLS_NAMES_MAX][TLS_NAME_BYTES_MAX]; /* DNS names and IP addresses of the SAN */
    size_t name_count, names_left_out;
    nanos not_before, not_after;
    char key[48];        /* "RSA 2048", "EC P-256", "Ed25519" */
    unsigned bits;       /* of the key */
    char signature[64];  /* "sha256WithRSAEncryption" */
    bool weak_key;       /* RSA under 2048 bits, EC under 224, DSA */
    bool weak_signature; /* MD5 or SHA-1; not said of self-signed ones, whose signature proves nothing */
    bool self_signed, is_ca;
    char fingerprint[72];      /* "sha256:…" of the certificate */
    char spki_fingerprint[72]; /* "sha256:…" of its public key: survives a renewal with the same key. Both
                                  are accepted as a pin */
    char issuer_url[256]; /* where its issuer's certificate can be fetched (AIA caIssuers); "": not said */
};

/* A PEM file of certificates. */
struct tls_file {
    struct tls_certificate first;
    size_t count;
    nanos first_end, last_end; /* when the first and the last of them expire */
};

/* −1: it cannot be read, or holds none. */
int tls_file_look(const char *path, struct tls_file *ret, struct err *err);

struct tls_report {
    char version[16]; /* "TLSv1.3" */
    char cipher[64];
    char group[32]; /* key exchange: "X25519", "P-256", "DH 2048"; "RSA": none, without forward secrecy */
    bool secure_renegotiation;      /* RFC 5746; TLS 1.3 has no renegotiation and counts as true */
    bool client_certificate_wanted; /* the server asked for one; we have none */
    struct tls_certificate sent[TLS_CHAIN_MAX]; /* in the server's order; sent[0] is its own */
    size_t sent_count, sent_left_out;
    struct tls_certificate chain[TLS_CHAIN_MAX]; /* own certificate to trusted root, as far as it could be
                                                    built; none with a pin */
    size_t chain_count;
    bool verified;        /* a strict context with the same trust accepts it */
    enum tls_fault fault; /* the first, and the one that the strict context names */
    unsigned faults;      /* every one: bit 1u << enum tls_fault */
    int fault_depth;      /* of the certificate at fault: 0 the server's own, 1 its issuer … */
    const char *words;    /* the phrase of fault */
    char cause[512];      /* a sentence with names, dates, fingerprints; "" without fault */
    char advice[512];     /* how to mend it; may be "" */
    enum tls_ocsp ocsp;
    nanos ocsp_next_update; /* 0: not said */
};

/* As tls_client_context, but it looks: see above. The same TLS versions, ciphers and trust, so that what
 * fails here fails there too. Asks for stapled OCSP; a revoked certificate is not trusted. */
int tls_looking_context(const struct tls_trust *trust, struct tls_context **ret, struct err *err);

/* A second look, for when a handshake failed with TLS_FAILURE_TOO_OLD: TLS 1.0 and 1.1 only, every cipher, no
 * verification. Says whether the server lives in that time, and in which version. Nothing at all may be said
 * over such a stream: stream_write asserts it, stream_tls_trusted is false. */
struct tls_context *tls_antique_context(void);

/* NULL before the handshake is done, and with contexts that do not look. */
const struct tls_report *stream_tls_report(const struct stream *stream);

/* True when the peer is verified, so that credentials may be sent: inside TLS, over a strict context, or over
 * a looking one that found no fault. False in the clear, and where anybody would do (struct tls_trust). */
bool stream_tls_trusted(const struct stream *stream);

/* Why TLS ended: asked after STREAM_FAILED, whose err has the words. */
enum tls_failure {
    TLS_FAILURE_NONE,        /* TLS is not the reason, or all is well */
    TLS_FAILURE_CERTIFICATE, /* strict contexts only: see err */
    TLS_FAILURE_PLAIN_TEXT,  /* the peer speaks without TLS here: a port for starttls */
    TLS_FAILURE_TOO_OLD,     /* no version in common: look again with tls_antique_context */
    TLS_FAILURE_NO_CIPHER,   /* alert handshake_failure, insufficient_security; a Diffie-Hellman key too small
                              */
    TLS_FAILURE_NAME,        /* alert unrecognized_name */
    TLS_FAILURE_CLIENT_CERTIFICATE, /* it wants one of us. With TLS 1.3 that is told only after
                                       STREAM_SECURED, in place of the answer to what was sent */
    TLS_FAILURE_RENEGOTIATION,      /* the server knows no secure renegotiation (RFC 5746) */
    TLS_FAILURE_HUNG_UP,            /* EOF in the midst of the handshake */
    TLS_FAILURE_BROKEN,             /* reset, timed out: err->system */
    TLS_FAILURE_OTHER,
};
enum tls_failure stream_tls_failure(const struct stream *stream);

/* "openssl s_client …": saves the certificates that are presented at that address, for an operator who means
 * to compare and trust them. name: as verified, NULL or an IP address for none; file: where to. */
const char *tls_save_command(const struct address *at, const char *name, bool starttls, const char *file,
                             char *text, size_t cap);

/* "good", "not stapled" … */
const char *tls_ocsp_text(enum tls_ocsp ocsp);

/* The certificate's fault in upper case ("NAME_MISMATCH"), for logs and tests. */
const char *tls_fault_name(enum tls_fault fault);
/* "is for another name": what is said of the certificate. */
const char *tls_fault_phrase(enum tls_fault fault);

#endif
