"""What all benches use: our own programs, daemons under measurement, and where results go."""

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from statistics import median  # for all benches

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / os.environ.get("BUILD", "build")
PROGRAMS = BUILD / "bench"
VEDETTE = BUILD / "src" / "cmd" / "vedette"
PEERS = ROOT / ".peers"
SCRATCH = BUILD / "bench" / "scratch"
SHORT = os.environ.get("BENCH_SHORT") == "1"

WAIT_S = 120
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


class Wrong(Exception):
    """A count that is not what it must be, or something that did not happen at all."""


def program(name, *argv):
    """One of bench/*.c, to its end; returns what it printed."""
    done = subprocess.run([PROGRAMS / name, *map(str, argv)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Wrong(f"{name} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def workload(lines, every, rules, who):
    """The path of a file of such lines; see bench/workload.c."""
    path = SCRATCH / f"lines-{lines}-{every}-{rules}-{who}"
    if not path.exists():
        unfinished = path.with_suffix(".unfinished")
        with open(unfinished, "wb") as out:
            subprocess.run([PROGRAMS / "workload", *map(str, (lines, every, rules, who))], stdout=out, check=True)
        unfinished.rename(path)
    return path


def folder(name):
    """A fresh one."""
    path = SCRATCH / name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_until(true, what, seconds=WAIT_S, every=0.02):
    end = time.monotonic() + seconds
    while not (answer := true()):
        if time.monotonic() > end:
            raise Wrong(f"waited {seconds} s in vain for {what}")
        time.sleep(every)
    return answer


def port_answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


class Daemon:
    """A process with its children. `with` ends it."""

    def __init__(self, name, argv, directory, environment=None):
        self.name, self.dir = name, directory
        self.log = directory / f"{name}.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([*map(str, argv)], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=directory,
                                            env={**os.environ, **(environment or {})}, start_new_session=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def wait_for_port(self, port):
        def ready():
            if self.process.poll() is not None:
                raise Wrong(f"{self.name} ended with {self.process.returncode}: {self.words()}")
            return port_answers(port)
        wait_until(ready, f"{self.name} on port {port}")

    def words(self):
        return self.log.read_text(errors="replace")[-2000:]

    def pids(self):
        parents = {}
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                parents.setdefault(int(stat.read_text().rsplit(")", 1)[1].split()[1]), []).append(int(stat.parent.name))
            except (OSError, IndexError):
                continue
        found = [self.process.pid]
        for pid in found:
            found += parents.get(pid, [])
        return found

    def cpu_seconds(self, pids=None):
        """Of all its processes, those that ended too."""
        total = 0
        for pid in pids or self.pids():
            try:
                fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
                total += sum(map(int, fields[11:15])) * TICK_S
            except OSError:
                continue
        return total

    def anonymous_bytes(self):
        total = 0
        for pid in self.pids():
            try:
                found = re.search(r"RssAnon:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())
                total += int(found[1]) * 1024 if found else 0
            except OSError:
                continue
        return total


class PeakMemory(threading.Thread):
    """Looks at a daemon's anonymous memory, all its processes together, until stopped. `with` gives it; peak is in bytes."""

    EVERY_S = 0.1

    def __init__(self, daemon):
        super().__init__(daemon=True)
        self.watched, self.peak, self.ending = daemon, 0, threading.Event()

    def run(self):
        while True:
            self.peak = max(self.peak, self.watched.anonymous_bytes())
            if self.ending.wait(self.EVERY_S):
                return

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.join()


class Sink(Daemon):
    """bench/sink.c."""

    def __init__(self, directory, name="sink", port=None):
        self.port = port or free_port()
        self.record = directory / f"{name}.record"
        super().__init__(name, [PROGRAMS / "sink", self.port, self.record], directory)
        self.wait_for_port(self.port)

    def mails(self):
        """(nanoseconds, token, bytes) of each."""
        lines = self.record.read_text().split("\n")[:-1]  # what follows the last newline is still being written
        return [(int(at), token, int(size)) for at, token, size in (line.split() for line in lines)]

    def count(self):
        return self.record.read_bytes().count(b"\n")

    def wait_for(self, count):
        wait_until(lambda: self.count() >= count, f"{count} mails (have {self.count()})")
        return self.mails()


class Vedette(Daemon):
    """`vedette run` on TCP syslog, with rules of ours and one gateway; everything at its default unless said otherwise."""

    def __init__(self, directory, sink_port, rules, more_rules=(), **settings):
        self.port = free_port()
        (directory / "rules.yml").write_text(rules)
        self.config = directory / "vedette.yaml"
        self.config.write_text(json.dumps({  # which is YAML, too
            "gateways": [{"name": "sink", "address": "127.0.0.1", "port": sink_port, "security": "none"}],
            "sender": "vedette@example.org",
            "recipients": ["soc@example.org"],
            "inputs": [{"syslog": f"tcp://127.0.0.1:{self.port}"}],
            "rules": ["rules.yml", *more_rules],
            "state_directory": "state",
            "privileges": "keep",
            **settings}))
        super().__init__("vedette", [VEDETTE, "run", "-c", self.config], directory)
        wait_until(lambda: "msg=ready" in self.log.read_text(errors="replace"), f"vedette to be ready: {self.words()}")

    def watch_pids(self):
        return [pid for pid in self.pids() if pathlib.Path(f"/proc/{pid}/comm").read_text().startswith("vedette-watch")]

    def alerts(self):
        done = subprocess.run([VEDETTE, "alerts", "--json", "-c", self.config], capture_output=True, text=True, check=True)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def findings(self):
        return sum(alert["count"] for alert in self.alerts())


def quantile(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


class Report:
    """Prints as it goes, keeps every figure for results.json, and remembers what was wrong."""

    def __init__(self):
        self.figures, self.wrong = {}, []

    def say(self, text=""):
        print(text, flush=True)

    def keep(self, name, **figures):
        self.figures[name] = figures

    def check(self, what, found, expected):
        if found != expected:
            self.wrong.append(f"{what}: {found}, not {expected}")
            self.say(f"  WRONG {self.wrong[-1]}")

    def save(self, path):
        path.write_text(json.dumps({"figures": self.figures, "wrong": self.wrong}, indent=1) + "\n")


def run_parts(names, parts, usual, head, results):
    """Builds, runs the named parts, or the usual ones, and keeps the figures. Returns what to exit with."""
    if unknown := set(names) - set(parts):
        sys.exit(f"usage: {sys.argv[0]} [{' | '.join(parts)}]…   (no such part: {', '.join(sorted(unknown))})")
    built = subprocess.run(["ninja", "-C", BUILD, "bench-programs", "src/cmd/vedette"], capture_output=True, text=True, check=False)
    if built.returncode:
        sys.exit(built.stdout + built.stderr)
    SCRATCH.mkdir(parents=True, exist_ok=True)
    report = Report()
    report.say(f"{head}, load {os.getloadavg()[0]:.1f} at the start")
    try:
        for name in names or usual:
            parts[name](report)
    except Wrong as wrong:
        report.wrong.append(str(wrong))
        report.say(f"  WRONG {wrong}")
    report.save(BUILD / "bench" / results)
    shutil.rmtree(SCRATCH, ignore_errors=True)
    return 1 if report.wrong else 0
