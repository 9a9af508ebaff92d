/* What is kept of an account's password, in one line:
 *
 *   SCRAM-SHA-256$ITERATIONS:SALT$STOREDKEY:SERVERKEY   as PostgreSQL writes it: for SCRAM, PLAIN and LOGIN
 *   $argon2id$v=19$m=…,t=…,p=…$SALT$HASH                as libsodium and argon2(1) write it: for PLAIN and
 * LOGIN
 *
 * Neither gives the password back. Pure but for randomness and time spent. */
#ifndef VEDETTE_SECRET_ACCOUNT_KEY_H
#define VEDETTE_SECRET_ACCOUNT_KEY_H

#include "base/buf.h"
#include "base/err.h"

enum {
    ACCOUNT_KEY_TEXT_MAX = 512,
    ACCOUNT_PASSWORD_MAX = 1024,
    ACCOUNT_ITERATIONS_MAX = 1000000,
    ACCOUNT_KEY_ITERATIONS =
        15000 /* of new keys: RFC 7677 §4 wants 4,096 at least; some 10 ms of the keeper */
};

enum account_key_kind { ACCOUNT_KEY_NONE, ACCOUNT_KEY_SCRAM, ACCOUNT_KEY_ARGON2ID };

/* NONE if text is neither of the two. */
enum account_key_kind account_key_kind(sv text);

/* True if the password is the one that the key was made of. Takes as long as the key's maker wanted: call it
 * on a thread of its own. */
bool account_key_fits(sv text, sv password);

/* Appends a new key of that kind to out. −1 for a password that is empty, too long or has a control byte. */
int account_key_make(enum account_key_kind kind, sv password, struct buf *out, struct err *err);

#endif
