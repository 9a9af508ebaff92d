"""One OpenSMTPD that fails in many ways, each on a port of its own."""

from peers.enclosure import Enclosure, writable_by_vmail
from peers.netlab import GATEWAY

PORTS = {name: 2801 + i for i, name in enumerate(
    ["well", "tls-required", "auth-required", "no-rdns", "sender", "tls"])}

CONFIG = """
table everyone {{ "postmaster" = vmail, "soc" = vmail }}
table ours {{ "@example.org" }}
table accounts {{ "svc-vedette" = "{hash}" }}
pki mail cert "{certificate}"
pki mail key "/etc/test.key"
smtp max-message-size "500K"
filter check_rdns phase connect match !fcrdns disconnect "550 5.7.25 No reverse DNS that leads back to you"
filter check_sender phase mail-from match !mail-from <ours> reject "550 5.7.1 Sender rejected: not one of ours"
listen on {address} port {well} hostname opensmtpd.example.org
listen on {address} port {tls-required} tls-require pki mail hostname opensmtpd.example.org
listen on {address} port {auth-required} tls-require pki mail auth <accounts> hostname opensmtpd.example.org
listen on {address} port {no-rdns} filter check_rdns hostname opensmtpd.example.org
listen on {address} port {sender} filter check_sender hostname opensmtpd.example.org
listen on {address} port {tls} smtps pki mail hostname opensmtpd.example.org
action inbox maildir "{scratch}/mail/inbox" virtual <everyone>
match from any for domain "example.org" action inbox
"""

START = """#!/bin/sh
echo 'nameserver {resolver}' >{scratch}/resolv.conf
rm -f /etc/resolv.conf && cp {scratch}/resolv.conf /etc/resolv.conf
cp {scratch}/smtpd.conf /etc/test-smtpd.conf && chmod 600 /etc/test-smtpd.conf
cp {key} /etc/test.key && chmod 600 /etc/test.key
mkdir -p /var/lib/opensmtpd/empty /var/spool/smtpd
chmod 711 /var/lib/opensmtpd/empty /var/spool/smtpd
exec /usr/sbin/smtpd -d -f /etc/test-smtpd.conf
"""



class FaultyOpenSmtpd:
    def __init__(self, scratch, certificates, password_hash, resolver):
        self.port = PORTS
        writable_by_vmail(scratch / "mail")
        (scratch / "smtpd.conf").write_text(CONFIG.format(
            scratch=scratch, address=GATEWAY, certificate=certificates.rsa, hash=password_hash, **PORTS))
        (scratch / "start").write_text(START.format(
            scratch=scratch, key=certificates.key(certificates.rsa), resolver=resolver))
        self.enclosure = Enclosure(scratch, ["opensmtpd"], ["/bin/sh", str(scratch / "start")], [PORTS["well"]],
                                   address=GATEWAY)

    def stop(self):
        self.enclosure.stop()
