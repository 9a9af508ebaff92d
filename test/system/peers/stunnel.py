"""stunnel: TLS in front of a server that speaks none, each service with its own port, certificate and versions."""

from .enclosure import Enclosure, ports_for

CONFIG = """foreground = yes
syslog = no
pid =
debug = notice
output = {scratch}/stunnel.log
"""

SERVICE = """
[{name}]
accept = {address}:{port}
connect = {target}
cert = {certificate}
key = {key}
{options}"""


class Stunnel:
    """services: for each name the certificate (with its .key), and options of stunnel's own as {name: value}.
    "connect" among them is another server than the usual one."""

    def __init__(self, scratch, address, first_port, target, certificates, services):
        self.port = ports_for(services, first_port)
        text = CONFIG.format(scratch=scratch)
        for name, (certificate, options) in services.items():
            options = dict(options)
            text += SERVICE.format(name=name, address=address, port=self.port[name], certificate=certificate,
                                   key=certificates.key(certificate), target=options.pop("connect", target),
                                   options="".join(f"{k} = {v}\n" for k, v in options.items()))
        (scratch / "stunnel.conf").write_text(text)
        self.enclosure = Enclosure(scratch, ["stunnel"], ["/usr/bin/stunnel4", str(scratch / "stunnel.conf")],
                                   list(self.port.values())[-1:], address=address)

    def stop(self):
        self.enclosure.stop()
