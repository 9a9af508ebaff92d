"""Postfix, with Dovecot for SASL. One instance listens on several ports, each with its own security and rules."""

from .enclosure import VMAIL, Enclosure, Maildir, ports_for, writable_by_vmail

MAIN = """
compatibility_level = 3.6
myhostname = mail.example.org
mydestination =
inet_interfaces = {address}, 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
maillog_file = {scratch}/postfix.log
maillog_file_prefixes = {scratch}
virtual_mailbox_domains = example.org
virtual_mailbox_base = {scratch}/mail
virtual_mailbox_maps = static:inbox/
virtual_uid_maps = static:{vmail}
virtual_gid_maps = static:{vmail}
alias_maps =
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
smtpd_sender_restrictions = check_sender_access inline:{{ {{refused@example.org = 553 5.7.1 Sender address rejected: not owned by user}} }}
smtpd_recipient_restrictions = check_recipient_access inline:{{ {{nobody@example.org = 550 5.1.1 User unknown}}, {{later@example.org = 451 4.7.1 Greylisted, try again later}}, {{full@example.org = 452 4.2.2 Mailbox full}} }}
smtpd_peername_lookup = no
smtpd_error_sleep_time = 0
smtpd_client_event_limit_exceptions = static:all
smtpd_tls_cert_file = {certificate}
smtpd_tls_key_file = {key}
smtpd_tls_loglevel = 1
smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtpd_sasl_security_options = noanonymous
smtpd_tls_auth_only = yes
smtpd_sasl_local_domain =
{more}
"""

SERVICES = """
postlog unix-dgram n - n - 1 postlogd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
"""

PORTS = {
    "plain": {"smtpd_tls_security_level": "none"},
    "starttls": {"smtpd_tls_security_level": "may"},
    "tls": {"smtpd_tls_wrappermode": "yes"},
    "submission": {"smtpd_tls_security_level": "encrypt", "smtpd_sasl_auth_enable": "yes",
                   "smtpd_client_restrictions": "permit_sasl_authenticated,reject"},
}

DOVECOT = """
protocols =
base_dir = /run/dovecot
log_path = {scratch}/dovecot.log
auth_verbose = yes
auth_failure_delay = 0
auth_mechanisms = {mechanisms}
disable_plaintext_auth = no
ssl = no
default_internal_user = dovecot
default_login_user = dovenull
default_internal_group = dovecot
passdb {{
  driver = passwd-file
  args = {scratch}/users
}}
userdb {{
  driver = static
  args = uid={vmail} gid={vmail} home=/tmp
}}
service auth {{
  unix_listener /var/spool/postfix/private/auth {{
    mode = 0666
  }}
}}
service stats {{
  chroot =
}}
# No waiting for whoever gave a wrong password before: here all come from one address.
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""

# master itself, with the folders that `postfix start` would have made: its script forks a hundred times.
START = """#!/bin/sh
cp {scratch}/main.cf {scratch}/master.cf /etc/postfix/
: >/etc/postfix/dynamicmaps.cf
mkdir -p /var/lib/postfix /var/spool/postfix
cd /var/spool/postfix
mkdir -p active bounce corrupt defer deferred flush hold incoming private saved trace public maildrop pid
chown postfix active bounce corrupt defer deferred flush hold incoming private saved trace public maildrop \\
    /var/lib/postfix
chown :postdrop public maildrop
chmod 700 active bounce corrupt defer deferred flush hold incoming private saved trace /var/lib/postfix
chmod 710 public
chmod 730 maildrop
{more_start}{sasl}
MAIL_CONFIG=/etc/postfix exec /usr/lib/postfix/sbin/master -s
"""


class Postfix:
    """postfix.port["starttls"] and so on are its ports; postfix.inbox is where mail to anybody@example.org lands.
    more_ports: further names, each with main.cf parameters of its own. mechanisms: "" for no SASL. fixed: names whose
    port is given, the others are numbered from first_port. services: more of master.cf. start: more lines of shell before it starts."""

    USER, PASSWORD = "svc-vedette", "correct horse battery"

    def __init__(self, scratch, certificates, certificate=None, main=None, more_ports=None,
                 mechanisms="plain login cram-md5 scram-sha-1 scram-sha-256", address="127.0.0.1", fixed=None, first_port=None,
                 services="", start=""):
        certificate = certificate or certificates.good
        listeners = {**PORTS, **(more_ports or {})}
        if not mechanisms:
            del listeners["submission"]
        self.port = ports_for(listeners, first_port, fixed)
        writable_by_vmail(scratch / "mail")
        self.inbox = Maildir(scratch / "mail" / "inbox")
        values = {"scratch": scratch, "vmail": VMAIL, "certificate": certificate,
                  "key": certificates.key(certificate), "mechanisms": mechanisms, "address": address, "more_start": start,
                  "more": "\n".join(f"{k} = {v}" for k, v in (main or {}).items()),
                  "sasl": f"/usr/sbin/dovecot -c {scratch}/dovecot.conf" if mechanisms else ""}
        lines = [line for line in MAIN.splitlines() if line.split(" = ")[0] not in (main or {})]
        (scratch / "main.cf").write_text("\n".join(lines).format(**values) + "\n")
        (scratch / "master.cf").write_text(SERVICES + services + "".join(
            self._listener(f"{address}:{self.port[name]}", options) for name, options in listeners.items()))
        (scratch / "dovecot.conf").write_text(DOVECOT.format(**values))
        (scratch / "users").write_text(f"{self.USER}:{{PLAIN}}{self.PASSWORD}::::::\n")
        (scratch / "start").write_text(START.format(**values))
        # Its master opens all its ports before it serves the first.
        self.enclosure = Enclosure(scratch, ["postfix", "dovecot"] if mechanisms else ["postfix"],
                                   ["/bin/sh", str(scratch / "start")], [self.port["starttls"]], address=address)

    @staticmethod
    def _listener(where, options):
        words = "".join(f"    -o {{ {k} = {v} }}\n" for k, v in options.items())
        return f"{where} inet n - n - - smtpd\n{words}"

    def log(self):
        return (self.enclosure.scratch / "postfix.log").read_text(errors="replace")

    def stop(self):
        self.enclosure.stop()
