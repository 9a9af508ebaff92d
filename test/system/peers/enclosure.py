"""Runs a daemon from .peers/ in namespaces of its own (see ./enter), on this machine's loopback."""

import itertools
import os
import pathlib
import random
import socket
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
PEERS = ROOT / ".peers"
# ./enter makes this user; what it writes must be ours to read.
VMAIL = 6108 if os.geteuid() == 0 else os.geteuid()
PATIENCE = 3  # times as long as on a quiet machine


def _ports():
    """Below those that the kernel gives to connections, each lane of the tests its own part of them."""
    lane = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
    lanes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    part = range(10000, 32000)[lane::lanes]
    start = random.randrange(len(part))  # another run of the tests may be under way
    return itertools.cycle([*part[start:], *part[:start]])


_candidates = _ports()


def free_port():
    for port in _candidates:
        try:
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                with socket.socket(socket.AF_INET, kind) as s:
                    s.bind(("127.0.0.1", port))
            return port
        except OSError:
            continue


def ports_for(names, first=None, fixed=None):
    """A port for each name: its fixed one, or numbered from first (in a network of our own), or any that is free."""
    return {name: (fixed or {}).get(name) or (first + i if first else free_port()) for i, name in enumerate(names)}


def wait_until(true, seconds=20, what="it"):
    """Asks until the answer is true, and returns it. seconds: what it may take on a quiet machine."""
    end = time.monotonic() + seconds * PATIENCE
    while True:
        asked = time.monotonic()
        answer = true()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds * PATIENCE} s in vain for {what}")
        time.sleep(max(0.02, time.monotonic() - asked))  # the processor is rather for those who are waited for


def port_answers(port, address="127.0.0.1"):
    try:
        socket.create_connection((address, port), timeout=1).close()
        return True
    except OSError:
        return False


def _as_root():
    if os.geteuid() == 0:
        return []
    try:
        done = subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False)
    except OSError:
        return None
    return ["sudo", "-n"] if done.returncode == 0 else None


_obstacle = {}


def obstacle(*names):
    """Why these peers cannot be run here, or None."""
    for name in names:
        if not (PEERS / name).is_dir():
            return f"{name} is not in .peers/: run script/bootstrap test"
    if "probe" not in _obstacle:
        _obstacle["probe"] = _probe()
    return _obstacle["probe"]


def _probe():
    prefix = _as_root()
    if prefix is None:
        return "running peers from .peers/ needs root, or sudo without a password"
    done = subprocess.run(
        [*prefix, "unshare", "--mount", "--pid", "--fork", "sh", "-c",
         "mount -t tmpfs tmpfs /mnt && cd /mnt && mkdir u w r && "
         "mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/u,workdir=/mnt/w /mnt/r"],
        capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else f"no overlay mounts here: {done.stderr.strip()}"


class Enclosure:
    """One daemon. It ends when our end of its standard input does, so also when the tests are killed."""

    def __init__(self, scratch, peers, argv, ports, starts_within=40, address="127.0.0.1"):
        self.scratch = pathlib.Path(scratch)
        self.scratch.chmod(0o755)
        self.log = self.scratch / "output.log"
        folders = ":".join(str(PEERS / name) for name in peers)
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [*_as_root(), str(HERE / "enter"), str(self.scratch), folders, *argv],
                stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            for port in ports:
                wait_until(lambda port=port: self._alive() and port_answers(port, address), starts_within,
                           f"{peers[0]} on port {port}")
        except AssertionError as e:
            self.stop()
            raise AssertionError(f"{e}: {self.words()}") from None

    def _alive(self):
        if self.process.poll() is not None:
            raise AssertionError("it ended")
        return True

    def words(self):
        """What it said, for a failed test."""
        logs = sorted(self.scratch.rglob("*log"))
        return "\n".join(f"{p.name}: {p.read_text(errors='replace')[-3000:]}" for p in logs)

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)


class Maildir:
    """What has landed in a folder."""

    def __init__(self, path):
        self.path = pathlib.Path(path)

    def files(self):
        return sorted(p for sub in ("new", "cur") for p in (self.path / sub).glob("*") if p.is_file())

    def texts(self):
        return [p.read_text(errors="replace") for p in self.files()]

    def wait_for(self, words, seconds=20):
        """The first message that has these words."""
        return wait_until(lambda: next((t for t in self.texts() if words in t), None), seconds,
                          f"{words!r} in {self.path}")


def writable_by_vmail(path):
    """A folder that a peer's mail user may write to."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o777)
    return path
