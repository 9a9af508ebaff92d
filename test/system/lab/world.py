"""Everything of the fault lab, started once: the network with its filters, and the servers on the gateway's machine."""

import concurrent.futures
import contextlib
import pathlib
import subprocess
import tempfile

from peers import netlab
from peers.certificates import BadCertificates
from peers.enclosure import obstacle as peers_obstacle
from peers.netlab import GATEWAY, NetLab
from peers.nsd import Keys, Nsd

from . import tls
from .dovecot import DovecotSubmission
from .exim import FaultyExim
from .kernel import ADDRESSES, filter_network
from .names import BOGUS, BROKEN, EXPIRED, OTHER_RECORDS, OTHER_RESOLVER, RECORDS, RESOLVER
from .opensmtpd import FaultyOpenSmtpd
from .postfix import FaultyPostfix

# Where libunbound looks for the root's key; in the lab it finds ours.
ANCHOR = "/usr/share/dns/root.key"


def obstacle():
    """Why there can be no lab here, or None."""
    return netlab.obstacle() or peers_obstacle("postfix", "dovecot", "exim", "opensmtpd", "nsd", "stunnel")


def _hash(password):
    """As crypt(3) has it."""
    return subprocess.run(["openssl", "passwd", "-6", password], check=True, capture_output=True, text=True).stdout.strip()


class World:
    """folder(name) makes one. Attributes: lab, certificates, and the servers by name."""

    def __init__(self, folder):
        self.running = []
        self.folder = folder
        self.certificates = BadCertificates(folder("certificates"), GATEWAY)
        keys = Keys(folder("keys"))
        resolv = folder("client") / "resolv.conf"
        resolv.write_text(f"nameserver {RESOLVER}\nnameserver {OTHER_RESOLVER}\n")
        self.lab = NetLab({"/etc/resolv.conf": resolv, ANCHOR: keys.anchor}, ADDRESSES)
        self.running.append(self.lab)
        try:
            filter_network(self.lab)
            self._start(keys)
        except BaseException:
            self.stop()
            raise

    def _start(self, keys):
        starters = {
            "nsd": lambda d: Nsd(d, RESOLVER, keys, RECORDS, BOGUS, EXPIRED, BROKEN),
            "other_nsd": lambda d: Nsd(d, OTHER_RESOLVER, keys, OTHER_RECORDS, BOGUS, EXPIRED, BROKEN),
            "postfix": lambda d: FaultyPostfix(d, self.certificates),
            "exim": lambda d: FaultyExim(d, self.certificates),
            "full_exim": lambda d: FaultyExim(d, self.certificates, {"disk-full": 2791}, "check_spool_space = 900000G"),
            "busy_exim": lambda d: FaultyExim(d, self.certificates, {"busy": 2792}, "smtp_accept_max = 1"),
            "opensmtpd": lambda d: FaultyOpenSmtpd(d, self.certificates, _hash(FaultyPostfix.PASSWORD), RESOLVER),
            "dovecot": lambda d: DovecotSubmission(d, self.certificates, 2801 + 50, 25),
            "lone_dovecot": lambda d: DovecotSubmission(d, self.certificates, 2801 + 51, 9),
            "stunnel": lambda d: tls.start(d, self.certificates),
        }
        with concurrent.futures.ThreadPoolExecutor(len(starters)) as pool:
            jobs = {name: pool.submit(self._start_one, start, self.folder(name)) for name, start in starters.items()}
        for name, job in jobs.items():
            setattr(self, name, job.result())

    def _start_one(self, start, folder):
        with self.lab.gateway.inside():
            server = start(folder)
        self.running.append(server)
        return server

    def stop(self):
        for thing in reversed(self.running):
            thing.stop()


@contextlib.contextmanager
def for_a_command():
    """A world in a folder of its own, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="vedette-path-") as name:
        base = pathlib.Path(name)
        base.chmod(0o755)

        def folder(name):
            path = base / name
            path.mkdir(mode=0o755)
            return path

        world = World(folder)
        try:
            yield world
        finally:
            world.stop()
