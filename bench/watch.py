#!/usr/bin/python3
"""make bench-watch: what the watch takes in, at 10, 100, 1,000 and all of SigmaHQ's rules with the starter pack.

The engine alone beside the raw ceiling of the same literals, the daemon over TCP and from a file, and rsyslog and syslog-ng with
rules of the same kind. BENCH_SHORT=1 takes less than a minute. Only wrong counts make it fail. SigmaHQ's rules are used where
../shared/corpora/sigma is there, or where SIGMA names an archive of them; without, rules are generated.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

import rules
import throughput
from harness import (BUILD, PROGRAMS, ROOT, SCRATCH, SHORT, Report, Sink, Vedette, Wrong, folder, median, program,
                     wait_until)

ARCHIVE = pathlib.Path(os.environ.get("SIGMA", ROOT / "../shared/corpora/sigma/rules.tar.xz"))
LINES = 100_000 if SHORT else 1_000_000
EVERY = 10_000
RUNS = 1 if SHORT else 3
SAMPLE = 1_000 if SHORT else 5_000
COUNTS = (10, "all") if SHORT else (10, 100, 1000, "all")
PLANTED = 10


def public_rules():
    """The files of SigmaHQ's rules in force, in order; none without the archive."""
    home = SCRATCH / "sigma"
    if not ARCHIVE.exists():
        return []
    if not home.exists():
        home.mkdir()
        subprocess.run(["tar", "-xf", ARCHIVE, "-C", home], check=True)
    return sorted(path for path in home.glob("rules*/**/*.yml"))


def rule_folder(count):
    """A folder with so many public rules, and the planted ones that the workload's matches are for; the starter pack at `all`."""
    path = folder(f"rules-{count}")
    (path / "planted.yml").write_text(rules.sigma(PLANTED))
    public = public_rules()
    if count == "all":
        shutil.copytree(ROOT / "rules", path / "starter")
    wanted = len(public) if count == "all" else count - PLANTED
    if not public:
        (path / "generated.yml").write_text(rules.sigma(1000 if count == "all" else count))
        (path / "planted.yml").unlink()
    for number, source in enumerate(public[:wanted]):
        shutil.copy(source, path / f"{number:04}.yml")
    return path


def estate(lines):
    path = SCRATCH / f"estate-{lines}"
    if not path.exists():
        with open(path, "wb") as out:
            subprocess.run([PROGRAMS / "estate", str(lines), str(min(EVERY, lines)), str(PLANTED)], stdout=out, check=True)
    return path


def engine(how, path, folder_of_rules):
    return json.loads(program("engine", how, path, folder_of_rules))


def measure_engine(report, count, path, sample):
    home = rule_folder(count)
    ceilings, watches = [], []
    for _ in range(RUNS):  # in turn, so that a noisy minute meets both
        ceilings.append(engine("ceiling", path, home))
        watches.append(engine("watch", path, home))
    watch, ceiling = watches[0], median([run["per_cpu_s"] for run in ceilings])
    rate = median([run["per_cpu_s"] for run in watches])
    report.say(f"    {watch['rules']:>6,} rules {rate:>12,.0f} {ceiling:>12,.0f} {rate / ceiling:>8.2f} x"
               f" {watch['decoded'] / watch['lines']:>9.1%} {watch['bytes'] / watch['lines'] * rate / 1e6:>9,.0f}"
               f" {watch['literals']:>9,} {watch['load_s']:>8.1f}")
    report.keep(f"watch/engine/{count}", rate=rate, ceiling=ceiling, **watch)
    report.check(f"planted matches at {count} rules", watch["probes"], LINES // EVERY)
    report.check(f"matches in the sample at {count} rules", engine("watch", sample, home)["matches"],
                 engine("all", sample, home)["matches"])
    return rate


def planted(daemon):
    return sum(alert["count"] for alert in daemon.alerts() if alert["title"].startswith("Tool "))


def measure_daemon(report, count, path, way):
    """From the first byte to the last planted match on disk. Its CPU is that of all processes."""
    home, expected = folder("watch-daemon"), LINES // EVERY
    shutil.copytree(rule_folder(count), home / "more")
    settings = {"inputs": [{"file": str(path), "from_start": True}]} if way == "file" else {}
    with Sink(home) as sink:
        with Vedette(home, sink.port, rules.sigma(0), more_rules=["more"], **settings) as daemon:
            cpu = daemon.cpu_seconds() if way == "tcp" else 0
            start = int(program("feed", daemon.port, path).split()[0]) if way == "tcp" else None
            wait_until(lambda: planted(daemon) >= expected, f"{expected} planted matches", every=0.05)
            end = time.monotonic_ns()
            cpu = daemon.cpu_seconds() - cpu
            found, memory = planted(daemon), daemon.anonymous_bytes() / 1e6
    wall = LINES / (end - start) * 1e9 if start else None
    report.say(f"    {count:>6} rules, {way:<4} {(f'{wall:,.0f}' if wall else '-'):>12} events/s {LINES / cpu:>12,.0f} per CPU second,"
               f" all processes{memory:>7.0f} MB")
    report.keep(f"watch/{way}/{count}", wall=wall, per_cpu_s=LINES / cpu, memory_mb=memory)
    report.check(f"planted matches over {way} at {count} rules", found, expected)


def run(report):
    path, sample = estate(LINES), estate(SAMPLE)
    report.say(f"(a) The engine alone, one thread, {LINES:,} mixed events of {path.stat().st_size / LINES:.0f} bytes on average, "
               f"median of {RUNS} run(s), per CPU second")
    report.say("                       watch      ceiling    ratio   decoded      MB/s  literals   load s")
    rates = [measure_engine(report, count, path, sample) for count in COUNTS]
    report.say(f"    lost from {COUNTS[0]} rules to all: {1 - rates[-1] / rates[0]:.0%}")
    report.say("\n(b) The daemon, from the first byte to the alert on disk")
    for count in COUNTS:
        for way in ("tcp", "file"):
            measure_daemon(report, count, path, way)
    if not SHORT:
        report.say("\n(c) Beside other programs, over TCP, with rules that all of them can have")
        throughput.run(report)


def main():
    built = subprocess.run(["ninja", "-C", BUILD, "bench-programs", "src/cmd/vedette"], capture_output=True, text=True, check=False)
    if built.returncode:
        sys.exit(built.stdout + built.stderr)
    SCRATCH.mkdir(parents=True, exist_ok=True)
    report = Report()
    try:
        run(report)
    except Wrong as wrong:
        report.wrong.append(str(wrong))
        report.say(f"  WRONG {wrong}")
    report.save(BUILD / "bench" / "watch.json")
    shutil.rmtree(SCRATCH, ignore_errors=True)
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
