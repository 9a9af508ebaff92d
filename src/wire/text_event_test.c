/* The words of sshd, sudo, su, PAM, auditd, the shadow tools and cron. */
#include "wire/decoding_test.h"

#define SSHD "Nov 23 22:14:15 h sshd[5]: "
#define SUDO "Nov 23 22:14:15 h sudo:    "
#define SU   "Nov 23 22:14:15 h su[5]: "

static const struct decoded sshd[] = {
    {SSHD "Failed password for root from 192.0.2.1 port 51122 ssh2",
     "rfc3164/sshd",
     "linux//sshd",
     {{"event.action", "ssh_login"},
      {"event.outcome", "failure"},
      {"user.name", "root"},
      {"source.ip", "192.0.2.1"},
      {"source.port", "51122"},
      {"sshd.method", "password"},
      {"sshd.invalid_user", ABSENT},
      {"process.name", "sshd"},
      {"process.pid", "5"}}},
    {SSHD "Failed password for invalid user a b from 198.51.100.1 port 5 ssh2 from 192.0.2.1 port 6 ssh2",
     NULL,
     NULL,
     {{"user.name", "a b from 198.51.100.1 port 5 ssh2"},
      {"source.ip", "192.0.2.1"},
      {"sshd.invalid_user", "true"}}},
    {SSHD "Failed none for invalid user  from 192.0.2.1 port 5 ssh2",
     NULL,
     NULL,
     {{"user.name", ABSENT}, {"source.ip", "192.0.2.1"}}},
    {SSHD "Accepted publickey for alice from 2001:db8::5 port 40022 ssh2: ED25519-CERT SHA256:x ID a from b "
          "port 1",
     NULL,
     NULL,
     {{"event.outcome", "success"},
      {"user.name", "alice"},
      {"source.ip", "2001:db8::5"},
      {"source.port", "40022"},
      {"sshd.method", "publickey"},
      {"sshd.key", "ED25519-CERT SHA256:x ID a from b port 1"}}},
    {SSHD "Accepted keyboard-interactive/pam for bob from 192.0.2.1 port 4 ssh2",
     NULL,
     NULL,
     {{"sshd.method", "keyboard-interactive/pam"}}},
    {SSHD "Invalid user admin from 192.0.2.1 port 5",
     NULL,
     NULL,
     {{"event.action", "ssh_invalid_user"}, {"user.name", "admin"}, {"source.port", "5"}}},
    {SSHD "Disconnected from authenticating user root 192.0.2.1 port 22 [preauth]",
     NULL,
     NULL,
     {{"event.action", "ssh_disconnect"}, {"user.name", "root"}, {"source.ip", "192.0.2.1"}}},
    {SSHD "Connection closed by invalid user x y 192.0.2.1 port 22 [preauth]",
     NULL,
     NULL,
     {{"user.name", "x y"}, {"source.ip", "192.0.2.1"}, {"sshd.invalid_user", "true"}}},
    {SSHD "Connection closed by 192.0.2.1 port 22",
     NULL,
     NULL,
     {{"user.name", ABSENT}, {"source.ip", "192.0.2.1"}}},
    {SSHD "Received disconnect from 192.0.2.1 port 22:11: Bye Bye [preauth]",
     NULL,
     NULL,
     {{"source.ip", "192.0.2.1"}, {"source.port", "22"}}},
    {SSHD
     "Disconnecting authenticating user root 192.0.2.1 port 22: Too many authentication failures [preauth]",
     NULL,
     NULL,
     {{"user.name", "root"}, {"event.outcome", "failure"}}},
    {SSHD "error: maximum authentication attempts exceeded for invalid user a from 192.0.2.1 port 2 ssh2 "
          "[preauth]",
     NULL,
     NULL,
     {{"event.action", "ssh_max_attempts"}, {"user.name", "a"}, {"source.ip", "192.0.2.1"}}},
    {SSHD "User eve from 192.0.2.1 not allowed because not listed in AllowUsers",
     NULL,
     NULL,
     {{"event.action", "ssh_login_denied"}, {"user.name", "eve"}, {"source.ip", "192.0.2.1"}}},
    {SSHD "ROOT LOGIN REFUSED FROM 192.0.2.1 port 5",
     NULL,
     NULL,
     {{"event.action", "ssh_root_refused"}, {"source.ip", "192.0.2.1"}}},
    {SSHD "Did not receive identification string from 192.0.2.1 port 5",
     NULL,
     NULL,
     {{"source.ip", "192.0.2.1"}}},
    {SSHD "Starting session: shell on pts/0 for alice from 192.0.2.1 port 5 id 0",
     NULL,
     NULL,
     {{"user.name", "alice"}, {"source.ip", "192.0.2.1"}}},
    {SSHD "reverse mapping checking getaddrinfo for x.example.org [192.0.2.1] failed.",
     NULL,
     NULL,
     {{"source.ip", "192.0.2.1"}}},
    {SSHD "error: PAM: Authentication failure for illegal user bob from 192.0.2.1",
     NULL,
     NULL,
     {{"user.name", "bob"}, {"sshd.invalid_user", "true"}}},
    {SSHD "Server listening on 0.0.0.0 port 22.", "rfc3164/sshd", "linux//sshd", {{"event.action", ABSENT}}},
    {SSHD
     "PAM 2 more authentication failures; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.1  user=root",
     "rfc3164/pam",
     "linux//pam",
     {{"user.name", "root"}, {"source.ip", "192.0.2.1"}, {"event.outcome", "failure"}}},
    {"Nov 23 22:14:15 h sshd-session[5]: Failed password for root from 192.0.2.1 port 1 ssh2",
     NULL,
     "linux//sshd",
     {{"user.name", "root"}}},
    {"sshd[5]: Failed password for root from 192.0.2.1 port 1 ssh2",
     "text/sshd",
     "linux//sshd",
     {{"process.pid", "5"}}},
    {"Failed password for root from 192.0.2.1 port 1 ssh2",
     "text/sshd",
     "linux//sshd",
     {{"user.name", "root"}}},
    {"Failed to start the thing", "text", "//", {{"event.action", ABSENT}}},
};

static const struct decoded sudo[] = {
    {SUDO "alice : TTY=pts/0 ; PWD=/home/alice ; USER=root ; COMMAND=/bin/sh -c id ; USER=x ; TTY=y",
     "rfc3164/sudo",
     "linux//sudo",
     {{"user.name", "alice"},
      {"event.outcome", "success"},
      {"TTY", "pts/0"},
      {"PWD", "/home/alice"},
      {"USER", "root"},
      {"COMMAND", "/bin/sh -c id ; USER=x ; TTY=y"},
      {"user.target.name", "root"},
      {"process.command_line", "/bin/sh -c id ; USER=x ; TTY=y"},
      {"process.working_directory", "/home/alice"},
      {"sudo.reason", ABSENT}}},
    {SUDO "bob : user NOT in sudoers ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/usr/bin/id",
     NULL,
     NULL,
     {{"user.name", "bob"},
      {"event.outcome", "failure"},
      {"sudo.reason", "user NOT in sudoers"},
      {"event.reason", "user NOT in sudoers"},
      {"COMMAND", "/usr/bin/id"}}},
    {SUDO "bob : 3 incorrect password attempts ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/usr/bin/id",
     NULL,
     NULL,
     {{"sudo.reason", "3 incorrect password attempts"}}},
    {SUDO "bob : command not allowed ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/usr/bin/id",
     NULL,
     NULL,
     {{"sudo.reason", "command not allowed"}, {"event.outcome", "failure"}}},
    {SUDO "bob : a password is required ; PWD=/ ; USER=root ; GROUP=adm ; ENV=A=b ; COMMAND=/usr/bin/id",
     NULL,
     NULL,
     {{"GROUP", "adm"}, {"group.name", "adm"}, {"ENV", "A=b"}, {"COMMAND", "/usr/bin/id"}}},
    {SUDO "bob : TTY=pts/0 ; PWD=/ ; USER=#-1 ; COMMAND=/usr/bin/id", NULL, NULL, {{"USER", "#-1"}}},
    {SUDO "pam_unix(sudo:auth): authentication failure; logname=bob uid=1001 euid=0 tty=/dev/pts/0 ruser=bob "
          "rhost=  user=bob",
     "rfc3164/pam",
     "linux//pam",
     {{"user.name", "bob"}, {"user.target.name", ABSENT}, {"pam.service", "sudo"}, {"process.name", "sudo"}}},
    {SUDO "pam_unix(sudo:session): session opened for user root(uid=0) by bob(uid=1001)",
     NULL,
     "linux//pam",
     {{"user.name", "bob"}, {"user.target.name", "root"}, {"event.action", "session_opened"}}},
    {"bob : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/usr/bin/id",
     "text/sudo",
     "linux//sudo",
     {{"user.name", "bob"}}},
    {"sudo: bob : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/usr/bin/id",
     "text/sudo",
     "linux//sudo",
     {{"user.name", "bob"}}},
};

static const struct decoded su[] = {
    {SU "(to root) alice on pts/1",
     "rfc3164/su",
     "linux//su",
     {{"user.name", "alice"},
      {"user.target.name", "root"},
      {"event.outcome", "success"},
      {"su.tty", "pts/1"}}},
    {SU "FAILED SU (to root) alice on pts/1",
     NULL,
     NULL,
     {{"user.name", "alice"}, {"user.target.name", "root"}, {"event.outcome", "failure"}}},
    {SU "Successful su for root by alice",
     NULL,
     NULL,
     {{"user.name", "alice"}, {"user.target.name", "root"}, {"event.outcome", "success"}}},
    {SU "FAILED su for root by alice", NULL, NULL, {{"user.name", "alice"}, {"event.outcome", "failure"}}},
    {SU "+ pts/0 alice:root",
     NULL,
     NULL,
     {{"user.name", "alice"},
      {"user.target.name", "root"},
      {"event.outcome", "success"},
      {"su.tty", "pts/0"}}},
    {SU "- /dev/pts/0 alice:root", NULL, NULL, {{"event.outcome", "failure"}}},
    {SU "BAD SU alice to root on /dev/ttyp0",
     NULL,
     NULL,
     {{"user.name", "alice"}, {"user.target.name", "root"}, {"event.outcome", "failure"}}},
    {SU "pam_unix(su:auth): authentication failure; logname=alice uid=1000 euid=0 tty=pts/0 ruser=alice "
        "rhost=  user=root",
     NULL,
     "linux//pam",
     {{"user.name", "alice"}, {"user.target.name", "root"}}},
};

static const struct decoded pam[] = {
    {SSHD "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.1 "
          " user=root",
     NULL,
     "linux//pam",
     {{"pam.module", "pam_unix"},
      {"pam.service", "sshd"},
      {"pam.type", "auth"},
      {"tty", "ssh"},
      {"rhost", "192.0.2.1"},
      {"user", "root"},
      {"user.name", "root"},
      {"source.ip", "192.0.2.1"},
      {"event.outcome", "failure"}}},
    {SSHD "pam_unix(sshd:session): session opened for user alice by (uid=0)",
     NULL,
     NULL,
     {{"user.name", "alice"}, {"user.target.name", ABSENT}}},
    {SSHD "pam_unix(sshd:session): session closed for user alice",
     NULL,
     NULL,
     {{"user.name", "alice"}, {"event.action", "session_closed"}}},
    {SSHD "pam_unix(sshd:auth): check pass; user unknown",
     NULL,
     NULL,
     {{"event.action", "unknown_user"}, {"event.outcome", "failure"}}},
    {SSHD "pam_sss(sshd:auth): authentication success; logname= uid=0 euid=0 tty=ssh ruser= "
          "rhost=db1.example.org user=bob",
     NULL,
     NULL,
     {{"event.outcome", "success"}, {"user.name", "bob"}, {"source.domain", "db1.example.org"}}},
    {SSHD "pam_faillock(sshd:auth): Consecutive login failures for user bob account temporarily locked",
     NULL,
     NULL,
     {{"event.action", "account_locked"}, {"user.name", "bob"}}},
    {"pam_unix(passwd:chauthtok): password changed for bob",
     "text/pam",
     "linux//pam",
     {{"user.target.name", "bob"}}},
};

static const struct decoded auditd[] = {
    {"type=USER_LOGIN msg=audit(1795000000.123:45): pid=812 uid=0 auid=4294967295 ses=1 msg='op=login "
     "acct=\"root\" exe=\"/usr/sbin/sshd\" hostname=? addr=192.0.2.9 terminal=ssh "
     "res=failed'\x1dUID=\"root\" AUID=\"unset\"",
     "text/auditd",
     "linux//auditd",
     {{"type", "USER_LOGIN"},
      {"auditd.serial", "45"},
      {"op", "login"},
      {"acct", "root"},
      {"res", "failed"},
      {"UID", "root"},
      {"event.action", "USER_LOGIN"},
      {"event.outcome", "failure"},
      {"user.name", "root"},
      {"source.ip", "192.0.2.9"},
      {"process.executable", "/usr/sbin/sshd"},
      {"process.pid", "812"},
      {"user.audit.id", ABSENT},
      {"user.audit.name", ABSENT}}},
    {"type=EXECVE msg=audit(1795000000.123:45): argc=3 a0=\"cat\" a1=2F6574632F736861646F77 a2=\"1234\"",
     NULL,
     NULL,
     {{"a0", "cat"},
      {"a1", "/etc/shadow"},
      {"a2", "1234"},
      {"process.command_line", "cat /etc/shadow 1234"}}},
    {"type=SYSCALL msg=audit(1795000000.123:45): arch=c000003e syscall=59 success=yes exit=0 a0=55 a1=7FFE "
     "items=2 ppid=7 pid=8 auid=1000 uid=0 euid=0 tty=pts0 comm=\"cat\" exe=\"/usr/bin/cat\" key=\"priv\"\x1d"
     "ARCH=x86_64 SYSCALL=execve AUID=\"alice\" UID=\"root\" EUID=\"root\"",
     NULL,
     NULL,
     {{"a0", "55"},
      {"a1", "7FFE"},
      {"key", "priv"},
      {"SYSCALL", "execve"},
      {"event.outcome", "success"},
      {"user.name", "alice"},
      {"user.audit.id", "1000"},
      {"user.effective.name", "root"},
      {"process.parent.pid", "7"},
      {"process.name", "cat"}}},
    {"type=PROCTITLE msg=audit(1795000000.123:45): proctitle=636174002F6574632F736861646F77",
     NULL,
     NULL,
     {{"proctitle", "cat /etc/shadow"}, {"process.command_line", "cat /etc/shadow"}}},
    {"node=db1 type=PATH msg=audit(1795000000.123:45): item=0 name=2F746D702F6120622063 nametype=NORMAL",
     NULL,
     NULL,
     {{"name", "/tmp/a b c"}, {"file.path", "/tmp/a b c"}, {"node", "db1"}, {"host.name", "db1"}}},
    {"type=CWD msg=audit(1795000000.123:45): cwd=\"/root\"",
     NULL,
     NULL,
     {{"cwd", "/root"}, {"process.working_directory", "/root"}}},
    {"type=USER_AUTH msg=audit(1795000000.123:45): pid=1 msg='op=PAM:authentication acct=28756E6B6E6F776E29 "
     "res=failed'",
     NULL,
     NULL,
     {{"acct", "(unknown)"}, {"user.name", "(unknown)"}}},
    {"type=PATH msg=audit(1795000000.123:45): name=(null) comm=\"ABCD\"",
     NULL,
     NULL,
     {{"name", "(null)"}, {"file.path", ABSENT}, {"comm", "ABCD"}}},
    {"Nov 23 22:14:15 h audispd: type=CWD msg=audit(1795000000.123:45): cwd=\"/\"",
     "rfc3164/auditd",
     "linux//auditd",
     {{"host.name", "h"}, {"cwd", "/"}}},
    {"<5>Nov 23 22:14:15 h kernel: audit: type=1400 audit(1795000000.123:45): apparmor=\"DENIED\" "
     "operation=\"open\" name=\"/etc/shadow\"",
     NULL,
     "linux//auditd",
     {{"type", "1400"}, {"apparmor", "DENIED"}}},
    {"audit[812]: USER_LOGIN pid=812 uid=0 msg='op=login acct=\"root\" res=success'",
     "text/auditd",
     "linux//auditd",
     {{"type", "USER_LOGIN"}, {"event.outcome", "success"}}},
    {"type=X msg=nothing", "text", "//", {{"type", ABSENT}}},
};

static const struct decoded others[] = {
    {"Nov 23 22:14:15 h useradd[5]: new user: name=eve, UID=0, GID=0, home=/home/eve, shell=/bin/sh, "
     "from=/dev/pts/1",
     "rfc3164/account",
     "linux//auth",
     {{"event.action", "user_added"},
      {"user.target.name", "eve"},
      {"name", "eve"},
      {"UID", "0"},
      {"shell", "/bin/sh"}}},
    {"Nov 23 22:14:15 h usermod[5]: add 'eve' to group 'sudo'",
     NULL,
     NULL,
     {{"event.action", "group_member_added"}, {"user.target.name", "eve"}, {"group.name", "sudo"}}},
    {"Nov 23 22:14:15 h gpasswd[5]: user eve added by root to group wheel",
     NULL,
     NULL,
     {{"event.action", "group_member_added"}, {"user.name", "root"}, {"group.name", "wheel"}}},
    {"Nov 23 22:14:15 h userdel[5]: delete user 'eve'", NULL, NULL, {{"event.action", "user_deleted"}}},
    {"Nov 23 22:14:15 h passwd[5]: password for 'eve' changed by 'root'",
     NULL,
     NULL,
     {{"event.action", "password_changed"}, {"user.target.name", "eve"}, {"user.name", "root"}}},
    {"Nov 23 22:14:15 h CRON[5]: (root) CMD (/bin/true)",
     "rfc3164/cron",
     "linux//cron",
     {{"user.name", "root"}, {"process.command_line", "/bin/true"}}},
    {"Nov 23 22:14:15 h crontab[5]: (bob) REPLACE (bob)",
     NULL,
     "linux//cron",
     {{"event.action", "REPLACE"}, {"user.name", "bob"}}},
    {"Nov 23 22:14:15 h other[5]: words", "rfc3164/text", "//", {{"process.name", "other"}}},
};

static void sshd_is_understood(void **state)
{
    (void)state;
    CHECK_ALL(sshd);
}

static void sudo_is_understood(void **state)
{
    (void)state;
    CHECK_ALL(sudo);
}

static void su_is_understood(void **state)
{
    (void)state;
    CHECK_ALL(su);
}

static void pam_is_understood(void **state)
{
    (void)state;
    CHECK_ALL(pam);
}

static void auditd_is_understood(void **state)
{
    (void)state;
    CHECK_ALL(auditd);
}

static void accounts_and_cron_are_understood(void **state)
{
    (void)state;
    CHECK_ALL(others);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sshd_is_understood),   cmocka_unit_test(sudo_is_understood),
        cmocka_unit_test(su_is_understood),     cmocka_unit_test(pam_is_understood),
        cmocka_unit_test(auditd_is_understood), cmocka_unit_test(accounts_and_cron_are_understood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
