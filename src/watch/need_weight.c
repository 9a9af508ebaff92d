#include "watch/need_weight.h"

#include "base/ascii.h"

enum {
    WEIGHT_BYTES_MAX = 16,
    WEIGHT_OF_BYTE = 4,
    WEIGHT_OF_DIGIT = 2,  /* numbers are everywhere */
    WEIGHT_OF_COMMON = 6, /* of a whole word that many records have */
    WEIGHT_OF_EDGE = 2,   /* more, for a whole word */
    WEIGHT_OF_PAIR = 4,   /* more, for two bytes that hardly ever stand together */
    SHORT_BYTES = 2,
    FRONT_BYTES_MIN = 5, /* a shorter one would be met too often */
    FRONT_END_BYTES = 3, /* by which Vectorscan tells most places at once from those of a literal */
};

/* Text as most records have it, in lower case: what stands here tells little. */
static const char everyday[] =
    "<86>nov 24 08:15:30 host23 sshd[7701]: accepted publickey for user from 192.0.2.10 port 52022 ssh2: "
    "failed password invalid user root session opened for user closed by authenticating (uid=0) "
    "disconnected connection key sudo: user : tty=pts/0 ; pwd=/home/user ; user=root ; "
    "command=/usr/bin/systemctl status /usr/sbin/ /bin/bash cron (root) cmd ( cd / && run-parts --report "
    "/etc/cron.hourly) /dev/null /tmp/ /var/log/ /var/lib/ /usr/local/bin/ type=syscall "
    "msg=audit(1700000000.123:45): arch=c000003e syscall=59 success=yes exit=0 items=2 ppid=1 pid=2 "
    "auid=1000 uid=1000 gid=1000 euid=0 tty=pts0 comm=\"bash\" exe=\"/usr/bin/bash\" subj=unconfined "
    "key=(null) type=path name=/ inode mode=0100644 ouid ogid nametype=normal cwd= acct= hostname= addr= "
    "terminal= res=success type=execve a0= a1= cef:0|vendor|product|1.0|100|name|5|act=action suser= "
    "duser= shost= dhost= src= dst= fname= file access reason= cs1label=\"affected user name\" msg= data "
    "operation operating system device type database request id policies default "
    "{\"event\":{\"system\":{\"provider\":{\"#attributes\":{\"name\":\"microsoft-windows-security-auditing\""
    "}},\"eventid\":4688,\"channel\":\"security\",\"computer\":\"host.example\"},\"eventdata\":{\"image\":\""
    "c:\\windows\\system32\\svchost.exe\",\"commandline\":\"c:\\program files (x86)\\microsoft\\app.exe "
    "-p -k \",\"parentimage\":\"services.exe\",\"parentcommandline\":\"originalfilename\":\"integritylevel\""
    ":\"description company currentdirectory user targetfilename subjectusername targetusername "
    "logontype ipaddress workstationname processname servicename users appdata local temp "
    "microsoft-windows-sysmon/operational explorer.exe update install configuration admin administrator "
    "http:// https:// .com .exe .dll .log .json true false \"time\":\"timestamp\":\"auth\":\"path\":\"id\":\""
    "error\":\"\" create delete write read get set add start stop login logon logout connect network "
    "server client process service";

static bool is_common(sv text)
{
    char lower[NEEDS_LITERAL_BYTES_MAX];
    sigma_fold(lower, text.p, text.n);
    return sv_find(sv_make(everyday, sizeof everyday - 1), sv_make(lower, text.n)) != SV_NPOS;
}

static bool is_rare_pair(const char *p)
{
    return !ascii_digit(p[0]) && !ascii_digit(p[1]) && !is_common(sv_make(p, 2));
}

size_t need_front(sv literal, const struct source_family *family)
{
    for (size_t n = literal.n; n >= FRONT_BYTES_MIN; n--) {
        sv end = sv_first(sv_from(literal, n - FRONT_END_BYTES), FRONT_END_BYTES);
        if (!is_common(end) && !source_family_has(family, end) && !source_family_often_has(family, end))
            return n;
    }
    return literal.n;
}

unsigned need_weight(const struct need_literal *literal)
{
    unsigned weight = 0;
    size_t n = literal->text.n < WEIGHT_BYTES_MAX ? literal->text.n : WEIGHT_BYTES_MAX;
    if (is_common(literal->text))
        return n <= SHORT_BYTES ? WEIGHT_OF_COMMON / 2 : WEIGHT_OF_COMMON;
    for (size_t i = 0; i < n; i++)
        weight += ascii_digit(literal->text.p[i]) ? WEIGHT_OF_DIGIT : WEIGHT_OF_BYTE;
    if (n <= SHORT_BYTES)
        weight /= 2;
    for (size_t i = 0; i + 1 < n; i++)
        if (is_rare_pair(literal->text.p + i))
            weight += WEIGHT_OF_PAIR;
    if (literal->flags & (NEED_LEFT | NEED_RIGHT))
        weight += WEIGHT_OF_EDGE;
    return weight;
}
