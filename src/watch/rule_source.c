#include "watch/rule_source.h"

#include "watch/sigma_value.h"

enum { FAMILY_TEXT_BYTES_MAX = 64 /* of one that is asked about */ };

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

/* Words of records as they are written every day, in lower case. */
#define OFTEN_IN_SSHD                                                                                        \
    "sshd[ sshd: accepted publickey for user from port ssh2: rsa ecdsa ed25519 sha256: failed password for " \
    "invalid user connection closed by authenticating user connection reset by peer disconnected from "      \
    "received disconnect from :11: disconnected by user starting session: shell on pts/ id 0 postponed "     \
    "server listening on subsystem request for sftp by user [preauth]"
#define OFTEN_IN_PAM                                                                                       \
    "pam_unix(sshd:session): pam_unix(sudo:session): pam_unix(su:session): pam_unix(su-l:session): "       \
    "pam_unix(cron:session): pam_unix(systemd-user:session): session opened for user (uid=0) by (uid=0) "  \
    "session closed for user :auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost= " \
    ":account): sshd[ sudo[ sudo: su[ su: cron["
#define OFTEN_IN_SUDO                                                                                      \
    "user=root ; command=/usr/sbin/ command=/bin/ /bin/bash /bin/sh -c /usr/bin/systemctl status restart " \
    ".service /usr/bin/apt-get /usr/bin/apt install update /usr/bin/journalctl -u -f -n --no-pager "       \
    "/usr/bin/tail /usr/bin/cat /usr/bin/ls /usr/bin/docker /etc/ /var/log/nginx/ list group= env="
#define OFTEN_IN_AUDIT                                                                                      \
    "node= type=cwd type=proctitle type=user_acct type=cred_acq type=user_start arch=c000003e syscall= "    \
    "exit=0 a0= a1= a2= a3= items= ppid= pid= auid=4294967295 uid= gid= euid= suid= fsuid= egid= sgid= "    \
    "fsgid= tty=pts0 tty=(none) ses= comm= exe=/usr/bin/bash subj=unconfined key=(null) item=0 "            \
    "name=/usr/lib/ inode= dev= mode=0100644 ouid=0 ogid=0 rdev= nametype=normal cap_fp=0 cap_fi= cap_fe= " \
    "cap_fver= cap_frootid= cwd=/home/ op=pam:accounting op=pam:session_open op=pam:setcred "               \
    "grantors=pam_permit,pam_unix,pam_env acct= hostname= addr= terminal=ssh terminal=cron unit=systemd "   \
    "proctitle= /usr/sbin/sshd /usr/sbin/cron /bin/sh /usr/bin/sudo /usr/lib/systemd/systemd "              \
    "/usr/bin/python3.11 /usr/bin/rsync /usr/bin/node /usr/sbin/nginx /bin/bash"
#define OFTEN_IN_PROCESSES                                                                                  \
    "\\windows\\system32\\svchost.exe services.exe -k -p -s conhost.exe 0xffffffff -forcev1 explorer.exe "  \
    "cmd.exe /c c:\\program files (x86)\\ operational processid processguid image fileversion description " \
    "product company originalfilename commandline currentdirectory user logonguid logonid "                 \
    "terminalsessionid integritylevel hashes md5= sha1= sha256= imphash= parentprocessguid "                \
    "parentprocessid parentimage parentcommandline parentuser rulename utctime newprocessname "             \
    "newprocessid tokenelevationtype creatorprocessname creatorprocessid processcommandline "               \
    "subjectusersid subjectusername subjectdomainname subjectlogonid targetusersid targetusername "         \
    "targetdomainname targetlogonid mandatorylabel parentprocessname eventrecordid version level task "     \
    "opcode keywords execution threadid correlation activityid security timecreated systemtime system "     \
    "medium high"

const struct source_family rule_source_families[] = {
    {{SV_INIT("linux"), SV_INIT(""), SV_INIT("sshd")}, SV_INIT("sshd"), SV_INIT(OFTEN_IN_SSHD)},
    {{SV_INIT("linux"), SV_INIT(""), SV_INIT("sudo")},
     SV_INIT("sudo[ : tty=pts/ ; pwd=/home/ ; user= ; command=/usr/bin/"),
     SV_INIT(OFTEN_IN_SUDO)},
    {{SV_INIT("linux"), SV_INIT(""), SV_INIT("su")},
     SV_INIT("su[ su : "),
     SV_INIT("(to ) on pts/ successful su for by " OFTEN_IN_PAM)},
    {{SV_INIT("linux"), SV_INIT(""), SV_INIT("pam")}, SV_INIT("pam_"), SV_INIT(OFTEN_IN_PAM)},
    {{SV_INIT("linux"), SV_INIT(""), SV_INIT("auditd")},
     SV_INIT("type=syscall type=path msg=audit( success=yes res=success"),
     SV_INIT(OFTEN_IN_AUDIT)},
    {{SV_INIT("linux"), SV_INIT(""), SV_INIT("cron")},
     SV_INIT("cron"),
     SV_INIT("cron[ (root) cmd ( cd / && run-parts --report /etc/cron.hourly) " OFTEN_IN_PAM)},
    {{SV_INIT("linux"), SV_INIT(""), SV_INIT("")}, SV_INIT(""), SV_INIT(OFTEN_IN_PAM)},
    {.source = {SV_INIT("cyberark"), SV_INIT(""), SV_INIT("vault")}},
    {.source = {SV_INIT("cyberark"), SV_INIT(""), SV_INIT("")}},
    {.source = {SV_INIT("hashicorp"), SV_INIT(""), SV_INIT("vault")}},
    {.source = {SV_INIT("kubernetes"), SV_INIT(""), SV_INIT("audit")}},
    {{SV_INIT("windows"), SV_INIT("process_creation"), SV_INIT("")},
     SV_INIT(
         "event system provider microsoft-windows- eventid channel computer eventdata \\windows\\ .exe image "
         "commandline parentimage parentcommandline originalfilename"),
     SV_INIT(OFTEN_IN_PROCESSES)},
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

/* ASCII case aside. */
static bool holds(sv lower, sv text)
{
    char bytes[FAMILY_TEXT_BYTES_MAX];
    if (text.n == 0 || text.n > sizeof bytes)
        return false;
    sigma_fold(bytes, text.p, text.n);
    return sv_find(lower, sv_make(bytes, text.n)) != SV_NPOS;
}

bool source_family_has(const struct source_family *family, sv text)
{
    return holds(family->usual, text);
}

bool source_family_often_has(const struct source_family *family, sv text)
{
    return holds(family->often, text);
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
