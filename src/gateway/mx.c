#include "gateway/mx.h"

#include "base/hash.h"
#include "config/mailbox.h"

#include <assert.h>

static void decide(struct mx_plan *plan, enum mx_verdict verdict, const char *status)
{
    plan->verdict = verdict;
    plan->status = status;
    plan->count = 0;
}

bool mx_is_ours(const char *name, const char *const *our_names)
{
    for (; *our_names; our_names++)
        if (sv_ieq(sv_of(name), sv_of(*our_names)))
            return true;
    return false;
}

/* Preferences from here on lead back to us, or in circles (RFC 5321 §5.1). */
static unsigned own_preference(const struct dns_answer *answer, const char *const *our_names)
{
    unsigned least = UINT16_MAX + 1U;
    for (size_t i = 0; i < answer->record_count; i++) {
        const struct dns_record *record = &answer->records[i];
        if (mx_is_ours(record->name, our_names) && record->preference < least)
            least = record->preference;
    }
    return least;
}

/* Records in the order to try them; picked has been used. −1: no more below limit. */
static int next_record(const struct dns_answer *answer, const bool *picked, unsigned limit, uint32_t chance)
{
    int best = -1;
    for (size_t i = 0; i < answer->record_count; i++) {
        const struct dns_record *record = &answer->records[i];
        if (picked[i] || record->preference >= limit)
            continue;
        const struct dns_record *other = best < 0 ? NULL : &answer->records[best];
        if (!other || record->preference < other->preference ||
            (record->preference == other->preference && hash_lot(chance, i) < hash_lot(chance, (size_t)best)))
            best = (int)i;
    }
    return best;
}

static void list_records(const struct dns_answer *answer, unsigned limit, uint32_t chance,
                         struct mx_plan *plan)
{
    bool picked[DNS_RECORDS_MAX] = {false};
    int at;
    assert(answer->record_count <= DNS_RECORDS_MAX);
    while (plan->count < MX_HOSTS_MAX && (at = next_record(answer, picked, limit, chance)) >= 0) {
        const struct dns_record *record = &answer->records[at];
        picked[at] = true;
        if (!host_valid(sv_of(record->name)))
            continue; /* "." beside others, or no name that a certificate or a log line could have */
        struct mx_host *host = &plan->hosts[plan->count++];
        sv_copy(host->name, sizeof host->name, sv_of(record->name));
        host->preference = record->preference;
    }
}

static void plan_records(const struct dns_answer *answer, const char *const *our_names, uint32_t chance,
                         struct mx_plan *plan)
{
    if (answer->record_count == 1 && strcmp(answer->records[0].name, ".") == 0) {
        decide(plan, MX_NO_MAIL, "5.1.10");
        return;
    }
    unsigned limit = own_preference(answer, our_names);
    list_records(answer, limit, chance, plan);
    if (plan->count == 0 && limit <= UINT16_MAX)
        decide(plan, MX_LOOP, "5.4.6");
    else if (plan->count == 0)
        decide(plan, MX_NO_DOMAIN, "5.1.2");
}

static void plan_implicit(const struct dns_answer *answer, const char *const *our_names, struct mx_plan *plan)
{
    sv domain = sv_of(answer->question);
    if (sv_ends(domain, SV(".")))
        domain.n--;
    if (!host_valid(domain)) {
        decide(plan, MX_NO_DOMAIN, "5.1.2");
        return;
    }
    plan->implicit = true;
    plan->count = 1;
    plan->hosts[0].preference = 0;
    sv_copy(plan->hosts[0].name, sizeof plan->hosts[0].name, domain);
    if (mx_is_ours(plan->hosts[0].name, our_names))
        decide(plan, MX_LOOP, "5.4.6");
}

void mx_plan(const struct dns_answer *answer, const char *const *our_names, uint32_t chance,
             struct mx_plan *ret)
{
    assert(answer->type == DNS_MX);
    *ret = (struct mx_plan){.verdict = MX_HOSTS, .secure = answer->security == DNS_SECURE};
    switch (answer->status) {
    case DNS_FOUND:
        plan_records(answer, our_names, chance, ret);
        break;
    case DNS_NO_DATA:
        plan_implicit(answer, our_names, ret);
        break;
    case DNS_NO_NAME:
        decide(ret, MX_NO_DOMAIN, "5.1.2");
        break;
    case DNS_FAILED:
        if (answer->failure == DNS_FAILURE_BAD_QUESTION)
            decide(ret, MX_NO_DOMAIN, "5.1.2");
        else
            decide(ret, MX_LATER, "4.4.3");
        break;
    }
}
