#!/usr/bin/python3
"""make bench-watch: what the watch takes in, at 10, 100, 1,000 and all of SigmaHQ's rules with the starter pack.

The engine alone beside the raw ceiling of the same literals, loading, the daemon over TCP and from a file, how soon it finds, a backtest,
and rsyslog, syslog-ng and Sagan with rules of the same kind. `bench/watch.py engine load daemon latency backtest peers` picks parts.
BENCH_SHORT=1 takes less than a minute. Only wrong counts make it fail. SigmaHQ's rules are used where ../shared/corpora/sigma is there, or
where SIGMA names an archive of them; without, rules are generated.
"""

import os
import sys

import throughput
import watch_daemon
import watch_engine
from harness import SHORT, run_parts


def peers(report):
    report.say("\n(f) Beside other programs, over TCP, with rules that all of them can have")
    throughput.run(report)


PARTS = {"engine": watch_engine.run, "load": watch_engine.load, "daemon": watch_daemon.run, "latency": watch_daemon.latency,
         "backtest": watch_engine.backtest, "peers": peers}


if __name__ == "__main__":
    usual = [part for part in PARTS if part != "peers" or not SHORT]
    sys.exit(run_parts(sys.argv[1:], PARTS, usual, f"{os.cpu_count()} processors", "watch.json"))
