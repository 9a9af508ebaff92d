"""One Exim that fails in many ways, told apart by the port that was called."""

from peers.enclosure import Enclosure, writable_by_vmail
from peers.netlab import GATEWAY

PORTS = {name: 2701 + i for i, name in enumerate(
    ["well", "refuses-all", "rude-helo", "login-only", "ntlm-only", "needs-tls", "needs-auth", "lookup-down", "ratelimit",
     "auth-down", "sender", "tarpit", "full"])}

CONFIG = """
primary_hostname = exim.example.org
local_interfaces = {address}
daemon_smtp_ports = {ports}
log_file_path = {scratch}/logs/exim-%slog
log_selector = +all
host_lookup =
rfc1413_query_timeout = 0s
keep_environment =
smtp_enforce_sync = true
{main}
tls_advertise_hosts = *
tls_certificate = {certificate}
tls_privatekey = {key}
tls_on_connect_ports =
auth_advertise_hosts = *
acl_smtp_connect = check_connect
acl_smtp_helo = check_helo
acl_smtp_mail = check_mail
acl_smtp_rcpt = check_rcpt
acl_smtp_data = accept

begin acl
check_connect:
  deny    condition = ${{if eq{{$received_port}}{{{refuses-all}}}}}
          message = No SMTP service for you here
  accept

check_helo:
  deny    condition = ${{if eq{{$received_port}}{{{rude-helo}}}}}
          message = HELO/EHLO name has no address
  accept

check_mail:
  deny    condition = ${{if and{{{{eq{{$received_port}}{{{needs-tls}}}}}{{eq{{$tls_in_cipher}}{{}}}}}}}}
          message = Encryption required: issue STARTTLS first
  deny    condition = ${{if and{{{{eq{{$received_port}}{{{needs-auth}}}}}{{eq{{$authenticated_id}}{{}}}}}}}}
          message = Authentication required
  accept

check_rcpt:
  deny    condition = ${{if eq{{$received_port}}{{{sender}}}}}
          !verify = sender
          message = Sender verify failed
  defer   condition = ${{if eq{{$received_port}}{{{ratelimit}}}}}
          message = Sender rate limit exceeded, try again later
  defer   condition = ${{if eq{{$received_port}}{{{lookup-down}}}}}
          condition = ${{lookup{{$local_part}}lsearch{{/there/is/none}}}}
  deny    condition = ${{if eq{{$received_port}}{{{full}}}}}
          message = Mailbox is full: quota exceeded
  warn    condition = ${{if eq{{$received_port}}{{{tarpit}}}}}
          delay = 1s
  deny    local_parts = greylisted
          message = $local_part
  require verify = recipient
  accept  domains = example.org
  deny    message = relay not permitted

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_advertise_condition = ${{if and{{{{!inlist{{$received_port}}{{{login-only}}}}}{{!inlist{{$received_port}}{{{ntlm-only}}}}}{{!eq{{$tls_in_cipher}}{{}}}}}}}}
  server_condition = ${{if eq{{$received_port}}{{{auth-down}}}{{${{lookup{{$auth2}}lsearch{{/there/is/none}}}}}}{{${{if and{{{{eq{{$auth2}}{{svc-vedette}}}}{{eq{{$auth3}}{{correct horse battery}}}}}}}}}}}}
  server_set_id = $auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_advertise_condition = ${{if and{{{{eq{{$received_port}}{{{login-only}}}}}{{!eq{{$tls_in_cipher}}{{}}}}}}}}
  server_condition = ${{if and{{{{eq{{$auth1}}{{svc-vedette}}}}{{eq{{$auth2}}{{correct horse battery}}}}}}}}
  server_set_id = $auth1
ntlm:
  driver = plaintext
  public_name = NTLM
  server_prompts = :
  server_advertise_condition = ${{if and{{{{eq{{$received_port}}{{{ntlm-only}}}}}{{!eq{{$tls_in_cipher}}{{}}}}}}}}
  server_condition = false

begin routers
refused:
  driver = redirect
  local_parts = nobody
  allow_fail
  data = :fail: User unknown
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

begin retry
* * F,1h,1m
"""

START = """#!/bin/sh
cp {scratch}/exim.conf /etc/exim4/exim4.conf && chmod 644 /etc/exim4/exim4.conf
mkdir -p /var/spool/exim4 && chown -R Debian-exim:Debian-exim /var/spool/exim4
chmod u+s /usr/sbin/exim4
exec /usr/sbin/exim4 -bdf
"""


class FaultyExim:
    """main: more of the main configuration, for what cannot be told apart by port; then also ports of its own."""

    def __init__(self, scratch, certificates, ports=None, main=""):
        self.port = ports or PORTS
        writable_by_vmail(scratch / "mail")
        writable_by_vmail(scratch / "logs")
        (scratch / "exim.conf").write_text(CONFIG.format(
            scratch=scratch, address=GATEWAY, certificate=certificates.good, key=certificates.key(certificates.good),
            main=main, **{**PORTS, "ports": ":".join(map(str, self.port.values()))}))
        (scratch / "start").write_text(START.format(scratch=scratch))
        self.enclosure = Enclosure(scratch, ["exim"], ["/bin/sh", str(scratch / "start")],
                                   [next(iter(self.port.values()))], address=GATEWAY)

    def stop(self):
        self.enclosure.stop()
