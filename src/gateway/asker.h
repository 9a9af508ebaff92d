/* The relay's questions to DNS: as many at once as io/dns takes, further ones wait in line. */
#ifndef VEDETTE_GATEWAY_ASKER_H
#define VEDETTE_GATEWAY_ASKER_H

#include "config/config.h"
#include "io/dns.h"

struct asker;
struct question;

/* Copies what it needs of resolvers and trust_anchor; reads and asks nothing yet. */
struct asker *asker_new(struct loop *loop, const struct config *config);

/* Every question must have been answered or cancelled. NULL is fine. */
void asker_free(struct asker *asker);

/* As dns_ask, with a patience of its own. fn is called once, never before this returns. A resolver that
 * cannot be used is an answer too: DNS_FAILED. */
struct question *asker_ask(struct asker *asker, enum dns_type type, const char *name, dns_fn *fn, void *arg);

/* fn will not be called. NULL is fine; not after fn was called. */
void question_cancel(struct question *question);

#endif
