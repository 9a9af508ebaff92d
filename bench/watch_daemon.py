"""What the daemon takes in over TCP and from a file, what memory it needs for it, and how soon it finds."""

import collections
import datetime
import pathlib
import shutil
import time

import rules
from harness import SHORT, PeakMemory, Sink, Vedette, Wrong, folder, program, quantile, wait_until
from watch_engine import engine
from watch_rules import COUNTS, EVERY, LINES, estate, rule_folder

LINES_AT_ALL = 10_000 if SHORT else 500_000  # with all rules it takes long
PROBE_EVERY = 1_000  # lines, while it is measured how soon one is found
PROBE_SECONDS = 2 if SHORT else 10
LATENCY_COUNTS = (10,) if SHORT else (10, 1000)


class Watched(Vedette):
    """With so many rules, and its input over TCP or from a file that is empty at first."""

    def __init__(self, home, sink, count, way, **settings):
        shutil.copytree(rule_folder(count), home / "more")
        self.file = home / "events.log"
        self.file.touch()
        if way == "file":
            settings["inputs"] = [{"file": str(self.file), "from_start": True}]
        super().__init__(home, sink.port, rules.sigma(0), more_rules=["more"], **settings)

    def give(self, path, way):
        """All lines; returns when the first byte went."""
        if way == "tcp":
            return int(program("feed", self.port, path).split()[0])
        start = time.monotonic_ns()
        with open(path, "rb") as lines, open(self.file, "ab") as out:
            shutil.copyfileobj(lines, out, 1 << 20)
        return start

    def planted(self):
        return [alert for alert in self.alerts() if alert["title"].startswith("Tool ")]

    def planted_count(self):
        return sum(alert["count"] for alert in self.planted())

    def cpu_by_role(self):
        """Processor seconds of all watches together, the courier, who correlates, and the others."""
        seconds = collections.Counter()
        for pid in self.pids():
            name = pathlib.Path(f"/proc/{pid}/comm").read_text()
            role = next((role for role in ("watch", "courier", "correlate") if name.startswith(f"vedette-{role[:7]}")), "others")
            seconds[role] += self.cpu_seconds([pid])
        if "watch" not in seconds:
            raise Wrong("the watches are gone")
        return seconds


def measure(count, way, **settings):
    """From the first byte to the last planted match on disk."""
    path = estate(LINES_AT_ALL if count == "all" else LINES)
    lines = int(path.name.split("-")[1])
    expected = lines // min(EVERY, lines)
    home = folder("watch-daemon")
    with Sink(home) as sink, Watched(home, sink, count, way, **settings) as daemon, PeakMemory(daemon) as memory:
        before = daemon.cpu_by_role()
        start = daemon.give(path, way)
        wait_until(lambda: daemon.planted_count() >= expected, f"{expected} planted matches", every=0.05)
        took = (time.monotonic_ns() - start) / 1e9
        spent = {role: seconds - before[role] for role, seconds in daemon.cpu_by_role().items()}
        return {"lines": lines, "expected": expected, "found": daemon.planted_count(), "rate": lines / took, "mails": sink.count(),
                "per_cpu_s": lines / sum(spent.values()), "per_watch_cpu_s": lines / spent["watch"], "cpu_s": spent,
                "memory_mb": memory.peak / 1e6}


def say(report, what, ceiling, got):
    report.say(f"    {what:<21} {got['rate']:>9,.0f} {got['per_cpu_s']:>11,.0f} {got['per_watch_cpu_s']:>12,.0f}"
               f" {ceiling:>11,.0f} {got['per_watch_cpu_s'] / ceiling:>8.2f} x {got['memory_mb']:>7.0f} MB")
    if what.startswith("all"):
        spent = ", ".join(f"{role} {seconds:.1f}" for role, seconds in got["cpu_s"].items() if seconds >= 0.05)
        report.say(f"        CPU seconds: {spent}; {got['mails']:,} mails had arrived")


def run(report):
    report.say("\n(c) The daemon, from the first byte to the alert on disk; per CPU second of all its processes, and of the watches alone, "
               "which is what the ceiling is for")
    report.say("                         events/s   per CPU s  watch alone     ceiling    ratio   peak memory, all processes")
    for count in COUNTS:
        ceiling = engine("ceiling", estate(LINES_AT_ALL), rule_folder(count))["per_cpu_s"]
        for way in ("tcp", "file"):
            got = measure(count, way)
            say(report, f"{count} rules, {way}", ceiling, got)
            report.keep(f"watch/{way}/{count}", ceiling=ceiling, **got)
            report.check(f"planted matches over {way} at {count} rules", got["found"], got["expected"])
    say(report, "all rules, no mails", ceiling, measure("all", "tcp", alerts={"minimum_level": "critical"}))


def latest_ns(text):
    """The end of the millisecond that the daemon names (RFC 3339)."""
    return (round(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000) + 1) * 1_000_000


def latency(report):
    """Half of what it takes in is sent at an even rate; how long from a planted line's sending until its alert was raised."""
    report.say("\n(d) From sending to finding at half load, over TCP: no later than")
    for count in LATENCY_COUNTS:
        rate = int(report.figures.get(f"watch/tcp/{count}", {}).get("rate") or measure(count, "tcp")["rate"]) // 2
        lines = min(rate * PROBE_SECONDS, LINES) // PROBE_EVERY * PROBE_EVERY
        path, home = estate(lines, PROBE_EVERY), folder("watch-latency")
        with Sink(home) as sink, Watched(home, sink, count, "tcp", alerts={"minimum_level": "critical"}) as daemon:
            offset = time.time_ns() - time.monotonic_ns()
            sent = [int(line.split()[0]) + offset for line in program("feed", daemon.port, path, f"{rate}/s").splitlines()]
            wait_until(lambda: daemon.planted_count() >= len(sent), f"{len(sent)} planted matches")
            # Each has a user of its own, so an alert of its own; one connection, so they come in order.
            raised = [latest_ns(alert["raised_at"]) for alert in sorted(daemon.planted(), key=lambda alert: alert["id"])]
        report.check(f"alerts at half load and {count} rules", len(raised), lines // PROBE_EVERY)
        took = [(at - before) / 1e6 for before, at in zip(sent, raised)]
        p50, p99 = quantile(took, 0.5), quantile(took, 0.99)
        report.say(f"    {count:>6} rules, {rate:,} events/s: p50 {p50:.1f} ms, p99 {p99:.1f} ms, of {len(took)}")
        report.keep(f"watch/latency/{count}", rate=rate, p50_ms=p50, p99_ms=p99)
