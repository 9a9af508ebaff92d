/* Records and policies of anybody: what is taken keeps its promises, and a policy allows no host that it does
 * not have a line for. */
#include "wire/mta_sts.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_record(sv whole)
{
    char id[MTA_STS_ID_MAX];
    sv texts[2], rest = whole;
    texts[0] = sv_split(&rest, '\n');
    texts[1] = rest;
    if (mta_sts_record_read(texts, 2, id) && (!id[0] || strlen(id) >= MTA_STS_ID_MAX))
        abort();
    /* The same record twice is no record. */
    const sv twice[] = {texts[0], texts[0]};
    if (mta_sts_record_read(twice, 2, id))
        abort();
}

static void try_policy(sv whole)
{
    struct mta_sts_policy policy;
    struct err err;
    sv rest = whole, first = sv_split(&rest, '\n');
    if (mta_sts_policy_read(rest, &policy, &err) < 0)
        return;
    if (policy.max_age_seconds > MTA_STS_AGE_SECONDS_MAX || !sv_eq(policy.text, rest))
        abort();
    /* A host's own labels stand in the text, but for the one that a wildcard is for. */
    sv host = sv_trim(first), above = host;
    sv_split(&above, '.');
    if (sv_ends(above, SV(".")))
        above.n--;
    if (mta_sts_policy_allows(&policy, host) && above.n && sv_ifind(rest, above) == SV_NPOS)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sv whole = sv_make(data, size);
    try_record(whole);
    try_policy(whole);
    return 0;
}
