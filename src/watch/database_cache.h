/* Compiles Vectorscan's databases, or finds them in files that an earlier run has left.
 *
 * A file is native data. It is read only if it is a plain file that root or we own and nobody else may write,
 * and believed only if it is of the very patterns, flags, version of Vectorscan and processor that are asked
 * for, and has the digest that it says. Whatever else is found is told in the log, and compiled anew. */
#ifndef VEDETTE_WATCH_DATABASE_CACHE_H
#define VEDETTE_WATCH_DATABASE_CACHE_H

#include <hs.h>

#include "base/sv.h"

enum {
    DATABASE_NAME_BYTES = 48,                   /* of a file's name, with its end */
    DATABASE_FILE_BYTES_MAX = 16 * 1000 * 1000, /* a larger database is not kept */
};

/* Takes the content of a file that is to be kept under that name; both are borrowed. */
typedef void database_keep_fn(void *arg, const char *name, sv content);

struct database_cache {
    int folder;             /* where files are read from: a descriptor; −1: none are */
    database_keep_fn *keep; /* NULL: what is compiled is not kept */
    void *arg;
    unsigned found, compiled; /* databases, so far */
};

/* What a database is made of. */
struct database_source {
    const char *const *texts;
    const size_t *sizes; /* literals of so many bytes; NULL: expressions that end with a zero byte */
    const unsigned *flags, *ids;
    size_t count;
};

/* For block mode; the caller frees it with hs_free_database. NULL if it cannot be compiled: *ret_refused is
 * the place of the expression that Vectorscan has no form for, or −1. cache NULL: it is compiled. */
hs_database_t *database_make(struct database_cache *cache, const struct database_source *source,
                             int *ret_refused);

/* Whether it is the name of such a file. */
bool database_name_is_valid(sv name);

#endif
