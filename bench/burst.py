"""(c) Ten thousand matches at once: all about the same, and each about something else; and floods of matches."""

import time

import peers
import rules
from harness import SHORT, PeakMemory, Sink, Vedette, folder, program, wait_until, workload

MATCHES = 1_000 if SHORT else 10_000
FLOOD_LINES = 20_000 if SHORT else 200_000
RULES = 10
SESSIONS = 4  # the default of a gateway's `connections`


def run(report):
    report.say(f"\n(c) {MATCHES:,} matches sent at once")
    run_same(report)
    run_distinct(report)
    for every in (100, 5):
        run_flood(report, every)


def feed(vedette, path):
    return [int(at) for at in program("feed", vedette.port, path).split()]


def run_same(report):
    path, home = workload(MATCHES, 1, 1, "same"), folder("burst-same")
    with Sink(home) as sink, Vedette(home, sink.port, rules.sigma(1)) as vedette, PeakMemory(vedette) as memory:
        start, sent, _ = feed(vedette, path)
        first = min(at for at, _, _ in sink.wait_for(1))
        wait_until(lambda: vedette.findings() >= MATCHES, "every match to be counted", every=0.2)
        counted = (time.monotonic_ns() - start) / 1e9
        alerts, mails = vedette.alerts(), sink.count()
    report.check("alerts of one fingerprint", len(alerts), 1)
    report.check("matches of one fingerprint counted", sum(alert["count"] for alert in alerts), MATCHES)
    report.say(f"    of one fingerprint: fed in {(sent - start) / 1e9:.2f} s; {len(alerts)} alert counts "
               f"{sum(alert['count'] for alert in alerts):,} after at most {counted:.1f} s, {mails} mail(s); "
               f"first mail after {(first - start) / 1e6:.0f} ms; {memory.peak / 1e6:.0f} MB")
    report.check("mails for one fingerprint", mails, 1)
    report.keep("burst/same", mails=mails, first_ms=(first - start) / 1e6, memory_mb=memory.peak / 1e6)


def run_distinct(report):
    path, home = workload(MATCHES, 1, RULES, "distinct"), folder("burst-distinct")
    with Sink(home) as sink, \
            Vedette(home, sink.port, rules.sigma(RULES), alerts={"throttle": "0s"}) as vedette, PeakMemory(vedette) as memory:
        cpu = vedette.cpu_seconds()
        start, sent, _ = feed(vedette, path)
        mails = sink.wait_for(MATCHES)
        cpu = vedette.cpu_seconds() - cpu
        alerts = len(vedette.alerts())
    times = sorted(at for at, _, _ in mails)
    took, first = (times[-1] - start) / 1e9, (times[0] - start) / 1e6
    size = sum(size for _, _, size in mails) // len(mails)
    report.check("distinct alerts", alerts, MATCHES)
    report.check("distinct mails", len({token for _, token, _ in mails}), MATCHES)
    report.say(f"    all distinct: fed in {(sent - start) / 1e9:.2f} s; {len(mails):,} mails of {size:,} bytes in {took:.2f} s, "
               f"{len(mails) / took:,.0f}/s, {cpu:.1f} CPU s; first mail after {first:.0f} ms; {memory.peak / 1e6:.0f} MB")
    figures = {"seconds": took, "first_ms": first, "memory_mb": memory.peak / 1e6, "cpu": cpu}
    if peers.missing("postfix"):
        report.say(f"    {peers.missing('postfix')}")
    else:
        bare = time_smtp_source(size)
        report.say(f"    smtp-source, as many of the same size over {SESSIONS} kept sessions: {bare:.2f} s: "
                   f"{took / bare:.1f} x")
        figures |= {"smtp_source_seconds": bare, "ratio": took / bare}
    report.keep("burst/distinct", **figures)


def time_smtp_source(size):
    with Sink(folder("smtp-source")) as sink:
        start = time.monotonic_ns()
        peers.smtp_source(sink.port, MATCHES, SESSIONS, size)
        return (max(at for at, _, _ in sink.wait_for(MATCHES)) - start) / 1e9


def run_flood(report, every):
    path, home, expected = workload(FLOOD_LINES, every, RULES, "few"), folder("flood"), FLOOD_LINES // every
    with Sink(home) as sink, Vedette(home, sink.port, rules.sigma(RULES)) as vedette, PeakMemory(vedette) as memory:
        start, _, closed = feed(vedette, path)
        took = (closed - start) / 1e9
        wait_until(lambda: vedette.findings() >= expected, "every match to be counted", every=0.5)
        counted = (time.monotonic_ns() - start) / 1e9
        alerts = vedette.alerts()
        mails = sink.wait_for(len(alerts))
    report.check(f"matches counted at {100 / every:g} %", sum(alert["count"] for alert in alerts), expected)
    report.say(f"    {100 / every:g} % of {FLOOD_LINES:,} lines match: taken in at {FLOOD_LINES / took:,.0f} events/s; "
               f"{expected:,} matches, {len(alerts)} alerts and {len(mails)} mails done after at most {counted:.1f} s; "
               f"{memory.peak / 1e6:.0f} MB")
    report.keep(f"flood/{every}", rate=FLOOD_LINES / took, counted_s=counted, memory_mb=memory.peak / 1e6)
