#include "watch/rule_source.h"

/* A part of an event's source, and what else rules call it. */
static const struct {
    sv product, category, service; /* of the event: one of the two last is empty and counts as any */
    sv also;                       /* another name for the one that is not empty */
} kin[] = {
    {SV_INIT("linux"), SV_INIT(""), SV_INIT("sshd"), SV_INIT("auth")},
    {SV_INIT("linux"), SV_INIT(""), SV_INIT("sudo"), SV_INIT("auth")},
    {SV_INIT("linux"), SV_INIT(""), SV_INIT("su"), SV_INIT("auth")},
    {SV_INIT("linux"), SV_INIT(""), SV_INIT("pam"), SV_INIT("auth")},
    {SV_INIT("linux"), SV_INIT(""), SV_INIT("sshd"), SV_INIT("syslog")},
    {SV_INIT("linux"), SV_INIT(""), SV_INIT("sudo"), SV_INIT("syslog")},
    {SV_INIT("linux"), SV_INIT(""), SV_INIT("su"), SV_INIT("syslog")},
    {SV_INIT("linux"), SV_INIT(""), SV_INIT("pam"), SV_INIT("syslog")},
    {SV_INIT("linux"), SV_INIT(""), SV_INIT("auth"), SV_INIT("syslog")},
    {SV_INIT("linux"), SV_INIT(""), SV_INIT("cron"), SV_INIT("syslog")},
    /* Privilege Cloud reports the Vault's own codes. */
    {SV_INIT("cyberark"), SV_INIT(""), SV_INIT("audit"), SV_INIT("vault")},
    {SV_INIT("windows"), SV_INIT("registry_set"), SV_INIT(""), SV_INIT("registry_event")},
    {SV_INIT("windows"), SV_INIT("registry_rename"), SV_INIT(""), SV_INIT("registry_event")},
    {SV_INIT("windows"), SV_INIT("registry_delete"), SV_INIT(""), SV_INIT("registry_event")},
    /* Sysmon's event 12 tells of keys created and deleted alike. */
    {SV_INIT("windows"), SV_INIT("registry_delete"), SV_INIT(""), SV_INIT("registry_add")},
};

static bool part_agrees(sv rule, sv event)
{
    return rule.n == 0 || event.n == 0 || sv_ieq(rule, event);
}

static bool parts_agree(const struct logsource *rule, const struct logsource *event)
{
    return part_agrees(rule->product, event->product) && part_agrees(rule->category, event->category) &&
           part_agrees(rule->service, event->service);
}

bool rule_source_agrees(const struct logsource *rule, const struct logsource *event)
{
    if (parts_agree(rule, event))
        return true;
    for (size_t i = 0; i < sizeof kin / sizeof *kin; i++) {
        struct logsource other = *event;
        bool by_category = kin[i].category.n > 0;
        sv *part = by_category ? &other.category : &other.service;
        if (!sv_ieq(event->product, kin[i].product) ||
            !sv_ieq(*part, by_category ? kin[i].category : kin[i].service))
            continue;
        *part = kin[i].also;
        if (parts_agree(rule, &other))
            return true;
    }
    return false;
}

/* What decoders tell apart. */
static const struct logsource told[] = {
    {SV_INIT("linux"), SV_INIT(""), SV_INIT("sshd")},
    {SV_INIT("linux"), SV_INIT(""), SV_INIT("sudo")},
    {SV_INIT("linux"), SV_INIT(""), SV_INIT("su")},
    {SV_INIT("linux"), SV_INIT(""), SV_INIT("pam")},
    {SV_INIT("linux"), SV_INIT(""), SV_INIT("auditd")},
    {SV_INIT("linux"), SV_INIT(""), SV_INIT("auth")},
    {SV_INIT("linux"), SV_INIT(""), SV_INIT("cron")},
    {SV_INIT("cyberark"), SV_INIT(""), SV_INIT("vault")},
    {SV_INIT("cyberark"), SV_INIT(""), SV_INIT("pta")},
    {SV_INIT("cyberark"), SV_INIT(""), SV_INIT("vaultmonitor")},
    {SV_INIT("cyberark"), SV_INIT(""), SV_INIT("audit")},
    {SV_INIT("hashicorp"), SV_INIT(""), SV_INIT("vault")},
    {SV_INIT("kubernetes"), SV_INIT(""), SV_INIT("audit")},
};

const struct logsource rule_source_families[] = {
    {SV_INIT("linux"), SV_INIT(""), SV_INIT("sshd")},   {SV_INIT("linux"), SV_INIT(""), SV_INIT("sudo")},
    {SV_INIT("linux"), SV_INIT(""), SV_INIT("auditd")}, {SV_INIT("linux"), SV_INIT(""), SV_INIT("")},
    {SV_INIT("cyberark"), SV_INIT(""), SV_INIT("")},    {SV_INIT("hashicorp"), SV_INIT(""), SV_INIT("")},
    {SV_INIT("kubernetes"), SV_INIT(""), SV_INIT("")},  {SV_INIT("windows"), SV_INIT(""), SV_INIT("")},
};

const size_t rule_source_family_count = sizeof rule_source_families / sizeof *rule_source_families;

bool rule_source_has_input(const struct logsource *rule)
{
    /* Windows events have their service from the channel and their category from the event's number. */
    if (sv_ieq(rule->product, SV("windows")))
        return true;
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        if (rule->product.n && rule_source_agrees(rule, &told[i]))
            return true;
    return false;
}
