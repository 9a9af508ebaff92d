"""Debian's Sagan 1.2, which reads lines of its own form from a FIFO, and drops those that come while all its threads are busy.

So its rate is that at which it reads, and says little without the count of what it found, which stands beside it. It has its
default of a hundred threads."""

import fcntl
import os
import pathlib
import shutil
import struct
import termios
import time

import rules
from harness import PEERS, Daemon, Wrong, wait_until

ROOT = PEERS / "sagan"
LIBRARIES = ROOT / "usr/lib/x86_64-linux-gnu"
CHUNK = 64 * 1024
IDLE_S = 0.3  # without using the processor: then its threads are done

VARIABLES = ("xbit", "threshold-by-src", "threshold-by-dst", "threshold-by-username", "after-by-src", "after-by-dst",
             "after-by-username", "track-clients")

CONFIG = """%YAML 1.1
---
vars:
  sagan-groups: {{FIFO: "{dir}/fifo", RULE_PATH: "{dir}", LOCKFILE: "{dir}/pid", LOG_PATH: "{dir}"}}
  address-groups: {{HOME_NET: "any", EXTERNAL_NET: "any"}}
  port-groups: {{SSH_PORT: 22}}
  mmap-groups: {{MMAP_DEFAULT: 10000}}
sagan-core:
  core:
    sensor-name: "bench"
    default-host: 127.0.0.1
    default-port: 514
    default-proto: udp
    dns-warnings: disabled
    source-lookup: disabled
    fifo-size: 1048576
    max-threads: 100
    classification: "$RULE_PATH/classification.config"
    reference: "$RULE_PATH/reference.config"
    gen-msg-map: "$RULE_PATH/gen-msg.map"
    protocol-map: "$RULE_PATH/protocol.map"
    xbit-storage: mmap
  parse-ip: {{ipv6: enabled, ipv4-mapped-ipv6: disabled}}
  mmap-ipc:
    ipc-directory: "{dir}/ipc"
{variables}
  liblognorm: {{enabled: yes, normalize_rulebase: "$RULE_PATH/normalization.rulebase"}}
outputs:
  - fast: {{enabled: yes, filename: "{dir}/found"}}
rules-files:
  - $RULE_PATH/bench.rules
"""


def lines_of(path):
    """The same lines behind the columns that Sagan wants: host, facility, priority, level, tag, date, time, program."""
    own = path.with_name(path.name + "-sagan")
    if not own.exists():
        fresh = own.with_suffix(".new")
        with open(path, "rb") as lines, open(fresh, "wb") as out:
            out.writelines(b"127.0.0.1|auth|info|info|56|2026-11-24|08:15:30|app|" + line for line in lines)
        fresh.rename(own)
    return own


class Sagan(Daemon):
    def __init__(self, directory, rule_count):
        self.output, self.fifo = directory / "found", directory / "fifo"
        self._configure(directory, rule_count)
        super().__init__("sagan", [ROOT / "usr/sbin/sagan", "-f", directory / "sagan.yaml", "-u", "root", "-l", directory / "sagan.log"],
                         directory, {"LD_LIBRARY_PATH": str(LIBRARIES)})

    def _configure(self, directory, rule_count):
        os.mkfifo(self.fifo)
        (directory / "ipc").mkdir()
        variables = "\n".join(f"    {name}: $MMAP_DEFAULT" for name in VARIABLES)
        (directory / "sagan.yaml").write_text(CONFIG.format(dir=directory, variables=variables))
        (directory / "bench.rules").write_text(rules.sagan(rule_count))
        (directory / "classification.config").write_text("config classification: exploit-attempt,An Exploit Attempt,1\n")
        (directory / "normalization.rulebase").write_text("prefix=\n")
        for name in ("reference.config", "gen-msg.map", "sagan.log"):
            (directory / name).touch()
        shutil.copy(ROOT / "etc/sagan-rules/protocol.map", directory)

    def found(self):
        return self.output.read_bytes().count(b"\n") if self.output.exists() else 0

    def feed(self, path):
        """Writes all; returns when the first byte went, and when its threads came to rest, by the clock of bench/feed.c."""
        content = memoryview(lines_of(path).read_bytes())
        with open(self._writing_end(), "wb", buffering=0, closefd=True) as fifo:
            start = time.monotonic_ns()
            while content:
                content = content[fifo.write(content[:CHUNK]):]
            wait_until(lambda: not struct.unpack("i", fcntl.ioctl(fifo, termios.FIONREAD, bytes(4)))[0], "sagan to read all", every=0.001)
            return start, self._rest()

    def _rest(self):
        since, used = time.monotonic_ns(), self.cpu_seconds()
        while time.monotonic_ns() - since < IDLE_S * 1e9:
            time.sleep(0.02)
            now = self.cpu_seconds()
            if now != used:
                since, used = time.monotonic_ns(), now
        return since

    def _writing_end(self):
        """Open once it reads: rules are loaded by then."""
        def opened():
            if self.process.poll() is not None:
                raise Wrong(f"sagan ended with {self.process.returncode}: {self.words()}{pathlib.Path(self.dir / 'sagan.log').read_text()[-500:]}")
            try:
                return os.open(self.fifo, os.O_WRONLY | os.O_NONBLOCK)
            except OSError:  # ENXIO: nobody reads yet
                return None
        fd = wait_until(opened, "sagan to read its FIFO")
        os.set_blocking(fd, True)
        return fd
