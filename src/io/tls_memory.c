#include "io/tls_memory.h"

#include "io/tls_tickets.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>

struct remembered {
    char *whom;
    SSL_SESSION *session;
    nanos proven_at;
};

struct tls_memory {
    struct remembered entries[TLS_MEMORY_MAX]; /* in the order in which they came */
    size_t count;
};

struct tls_memory *tls_memory_new(void)
{
    struct tls_memory *memory = calloc(1, sizeof *memory);
    assert(memory);
    return memory;
}

static void take_out(struct tls_memory *memory, size_t which)
{
    struct remembered *entry = &memory->entries[which];
    free(entry->whom);
    memory->count--;
    memmove(entry, entry + 1, (memory->count - which) * sizeof *entry);
}

void tls_memory_free(struct tls_memory *memory)
{
    if (!memory)
        return;
    while (memory->count) {
        SSL_SESSION_free(memory->entries[0].session);
        take_out(memory, 0);
    }
    free(memory);
}

void tls_memory_put(struct tls_memory *memory, const char *whom, SSL_SESSION *session, nanos proven_at)
{
    if (memory->count == TLS_MEMORY_MAX) {
        SSL_SESSION_free(memory->entries[0].session);
        take_out(memory, 0);
    }
    struct remembered *entry = &memory->entries[memory->count++];
    *entry = (struct remembered){strdup(whom), session, proven_at};
    assert(entry->whom);
}

/* A certificate is not verified again when its session is gone on with, so that must not go on for long. */
static bool is_good(const struct remembered *entry, nanos now)
{
    const SSL_SESSION *session = entry->session;
    X509 *cert = SSL_SESSION_get0_peer(entry->session);
    return SSL_SESSION_is_resumable(session) && now - entry->proven_at < TLS_PROOF_AGE_MAX &&
           time(NULL) < SSL_SESSION_get_time(session) + SSL_SESSION_get_timeout(session) && cert &&
           X509_cmp_current_time(X509_get0_notAfter(cert)) > 0;
}

SSL_SESSION *tls_memory_take(struct tls_memory *memory, const char *whom, nanos now, nanos *ret_proven_at)
{
    for (size_t i = memory->count; i-- > 0;) {
        struct remembered entry = memory->entries[i];
        if (strcmp(entry.whom, whom) != 0)
            continue;
        bool good = is_good(&entry, now);
        take_out(memory, i);
        if (good) {
            *ret_proven_at = entry.proven_at;
            return entry.session;
        }
        SSL_SESSION_free(entry.session);
    }
    return NULL;
}
