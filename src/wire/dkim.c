#include "wire/dkim.h"

#include "wire/base64.h"
#include "wire/dkim_form.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>

enum {
    NAMES_MAX = (DKIM_LISTED_MAX + 1) * (DKIM_SAME_MAX + 1),
    DIGEST_BYTES = 32, /* SHA-256 */
    RAW_MAX = 1024,    /* a signature of RSA with 4096 bits has 512 */
    FORM_MAX = 1024 * 1024,
    COLUMN_MAX = 76,
    BASE64_LINE = 70,
};

struct dkim_key {
    EVP_PKEY *pkey;
    bool rsa;
};

/* --- Keys --- */

/* Nobody is there to be asked. */
static int no_passphrase(char *text, int cap, int writing, void *arg)
{
    (void)text;
    (void)cap;
    (void)writing;
    (void)arg;
    return -1;
}

int dkim_key_read(sv pem, struct dkim_key **ret, struct err *err)
{
    BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
    assert(bio);
    EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
    BIO_free(bio);
    if (!pkey)
        return err_set(err, ERR_DATA, "write it in PEM, without a passphrase",
                       "the DKIM key is no private key");
    int bits = EVP_PKEY_get_bits(pkey);
    bool rsa = EVP_PKEY_is_a(pkey, "RSA");
    if (!rsa && !EVP_PKEY_is_a(pkey, "ED25519"))
        err_set(err, ERR_DATA, "make one of RSA with 2048 bits, or of Ed25519",
                "the DKIM key is of a kind that DKIM does not know");
    else if (rsa && (bits < DKIM_RSA_BITS_MIN || bits > DKIM_RSA_BITS_MAX))
        err_set(err, ERR_DATA, "make one of 2048 bits", "the DKIM key has %d bits, not %d to %d", bits,
                DKIM_RSA_BITS_MIN, DKIM_RSA_BITS_MAX);
    else {
        struct dkim_key *key = calloc(1, sizeof *key);
        assert(key);
        *key = (struct dkim_key){pkey, rsa};
        *ret = key;
        return 0;
    }
    EVP_PKEY_free(pkey);
    return -1;
}

void dkim_key_free(struct dkim_key *key)
{
    if (!key)
        return;
    EVP_PKEY_free(key->pkey); /* wipes it */
    free(key);
}

sv dkim_key_algorithm(const struct dkim_key *key)
{
    return key->rsa ? SV("rsa-sha256") : SV("ed25519-sha256");
}

/* Ed25519 signs the digest as if it were the message (RFC 8463 §3). */
int dkim_key_sign(const struct dkim_key *key, sv input, struct buf *out, struct err *err)
{
    unsigned char digest[DIGEST_BYTES], raw[RAW_MAX];
    size_t n = sizeof raw;
    unsigned digest_n = 0;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert(context);
    bool good = EVP_Digest(input.p, input.n, digest, &digest_n, EVP_sha256(), NULL) == 1;
    if (key->rsa)
        good = good && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key->pkey) == 1 &&
               EVP_DigestSign(context, raw, &n, (const unsigned char *)input.p, input.n) == 1;
    else
        good = good && EVP_DigestSignInit(context, NULL, NULL, NULL, key->pkey) == 1 &&
               EVP_DigestSign(context, raw, &n, digest, digest_n) == 1;
    EVP_MD_CTX_free(context);
    if (!good || buf_put(out, sv_make(raw, n)) < 0)
        return err_set(err, ERR_INTERNAL, NULL, "OpenSSL made no DKIM signature");
    return 0;
}

/* --- The body's hash --- */

static void hash_piece(void *arg, sv bytes)
{
    int done = EVP_DigestUpdate(arg, bytes.p, bytes.n);
    assert(done == 1);
}

static void hash_body(sv content, unsigned char digest[static DIGEST_BYTES])
{
    struct dkim_body body;
    unsigned n = 0;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    assert(context);
    int done = EVP_DigestInit_ex(context, EVP_sha256(), NULL);
    dkim_body_open(&body, hash_piece, context);
    dkim_body_feed(&body, content);
    dkim_body_end(&body);
    done &= EVP_DigestFinal_ex(context, digest, &n);
    assert(done == 1 && n == DIGEST_BYTES);
    EVP_MD_CTX_free(context);
}

/* --- What is signed --- */

struct names {
    sv items[NAMES_MAX];
    size_t count;
};

static void add_names(struct names *names, sv head, sv name)
{
    for (size_t i = 0; i < names->count; i++)
        if (sv_ieq(names->items[i], name))
            return; /* listed twice */
    size_t there = dkim_field_count(head, name);
    bool once_more = sv_ieq(name, SV("From")) || sv_ieq(name, SV("Subject"));
    size_t times = (there < DKIM_SAME_MAX ? there : DKIM_SAME_MAX) + once_more;
    for (size_t i = 0; i < times; i++)
        names->items[names->count++] = name;
}

/* --- The field --- */

static void put_names(struct buf *out, const struct names *names)
{
    size_t column = sizeof "\th=" - 1;
    for (size_t i = 0; i < names->count; i++) {
        sv name = names->items[i];
        if (i && column + name.n + 2 > COLUMN_MAX) {
            (void)buf_put(out, SV(":\r\n\t"));
            column = 1;
        } else if (i) {
            (void)buf_put_char(out, ':');
        }
        (void)buf_put(out, name);
        column += name.n + 1;
    }
}

static int put_folded(struct buf *out, sv raw)
{
    struct buf text = BUF_INIT(2 * RAW_MAX);
    int failed = base64_encode(raw, &text);
    for (sv rest = buf_view(&text); rest.n; rest = sv_from(rest, BASE64_LINE)) {
        failed |= buf_put(out, SV("\r\n\t"));
        failed |= buf_put(out, sv_first(rest, BASE64_LINE));
    }
    buf_free(&text);
    return failed | buf_put(out, SV("\r\n"));
}

/* Up to "b=". −1 past what a field may have. */
static int put_field(struct buf *out, const struct dkim_signer *signer, const struct names *names, sv body,
                     uint64_t seconds)
{
    unsigned char digest[DIGEST_BYTES];
    hash_body(body, digest);
    (void)buf_printf(
        out, "DKIM-Signature: v=1; a=%.*s; c=relaxed/relaxed;\r\n\td=%.*s;\r\n\ts=%.*s; t=%llu;\r\n\th=",
        SV_ARG(dkim_key_algorithm(signer->key)), SV_ARG(signer->domain), SV_ARG(signer->selector),
        (unsigned long long)seconds);
    put_names(out, names);
    (void)buf_put(out, SV(";\r\n\tbh="));
    (void)base64_encode(sv_make(digest, sizeof digest), out);
    return buf_put(out, SV(";\r\n\tb="));
}

int dkim_sign(const struct dkim_signer *signer, sv content, uint64_t seconds, struct buf *out,
              struct err *err)
{
    sv head, body;
    struct names names = {.count = 0};
    struct buf field = BUF_INIT(DKIM_SIGNATURE_MAX), form = BUF_INIT(FORM_MAX), raw = BUF_INIT(RAW_MAX);
    assert(signer->field_count <= DKIM_LISTED_MAX);
    dkim_split(content, &head, &body);
    if (dkim_field_count(head, SV("From")) != 1)
        return err_set(err, ERR_DATA, "let it have exactly one From", "a message with %zu From is not signed",
                       dkim_field_count(head, SV("From")));
    add_names(&names, head, SV("From"));
    for (size_t i = 0; i < signer->field_count; i++)
        add_names(&names, head, signer->fields[i]);
    int rc = 0;
    if (put_field(&field, signer, &names, body, seconds) < 0 ||
        dkim_form_header(head, names.items, names.count, buf_view(&field), &form) < 0)
        rc = err_set(err, ERR_LIMIT, "sign fewer fields", "the header is too large to be signed");
    if (rc == 0)
        rc = dkim_key_sign(signer->key, buf_view(&form), &raw, err);
    if (rc == 0 && (put_folded(&field, buf_view(&raw)) < 0 || buf_put(out, buf_view(&field)) < 0))
        rc = err_set(err, ERR_LIMIT, "sign fewer fields", "the signature is too large");
    buf_free(&field);
    buf_free(&form);
    buf_free(&raw);
    return rc;
}
