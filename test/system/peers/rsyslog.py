"""rsyslog as a sender of RELP: what it is told over TCP it sends on, with librelp, until it has been answered."""

import os
import socket
import subprocess

from .enclosure import PEERS, free_port, port_answers, wait_until

ROOT = PEERS / "rsyslog"
LIBRARIES = ROOT / "usr" / "lib" / f"{os.uname().machine}-linux-gnu"
MODULES = LIBRARIES / "rsyslog"

CONFIG = """
global(workDirectory="{scratch}")
module(load="imptcp")
module(load="omrelp")
input(type="imptcp" address="127.0.0.1" port="{port}")
action(type="omrelp" target="127.0.0.1" port="{relp}" timeout="5" conn.timeout="5" action.resumeInterval="1"
       action.resumeRetryCount="-1" queue.type="LinkedList" queue.size="100000"{tls})
"""

# Without a certificate of its own it would offer anonymous ciphers alone.
TLS = """
       tls="on" tls.cacert="{ca}" tls.mycert="{certificate}" tls.myprivkey="{key}" tls.authmode="name"
       tls.permittedpeer="{name}\""""


def missing():
    """Why there is none here, or None."""
    return None if (MODULES / "omrelp.so").exists() else "rsyslog with omrelp is not in .peers/: run script/bootstrap test"


def _tls(certificates):
    good = certificates.good
    return TLS.format(ca=certificates.ca, certificate=good, key=certificates.key(good), name=certificates.NAME)


class Rsyslog:
    """certificates: TLS to a server that has the good one, and the same to show."""

    def __init__(self, scratch, relp_port, certificates=None):
        self.port = free_port()
        self.log = scratch / "rsyslog.log"
        config = scratch / "rsyslog.conf"
        config.write_text(CONFIG.format(scratch=scratch, port=self.port, relp=relp_port,
                                        tls=_tls(certificates) if certificates else ""))
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([ROOT / "usr/sbin/rsyslogd", "-n", "-f", config, "-i", scratch / "pid",
                                             "-M", MODULES], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**os.environ, "LD_LIBRARY_PATH": str(LIBRARIES)})
        try:
            wait_until(lambda: port_answers(self.port), 20, "rsyslog")
        except AssertionError as e:
            self.stop()
            raise AssertionError(f"{e}: {self.words()}") from None

    def words(self):
        return self.log.read_text(errors="replace")[-3000:]

    def send(self, lines):
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as s:
            s.sendall(b"".join(line.encode() + b"\n" for line in lines))

    def stop(self):
        self.process.kill()
        self.process.wait(10)
