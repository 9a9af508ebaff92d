"""Dovecot: takes mail by LMTP and shows it by IMAP."""

from .enclosure import VMAIL, Enclosure, Maildir, free_port, writable_by_vmail

CONFIG = """
protocols = imap lmtp
base_dir = /run/dovecot
log_path = {scratch}/dovecot.log
listen = 127.0.0.1
{ssl}
disable_plaintext_auth = no
default_internal_user = dovecot
default_login_user = dovenull
default_internal_group = dovecot
mail_location = maildir:{scratch}/mail/inbox
first_valid_uid = {vmail}
auth_username_format = %Ln
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={vmail} gid={vmail} home={scratch}/mail allow_all_users=yes
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp}
  }}
}}
"""


class Dovecot:
    """Any user may log in with the password; all share one mailbox."""

    PASSWORD = "correct-horse-battery"

    def __init__(self, scratch, certificates=None):
        """certificates: IMAP with TLS on port["imaps"], too."""
        self.port = {"imap": free_port(), "lmtp": free_port()}
        ssl = "ssl = no"
        if certificates:
            self.port["imaps"] = free_port()
            ssl = f"ssl = yes\nssl_cert = <{certificates.good}\nssl_key = <{certificates.key(certificates.good)}"
        writable_by_vmail(scratch / "mail")
        self.inbox = Maildir(scratch / "mail" / "inbox")
        (scratch / "dovecot.conf").write_text(
            CONFIG.format(scratch=scratch, vmail=VMAIL, password=self.PASSWORD, ssl=ssl, **{"imaps": 0, **self.port}))
        self.enclosure = Enclosure(scratch, ["dovecot"],
                                   ["/usr/sbin/dovecot", "-F", "-c", str(scratch / "dovecot.conf")],
                                   self.port.values())

    def stop(self):
        self.enclosure.stop()
