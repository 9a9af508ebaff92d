/* A secret: bytes in locked memory that cannot be printed by accident and are wiped when done with. */
#ifndef VEDETTE_SECRET_SECRET_H
#define VEDETTE_SECRET_SECRET_H

#include "base/err.h"
#include "base/sv.h"

enum { SECRET_BYTES_MAX = 16 * 1024 };

struct secret;

/* Copies bytes into locked memory that core dumps leave out. Wipe the original yourself. */
struct secret *secret_new(sv bytes);

/* For the one call that needs them; never keep, log or format what this returns. */
sv secret_reveal(const struct secret *secret);

/* Wipes. NULL is fine. */
void secret_free(struct secret *secret);

#endif
