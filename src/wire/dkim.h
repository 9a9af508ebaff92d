/* Signs messages with DKIM (RFC 6376, RFC 8301, RFC 8463): rsa-sha256 and ed25519-sha256, relaxed/relaxed,
 * the whole body. The arithmetic is OpenSSL's; time is an argument. */
#ifndef VEDETTE_WIRE_DKIM_H
#define VEDETTE_WIRE_DKIM_H

#include "base/buf.h"
#include "base/err.h"

enum {
    DKIM_SIGNATURE_MAX = 16 * 1024, /* one field, folded */
    DKIM_SAME_MAX = 8,              /* fields of one name that are signed: the lowest */
    DKIM_LISTED_MAX = 32,           /* names that may be asked for */
    DKIM_RSA_BITS_MIN = 1024,       /* RFC 8301 §3.2; 2048 is what it recommends */
    DKIM_RSA_BITS_MAX = 4096,       /* what every verifier must manage */
};

struct dkim_key;

/* A private key in PEM without a passphrase: RSA, or Ed25519. −1 with ERR_DATA; the text is never told. */
int dkim_key_read(sv pem, struct dkim_key **ret, struct err *err);
void dkim_key_free(struct dkim_key *key); /* NULL is fine */
sv dkim_key_algorithm(const struct dkim_key *key);

/* Appends the signature of input, not encoded. */
int dkim_key_sign(const struct dkim_key *key, sv input, struct buf *out, struct err *err);

/* Who signs, and what. Borrowed. From is signed whether it is in the list or not. */
struct dkim_signer {
    sv domain, selector;
    const struct dkim_key *key;
    const sv *fields;
    size_t field_count; /* at most DKIM_LISTED_MAX */
};

/* Appends "DKIM-Signature: …" with its line end: to be sent in front of content, whose last line may lack its
 * CR LF. From and Subject are named once more than they are there, so that none can be added. seconds: since
 * 1970. −1: without exactly one From (ERR_DATA), or when OpenSSL fails. */
int dkim_sign(const struct dkim_signer *signer, sv content, uint64_t seconds, struct buf *out,
              struct err *err);

#endif
