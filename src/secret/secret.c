#include "secret/secret.h"

#include <assert.h>
#include <sodium.h>

struct secret {
    size_t n;
    char bytes[];
};

struct secret *secret_new(sv bytes)
{
    assert(bytes.n <= SECRET_BYTES_MAX);
    int rc = sodium_init();
    assert(rc >= 0);
    /* The memory ends at a guard page, so only a rounded size is aligned. */
    size_t size = (sizeof(struct secret) + bytes.n + 15) & ~(size_t)15;
    struct secret *secret = sodium_malloc(size);
    assert(secret);
    secret->n = bytes.n;
    if (bytes.n)
        memcpy(secret->bytes, bytes.p, bytes.n);
    sodium_mprotect_readonly(secret);
    return secret;
}

sv secret_reveal(const struct secret *secret)
{
    return sv_make(secret->bytes, secret->n);
}

void secret_free(struct secret *secret)
{
    sodium_free(secret); /* wipes */
}
