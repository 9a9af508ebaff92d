/* A server's session tickets (RFC 5077, RFC 8446 §4.6.1): what a client needs to come back without a whole
 * handshake, sealed so that nobody but this context of this process can open it. Private to this room. */
#ifndef VEDETTE_IO_TLS_TICKETS_H
#define VEDETTE_IO_TLS_TICKETS_H

#include "io/tls_private.h"

enum { TLS_TICKET_NAME_BYTES = 16, TLS_TICKET_KEY_BYTES = 32 };

/* A key seals for one period and opens for two: a ticket is good for a period at least. */
#define TLS_TICKET_PERIOD (3600 * NANOS_PER_SECOND)

/* However often it is renewed: after so long certificates are looked at again. */
#define TLS_PROOF_AGE_MAX (24 * TLS_TICKET_PERIOD)

struct tls_ticket_key {
    unsigned char name[TLS_TICKET_NAME_BYTES], cipher[TLS_TICKET_KEY_BYTES], mac[TLS_TICKET_KEY_BYTES];
    nanos made_at; /* monotonic; 0: none */
};

/* Times are monotonic and come in, so that a test need not wait an hour. */
struct tls_tickets;
struct tls_tickets *tls_tickets_new(void);
void tls_tickets_free(struct tls_tickets *tickets); /* wipes; NULL is fine */

/* The key to seal with at that time: a new one if the last one has had its period. NULL: no randomness. */
struct tls_ticket_key *tls_tickets_seal(struct tls_tickets *tickets, nanos now);

/* The key of that name; NULL: unknown, or too old. *ret_old: the ticket should be renewed. */
struct tls_ticket_key *tls_tickets_open(struct tls_tickets *tickets, const unsigned char *name, nanos now,
                                        bool *ret_old);

#endif
