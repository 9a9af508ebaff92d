"""(e) A gateway dies under 1,000 alerts a second: how soon the next one has them, whether any is lost, and when it is used again."""

import re
import signal
import threading
import time
from datetime import datetime

import rules
from harness import SHORT, Sink, Vedette, folder, program, wait_until, workload

RATE = 1_000
SECONDS = 6 if SHORT else 20
HOLD_DOWN_S = 1 if SHORT else 3
STAGE_S = 2  # of a gateway that falls silent; 10 by default
LIMIT_MS = 1_000  # from detection to the first mail over the second gateway


def run(report):
    report.say(f"\n(e) A gateway dies under {RATE:,} alerts a second, and another one is there")
    run_death(report, "refuses connections", signal.SIGTERM)
    run_death(report, "falls silent", signal.SIGSTOP)


def detected(vedette):
    """Nanoseconds (CLOCK_MONOTONIC) of the log line that says that the first gateway is down."""
    found = re.search(r"time=(\S+) .*gateway is down", vedette.log.read_text(errors="replace"))
    if not found:
        return None
    told = datetime.fromisoformat(found[1].replace("Z", "+00:00")).timestamp() * 1e9
    return told - (time.time_ns() - time.monotonic_ns())


def run_death(report, what, how):
    lines = RATE * SECONDS
    path, home = workload(lines, 1, 10, "distinct"), folder(f"breaker-{how.name.lower()}")
    with Sink(home, "first") as first, Sink(home, "second") as second:
        gateways = [{"name": sink.name, "address": "127.0.0.1", "port": sink.port, "security": "none",
                     "stage_timeout": f"{STAGE_S}s"} for sink in (first, second)]
        with Vedette(home, first.port, rules.sigma(10), alerts={"throttle": "0s"}, gateways=gateways,
                     delivery={"hold_down": f"{HOLD_DOWN_S}s", "retry_first": "200ms"}) as vedette:
            feeding = threading.Thread(target=program, args=("feed", vedette.port, path, 1_000_000 // RATE))
            feeding.start()
            wait_until(lambda: first.count() > RATE // 2, "the first gateway to be at work")
            killed = time.monotonic_ns()
            first.process.send_signal(how)
            wait_until(lambda: second.count(), "a mail over the second gateway")
            wait_until(lambda: detected(vedette), "the log to say that the first gateway is down")
            back, again = revive(first, home, how, SECONDS / 3)
            returned = wait_for_return(first, again, back)
            feeding.join()
            wait_until(lambda: len(tokens(first, again, second)) >= lines, f"{lines} distinct mails", seconds=60)
            alerts = vedette.alerts()
        down = detected(vedette)
        again.__exit__()
    report.check(f"alerts raised when it {what}", len(alerts), lines)
    report.check(f"alerts that arrived when it {what}", len(tokens(first, again, second)), lines)
    report.check(f"alerts not handed over when it {what}",
                 sum(m["state"] not in ("handed-over", "landed") for a in alerts for m in a["messages"]), 0)
    over = (min(at for at, _, _ in second.mails()) - down) / 1e6
    doubles = sum(sink.count() for sink in {first, again, second}) - lines
    report.say(f"    it {what}: noticed after {(down - killed) / 1e6:,.0f} ms; first mail over the second gateway "
               f"{over:+,.0f} ms from then: {max(over, 0) / LIMIT_MS:.3f} x the limit of {LIMIT_MS:,} ms; "
               f"{lines:,} of {lines:,} arrived, {doubles} twice; back in use {returned:.1f} s after it was there again "
               f"({returned / HOLD_DOWN_S:.1f} x hold_down)")
    report.keep(f"breaker/{how.name}", noticed_ms=(down - killed) / 1e6, over_ms=over, ratio=max(over, 0) / LIMIT_MS,
                doubles=doubles, returned_s=returned, returned_ratio=returned / HOLD_DOWN_S)


def revive(first, home, how, after):
    """The moment, and the sink that stands there now."""
    time.sleep(after)
    if how == signal.SIGSTOP:
        first.process.send_signal(signal.SIGCONT)
        return time.monotonic_ns(), first
    first.process.wait(10)
    return time.monotonic_ns(), Sink(home, "again", first.port)


def wait_for_return(first, again, back):
    """Seconds until a mail that the gateway took only after it was back; what lay in a stopped one's sockets does not count."""
    def taken():
        return [at for at, _, _ in again.mails() if at > back + (5e8 if again is first else 0)]
    return (min(wait_until(taken, "traffic to return to the first gateway", seconds=60)) - back) / 1e9


def tokens(*sinks):
    return {token for sink in sinks for _, token, _ in sink.mails()}
