"""The courier's counters: what failed, and why."""

from peers.enclosure import wait_until
from vedette import gateway

FAILURES = "vedette_courier_failures_total"


def failures(one):
    return {line for line in one.command("metrics").stdout.splitlines() if line.startswith(FAILURES)}


def test_what_is_put_off_or_refused_is_counted_by_its_cause_and_gateway(misbehaving, vedette):
    peer = misbehaving(rcpt=["550 5.1.1 No such user", "452 4.2.2 Mailbox full", None])
    one = vedette(gateway(peer.port), delivery={"retry_first": "100ms"})
    one.raise_alert("first")
    one.wait_for_state("failed")
    one.raise_alert("second")
    wait_until(lambda: any("second" in message[2] for message in peer.accepted), 20, "the second mail")
    expected = {FAILURES + '{step="refused",cause="recipient",gateway="primary"} 1',
                FAILURES + '{step="deferred",cause="mailbox-full",gateway="primary"} 1'}
    wait_until(lambda: failures(one) == expected, 20, f"{expected}, and nothing else")
