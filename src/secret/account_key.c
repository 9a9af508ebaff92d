#include "secret/account_key.h"

#include "wire/base64.h"

#include <gsasl.h>
#include <sodium.h>

enum {
    DIGEST_BYTES = 32,
    SALT_BYTES = 16,
};

static const sv scram = SV_INIT("SCRAM-SHA-256$"), argon2id = SV_INIT("$argon2id$");

struct scram_key {
    unsigned iterations;
    struct buf salt, stored;
};

static bool parse_scram(sv text, struct scram_key *ret)
{
    if (!sv_starts(text, scram))
        return false;
    sv rest = sv_from(text, scram.n);
    sv iterations = sv_split(&rest, ':'), salt = sv_split(&rest, '$'), stored = sv_split(&rest, ':');
    uint64_t count = 0;
    struct buf server = BUF_INIT(64);
    *ret = (struct scram_key){.salt = BUF_INIT(64), .stored = BUF_INIT(64)};
    bool good = sv_to_u64(iterations, &count) && count >= 1 && count <= ACCOUNT_ITERATIONS_MAX &&
                base64_decode(salt, &ret->salt) == 0 && base64_decode(stored, &ret->stored) == 0 &&
                base64_decode(rest, &server) == 0 && buf_view(&ret->salt).n > 0 &&
                buf_view(&ret->stored).n == DIGEST_BYTES && buf_view(&server).n == DIGEST_BYTES;
    ret->iterations = (unsigned)count;
    buf_free(&server);
    return good;
}

static void free_scram(struct scram_key *key)
{
    buf_free(&key->salt);
    buf_free(&key->stored);
}

enum account_key_kind account_key_kind(sv text)
{
    struct scram_key key = {0};
    bool is_scram = text.n <= ACCOUNT_KEY_TEXT_MAX && parse_scram(text, &key);
    free_scram(&key);
    if (is_scram)
        return ACCOUNT_KEY_SCRAM;
    bool is_argon2id = text.n < crypto_pwhash_STRBYTES && sv_starts(text, argon2id) && sv_printable(text);
    return is_argon2id ? ACCOUNT_KEY_ARGON2ID : ACCOUNT_KEY_NONE;
}

/* The library takes a C string; secrets derived on the way are wiped. */
static int derive(sv password, unsigned iterations, sv salt, char stored[static DIGEST_BYTES],
                  char server[static DIGEST_BYTES])
{
    char text[ACCOUNT_PASSWORD_MAX + 1], salted[DIGEST_BYTES], client[DIGEST_BYTES];
    sv_copy(text, sizeof text, password);
    int code = gsasl_scram_secrets_from_password(GSASL_HASH_SHA256, text, iterations, salt.p, salt.n, salted,
                                                 client, server, stored);
    sodium_memzero(text, sizeof text);
    sodium_memzero(salted, sizeof salted);
    sodium_memzero(client, sizeof client);
    return code == GSASL_OK ? 0 : -1;
}

static bool fits_scram(sv text, sv password)
{
    struct scram_key key = {0};
    char stored[DIGEST_BYTES], server[DIGEST_BYTES];
    bool fits = parse_scram(text, &key) &&
                derive(password, key.iterations, buf_view(&key.salt), stored, server) == 0 &&
                sodium_memcmp(stored, buf_view(&key.stored).p, DIGEST_BYTES) == 0;
    sodium_memzero(server, sizeof server);
    free_scram(&key);
    return fits;
}

static bool fits_argon2id(sv text, sv password)
{
    char key[crypto_pwhash_STRBYTES] = "";
    sv_copy(key, sizeof key, text);
    return crypto_pwhash_str_verify(key, password.p, password.n) == 0;
}

bool account_key_fits(sv text, sv password)
{
    if (password.n == 0 || password.n > ACCOUNT_PASSWORD_MAX || memchr(password.p, 0, password.n))
        return false;
    switch (account_key_kind(text)) {
    case ACCOUNT_KEY_SCRAM:
        return fits_scram(text, password);
    case ACCOUNT_KEY_ARGON2ID:
        return fits_argon2id(text, password);
    case ACCOUNT_KEY_NONE:
        return false;
    }
    return false;
}

static int make_scram(sv password, struct buf *out)
{
    char salt[SALT_BYTES], stored[DIGEST_BYTES], server[DIGEST_BYTES];
    randombytes_buf(salt, sizeof salt);
    if (derive(password, ACCOUNT_KEY_ITERATIONS, sv_make(salt, sizeof salt), stored, server))
        return -1;
    int failed = buf_printf(out, "%s%d:", "SCRAM-SHA-256$", ACCOUNT_KEY_ITERATIONS);
    failed |= base64_encode(sv_make(salt, sizeof salt), out) | buf_put(out, SV("$"));
    failed |= base64_encode(sv_make(stored, sizeof stored), out) | buf_put(out, SV(":"));
    return failed | base64_encode(sv_make(server, sizeof server), out);
}

static int make_argon2id(sv password, struct buf *out)
{
    char key[crypto_pwhash_STRBYTES];
    if (crypto_pwhash_str(key, password.p, password.n, crypto_pwhash_OPSLIMIT_INTERACTIVE,
                          crypto_pwhash_MEMLIMIT_INTERACTIVE))
        return -1;
    return buf_put(out, sv_of(key));
}

int account_key_make(enum account_key_kind kind, sv password, struct buf *out, struct err *err)
{
    if (sodium_init() < 0)
        return err_set(err, ERR_INTERNAL, NULL, "no randomness");
    if (password.n == 0 || password.n > ACCOUNT_PASSWORD_MAX || !sv_printable(password))
        return err_set(err, ERR_DATA, "1 to 1,024 bytes on one line, without control characters",
                       "that cannot be a password");
    int failed = kind == ACCOUNT_KEY_SCRAM ? make_scram(password, out) : make_argon2id(password, out);
    return failed ? err_set(err, ERR_SYSTEM, "an argon2id key takes 64 MiB of memory", "make a key") : 0;
}
