"""(a) Events per second through input, decoding and rules, beside the raw ceilings and rsyslog, syslog-ng and Sagan."""

import json
import time

import peers
import rules
import sagan
from harness import SHORT, Sink, Vedette, folder, median, program, wait_until, workload

RULE_COUNTS = (10, 100, 1000)
EVERY = 10_000
RUNS = 1 if SHORT else 3

# The peers' cost grows with the number of rules, so they get fewer lines of the same kind there.
LINES = {
    "ceiling": {10: 1_000_000, 100: 1_000_000, 1000: 1_000_000},
    "vedette": {10: 1_000_000, 100: 1_000_000, 1000: 1_000_000},
    "syslog-ng": {10: 500_000, 100: 200_000, 1000: 20_000},
    "rsyslog": {10: 500_000, 100: 100_000, 1000: 10_000},
    "sagan": {10: 500_000, 100: 100_000, 1000: 10_000},
}
if SHORT:
    LINES = {name: {rule_count: max(n // 10, EVERY) for rule_count, n in of.items()} for name, of in LINES.items()}
    LINES["rsyslog"][1000] = LINES["syslog-ng"][1000] = LINES["sagan"][1000] = 2_000


def every(lines):
    """1 in 10,000, but also once where there are fewer lines."""
    return min(EVERY, lines)


def feed(daemon, lines):
    """Feeds all; returns when the first byte went, and the CPU seconds before it did."""
    before = daemon.cpu_seconds()
    start = int(program("feed", daemon.port, lines).split()[0])
    return start, before


def measure_vedette(rule_count, lines):
    """Every match has a mail of its own; the last line matches, so the last mail ends the run."""
    path, expected = workload(lines, every(lines), rule_count, "distinct"), lines // every(lines)
    home = folder("throughput-vedette")
    with Sink(home) as sink, Vedette(home, sink.port, rules.sigma(rule_count)) as vedette:
        start, cpu = feed(vedette, path)
        end = max(at for at, _, _ in sink.wait_for(expected))
        cpu = vedette.cpu_seconds() - cpu
        return {"rate": lines / (end - start) * 1e9, "cpu": cpu / lines * 1e6, "found": vedette.findings(),
                "expected": expected, "memory": vedette.anonymous_bytes()}


def measure_peer(kind, rule_count, lines):
    """What matches goes to a file, which is less work than a mail."""
    path, expected = workload(lines, every(lines), rule_count, "distinct"), lines // every(lines)
    home = folder("throughput-peer")
    with kind(home, rule_count) as peer:
        start, cpu = feed(peer, path)
        wait_until(lambda: peer.found() >= expected, f"{peer.name} to find {expected} (has {peer.found()})", every=0.002)
        end = peer.output.stat().st_mtime_ns - wall_offset()
        cpu = peer.cpu_seconds() - cpu
        return {"rate": lines / (end - start) * 1e9, "cpu": cpu / lines * 1e6, "found": peer.found(),
                "expected": expected, "memory": peer.anonymous_bytes()}


def measure_sagan(rule_count, lines):
    """What it finds is no matter of right or wrong here: it drops lines (bench/sagan.py)."""
    path = workload(lines, every(lines), rule_count, "distinct")
    with sagan.Sagan(folder("throughput-sagan"), rule_count) as peer:
        before = peer.cpu_seconds()
        start, end = peer.feed(path)
        return {"rate": lines / (end - start) * 1e9, "cpu": (peer.cpu_seconds() - before) / lines * 1e6, "found": peer.found(),
                "expected": lines // every(lines), "drops": True, "memory": peer.anonymous_bytes()}


def wall_offset():
    """What turns a file's time into the feed's CLOCK_MONOTONIC."""
    return time.time_ns() - time.monotonic_ns()


def measure_ceiling(how, argument, path):
    got = json.loads(program("ceiling", path, how, argument))
    return {"rate": got["per_second"], "cpu": got["cpu_per_million"]}


def subjects(rule_count):
    """(name, function) of everything that is measured at so many rules."""
    lines = {name: of[rule_count] for name, of in LINES.items()}
    path = workload(lines["ceiling"], every(lines["ceiling"]), rule_count, "distinct")
    patterns = folder("patterns") / "patterns"
    patterns.write_text(rules.vectorscan(rule_count))
    yield "split + memmem", lambda: measure_ceiling("memmem", rules.pattern(0), path)
    yield "split + Vectorscan", lambda: measure_ceiling("vectorscan", patterns, path)
    yield "vedette", lambda: measure_vedette(rule_count, lines["vedette"])
    for name, kind in (("syslog-ng", peers.SyslogNg), ("rsyslog", peers.Rsyslog)):
        if not peers.missing(name):
            yield name, lambda name=name, kind=kind: measure_peer(kind, rule_count, lines[name])
    if not peers.missing("sagan"):
        yield "sagan", lambda: measure_sagan(rule_count, lines["sagan"])


def run(report):
    report.say("(a) Events per second, TCP syslog to alert; median of " + f"{RUNS} run(s), one match in {EVERY:,} lines")
    for name in ("syslog-ng", "rsyslog", "sagan"):
        if peers.missing(name):
            report.say(f"    {peers.missing(name)}")
    for rule_count in RULE_COUNTS:
        run_at(report, rule_count)


def run_at(report, rule_count):
    found = {}
    for _ in range(RUNS):  # in turn, so that a noisy minute meets all alike
        for name, measure in subjects(rule_count):
            found.setdefault(name, []).append(measure())
    report.say(f"\n    {rule_count:,} rules         events/s   CPU s per million   Vedette's ratio   lines      found")
    ours = median([run["rate"] for run in found["vedette"]])
    for name, runs in found.items():
        rate, cpu = median([run["rate"] for run in runs]), median([run["cpu"] for run in runs])
        lines = LINES.get(name, LINES["ceiling"])[rule_count]
        counts = f"{runs[0]['found']} of {runs[0]['expected']}" if "found" in runs[0] else ""
        memory = max((run.get("memory", 0) for run in runs)) / 1e6
        report.say(f"    {name:<18} {rate:>10,.0f} {cpu:>16.2f} {ours / rate:>16.2f} x {lines:>10,}   {counts:<12}"
                   + (f"{memory:.0f} MB" if memory else ""))
        report.keep(f"throughput/{rule_count}/{name}", rate=rate, cpu=cpu, ratio=ours / rate, lines=lines, memory_mb=memory,
                    rates=[run["rate"] for run in runs])
        for run in runs:
            if not run.get("drops"):
                report.check(f"{name} at {rule_count} rules", run.get("found"), run.get("expected"))
