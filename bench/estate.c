/* Writes events as a privileged-access estate sends them, one line each: sshd, sudo, su, PAM, cron and the
 * audit system under syslog headers, CyberArk's Vault as CEF and PTA as LEEF, HashiCorp Vault's audit and
 * Windows' process creation as JSON. Nearly all of it is daily work. Every EVERY-th line is a sudo command
 * that exactly one rule of bench/rules.py looks for: rule 0, 1, 2 and so on in turn, with a token,
 * probe-NNNNNN. The same arguments give the same bytes.
 *
 * usage: estate LINES EVERY RULES */
#include "tool.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { DAY_S = 86400 };

struct estate {
    uint64_t random;
    unsigned second, pid;
    char user[24], host[24], address[24], target[24];
};

/* SplitMix64. */
static unsigned pick(struct estate *estate, unsigned below)
{
    uint64_t x = estate->random += 0x9e3779b97f4a7c15U;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return (unsigned)((x ^ (x >> 31)) >> 33) % below;
}

static const char *any(struct estate *estate, const char *const *list, unsigned n)
{
    return list[pick(estate, n)];
}

#define ANY(estate, list) any(estate, list, sizeof(list) / sizeof *(list))

static void header(struct estate *estate, unsigned priority, const char *tag)
{
    if (pick(estate, 3))
        printf("<%u>Nov 24 %02u:%02u:%02u %s %s[%u]: ", priority, estate->second / 3600,
               estate->second / 60 % 60, estate->second % 60, estate->host, tag, estate->pid);
    else
        printf("<%u>1 2026-11-24T%02u:%02u:%02u.%06uZ %s.example.org %s %u - - ", priority,
               estate->second / 3600, estate->second / 60 % 60, estate->second % 60, pick(estate, 1000000),
               estate->host, tag, estate->pid);
}

static void write_sshd(struct estate *e)
{
    static const char *const keys[] = {"ED25519", "RSA", "ECDSA"};
    header(e, 86, "sshd");
    switch (pick(e, 8)) {
    case 0:
        printf(
            "Accepted publickey for %s from %s port %u ssh2: %s SHA256:k%08xQm0V7nqZc3%08xLx2uTtY8w%08xA\n",
            e->user, e->address, 1024 + pick(e, 60000), ANY(e, keys), pick(e, 1U << 30), pick(e, 1U << 30),
            pick(e, 1U << 30));
        return;
    case 1:
        printf("Failed password for %s from %s port %u ssh2\n", e->user, e->address, 1024 + pick(e, 60000));
        return;
    case 2:
        printf("Connection closed by authenticating user %s %s port %u [preauth]\n", e->user, e->address,
               1024 + pick(e, 60000));
        return;
    case 3:
        printf("Disconnected from user %s %s port %u\n", e->user, e->address, 1024 + pick(e, 60000));
        return;
    case 4:
        printf("Received disconnect from %s port %u:11: disconnected by user\n", e->address,
               1024 + pick(e, 60000));
        return;
    case 5:
        printf("Starting session: shell on pts/%u for %s from %s port %u id 0\n", pick(e, 64), e->user,
               e->address, 1024 + pick(e, 60000));
        return;
    case 6:
        printf("pam_unix(sshd:session): session opened for user %s(uid=%u) by (uid=0)\n", e->user,
               1000 + pick(e, 500));
        return;
    default:
        printf("pam_unix(sshd:session): session closed for user %s\n", e->user);
    }
}

static void write_sudo(struct estate *e)
{
    static const char *const commands[] = {"/usr/bin/systemctl status nginx.service",
                                           "/usr/bin/journalctl -u payroll.service --since today --no-pager",
                                           "/usr/bin/apt-get install --yes unattended-upgrades",
                                           "/usr/local/bin/backup --target nightly --compress --verify",
                                           "/usr/bin/tail -n 200 /var/log/nginx/access.log",
                                           "/usr/sbin/lvs --noheadings -o lv_name,vg_name,lv_size"};
    header(e, 85, "sudo");
    printf("%8s : TTY=pts/%u ; PWD=/home/%s ; USER=%s ; COMMAND=%s\n", e->user, pick(e, 64), e->user,
           pick(e, 3) ? "postgres" : "root", ANY(e, commands));
}

static void write_su(struct estate *e)
{
    header(e, 86, "su");
    if (pick(e, 2))
        printf("(to %s) %s on pts/%u\n", e->target, e->user, pick(e, 64));
    else
        printf("pam_unix(su-l:session): session opened for user %s(uid=%u) by %s(uid=%u)\n", e->target,
               1000 + pick(e, 500), e->user, 1000 + pick(e, 500));
}

static void write_cron(struct estate *e)
{
    header(e, 78, "CRON");
    printf("(root) CMD (   cd / && run-parts --report /etc/cron.hourly)\n");
}

static void write_audit(struct estate *e)
{
    static const char *const programs[] = {"bash", "python3.11", "node", "rsync", "nginx"};
    const char *program = ANY(e, programs);
    unsigned serial = pick(e, 100000), ms = pick(e, 1000);
    printf("type=");
    switch (pick(e, 4)) {
    case 0:
        printf("SYSCALL msg=audit(17639712%02u.%03u:%u): arch=c000003e syscall=257 success=yes exit=3 "
               "a0=ffffff9c "
               "a1=7ffc%08x a2=80000 a3=0 items=1 ppid=%u pid=%u auid=%u uid=%u gid=%u euid=%u suid=%u "
               "fsuid=%u egid=%u "
               "sgid=%u fsgid=%u tty=pts%u ses=%u comm=\"%s\" exe=\"/usr/bin/%s\" subj=unconfined "
               "key=\"access\"\n",
               e->second % 100, ms, serial, pick(e, 1U << 30), e->pid, e->pid + 1, 1000 + pick(e, 500), 1000,
               1000, 1000, 1000, 1000, 1000, 1000, 1000, pick(e, 64), pick(e, 9000), program, program);
        return;
    case 1:
        printf(
            "PATH msg=audit(17639712%02u.%03u:%u): item=0 name=\"/srv/%s/data/%08x.json\" inode=%u dev=fe:01 "
            "mode=0100644 ouid=1000 ogid=1000 rdev=00:00 nametype=NORMAL cap_fp=0 cap_fi=0 cap_fe=0 "
            "cap_fver=0 "
            "cap_frootid=0\n",
            e->second % 100, ms, serial, program, pick(e, 1U << 30), pick(e, 1U << 24));
        return;
    case 2:
        printf("USER_ACCT msg=audit(17639712%02u.%03u:%u): pid=%u uid=0 auid=4294967295 ses=4294967295 "
               "subj=unconfined "
               "msg='op=PAM:accounting grantors=pam_permit acct=\"%s\" exe=\"/usr/sbin/sshd\" hostname=%s "
               "addr=%s "
               "terminal=ssh res=success'\n",
               e->second % 100, ms, serial, e->pid, e->user, e->address, e->address);
        return;
    default:
        printf("CWD msg=audit(17639712%02u.%03u:%u): cwd=\"/home/%s\"\n", e->second % 100, ms, serial,
               e->user);
    }
}

static void write_cef(struct estate *e)
{
    static const struct {
        const char *code, *name;
    } daily[] = {{"295", "Retrieve password"},    {"300", "PSM Connect"},
                 {"302", "PSM Disconnect"},       {"8", "Logoff"},
                 {"294", "Store password"},       {"32", "Add Owner"},
                 {"304", "PSM Upload Recording"}, {"38", "Verify Password"},
                 {"24", "Change Password"}};
    static const char *const users[] = {"PasswordManager", "PVWAAppUser", "PSMApp_JUMP1", "Prov_WEB07"};
    unsigned what = pick(e, 9);
    what = what == 5 ? 4 : what;
    printf(
        "<5>1 2026-11-24T%02u:%02u:%02uZ VAULT01 CEF:0|Cyber-Ark|Vault|12.6.0000|%s|%s|5|act=\"%s\" suser=%s "
        "fname=Root\\\\Operating System-UnixSSH-%s-%s dvc= shost=%s dhost=%s duser=%s externalId= app= "
        "reason=CPM "
        "is changing password cs1Label=\"Affected User Name\" cs1= cs2Label=\"Safe Name\" "
        "cs2=Linux-Prod-%02u "
        "cs3Label=\"Device Type\" cs3=Operating System cs4Label=\"Database\" cs4= cs5Label=\"Other info\" "
        "cs5= "
        "cn1Label=\"Request Id\" cn1= cn2Label=\"Ticket Id\" cn2=CHG%06u msg=CPM is changing password\n",
        e->second / 3600, e->second / 60 % 60, e->second % 60, daily[what].code, daily[what].name,
        daily[what].name, ANY(e, users), e->host, e->target, e->address, e->host, e->target, pick(e, 40),
        pick(e, 1000000));
}

static void write_leef(struct estate *e)
{
    printf(
        "<13>Nov 24 %02u:%02u:%02u VAULT02 LEEF:1.0|Cyber-Ark|Vault|12.6.0000|%u|sev=5\tact=Store password\t"
        "usrName=PasswordManager\tfile=Root\\%s-%s\tsrc=%s\tdst=%s\taccountName=%s\treason=CPM\n",
        e->second / 3600, e->second / 60 % 60, e->second % 60, 294, e->host, e->target, e->address,
        e->address, e->target);
}

static void write_hashicorp(struct estate *e)
{
    printf("{\"time\":\"2026-11-24T%02u:%02u:%02u.%09uZ\",\"type\":\"response\",\"auth\":{\"client_token\":"
           "\"hmac-sha256:%08x%08x%08x%08x\",\"accessor\":\"hmac-sha256:%08x%08x\",\"display_name\":"
           "\"approle-%s\","
           "\"policies\":[\"default\",\"payroll\"],\"token_type\":\"service\"},\"request\":{\"id\":\"%08x-"
           "5f0e\","
           "\"operation\":\"read\",\"path\":\"secret/data/%s/"
           "database\",\"remote_address\":\"%s\"},\"error\":\"\"}\n",
           e->second / 3600, e->second / 60 % 60, e->second % 60, pick(e, 1000000000), pick(e, 1U << 30),
           pick(e, 1U << 30), pick(e, 1U << 30), pick(e, 1U << 30), pick(e, 1U << 30), pick(e, 1U << 30),
           e->user, pick(e, 1U << 30), e->target, e->address);
}

static void write_windows(struct estate *e)
{
    static const char *const images[] = {
        "Program Files\\\\Payroll\\\\payroll", "Windows\\\\System32\\\\svchost",
        "Program Files\\\\Backup Agent\\\\agent", "Windows\\\\System32\\\\conhost"};
    const char *image = ANY(e, images);
    printf("{\"Event\":{\"System\":{\"Provider\":{\"#attributes\":{\"Name\":\"Microsoft-Windows-Sysmon\"}},"
           "\"EventID\":1,"
           "\"Channel\":\"Microsoft-Windows-Sysmon/"
           "Operational\",\"Computer\":\"%s.corp.example\",\"TimeCreated\":"
           "{\"#attributes\":{\"SystemTime\":\"2026-11-24T%02u:%02u:%02u.%06uZ\"}}},\"EventData\":{"
           "\"ProcessId\":%u,"
           "\"Image\":\"C:\\\\%s.exe\",\"CommandLine\":\"\\\"C:\\\\%s.exe\\\" -k netsvcs "
           "-p\",\"CurrentDirectory\":"
           "\"C:\\\\Windows\\\\system32\\\\\",\"User\":\"CORP\\\\%s\",\"IntegrityLevel\":\"System\","
           "\"ParentImage\":"
           "\"C:\\\\Windows\\\\System32\\\\services.exe\",\"ParentCommandLine\":\"C:"
           "\\\\Windows\\\\System32\\\\services.exe\","
           "\"OriginalFileName\":\"app%u.exe\"}}}\n",
           e->host, e->second / 3600, e->second / 60 % 60, e->second % 60, pick(e, 1000000), e->pid, image,
           image, e->user, pick(e, 100));
}

static void write_match(struct estate *e, int number, int rules)
{
    header(e, 85, "sudo");
    printf("mallory%06d : TTY=pts/3 ; PWD=/home/mallory ; USER=postgres ; "
           "COMMAND=/opt/adm-%04d/bin/grant-all probe-%06d\n",
           number, number % rules, number);
}

/* How often each, of a hundred. */
static const struct {
    void (*write)(struct estate *);
    unsigned share;
} kinds[] = {{write_sshd, 30}, {write_sudo, 8}, {write_su, 3},        {write_cron, 7},    {write_audit, 20},
             {write_cef, 12},  {write_leef, 3}, {write_hashicorp, 7}, {write_windows, 10}};

static void write_any(struct estate *estate)
{
    unsigned at = pick(estate, 100), kind = 0;
    while (at >= kinds[kind].share)
        at -= kinds[kind++].share;
    kinds[kind].write(estate);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: estate LINES EVERY RULES\n");
        return 64;
    }
    int lines = tool_number(argv[1]), every = tool_number(argv[2]), rules = tool_number(argv[3]), matches = 0;
    struct estate estate = {.random = 4711};
    for (int i = 0; i < lines; i++) {
        estate.second = (unsigned)i / 100 % DAY_S;
        estate.pid = 300 + pick(&estate, 99000);
        snprintf(estate.user, sizeof estate.user, "user%03u", pick(&estate, 200));
        snprintf(estate.target, sizeof estate.target, "svc%02u", pick(&estate, 60));
        snprintf(estate.host, sizeof estate.host, "host%02u", pick(&estate, 50));
        snprintf(estate.address, sizeof estate.address, "192.0.2.%u", 1 + pick(&estate, 250));
        if ((i + 1) % every == 0)
            write_match(&estate, matches++, rules);
        else
            write_any(&estate);
    }
    return ferror(stdout) || fflush(stdout) ? 1 : 0;
}
