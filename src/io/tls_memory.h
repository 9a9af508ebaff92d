/* The sessions that a client context has had and may go on with, by whom they were with. Private to this
 * room. */
#ifndef VEDETTE_IO_TLS_MEMORY_H
#define VEDETTE_IO_TLS_MEMORY_H

#include "io/tls_private.h"

enum { TLS_MEMORY_MAX = 64 }; /* past it those that came first go */

struct tls_memory;
struct tls_memory *tls_memory_new(void);
void tls_memory_free(struct tls_memory *memory); /* NULL is fine */

/* Takes over session. whom: the address and the name that its certificate was verified for; proven_at: when
 * it last was, monotonic. */
void tls_memory_put(struct tls_memory *memory, const char *whom, SSL_SESSION *session, nanos proven_at);

/* The last one with whom that is still good, which is the caller's then: nothing is offered twice, unless it
 * is put back. NULL: there is none. */
SSL_SESSION *tls_memory_take(struct tls_memory *memory, const char *whom, nanos now, nanos *ret_proven_at);

#endif
