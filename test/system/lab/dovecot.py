"""Dovecot's submission service: one that hands on to Postfix, and one whose gateway is away."""

from peers.enclosure import VMAIL, Enclosure, writable_by_vmail
from peers.netlab import GATEWAY

CONFIG = """
protocols = submission
base_dir = /run/dovecot
log_path = {scratch}/dovecot.log
listen = {address}
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}
disable_plaintext_auth = yes
auth_failure_delay = 0
auth_mechanisms = plain login
default_internal_user = dovecot
default_login_user = dovenull
default_internal_group = dovecot
mail_location = maildir:{scratch}/mail/inbox
first_valid_uid = {vmail}
hostname = dovecot.example.org
submission_relay_host = {address}
submission_relay_port = {relay}
submission_relay_trusted = no
passdb {{
  driver = passwd-file
  args = {scratch}/users
}}
userdb {{
  driver = static
  args = uid={vmail} gid={vmail} home={scratch}/mail
}}
service submission-login {{
  inet_listener submission {{
    port = {port}
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


class DovecotSubmission:
    """relay: the port that it hands mail on to."""

    def __init__(self, scratch, certificates, port, relay):
        self.port = {"submission": port}
        writable_by_vmail(scratch / "mail")
        (scratch / "users").write_text("svc-vedette:{PLAIN}correct horse battery::::::\n")
        (scratch / "dovecot.conf").write_text(CONFIG.format(
            scratch=scratch, address=GATEWAY, certificate=certificates.good, key=certificates.key(certificates.good),
            vmail=VMAIL, port=port, relay=relay))
        self.enclosure = Enclosure(scratch, ["dovecot"], ["/usr/sbin/dovecot", "-F", "-c", str(scratch / "dovecot.conf")],
                                   [port], address=GATEWAY)

    def stop(self):
        self.enclosure.stop()
