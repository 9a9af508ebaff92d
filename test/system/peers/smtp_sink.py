"""Postfix's smtp-sink: takes everything, and keeps each message in a file of its own."""

import hashlib
import os
import subprocess

from .enclosure import PEERS, free_port, port_answers, wait_until

LIBRARIES = PEERS / "postfix" / "usr" / "lib" / "postfix"


def there_is_one():
    return (PEERS / "postfix" / "usr" / "sbin" / "smtp-sink").exists()


class SmtpSink:
    """messages() is {ledger id: [hash of each copy]}; a copy cut off before its end is none."""

    def __init__(self, directory, port=None, options=(), address="127.0.0.1"):
        self.dir, self.port, self.options, self.process, self.runs = directory, port or free_port(), options, None, 0
        self.address = address
        self.dir.mkdir(exist_ok=True)
        self.dir.chmod(0o777)
        self.known = {}
        self.start()

    def start(self):
        self.runs += 1
        user = ["-u", "root"] if os.geteuid() == 0 else []  # it asks for a name, and our folders are our own
        self.process = subprocess.Popen(
            [PEERS / "postfix" / "usr" / "sbin" / "smtp-sink", *user, *self.options, "-d", f"{self.dir}/{self.runs}.",
             f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}", "256"],
            env={**os.environ, "LD_LIBRARY_PATH": str(LIBRARIES)}, stdin=subprocess.DEVNULL, cwd=self.dir)
        wait_until(lambda: port_answers(self.port, self.address), 10, "smtp-sink's port")

    def stop(self):
        self.process.terminate()
        self.process.wait(10)

    def _read(self, path):
        text = path.read_bytes().replace(b"\r\n", b"\n")
        start = text.find(b"X-Ledger: ")
        end = text.find(b"\n-- whole --\n")
        if start < 0 or end < 0:
            return None
        return text[start + 10:text.index(b"\n", start)].decode(), digest(text[start:end])

    def messages(self):
        for path in self.dir.iterdir():
            if not self.known.get(path.name):
                self.known[path.name] = self._read(path)
        found = {}
        for entry in filter(None, self.known.values()):
            found.setdefault(entry[0], []).append(entry[1])
        return found


def digest(content):
    return hashlib.sha256(content.rstrip(b"\n")).hexdigest()
