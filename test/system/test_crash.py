"""kill -9 of any process while alerts are on the way: each arrives, and twice only under the same Message-ID."""

import os
import re
import signal
import socket
import threading
import time

import pytest

from peers.enclosure import wait_until
from test_faults import copies, event, names
from vedette import gateway

ALERTS = 1000
KILLS = 3
IN_FLIGHT_MAX = 64  # what a courier may have handed over and not yet written down when it is killed


def follows(path):
    """An input with a cursor: what it had not committed is read again."""
    return {"inputs": [{"file": str(path), "from_start": True}]}


def write(path, lines):
    with open(path, "a", encoding="ascii") as file:
        file.writelines(line + "\n" for line in lines)


def kill(one, name):
    """The whole process of that name; waits until the parent has another."""
    pid = wait_until(lambda: one.children().get(name), 20, f"a {name}")
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: one.children().get(name, pid) != pid, 20, f"another {name}")


def kill_parent(one, restart=True):
    """The parent alone: its children must notice and end by themselves."""
    children = one.children().values()
    one.process.kill()
    one.process.wait(10)
    wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in children), 10, "the children's end")
    if restart:
        one.start()


def all_arrive(one, peer, wanted, kills):
    wait_until(lambda: set(wanted) <= set(copies(peer)), 60, f"{len(wanted)} alerts")
    one.wait_for_state("handed-over", len(wanted), seconds=60)
    got = copies(peer)
    assert set(got) == set(wanted)
    assert all(len(set(ids)) == 1 for ids in got.values()), "a duplicate has a Message-ID of its own"
    assert sum(len(ids) - 1 for ids in got.values()) <= kills * IN_FLIGHT_MAX
    alerts = one.alerts()
    assert len(alerts) == len(wanted) and all(len(a["messages"]) == 1 for a in alerts)
    assert not one.queue()


@pytest.mark.parametrize("name", ["watch", "courier", "keeper"])
def test_killing_a_child_loses_none_of_1000_alerts(vedette, misbehaving, certificates, tmp_path, name):
    peer = misbehaving(certificates=certificates, auth=None)
    events = tmp_path / "events.log"
    events.touch()
    one = vedette(gateway(peer.port, security="starttls", ca_file=certificates.ca, username="svc", password="Sesame-9"),
                  **follows(events))
    wanted = names(ALERTS)
    for part in range(KILLS):
        write(events, map(event, wanted[part::KILLS]))
        wait_until(lambda: len(peer.accepted) > part * 100, 30, "mail to flow")
        kill(one, name)
    all_arrive(one, peer, wanted, KILLS if name == "courier" else 0)
    assert one.log.read_text().count("a process ended and is started again") == KILLS


def test_killing_the_parent_loses_none_of_1000_alerts(vedette, misbehaving, tmp_path):
    peer = misbehaving()
    events = tmp_path / "events.log"
    events.touch()
    one = vedette(gateway(peer.port), **follows(events))
    wanted = names(ALERTS)
    for part in range(KILLS):
        write(events, map(event, wanted[part::KILLS]))
        wait_until(lambda: len(peer.accepted) > part * 100, 30, "mail to flow")
        kill_parent(one)
    all_arrive(one, peer, wanted, KILLS)


def test_killing_everything_at_once_loses_none_of_1000_alerts(vedette, misbehaving, tmp_path):
    peer = misbehaving()
    events = tmp_path / "events.log"
    events.touch()
    one = vedette(gateway(peer.port), **follows(events))
    wanted = names(ALERTS)
    for part in range(KILLS):
        write(events, map(event, wanted[part::KILLS]))
        wait_until(lambda: len(peer.accepted) > part * 100, 30, "mail to flow")
        one.kill()
        one.start()
    all_arrive(one, peer, wanted, KILLS)


def test_killing_the_courier_loses_nothing_that_came_over_tcp(vedette, misbehaving):
    peer = misbehaving()
    one = vedette(gateway(peer.port))
    wanted = names(ALERTS)
    for part in range(KILLS):
        one.send_tcp(*map(event, wanted[part::KILLS]))
        kill(one, "courier")
    all_arrive(one, peer, wanted, KILLS)


def test_killing_our_own_gateway_loses_none_of_1000_alerts(own_gateway_with):
    one = own_gateway_with()
    wanted = names(ALERTS)
    for part in range(KILLS):
        one.send_tcp(*map(event, wanted[part::KILLS]))
        wait_until(lambda: len(one.inbox.files()) > part * 100, 30, "mail to land")
        kill(one, "gateway")
    one.wait_for_state("landed", ALERTS, seconds=60)
    landed = [re.search(r"case\d{3}x\d{5}", text.replace("=\n", ""))[0] for text in one.inbox.texts()]
    assert set(landed) == set(wanted) and len(landed) <= ALERTS + KILLS * IN_FLIGHT_MAX


def test_a_sender_that_connects_while_the_watch_is_away_is_heard_when_it_is_back(vedette, misbehaving):
    peer = misbehaving()
    one = vedette(gateway(peer.port))
    wanted = names(100)
    os.kill(one.children()["watch"], signal.SIGKILL)
    time.sleep(0.01)
    one.send_tcp(*map(event, wanted))
    all_arrive(one, peer, wanted, 0)


def test_an_orderly_end_complains_of_nothing(vedette, misbehaving):
    peer = misbehaving()
    one = vedette(gateway(peer.port))
    wanted = names(5)
    one.send_tcp(*map(event, wanted))
    all_arrive(one, peer, wanted, 0)
    assert one.stop() == 0
    assert not re.search("level=(warning|error)", one.log.read_text()), one.words()


@pytest.mark.parametrize("command", [["alerts"], ["queue", "--all"], ["path", "status"]])
def test_what_a_daemon_that_is_just_ending_does_not_tell_the_store_does(vedette, misbehaving, command):
    one = vedette(gateway(misbehaving().port))
    one.raise_alert("asleep")
    one.wait_for_state("handed-over")
    one.stop()
    (one.dir / "state" / "run" / "control").unlink()
    folder = os.open(one.dir / "state" / "run", os.O_PATH)  # a socket's own path must be short
    with socket.socket(socket.AF_UNIX) as ending:
        ending.bind(f"/proc/self/fd/{folder}/control")
        os.close(folder)
        ending.listen()
        threading.Thread(target=lambda: ending.accept()[0].close(), daemon=True).start()
        done = one.command(*command, "--json")
    assert len(done.stdout.splitlines()) == 1
