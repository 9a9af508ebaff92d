/* The MTA-STS policies of domains that mail went to (RFC 8461 §3.3), bounded, and on disk: whoever could make
 * us forget one could have mail sent to another server. Pure but for sts_table_load and sts_table_save. */
#ifndef VEDETTE_GATEWAY_STS_TABLE_H
#define VEDETTE_GATEWAY_STS_TABLE_H

#include "base/err.h"
#include "base/timefmt.h"
#include "wire/mta_sts.h"

enum {
    STS_DOMAINS_MAX =
        4096, /* past it, or past the bytes, expired ones go first, then those longest not asked for */
    STS_BYTES_MAX = 8 * 1024 * 1024, /* of all policies */
    STS_DOMAIN_MAX = 256,            /* with the NUL */
    STS_RETRY_SECONDS = 300,         /* after a failure the same version is not fetched sooner (§3.3) */
    STS_REFRESH_SECONDS = 86400,     /* a policy is fetched anew so often, or twice in its life */
};

struct sts_table;

struct sts_table *sts_table_new(void);
void sts_table_free(struct sts_table *table); /* NULL is fine */

/* The policy of a domain that holds at that time; its text is the table's until the next put. ret_id: of the
 * version that it was fetched for. False: none is known. */
bool sts_table_find(struct sts_table *table, sv domain, nanos now, struct mta_sts_policy *ret,
                    char ret_id[static MTA_STS_ID_MAX]);

/* It was fetched: holds from now on for as long as it says. */
void sts_table_put(struct sts_table *table, sv domain, const char *id, const struct mta_sts_policy *policy,
                   nanos now);

/* Fetching that version failed … */
void sts_table_note_failure(struct sts_table *table, sv domain, const char *id, nanos now);
/* … so recently that it should be left alone. */
bool sts_table_is_failing(const struct sts_table *table, sv domain, const char *id, nanos now);

/* A domain whose policy should be fetched anew before it expires; false: none is due. */
bool sts_table_due(const struct sts_table *table, nanos now, char ret_domain[static STS_DOMAIN_MAX]);

bool sts_table_changed(const struct sts_table *table); /* since the last save */
int sts_table_save(struct sts_table *table, int folder_fd, const char *name, struct err *err);

/* A file that is not there is an empty one. −1: it cannot be read; what could be is there. */
int sts_table_load(struct sts_table *table, const char *path, nanos now, struct err *err);

#endif
