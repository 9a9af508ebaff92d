"""(e) Events per second with one watch and with two, from two senders at once."""

import concurrent.futures

import rules
from harness import SHORT, Sink, Vedette, folder, median, program, workload

SENDERS = 2
EVERY = 10_000
LINES = 100_000 if SHORT else 1_000_000  # of each sender
RUNS = 1 if SHORT else 3
RULE_COUNT = 100


def measure(count, path, expected):
    """A sender's connection is closed when all that it sent has been evaluated: the last close ends the run."""
    home = folder("processes")
    with (Sink(home) as sink, Vedette(home, sink.port, rules.sigma(RULE_COUNT), watch_processes=count) as vedette,
          concurrent.futures.ThreadPoolExecutor(SENDERS) as pool):
        before = vedette.cpu_seconds()
        fed = [pool.submit(program, "feed", vedette.port, path) for _ in range(SENDERS)]
        times = [tuple(map(int, sender.result().split())) for sender in fed]
        took = max(closed for _, _, closed in times) - min(start for start, _, _ in times)
        sink.wait_for(expected)
        parts = sorted(vedette.cpu_seconds([pid]) for pid in vedette.watch_pids())
        return {"rate": SENDERS * LINES / took * 1e9, "cpu": (vedette.cpu_seconds() - before) / (SENDERS * LINES) * 1e6,
                "found": vedette.findings(), "share": parts[0] / sum(parts) if count > 1 else 1}


def run(report):
    report.say(f"\n(e) Two senders, {RULE_COUNT} rules, one watch and two; median of {RUNS} run(s)")
    path, expected = workload(LINES, EVERY, RULE_COUNT, "distinct"), LINES // EVERY
    found = {1: [], 2: []}
    for _ in range(RUNS):
        for count, runs in found.items():
            runs.append(measure(count, path, expected))
    report.say("    watches        events/s   CPU s per million   times one   the lesser's share")
    one = median([run["rate"] for run in found[1]])
    for count, runs in found.items():
        rate, cpu, share = (median([run[key] for run in runs]) for key in ("rate", "cpu", "share"))
        report.say(f"    {count:<10} {rate:>12,.0f} {cpu:>16.2f} {rate / one:>13.2f} x {share:>14.0%}")
        report.keep(f"processes/{count}", rate=rate, cpu=cpu, ratio=rate / one, share=share, rates=[run["rate"] for run in runs])
        for run in runs:
            report.check(f"found by {count} watches", run["found"], SENDERS * expected)
