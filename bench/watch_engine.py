"""What the engine does alone, without the daemon around it."""

import json
import re
import subprocess

from harness import SHORT, VEDETTE, Wrong, folder, median, program
from watch_rules import COUNTS, EVERY, LINES, estate, rule_folder

RUNS = 1 if SHORT else 3
SAMPLE = 1_000 if SHORT else 5_000


def engine(how, path, rules):
    return json.loads(program("engine", how, path, rules))


def measure(report, count, path, sample):
    home = rule_folder(count)
    ceilings, watches = [], []
    for _ in range(RUNS):  # in turn, so that a noisy minute meets both
        ceilings.append(engine("ceiling", path, home))
        watches.append(engine("watch", path, home))
    watch, ceiling = watches[0], median([run["per_cpu_s"] for run in ceilings])
    rate = median([run["per_cpu_s"] for run in watches])
    report.say(f"    {watch['rules']:>6,} rules {rate:>12,.0f} {ceiling:>12,.0f} {rate / ceiling:>8.2f} x"
               f" {watch['decoded'] / watch['lines']:>9.1%} {watch['bytes'] / watch['lines'] * rate / 1e6:>9,.0f}"
               f" {watch['literals']:>9,}")
    report.keep(f"watch/engine/{count}", rate=rate, ceiling=ceiling, **watch)
    report.check(f"planted matches at {count} rules", watch["probes"], LINES // EVERY)
    report.check(f"matches in the sample at {count} rules", engine("watch", sample, home)["matches"],
                 engine("all", sample, home)["matches"])
    return rate


def run(report):
    path, sample = estate(LINES), estate(SAMPLE)
    report.say(f"\n(a) The engine alone, one thread, {LINES:,} mixed events of {path.stat().st_size / LINES:.0f} bytes on average, "
               f"median of {RUNS} run(s), per CPU second")
    report.say("                       watch      ceiling    ratio   decoded      MB/s  literals")
    rates = [measure(report, count, path, sample) for count in COUNTS]
    report.say(f"    lost from {COUNTS[0]} rules to all: {1 - rates[-1] / rates[0]:.0%}")


def load(report):
    """How long all rules take to load, with nothing kept from before and with what that compiled (CPU seconds)."""
    runs = []
    for _ in range(RUNS):
        runs.append(json.loads(program("load", folder("kept"), rule_folder("all"))))
        report.check("compiled databases found again", runs[-1]["found"], runs[-1]["compiled"] + runs[-1]["twins"])
    cold, cached = (median([run[key] for run in runs]) for key in ("cold_cpu_s", "cached_cpu_s"))
    report.say(f"\n(b) Loading {runs[0]['rules']:,} rules: {cold:.2f} CPU seconds, {cached:.2f} with compiled databases from the cache: "
               f"{cold / cached:.1f} x; {runs[0]['kept_bytes'] / 1e6:.1f} MB kept")
    report.keep("watch/load", cold_cpu_s=cold, cached_cpu_s=cached, ratio=cold / cached, kept_bytes=runs[0]["kept_bytes"])


def backtest(report):
    """`vedette rules backtest` in one process: what it reads in a second of a processor, and that it counts right."""
    path = estate(LINES)
    report.say("\n(e) vedette rules backtest, MB per second of a processor")
    for count in COUNTS:
        rates = [backtest_once(report, count, path) for _ in range(RUNS)]
        report.say(f"    {count:>6} rules {median(rates):>10,.1f}")
        report.keep(f"watch/backtest/{count}", mb_per_cpu_s=median(rates))


def backtest_once(report, count, path):
    done = subprocess.run([VEDETTE, "rules", "backtest", "--jobs", "1", "--rules", rule_folder(count), path],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        raise Wrong(f"backtest ended with {done.returncode}: {done.stderr[-500:]}")
    planted = re.findall(r"^ *([0-9]+) .* Tool [0-9]+ was run$", done.stdout, re.MULTILINE)
    report.check(f"planted matches of a backtest at {count} rules", sum(map(int, planted)), LINES // EVERY)
    return float(re.search(r"([0-9.]+) MB per second of a processor", done.stdout)[1])
