#include "watch/rule_source.h"

/* What else rules call a part of an event's source. */
struct alias {
    sv product, name, also;
};

static const struct alias service_aliases[] = {
    {SV_INIT("linux"), SV_INIT("sshd"), SV_INIT("auth")},
    {SV_INIT("linux"), SV_INIT("sudo"), SV_INIT("auth")},
    {SV_INIT("linux"), SV_INIT("su"), SV_INIT("auth")},
    {SV_INIT("linux"), SV_INIT("pam"), SV_INIT("auth")},
    {SV_INIT("linux"), SV_INIT("sshd"), SV_INIT("syslog")},
    {SV_INIT("linux"), SV_INIT("sudo"), SV_INIT("syslog")},
    {SV_INIT("linux"), SV_INIT("su"), SV_INIT("syslog")},
    {SV_INIT("linux"), SV_INIT("pam"), SV_INIT("syslog")},
    {SV_INIT("linux"), SV_INIT("auth"), SV_INIT("syslog")},
    {SV_INIT("linux"), SV_INIT("cron"), SV_INIT("syslog")},
    /* Privilege Cloud reports the Vault's own codes. */
    {SV_INIT("cyberark"), SV_INIT("audit"), SV_INIT("vault")},
};

static const struct alias category_aliases[] = {
    {SV_INIT("windows"), SV_INIT("registry_set"), SV_INIT("registry_event")},
    {SV_INIT("windows"), SV_INIT("registry_rename"), SV_INIT("registry_event")},
    {SV_INIT("windows"), SV_INIT("registry_delete"), SV_INIT("registry_event")},
    /* Sysmon's event 12 tells of keys created and deleted alike. */
    {SV_INIT("windows"), SV_INIT("registry_delete"), SV_INIT("registry_add")},
};

/* Sigma's categories that what decoders tell apart is not of: what other machines report, and, for most of
 * it, what processes do. */
static const sv elsewhere[] = {
    SV_INIT("antivirus"), SV_INIT("database"), SV_INIT("dns"),
    SV_INIT("firewall"),  SV_INIT("proxy"),    SV_INIT("webserver"),
};
static const sv by_processes[] = {
    SV_INIT("process_creation"),
    SV_INIT("file_event"),
    SV_INIT("network_connection"),
};

/* What decoders tell apart; they name no category. */
static const struct {
    sv product, service;
    bool of_processes;
} told[] = {
    {SV_INIT("linux"), SV_INIT("sshd"), false},       {SV_INIT("linux"), SV_INIT("sudo"), true},
    {SV_INIT("linux"), SV_INIT("su"), false},         {SV_INIT("linux"), SV_INIT("pam"), false},
    {SV_INIT("linux"), SV_INIT("auditd"), true},      {SV_INIT("linux"), SV_INIT("auth"), false},
    {SV_INIT("linux"), SV_INIT("cron"), true},        {SV_INIT("cyberark"), SV_INIT("vault"), false},
    {SV_INIT("cyberark"), SV_INIT("pta"), false},     {SV_INIT("cyberark"), SV_INIT("vaultmonitor"), false},
    {SV_INIT("cyberark"), SV_INIT("audit"), false},   {SV_INIT("hashicorp"), SV_INIT("vault"), false},
    {SV_INIT("kubernetes"), SV_INIT("audit"), false},
};

#define COUNT(list) (sizeof(list) / sizeof *(list))

static bool part_agrees(sv rule, sv event)
{
    return rule.n == 0 || event.n == 0 || sv_ieq(rule, event);
}

static bool is_called(sv rule, sv product, sv part, const struct alias *aliases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (sv_ieq(rule, aliases[i].also) && sv_ieq(part, aliases[i].name) &&
            sv_ieq(product, aliases[i].product))
            return true;
    return false;
}

static bool service_agrees(sv rule, const struct logsource *event)
{
    return part_agrees(rule, event->service) ||
           is_called(rule, event->product, event->service, service_aliases, COUNT(service_aliases));
}

static bool is_among(sv name, const sv *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (sv_ieq(name, names[i]))
            return true;
    return false;
}

/* An event without a category may be of any, unless decoders tell it apart from that. */
static bool may_be_of(sv category, const struct logsource *event)
{
    for (size_t i = 0; i < COUNT(told); i++)
        if (sv_ieq(event->product, told[i].product) && sv_ieq(event->service, told[i].service))
            return !is_among(category, elsewhere, COUNT(elsewhere)) &&
                   (told[i].of_processes || !is_among(category, by_processes, COUNT(by_processes)));
    return true;
}

static bool category_agrees(sv rule, const struct logsource *event)
{
    if (rule.n && event->category.n == 0)
        return may_be_of(rule, event);
    return part_agrees(rule, event->category) ||
           is_called(rule, event->product, event->category, category_aliases, COUNT(category_aliases));
}

bool rule_source_agrees(const struct logsource *rule, const struct logsource *event)
{
    return part_agrees(rule->product, event->product) && category_agrees(rule->category, event) &&
           service_agrees(rule->service, event);
}

const struct source_family rule_source_families[] = {
    {.source = {SV_INIT("linux"), SV_INIT(""), SV_INIT("sshd")}},
    {{SV_INIT("linux"), SV_INIT(""), SV_INIT("sudo")},
     SV_INIT("sudo[ : tty=pts/ ; pwd=/home/ ; user= ; command=/usr/bin/")},
    {.source = {SV_INIT("linux"), SV_INIT(""), SV_INIT("su")}},
    {.source = {SV_INIT("linux"), SV_INIT(""), SV_INIT("pam")}},
    {{SV_INIT("linux"), SV_INIT(""), SV_INIT("auditd")},
     SV_INIT("type=syscall type=path msg=audit( success=yes res=success")},
    {.source = {SV_INIT("linux"), SV_INIT(""), SV_INIT("cron")}},
    {.source = {SV_INIT("linux"), SV_INIT(""), SV_INIT("")}},
    {.source = {SV_INIT("cyberark"), SV_INIT(""), SV_INIT("vault")}},
    {.source = {SV_INIT("cyberark"), SV_INIT(""), SV_INIT("")}},
    {.source = {SV_INIT("hashicorp"), SV_INIT(""), SV_INIT("vault")}},
    {.source = {SV_INIT("kubernetes"), SV_INIT(""), SV_INIT("audit")}},
    {{SV_INIT("windows"), SV_INIT("process_creation"), SV_INIT("")},
     SV_INIT(
         "event system provider microsoft-windows- eventid channel computer eventdata \\windows\\ .exe image "
         "commandline parentimage parentcommandline originalfilename")},
    {{SV_INIT("windows"), SV_INIT(""), SV_INIT("")},
     SV_INIT("event system provider microsoft-windows- eventid channel computer eventdata")},
};

const size_t rule_source_family_count = COUNT(rule_source_families);

bool source_family_includes(const struct source_family *family, const struct logsource *source)
{
    const struct logsource *known = &family->source;
    return sv_ieq(known->product, source->product) &&
           (known->category.n == 0 || sv_ieq(known->category, source->category)) &&
           (known->service.n == 0 || sv_ieq(known->service, source->service));
}

const struct source_family *source_family_of(const struct logsource *source)
{
    for (size_t i = 0; i < rule_source_family_count; i++)
        if (source_family_includes(&rule_source_families[i], source))
            return &rule_source_families[i];
    return NULL;
}

bool source_family_has(const struct source_family *family, sv text)
{
    return text.n && sv_ifind(family->usual, text) != SV_NPOS;
}

bool rule_source_has_input(const struct logsource *rule)
{
    /* Windows events have their service from the channel and their category from the event's number. */
    if (sv_ieq(rule->product, SV("windows")))
        return true;
    for (size_t i = 0; rule->product.n && i < COUNT(told); i++)
        if (rule_source_agrees(rule, &(struct logsource){told[i].product, SV_NONE, told[i].service}))
            return true;
    return false;
}
