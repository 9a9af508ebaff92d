/* Finds a domain's MTA-STS policy (RFC 8461 §3.3): asks for its TXT record, fetches the policy by HTTPS when
 * there is a new version, and remembers what was fetched for as long as it holds. */
#ifndef VEDETTE_GATEWAY_STS_H
#define VEDETTE_GATEWAY_STS_H

#include "gateway/asker.h"
#include "gateway/sts_table.h"

struct sts;
struct sts_question;

struct sts_setup {
    struct loop *loop; /* both must outlive the sts */
    struct asker *asker;
    const char *folder;  /* where it keeps the file "mta-sts" */
    const char *ca_file; /* whom to trust for HTTPS (PEM); NULL: the system's */
};

/* http_global_init must have been called. What cannot be read or kept is logged. */
struct sts *sts_new(const struct sts_setup *setup);

/* Every question must have been answered or cancelled. Writes what has changed. NULL is fine. */
void sts_free(struct sts *sts);

/* policy: NULL where none applies. Valid until fn returns, as is why: words on a policy that could not be
 * had, or
 * "". The question is gone by then. */
typedef void sts_fn(void *arg, const struct mta_sts_policy *policy, const char *why);

/* fn is called once, never before this returns. A domain that no DNS name is has no policy. */
struct sts_question *sts_ask(struct sts *sts, const char *domain, sts_fn *fn, void *arg);

/* fn will not be called. NULL is fine; not after fn was called. */
void sts_cancel(struct sts_question *question);

#endif
