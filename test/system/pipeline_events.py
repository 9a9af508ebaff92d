"""Events of the sources that pipelines/ is for, as those sources write them, and what the pipelines' names stand for in each.

SOURCES: file of the pipeline, log source of the rules, then pairs of an event and the names and values that a rule may ask for.
"""

import json


def vault_cef(extension):
    return f"<5>1 2026-11-24T08:00:00Z VAULT01 CEF:0|Cyber-Ark|Vault|14.0|{extension}"


def vault_json(**record):
    return json.dumps({"format": "elastic", "version": "1.0", "syslog": {"audit_record": record}})


def auditd(record):
    return "type=" + record.replace(" ", " msg=audit(1795507200.100:812): ", 1)


SUDO = "<85>Nov 24 08:15:30 host1 sudo:    carol : TTY=pts/2 ; PWD=/srv ; USER=backup ; COMMAND=/usr/bin/tar cf /srv/b.tar /etc"
SSHD = "<86>Nov 24 08:15:30 host1 sshd[812]: Accepted publickey for carol from 192.0.2.44 port 50022 ssh2: ED25519 SHA256:k3yk3yk3y"
PAM_FAILURE = ("<86>Nov 24 08:15:30 host1 login[901]: pam_unix(login:auth): authentication failure; logname=LOGIN uid=0 euid=0 tty=/dev/tty1"
               " ruser= rhost=term7.example.org  user=carol")
PAM_SESSION = "<86>Nov 24 08:15:31 host1 su[902]: pam_unix(su:session): session opened for user backup(uid=34) by carol(uid=1000)"
SYSCALL = auditd('SYSCALL arch=c000003e syscall=59 success=yes exit=0 ppid=700 pid=812 auid=1000 uid=0 gid=0 euid=0 tty=pts2 ses=9 comm="tar"'
                 ' exe="/usr/bin/tar" key="exec" AUID="carol" UID="root"')
EXECVE = auditd('EXECVE argc=3 a0="tar" a1="cf" a2="/srv/b.tar"')
PATH = auditd('PATH item=0 name="/etc/sudoers.d/x" inode=77 dev=08:01 mode=0100440 ouid=0 ogid=0 nametype=CREATE')
USER_AUTH = auditd("USER_AUTH pid=900 uid=0 auid=1000 ses=9 msg='op=PAM:authentication acct=\"carol\" exe=\"/usr/bin/su\" hostname=h addr=? res=failed'")
CWD = auditd('CWD cwd="/srv"')

CLOUD = json.dumps({
    "uuid": "0b51", "tenantId": "t1", "timestamp": 1795507200000, "username": "carol@example.org", "applicationCode": "PAM", "auditCode": "PAM00295",
    "auditType": "Info", "action": "Retrieve password", "userId": "u77", "source": "192.0.2.44", "actionType": "Retrieve", "component": "Vault",
    "serviceName": "Privilege Cloud", "accountId": "31_7", "target": "db7.example.org", "command": None, "sessionId": "5e55", "message": "change 4711",
    "customData": {"PAM": {"target": ""}}, "safe": "Unix-Prod", "accountName": "unix-db7-root", "targetAccount": "root"})
CLOUD_WITHOUT_TARGET = json.dumps({
    "uuid": "0b52", "timestamp": 1795507200000, "username": "", "userId": "u77", "applicationCode": "PAM", "auditCode": "PAM00004", "auditType": "Failure",
    "action": "User Authentication", "source": "PVWA01", "accountName": "unix-db7-root", "targetAccount": "", "serviceName": ""})

KUBERNETES = json.dumps({
    "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "RequestResponse", "auditID": "a-1", "stage": "ResponseComplete",
    "requestURI": "/apis/apps/v1/namespaces/shop/deployments/web/scale", "verb": "patch",
    "user": {"username": "system:serviceaccount:shop:ci", "groups": ["system:serviceaccounts", "system:authenticated"]},
    "sourceIPs": ["192.0.2.44"], "userAgent": "kubectl/v1.31.2",
    "objectRef": {"resource": "deployments", "namespace": "shop", "name": "web", "apiGroup": "apps", "apiVersion": "v1", "subresource": "scale"},
    "responseStatus": {"metadata": {}, "code": 200},
    "requestReceivedTimestamp": "2026-11-24T08:00:00.100000Z", "stageTimestamp": "2026-11-24T08:00:00.110000Z"})
KUBERNETES_POD = json.dumps({
    "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Request", "auditID": "a-2", "stage": "ResponseComplete", "verb": "create",
    "user": {"username": "carol"}, "objectRef": {"resource": "pods", "namespace": "shop"},
    "requestObject": {"kind": "Pod", "spec": {
        "containers": [{"name": "c", "securityContext": {"privileged": True, "capabilities": {"add": ["NET_ADMIN", "SYS_PTRACE"]}}}],
        "volumes": [{"name": "v", "emptyDir": {}}, {"name": "w", "hostPath": {"path": "/var/run/docker.sock"}}]}},
    "responseStatus": {"metadata": {}, "code": 201}, "stageTimestamp": "2026-11-24T08:00:00Z"})

HASHICORP = json.dumps({
    "time": "2026-11-24T08:00:00.123Z", "type": "response",
    "auth": {"client_token": "hmac-sha256:1", "display_name": "oidc-carol", "policies": ["default", "db-admin"], "entity_id": "e-7", "token_type": "service"},
    "request": {"id": "r-1", "operation": "update", "mount_type": "kv", "namespace": {"id": "root", "path": "team-a/"}, "path": "kv/data/db7",
                "remote_address": "192.0.2.44"},
    "response": {"mount_type": "kv"}})

SYSMON = {"Image": r"C:\Tools\x.exe", "CommandLine": "x.exe -q", "User": r"EX\carol"}
WINLOGBEAT = json.dumps({
    "@timestamp": "2026-11-24T08:00:00.000Z",
    "winlog": {"channel": "Microsoft-Windows-Sysmon/Operational", "event_id": "1", "provider_name": "Microsoft-Windows-Sysmon",
               "computer_name": "ws7.example.org", "event_data": SYSMON},
    "process": {"hash": {"md5": "0123456789abcdef0123456789abcdef", "sha1": "0123456789abcdef0123456789abcdef01234567", "sha256": "ab" * 32},
                "pe": {"imphash": "fedcba9876543210fedcba9876543210"}}})
FLAT = json.dumps({
    "EventID": 1, "Channel": "Microsoft-Windows-Sysmon/Operational", "Computer": "ws7", **SYSMON, "Imphash": "00112233445566778899aabbccddeeff",
    "md5": "ffeeddccbbaa99887766554433221100", "sha1": "76543210" * 5, "sha256": "cd" * 32})

SOURCES = [
    ("cyberark.yml", {"product": "cyberark", "service": "vault"}, [
        (vault_cef('295|Retrieve password|5|act="Retrieve password" suser=carol fname=Root\\unix-db7-root dvchost=VAULT01 shost=192.0.2.44 dhost=db7'
                   " duser=root externalId= app= reason=change cs1Label=\"Affected User Name\" cs1= cs2Label=\"Safe Name\" cs2=Unix-Prod"
                   " cs5Label=\"Other info\" cs5="),
         {"Code": 295, "MessageID": "295", "Action": "Retrieve password", "Issuer": "carol", "User": "carol", "Account": "root", "Safe": "Unix-Prod",
          "SafeName": "Unix-Prod", "File": r"*unix-db7-root", "Object": r"*unix-db7-root", "Station": "192.0.2.44", "SourceAddress": "192.0.2.44",
          "TargetAddress": "db7", "Reason": "change", "Outcome": "success", "Hostname": "VAULT01"}),
        (vault_json(MessageID="361", Severity="Info", Desc="PSM Keystrokes", Issuer="carol", TargetUser="backup", Station="10.0.0.7", Safe="Unix-Prod",
                    RequestId="77", GatewayStation="10.0.0.9", ExtraDetails="Command=rm -rf /srv;SessionID=5e55;SrcHost=192.0.2.44;DstHost=db7;"),
         {"Desc": "PSM Keystrokes", "TargetUser": "backup", "GatewayStation": "10.0.0.9", "RequestId": "77", "SessionID": "5e55",
          "Command": "rm -rf *", "SourceAddress": "192.0.2.44", "Station": "10.0.0.7"}),
        (vault_json(MessageID="32", Severity="Info", Desc="Add Owner", Issuer="carol", SourceUser="mallory", Safe="Unix-Prod", Station="192.0.2.44"),
         {"SourceUser": "mallory", "Action": "Add Owner"}),
        (CLOUD, {"Code": "295", "Safe": "Unix-Prod", "Account": "root", "Issuer": "carol@example.org", "SessionID": "5e55"}),
    ]),
    ("cyberark.yml", {"product": "cyberark", "service": "pta"}, [
        ("<14>Nov 24 08:00:00 pta1 CEF:0|CyberArk|PTA|14.0|21|Suspected credentials theft|8|suser=carol shost=ws7 src=192.0.2.44 duser=root@db7 dhost=db7"
         " dst=192.0.2.71 cs1Label=ExtraData cs1=None cs2Label=EventID cs2=ev77 deviceCustomDate1Label=detectionDate deviceCustomDate1=1795507200000"
         " cs3Label=PTALink cs3=https://pta1/incidents/ev77 cs4Label=ExternalLink cs4=None",
         {"Detection": "Suspected credentials theft", "Code": 21, "User": "carol", "TargetUser": "root@db7", "SourceAddress": "192.0.2.44",
          "TargetAddress": "192.0.2.71", "EventID": "ev77", "Link": "https://pta1/incidents/ev77"}),
    ]),
    ("cyberark.yml", {"product": "cyberark", "service": "audit"}, [
        (CLOUD, {"Code": "PAM00295", "Type": "Info", "Action": "Retrieve password", "User": "carol@example.org", "Service": "Privilege Cloud",
                 "Component": "Vault", "Safe": "Unix-Prod", "Account": "root", "Target": "db7.example.org", "SessionID": "5e55",
                 "SourceAddress": "192.0.2.44", "Message": "change 4711"}),
        (CLOUD_WITHOUT_TARGET, {"User": "u77", "Account": "unix-db7-root", "Service": "PAM", "SourceAddress": "PVWA01", "Type": "Failure"}),
    ]),
    ("hashicorp_vault.yml", {"product": "hashicorp", "service": "vault"}, [
        (HASHICORP, {"path": "kv/data/db7", "operation": "update", "mount_type": "kv", "namespace": "team-a/", "remote_address": "192.0.2.44",
                     "display_name": "oidc-carol", "policies": "db-admin", "token_type": "service", "entity_id": "e-7"}),
    ]),
    ("kubernetes.yml", {"product": "kubernetes", "category": "application", "service": "audit"}, [
        (KUBERNETES, {"apiGroup": "apps", "resource": "deployments", "subresource": "scale", "namespace": "shop", "name": "web",
                      "username": "system:serviceaccount:shop:ci", "groups": "system:serviceaccounts", "statusCode": 200}),
        (KUBERNETES_POD, {"hostPath": "/var/run/docker.sock", "capabilities": "SYS_PTRACE", "privileged": "true"}),
    ]),
    ("linux.yml", {"product": "linux", "service": "sudo"}, [
        (SUDO, {"CommandLine": "/usr/bin/tar cf *", "Command": "/usr/bin/tar *", "User": "carol", "TargetUser": "backup", "CurrentDirectory": "/srv",
                "Terminal": "pts/2"}),
    ]),
    ("linux.yml", {"product": "linux", "service": "sshd"}, [
        (SSHD, {"User": "carol", "SourceIp": "192.0.2.44", "SourcePort": 50022, "Method": "publickey", "Key": "*SHA256:k3yk3yk3y"}),
    ]),
    ("linux.yml", {"product": "linux", "service": "pam"}, [
        (PAM_FAILURE, {"User": "carol", "Service": "login", "Module": "pam_unix", "SourceHost": "term7.example.org"}),
        (PAM_SESSION, {"User": "carol", "TargetUser": "backup", "Service": "su"}),
    ]),
    ("linux.yml", {"product": "linux", "service": "auditd"}, [
        (SYSCALL, {"Image": "/usr/bin/tar", "User": "carol"}),
        (EXECVE, {"CommandLine": "tar cf /srv/b.tar"}),
        (PATH, {"TargetFilename": "/etc/sudoers.d/*"}),
        (USER_AUTH, {"User": "carol", "Image": "/usr/bin/su"}),
    ]),
    ("linux.yml", {"product": "linux", "category": "process_creation"}, [
        (SYSCALL, {"Image": "/usr/bin/tar", "User": "carol", "LogonId": "9"}),
        (EXECVE, {"CommandLine": "tar cf /srv/b.tar"}),
        (CWD, {"CurrentDirectory": "/srv"}),
        (SUDO, {"CommandLine": "/usr/bin/tar cf *", "User": "carol", "CurrentDirectory": "/srv"}),
        (json.dumps({"host": {"name": "h"}, "process": {"parent": {"executable": "/bin/sh", "command_line": "sh -c x"}, "executable": "/bin/x"}}),
         {"ParentImage": "/bin/sh", "ParentCommandLine": "sh -c x", "Image": "/bin/x"}),
        (json.dumps({"Image": "/bin/y", "CommandLine": "y -z", "ParentImage": "/bin/dash", "ParentCommandLine": "dash", "CurrentDirectory": "/opt",
                     "User": "dora", "LogonId": "77"}),
         {"Image": "/bin/y", "CommandLine": "y -z", "ParentImage": "/bin/dash", "ParentCommandLine": "dash", "CurrentDirectory": "/opt", "User": "dora",
          "LogonId": "77"}),
    ]),
    ("windows.yml", {"product": "windows", "category": "process_creation"}, [
        (WINLOGBEAT, {"Imphash": "fedcba98*", "md5": "01234567*", "sha1": "*01234567", "sha256": "ab" * 32}),
        (FLAT, {"Imphash": "00112233*", "md5": "ffeeddcc*", "sha1": "76543210*", "sha256": "cd" * 32}),
    ]),
]
