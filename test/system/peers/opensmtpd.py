"""OpenSMTPD as a plain gateway that delivers example.org to a Maildir."""

from .enclosure import Enclosure, Maildir, free_port, writable_by_vmail

CONFIG = """
table everyone {{ "@" = vmail }}
listen on 127.0.0.1 port {port} hostname opensmtpd.example.org
action inbox maildir "{scratch}/mail/inbox" virtual <everyone>
match from any for domain "example.org" action inbox
"""

START = """#!/bin/sh
cp {scratch}/smtpd.conf /etc/test-smtpd.conf && chmod 600 /etc/test-smtpd.conf
mkdir -p /var/lib/opensmtpd/empty /var/spool/smtpd
chmod 711 /var/lib/opensmtpd/empty /var/spool/smtpd
exec /usr/sbin/smtpd -d -f /etc/test-smtpd.conf
"""


class OpenSmtpd:
    def __init__(self, scratch):
        self.port = {"plain": free_port()}
        writable_by_vmail(scratch / "mail")
        self.inbox = Maildir(scratch / "mail" / "inbox")
        values = {"scratch": scratch, "port": self.port["plain"]}
        (scratch / "smtpd.conf").write_text(CONFIG.format(**values))
        (scratch / "start").write_text(START.format(**values))
        self.enclosure = Enclosure(scratch, ["opensmtpd"], ["/bin/sh", str(scratch / "start")], self.port.values())

    def stop(self):
        self.enclosure.stop()
