"""(b) From an event's first byte to the gateway's 250 for its mail, beside one fdatasync and the bare dialogue by hand."""

import rules
from harness import SHORT, Sink, Vedette, folder, median, program, quantile, workload

EVENTS = 400 if SHORT else 2_000
ROUNDS = 1 if SHORT else 3
RULES = 100
PAUSE_US = 4_000


def run(report):
    path = workload(EVENTS, 1, RULES, "distinct")
    home = folder("latency")
    floor, ours = [], []
    with Sink(home) as sink, Vedette(home, sink.port, rules.sigma(RULES), alerts={"throttle": "0s"}) as vedette:
        program("feed", vedette.port, workload(50, 1, RULES, "distinct"), PAUSE_US)  # the first ones open connections
        size = int(median([size for _, _, size in sink.wait_for(50)]))
        for _ in range(ROUNDS):
            floor.append(floor_round(sink, size))
            ours.append(our_round(report, sink, vedette, path))
        floor.append(floor_round(sink, size))
    show(report, floor, ours, size)


def floor_round(sink, size):
    before = sink.count()
    took = [float(line) / 1e3 for line in
            program("dialogue", sink.port, sink.dir, EVENTS // 2, PAUSE_US, size).splitlines()]
    sink.wait_for(before + EVENTS // 2)
    return took


def our_round(report, sink, vedette, path):
    before = sink.count()
    sent = {token: int(at) for at, token in
            (line.split() for line in program("feed", vedette.port, path, PAUSE_US).splitlines())}
    arrived = {token: at for at, token, _ in sink.wait_for(before + EVENTS)[before:]}
    report.check("mails for events fed one by one", len(arrived.keys() & sent.keys()), EVENTS)
    return [(arrived[token] - at) / 1e6 for token, at in sent.items() if token in arrived]


def show(report, floor, ours, size):
    report.say(f"\n(b) Event to the gateway's 250, {EVENTS * ROUNDS:,} events {PAUSE_US / 1000:g} ms apart, {RULES} rules, "
               f"mails of {size:,} bytes: medians of {ROUNDS} round(s)")
    for name, part in (("p50", 0.5), ("p99", 0.99)):
        bare, full = (median([quantile(values, part) for values in rounds]) for rounds in (floor, ours))
        report.say(f"    {name}: {full:.2f} ms; fdatasync and dialogue by hand {bare:.2f} ms: {full / bare:.2f} x")
        report.keep(f"latency/{name}", ms=full, floor_ms=bare, ratio=full / bare)
