/* Writes syslog lines as a privileged-access estate would send them: sshd, sudo and su as RFC 3164 has it,
 * the same and applications as RFC 5424 has it, and CEF in CyberArk's manner; about 320 bytes each. Every
 * EVERY-th line runs a tool that exactly one rule of bench/rules.py looks for: rule 0, 1, 2 and so on in
 * turn. Such a line also has a token, probe-NNNNNN. The same arguments give the same bytes.
 *
 * usage: workload LINES EVERY RULES same|few|distinct   (whose doing the matches are: one user's, a few
 * users', each another's) */
#include "tool.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { LINE_MAX_BYTES = 2048, FEW = 20 };

struct workload {
    uint64_t random;
    int rules, matches;
    char who;
    char filler[256];
};

/* Of one line. */
struct line {
    const struct workload *workload;
    char text[LINE_MAX_BYTES];
    char user[32], host[32], address[32], clock[16];
    char command[256];
    unsigned pid;
};

/* SplitMix64. */
static unsigned pick(struct workload *workload, unsigned below)
{
    uint64_t x = workload->random += 0x9e3779b97f4a7c15U;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return (unsigned)((x ^ (x >> 31)) >> 33) % below;
}

static void write_sshd(struct line *line)
{
    snprintf(line->text, sizeof line->text,
             "<86>Nov 24 %s %s sshd[%u]: Accepted publickey for %s from %s port %u ssh2: ED25519 "
             "SHA256:%.43s session opened on pts/%u by way of bastion, %s %.48s\n",
             line->clock, line->host, line->pid, line->user, line->address, 1024 + line->pid % 60000,
             line->workload->filler, line->pid % 64, line->command, line->workload->filler + 50);
}

static void write_sudo(struct line *line)
{
    snprintf(line->text, sizeof line->text,
             "<85>Nov 24 %s %s sudo[%u]: %8s : TTY=pts/%u ; PWD=/home/%s/work/%.60s ; USER=root ; COMMAND=%s "
             "--from "
             "%s --change CHG%06u --reason %.70s\n",
             line->clock, line->host, line->pid, line->user, line->pid % 64, line->user,
             line->workload->filler, line->command, line->address, line->pid * 7,
             line->workload->filler + 60);
}

static void write_su(struct line *line)
{
    snprintf(line->text, sizeof line->text,
             "<86>Nov 24 %s %s su[%u]: pam_unix(su-l:session): session opened for user root(uid=0) by "
             "%s(uid=%u), %s "
             "%.120s\n",
             line->clock, line->host, line->pid, line->user, 1000 + line->pid % 500, line->command,
             line->workload->filler);
}

static void write_5424(struct line *line)
{
    snprintf(
        line->text, sizeof line->text,
        "<134>1 2026-11-24T%s.%03uZ %s.example.org payroll %u AUDIT [session@32473 user=\"%s\" src=\"%s\" "
        "tier=\"production\" change=\"CHG%06u\"][meta sequenceId=\"%u\"] role granted by operator: %s "
        "%.110s\n",
        line->clock, line->pid % 1000, line->host, line->pid, line->user, line->address, line->pid * 7,
        line->pid, line->command, line->workload->filler);
}

static void write_5424_sshd(struct line *line)
{
    snprintf(
        line->text, sizeof line->text,
        "<38>1 2026-11-24T%s.%03uZ %s.example.org sshd %u - - Failed password for %s from %s port %u ssh2; "
        "%s %.100s\n",
        line->clock, line->pid % 1000, line->host, line->pid, line->user, line->address,
        1024 + line->pid % 60000, line->command, line->workload->filler);
}

static void write_cef(struct line *line)
{
    snprintf(
        line->text, sizeof line->text,
        "<5>1 2026-11-24T%sZ VAULT CEF:0|Cyber-Ark|Vault|12.6.0000|295|Retrieve password|5|act=\"Retrieve "
        "password\" "
        "suser=%s fname=Root\\\\Operating System-UnixSSH-%s-root dvc= shost=%s dhost=%s duser=root "
        "externalId= app= reason=%s cs1Label=\"Affected User Name\" cs1= cs2Label=\"Safe Name\" "
        "cs2=Linux-Root "
        "cs3Label=\"Device Type\" cs3=Operating System cs4Label=\"Database\" cs4= cs5Label=\"Other info\" "
        "cs5=%.40s cn1Label=\"Request Id\" cn1=%u cn2Label=\"Ticket Id\" cn2=CHG%06u msg=%s\n",
        line->clock, line->user, line->host, line->address, line->host, line->command, line->workload->filler,
        line->pid, line->pid * 7, line->address);
}

static void (*const writers[])(struct line *) = {write_sshd, write_sudo,      write_su,
                                                 write_5424, write_5424_sshd, write_cef};

static void describe(struct workload *workload, struct line *line, int number)
{
    unsigned second = (unsigned)number / 50;
    line->workload = workload;
    line->pid = 300 + pick(workload, 99000);
    snprintf(line->user, sizeof line->user, "user%03u", pick(workload, 200));
    snprintf(line->host, sizeof line->host, "host%02u", pick(workload, 50));
    snprintf(line->address, sizeof line->address, "192.0.2.%u", 1 + pick(workload, 250));
    snprintf(line->clock, sizeof line->clock, "%02u:%02u:%02u", second / 3600 % 24, second / 60 % 60,
             second % 60);
    snprintf(line->command, sizeof line->command, "/usr/bin/tool-%04u status", pick(workload, 9000));
}

static void make_match(struct workload *workload, struct line *line)
{
    int number = workload->matches++, user = workload->who == 'd'   ? number
                                             : workload->who == 'f' ? number % FEW
                                                                    : 0;
    snprintf(line->user, sizeof line->user, "mallory%06d", user);
    snprintf(line->host, sizeof line->host, "host%02d", workload->who == 's' ? 0 : number / FEW % 10);
    snprintf(line->address, sizeof line->address, "198.51.100.7");
    snprintf(line->command, sizeof line->command, "/opt/adm-%04d/bin/grant-all probe-%06d",
             number % workload->rules, number);
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: workload LINES EVERY RULES same|few|distinct\n");
        return 64;
    }
    int lines = tool_number(argv[1]), every = tool_number(argv[2]);
    struct workload workload = {.random = 4711, .rules = tool_number(argv[3]), .who = argv[4][0]};
    for (size_t i = 0; i < sizeof workload.filler - 1; i++)
        workload.filler[i] = "abcdefghijklmnopqrstuvwxyz0123456789"[pick(&workload, 36)];
    for (int i = 0; i < lines; i++) {
        static struct line line;
        describe(&workload, &line, i);
        bool matches = (i + 1) % every == 0;
        if (matches)
            make_match(&workload, &line);
        /* All matches are sudo's, so that what makes two the same alert is up to `who` alone. */
        (matches ? write_sudo : writers[pick(&workload, sizeof writers / sizeof *writers)])(&line);
        fputs(line.text, stdout);
    }
    return ferror(stdout) || fflush(stdout) ? 1 : 0;
}
