"""Exim as a plain gateway that delivers example.org to a Maildir."""

from .enclosure import Enclosure, Maildir, free_port, writable_by_vmail

CONFIG = """
primary_hostname = exim.example.org
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
log_file_path = {scratch}/logs/exim-%slog
log_selector = +all
host_lookup =
rfc1413_query_timeout = 0s
tls_advertise_hosts =
keep_environment =
acl_smtp_rcpt = check_rcpt
acl_smtp_data = accept

begin acl
check_rcpt:
  deny    local_parts = nobody
          message = User unknown
  accept  domains = example.org
  deny    message = relay not permitted

begin routers
inbox:
  driver = accept
  domains = example.org
  transport = maildir

begin transports
maildir:
  driver = appendfile
  directory = {scratch}/mail/inbox
  maildir_format
  create_directory
  user = vmail
  group = vmail
  delivery_date_add
  envelope_to_add
  return_path_add

begin retry
* * F,1h,1m
"""

START = """#!/bin/sh
cp {scratch}/exim.conf /etc/exim4/exim4.conf && chmod 644 /etc/exim4/exim4.conf
mkdir -p /var/spool/exim4 && chown -R Debian-exim:Debian-exim /var/spool/exim4
chmod u+s /usr/sbin/exim4
exec /usr/sbin/exim4 -bdf
"""


class Exim:
    def __init__(self, scratch):
        self.port = {"plain": free_port()}
        writable_by_vmail(scratch / "mail")
        self.inbox = Maildir(scratch / "mail" / "inbox")
        values = {"scratch": scratch, "port": self.port["plain"]}
        (scratch / "exim.conf").write_text(CONFIG.format(**values))
        (scratch / "start").write_text(START.format(**values))
        writable_by_vmail(scratch / "logs")  # and by Exim's own user
        self.enclosure = Enclosure(scratch, ["exim"], ["/bin/sh", str(scratch / "start")], self.port.values())

    def stop(self):
        self.enclosure.stop()
