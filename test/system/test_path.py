"""Each failure that a gateway can have is found, named and advised upon; and what is well is called well.

The rows are lab/faults.py's. They run side by side, since most of their time is waiting for what does not come.
"""

import concurrent.futures
import json
import smtplib
import ssl
import subprocess
import time

import pytest

import vedette as program
from lab import kernel, run, world
from lab.faults import HEALTHY, ROWS
from peers.netlab import GATEWAY


@pytest.fixture(scope="session")
def lab(scratch):
    reason = world.obstacle()
    if reason:
        pytest.skip(reason)
    if not run.is_there():
        pytest.skip(f"{program.binary()} has no path check")
    it = world.World(scratch)
    yield it
    it.stop()


@pytest.fixture(scope="session")
def outcomes(lab, request):
    """For each row that is asked for in this session, its outcome to come."""
    rows = {item.callspec.params["row"] for item in request.session.items
            if "row" in getattr(getattr(item, "callspec", None), "params", ())}
    runner = run.Runner(lab)
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        yield {row: pool.submit(runner.run, row) for row in ROWS + HEALTHY if row in rows}


def test_the_table_is_as_long_as_promised():
    assert len({row.id for row in ROWS}) == len(ROWS) >= 60
    assert sum(row.real for row in ROWS) >= 45


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_fault_is_told_with_its_hop_cause_and_advice(row, outcomes):
    assert not run.complaints(row, outcomes[row].result())


@pytest.mark.parametrize("row", HEALTHY, ids=lambda row: row.id)
def test_a_healthy_path_is_called_well(row, outcomes):
    assert not run.complaints(row, outcomes[row].result())


def test_a_black_hole_answers_within_its_timeout_with_all_ports_at_once(lab):
    start = time.monotonic()
    done = subprocess.run(lab.lab.client.argv(program.binary(), "path", "check", kernel.DROPPED, "--timeout", "2s", "--json"),
                          capture_output=True, text=True, timeout=60, check=False)
    took = time.monotonic() - start
    report = json.loads(done.stdout)
    assert report["cause"] == "firewall"
    assert {port["port"]: port["outcome"] for port in report["ports"]} == {25: "silent", 465: "silent", 587: "silent"}
    assert 2.0 <= took < 4.0, f"it took {took:.1f} s"


def test_port_and_security_are_found_by_looking(lab):
    done = subprocess.run(lab.lab.client.argv(program.binary(), "path", "check", GATEWAY, "--json", "--timeout", "5s",
                                              "--ca-file", lab.certificates.ca),
                          capture_output=True, text=True, timeout=60, check=False)
    report = json.loads(done.stdout)
    assert (report["verdict"], report["port"], report["security"], report["guessed"]) == ("ok", 587, "starttls", True), report
    assert GATEWAY in report["stanza"] and "587" in report["stanza"]


ROUNDS = 7
OVERHEAD_MAX_S = 0.050


def _least(seconds):
    return min(seconds() for _ in range(ROUNDS))


def _timed(*argv):
    start = time.monotonic()
    subprocess.run(argv, capture_output=True, timeout=60, check=True)
    return time.monotonic() - start


def _dialogue(port, context):
    """What the check says to a gateway, by hand."""
    start = time.monotonic()
    with smtplib.SMTP(GATEWAY, port, "client.example.net", timeout=10) as session:
        session.ehlo()
        session.starttls(context=context)
        session.ehlo()
        session.mail("vedette@example.org")
        session.rcpt("soc@example.org")
        session.rset()
    return time.monotonic() - start


def test_a_check_costs_little_beyond_the_gateways_own_time(lab):
    """The least of several each, so that what else the machine does stays out of it; likewise the way into the network."""
    port = lab.postfix.port["starttls"]
    context = ssl.create_default_context(cafile=lab.certificates.ca)
    with lab.lab.client.inside():
        bare = _least(lambda: _dialogue(port, context))
    entering = _least(lambda: _timed(*lab.lab.client.argv("true")))
    check = _least(lambda: _timed(*lab.lab.client.argv(
        program.binary(), "path", "check", "--address", GATEWAY, "--port", port, "--security", "starttls", "--json",
        "--sender", "vedette@example.org", "--recipient", "soc@example.org", "--ca-file", lab.certificates.ca)))
    overhead = check - entering - bare
    print(f"check {check * 1000:.1f} ms, of it {entering * 1000:.1f} ms to enter the network; the dialogue by hand "
          f"{bare * 1000:.1f} ms: {overhead * 1000:.1f} ms beyond it")
    assert overhead < OVERHEAD_MAX_S
