#!/usr/bin/python3
"""make bench-watch: what the watch takes in, at 10, 100, 1,000 and all of SigmaHQ's rules with the starter pack.

The engine alone beside the raw ceiling of the same literals, loading, the daemon over TCP and from a file, how soon it finds, a backtest,
and rsyslog, syslog-ng and Sagan with rules of the same kind. `bench/watch.py engine load daemon latency backtest peers` picks parts.
BENCH_SHORT=1 takes less than a minute. Only wrong counts make it fail. SigmaHQ's rules are used where ../shared/corpora/sigma is there, or
where SIGMA names an archive of them; without, rules are generated.
"""

import os
import shutil
import subprocess
import sys

import throughput
import watch_daemon
import watch_engine
from harness import BUILD, SCRATCH, SHORT, Report, Wrong


def peers(report):
    report.say("\n(f) Beside other programs, over TCP, with rules that all of them can have")
    throughput.run(report)


PARTS = {"engine": watch_engine.run, "load": watch_engine.load, "daemon": watch_daemon.run, "latency": watch_daemon.latency,
         "backtest": watch_engine.backtest, "peers": peers}


def main(names):
    if unknown := set(names) - set(PARTS):
        sys.exit(f"usage: bench/watch.py [{' | '.join(PARTS)}]…   (no such part: {', '.join(sorted(unknown))})")
    built = subprocess.run(["ninja", "-C", BUILD, "bench-programs", "src/cmd/vedette"], capture_output=True, text=True, check=False)
    if built.returncode:
        sys.exit(built.stdout + built.stderr)
    SCRATCH.mkdir(parents=True, exist_ok=True)
    report = Report()
    report.say(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} at the start")
    try:
        for name in names or [part for part in PARTS if part != "peers" or not SHORT]:
            PARTS[name](report)
    except Wrong as wrong:
        report.wrong.append(str(wrong))
        report.say(f"  WRONG {wrong}")
    report.save(BUILD / "bench" / "watch.json")
    shutil.rmtree(SCRATCH, ignore_errors=True)
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
