/* What a domain says of the TLS of its mail servers (MTA-STS, RFC 8461): its TXT record and its policy. Pure.
 */
#ifndef VEDETTE_WIRE_MTA_STS_H
#define VEDETTE_WIRE_MTA_STS_H

#include "base/err.h"
#include "base/sv.h"

enum {
    MTA_STS_ID_MAX = 33,                  /* with the NUL */
    MTA_STS_POLICY_BYTES_MAX = 64 * 1024, /* §3.3 */
    MTA_STS_AGE_SECONDS_MAX = 31557600,   /* §3.2: a year; more counts as that */
};

/* The one record of _mta-sts.DOMAIN (§3.1) among its TXT records: those that do not begin with "v=STSv1;" are
 * passed over. False: none, or several, or none of the right form, so that the domain publishes no policy;
 * ret_id is untouched. */
bool mta_sts_record_read(const sv *texts, size_t count, char ret_id[static MTA_STS_ID_MAX]);

enum mta_sts_mode { MTA_STS_NONE, MTA_STS_TESTING, MTA_STS_ENFORCE };

struct mta_sts_policy {
    enum mta_sts_mode mode;
    uint32_t max_age_seconds;
    sv text; /* as given to mta_sts_policy_read */
};

/* Reads a policy (§3.2). Unknown fields are passed over, and of a field that is there twice the first counts
 * (but for mx). −1 with ERR_DATA: it is none. */
int mta_sts_policy_read(sv text, struct mta_sts_policy *ret, struct err *err);

/* Whether a server of that name may take the domain's mail (§4.1): "*." stands for exactly one label. */
bool mta_sts_policy_allows(const struct mta_sts_policy *policy, sv host);

/* "none", "testing", "enforce". */
const char *mta_sts_mode_name(enum mta_sts_mode mode);

#endif
