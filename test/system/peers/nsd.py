"""NSD with a signed root zone of our own: everything there is stands in it, so its key is the only trust anchor needed."""

import os
import pathlib
import re
import subprocess
import tempfile

from .enclosure import PEERS, Enclosure

TOOLS = PEERS / "nsd" / "usr" / "bin"

CONFIG = """
server:
  ip-address: {address}
  username: root
  chroot: ""
  zonesdir: "{scratch}"
  pidfile: "{scratch}/nsd.pid"
  database: ""
  logfile: "{scratch}/nsd.log"
  xfrdfile: "{scratch}/xfrd.state"
  zonelistfile: "{scratch}/zone.list"
  hide-version: yes
remote-control:
  control-enable: no
zone:
  name: .
  zonefile: {scratch}/root.zone
{broken}"""

# Of a zone that is configured and cannot be read NSD knows nothing: SERVFAIL.
BROKEN = "zone:\n  name: {name}\n  zonefile: {scratch}/there-is-no-such-file\n"

HEAD = """$ORIGIN .
$TTL 300
. SOA ns.example.net. hostmaster.example.net. 1 3600 600 86400 60
. NS ns.example.net.
ns.example.net. A {address}
"""

UNSIGNED = """$TTL 300
{name}. SOA ns.example.net. hostmaster.example.net. 1 3600 600 86400 60
{name}. NS ns.example.net.
"""

EXPIRED = ("-i", "20200101000000", "-e", "20200201000000")


def _tool(name, *argv, cwd):
    library = PEERS / "nsd" / "usr" / "lib" / f"{os.uname().machine}-linux-gnu"
    done = subprocess.run([TOOLS / name, *argv], cwd=cwd, capture_output=True, text=True, check=False,
                          env={**os.environ, "LD_LIBRARY_PATH": str(library)})
    if done.returncode:
        raise AssertionError(f"{name}: {done.stderr}")
    return done.stdout.strip()


class Keys:
    """Of the root: anchor is the file that a validating resolver trusts."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.names = [_tool("ldns-keygen", "-a", "ECDSAP256SHA256", *flags, ".", cwd=self.folder) for flags in (("-k",), ())]
        self.anchor = self.folder / f"{self.names[0]}.key"

    def sign(self, zone, *dates):
        """zone's text, signed."""
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            plain = pathlib.Path(folder) / "zone"
            plain.write_text(zone)
            _tool("ldns-signzone", *dates, "-f", f"{plain}.signed", str(plain), *self.names, cwd=self.folder)
            return pathlib.Path(f"{plain}.signed").read_text()


def _signature(name, signed, kind="A"):
    """The line of the signature over name's record of that kind."""
    return re.search(rf"^{re.escape(name)}\.\s.*\sRRSIG\s+{kind}\s.*$", signed, re.MULTILINE)[0]


def _break(line):
    """The same signature with other bytes."""
    head, signature = line.rsplit(" ", 1)
    return f"{head} {signature[:8][::-1]}{signature[8:]}"


class Nsd:
    """records: the zone's lines, with full names. bogus, expired: names whose A record is signed wrongly, or was signed
    long ago; bogus ones may be (name, kind). broken: zones of which it only says SERVFAIL. unsigned: records of zones of
    their own, by name."""

    def __init__(self, scratch, address, keys, records, bogus=(), expired=(), broken=(), unsigned=None):
        unsigned = unsigned or {}
        zone = HEAD.format(address=address) + records + "".join(f"{name}. NS ns.example.net.\n" for name in unsigned)
        signed = keys.sign(zone)
        for name in bogus:
            name, kind = (name, "A") if isinstance(name, str) else name
            signed = signed.replace(line := _signature(name, signed, kind), _break(line))
        if expired:
            then = keys.sign(zone, *EXPIRED)
            for name in expired:
                signed = signed.replace(_signature(name, signed), _signature(name, then))
        (scratch / "root.zone").write_text(signed)
        for name, lines in unsigned.items():
            (scratch / f"{name}.zone").write_text(UNSIGNED.format(name=name) + lines)
        more = "".join([BROKEN.format(name=name, scratch=scratch) for name in broken] +
                       [f"zone:\n  name: {name}\n  zonefile: {scratch}/{name}.zone\n" for name in unsigned])
        (scratch / "nsd.conf").write_text(CONFIG.format(scratch=scratch, address=address, broken=more))
        self.enclosure = Enclosure(scratch, ["nsd"], ["/usr/sbin/nsd", "-d", "-c", str(scratch / "nsd.conf")], [53],
                                   address=address)

    def stop(self):
        self.enclosure.stop()
