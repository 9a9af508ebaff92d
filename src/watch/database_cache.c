#include "watch/database_cache.h"

#include "base/err.h"
#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

enum { DIGEST_BYTES = 32, KEY_NAMED_BYTES = 20 };

static const char magic[16] = "vedette hs db 1\n";
static const char suffix[] = ".hsdb";

/* What a file begins with; the serialised database follows. */
struct header {
    char magic[sizeof magic];
    uint8_t key[DIGEST_BYTES];    /* of what it is made from */
    uint8_t digest[DIGEST_BYTES]; /* of what follows */
};

/* --- Keys --- */

static void feed(EVP_MD_CTX *context, const void *bytes, size_t n)
{
    int fed = EVP_DigestUpdate(context, bytes, n);
    assert(fed == 1);
}

static void feed_number(EVP_MD_CTX *context, uint64_t number)
{
    feed(context, &number, sizeof number);
}

/* All that a database depends on, each part with its length. */
static void make_key(const struct database_source *source, uint8_t ret[static DIGEST_BYTES])
{
    hs_platform_info_t platform = {0};
    const char *version = hs_version();
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int begun = context ? EVP_DigestInit_ex(context, EVP_sha256(), NULL) : 0;
    assert(begun == 1);
    hs_error_t known = hs_populate_platform(&platform);
    feed(context, magic, sizeof magic);
    feed(context, version, strlen(version) + 1);
    feed_number(context, known == HS_SUCCESS);
    feed_number(context, platform.tune);
    feed_number(context, platform.cpu_features);
    feed_number(context, source->sizes != NULL);
    feed_number(context, source->count);
    for (size_t i = 0; i < source->count; i++) {
        size_t n = source->sizes ? source->sizes[i] : strlen(source->texts[i]);
        feed_number(context, source->flags[i]);
        feed_number(context, source->ids[i]);
        feed_number(context, n);
        feed(context, source->texts[i], n);
    }
    int made = EVP_DigestFinal_ex(context, ret, NULL);
    assert(made == 1);
    EVP_MD_CTX_free(context);
}

static void make_digest(sv bytes, uint8_t ret[static DIGEST_BYTES])
{
    int made = EVP_Digest(bytes.p, bytes.n, ret, NULL, EVP_sha256(), NULL);
    assert(made == 1);
}

static void make_name(const uint8_t key[static DIGEST_BYTES], char ret[static DATABASE_NAME_BYTES])
{
    size_t n = 0;
    for (size_t i = 0; i < KEY_NAMED_BYTES; i++)
        n += (size_t)snprintf(ret + n, DATABASE_NAME_BYTES - n, "%02x", key[i]);
    snprintf(ret + n, DATABASE_NAME_BYTES - n, "%s", suffix);
}

bool database_name_is_valid(sv name)
{
    if (name.n != 2 * (size_t)KEY_NAMED_BYTES + strlen(suffix) || !sv_ends(name, sv_of(suffix)))
        return false;
    for (size_t i = 0; i < 2 * (size_t)KEY_NAMED_BYTES; i++)
        if (sv_find_char(SV("0123456789abcdef"), name.p[i]) == SV_NPOS)
            return false;
    return true;
}

/* --- Reading --- */

/* What keeps us from believing a file; NULL: nothing. */
static const char *mistrust(const struct stat *info)
{
    if (!S_ISREG(info->st_mode))
        return "it is no plain file";
    if (info->st_uid != 0 && info->st_uid != geteuid())
        return "it belongs to somebody else";
    if (info->st_mode & (S_IWGRP | S_IWOTH))
        return "others may write it";
    if (info->st_size <= (off_t)sizeof(struct header) || info->st_size > DATABASE_FILE_BYTES_MAX)
        return "it has not the size of one";
    return NULL;
}

static const char *take(sv file, const uint8_t key[static DIGEST_BYTES], hs_database_t **ret)
{
    struct header header;
    uint8_t digest[DIGEST_BYTES];
    memcpy(&header, file.p, sizeof header);
    sv bytes = sv_from(file, sizeof header);
    if (memcmp(header.magic, magic, sizeof magic) != 0 || memcmp(header.key, key, sizeof header.key) != 0)
        return "it is of something else";
    make_digest(bytes, digest);
    if (memcmp(header.digest, digest, sizeof digest) != 0)
        return "it is damaged";
    return hs_deserialize_database(bytes.p, bytes.n, ret) == HS_SUCCESS ? NULL
                                                                        : "Vectorscan does not take it";
}

/* Reads all of it first, so that what is checked is what is used. */
static const char *read_file(int fd, const uint8_t key[static DIGEST_BYTES], hs_database_t **ret)
{
    struct stat info;
    const char *why = fstat(fd, &info) < 0 ? "it cannot be looked at" : mistrust(&info);
    if (why)
        return why;
    size_t n = (size_t)info.st_size, have = 0;
    char *bytes = malloc(n);
    assert(bytes);
    for (ssize_t got; have < n && (got = read(fd, bytes + have, n - have)) > 0;)
        have += (size_t)got;
    why = have == n ? take(sv_make(bytes, n), key, ret) : "it is cut short";
    free(bytes);
    return why;
}

static hs_database_t *find(const struct database_cache *cache, const char *name,
                           const uint8_t key[static DIGEST_BYTES])
{
    hs_database_t *database = NULL;
    int fd = openat(cache->folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    const char *why = fd >= 0           ? read_file(fd, key, &database)
                      : errno == ENOENT ? NULL
                                        : "it cannot be opened";
    if (fd >= 0)
        close(fd);
    if (why)
        LOG_WARNING("a compiled database is of no use, and made anew", LOG_STR("file", name),
                    LOG_STR("cause", why));
    return database;
}

/* --- Making --- */

static hs_database_t *compile(const struct database_source *source, int *ret_refused)
{
    hs_database_t *database = NULL;
    hs_compile_error_t *error = NULL;
    unsigned count = (unsigned)source->count;
    hs_error_t result = source->sizes
                            ? hs_compile_lit_multi(source->texts, source->flags, source->ids, source->sizes,
                                                   count, HS_MODE_BLOCK, NULL, &database, &error)
                            : hs_compile_multi(source->texts, source->flags, source->ids, count,
                                               HS_MODE_BLOCK, NULL, &database, &error);
    *ret_refused = result == HS_COMPILER_ERROR && error ? error->expression : -1;
    hs_free_compile_error(error);
    return result == HS_SUCCESS ? database : NULL;
}

static void keep(const struct database_cache *cache, const char *name, const uint8_t key[static DIGEST_BYTES],
                 const hs_database_t *database)
{
    char *bytes = NULL;
    size_t n = 0;
    if (hs_serialize_database(database, &bytes, &n) != HS_SUCCESS)
        return;
    if (n <= DATABASE_FILE_BYTES_MAX - sizeof(struct header)) {
        struct header header;
        char *file = malloc(sizeof header + n);
        assert(file);
        memcpy(header.magic, magic, sizeof magic);
        memcpy(header.key, key, sizeof header.key);
        make_digest(sv_make(bytes, n), header.digest);
        memcpy(file, &header, sizeof header);
        memcpy(file + sizeof header, bytes, n);
        cache->keep(cache->arg, name, sv_make(file, sizeof header + n));
        free(file);
    }
    free(bytes);
}

hs_database_t *database_make(struct database_cache *cache, const struct database_source *source,
                             int *ret_refused)
{
    uint8_t key[DIGEST_BYTES];
    char name[DATABASE_NAME_BYTES];
    hs_database_t *database = NULL;
    if (!cache)
        return compile(source, ret_refused);
    *ret_refused = -1;
    make_key(source, key);
    make_name(key, name);
    if (cache->folder >= 0)
        database = find(cache, name, key);
    if (database) {
        cache->found++;
        return database;
    }
    database = compile(source, ret_refused);
    if (!database)
        return NULL;
    cache->compiled++;
    if (cache->keep)
        keep(cache, name, key, database);
    return database;
}
