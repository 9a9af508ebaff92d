"""A store whose disk is full: inputs wait or say what they drop, and once there is room nothing is missing."""

import os
import socket
import subprocess
import threading
import time

import pytest

from peers.enclosure import wait_until
from test_crash import follows, write
from test_faults import copies, event, names, wait_for_copies
from vedette import gateway

CAN_MOUNT = os.geteuid() == 0 and subprocess.run(["unshare", "--mount", "true"], check=False).returncode == 0
pytestmark = pytest.mark.skipif(not CAN_MOUNT, reason="mounting a small disk needs root")

SMALL = {"small_disk": ("state", "48m"), "runtime_directory": "run"}  # commands must reach the control socket


class Ballast:
    """Fills the store's disk until it is taken off again."""

    def __init__(self, one, left=0):
        self.path = f"/proc/{one.process.pid}/root{one.dir}/state/ballast"
        folder = os.statvfs(os.path.dirname(self.path))
        with open(self.path, "wb") as file:
            try:
                file.write(b"x" * max(0, folder.f_bavail * folder.f_frsize - left))
            except OSError:
                pass

    def take_off(self):
        os.unlink(self.path)


def is_full(one):
    return "the store cannot write and tries again each second" in one.log.read_text()


def test_alerts_that_met_a_full_disk_arrive_when_there_is_room(vedette, misbehaving):
    peer = misbehaving()
    one = vedette(gateway(peer.port), **SMALL)
    before, after = names(20), names(200)
    one.send_tcp(*map(event, before))
    wait_for_copies(before, peer)
    ballast = Ballast(one)
    one.send_tcp(*map(event, after))
    wait_until(lambda: is_full(one), 20, "word of the full disk")
    time.sleep(1)
    assert len(set(after) & set(copies(peer))) < len(after)
    ballast.take_off()
    got = wait_for_copies(after, peer)
    assert all(len(set(ids)) == 1 for ids in got.values())
    one.wait_for_state("handed-over", 220)
    assert "the store writes again" in one.log.read_text()
    assert len(one.alerts()) == 220


def test_while_the_disk_is_full_alerts_and_queue_can_be_asked(vedette, misbehaving):
    peer = misbehaving()
    one = vedette(gateway(peer.port), **SMALL)
    before = names(3)
    one.send_tcp(*map(event, before))
    one.wait_for_state("handed-over", 3)
    ballast = Ballast(one)
    one.send_tcp(event(names(1)[0]))
    wait_until(lambda: is_full(one), 20, "word of the full disk")
    asked = time.monotonic()
    assert len(one.alerts()) == 3 and one.queue() == []
    assert one.command("metrics").returncode == 0
    assert time.monotonic() - asked < 15
    assert "the store writes again" not in one.log.read_text()
    ballast.take_off()
    one.wait_for_state("handed-over", 4)


def test_a_tcp_sender_is_slowed_while_the_disk_is_full_and_loses_nothing(vedette, misbehaving):
    peer = misbehaving()
    one = vedette(gateway(peer.port), **SMALL)
    ballast = Ballast(one)
    first = names(1)
    one.send_tcp(event(first[0]))
    wait_until(lambda: is_full(one), 20, "word of the full disk")

    wanted, sent = names(50), 0
    filling = " " + "y" * 40000

    def feed():  # more than is held in memory and by the kernel
        nonlocal sent
        with socket.create_connection(("127.0.0.1", one.syslog_port), timeout=60) as sender:
            for name in wanted * 50:
                sender.sendall((event(name) + filling + "\n").encode())
                sent += 1

    feeder = threading.Thread(target=feed)
    feeder.start()
    feeder.join(4)
    held_at = sent
    time.sleep(1)
    assert feeder.is_alive() and sent == held_at < 2500, "nothing held the sender back"
    ballast.take_off()
    feeder.join(60)
    assert not feeder.is_alive()
    wait_for_copies(first + wanted, peer)
    wait_until(lambda: sum(a["count"] for a in one.alerts()) == 2501, 20, "every event in an alert")


def test_a_file_is_read_on_from_where_it_was_when_the_disk_is_no_longer_full(vedette, misbehaving, tmp_path):
    peer = misbehaving()
    events = tmp_path / "events.log"
    events.touch()
    one = vedette(gateway(peer.port), **SMALL, **follows(events))
    ballast = Ballast(one)
    wanted = names(300)
    write(events, map(event, wanted))
    wait_until(lambda: is_full(one), 20, "word of the full disk")
    ballast.take_off()
    got = wait_for_copies(wanted, peer)
    assert all(len(set(ids)) == 1 for ids in got.values())


def test_a_full_disk_sends_nothing_twice_and_forgets_no_outcome(vedette, misbehaving):
    peer = misbehaving(answer_delay=0.05)
    one = vedette(gateway(peer.port), **SMALL)
    wanted = names(100)
    one.send_tcp(*map(event, wanted))
    wait_until(lambda: len(peer.accepted) > 10, 20, "mail to flow")
    ballast = Ballast(one)
    wait_until(lambda: is_full(one), 20, "word of the full disk")
    time.sleep(1)
    ballast.take_off()
    got = wait_for_copies(wanted, peer, seconds=60)
    one.wait_for_state("handed-over", 100, seconds=60)
    assert all(len(ids) == 1 for ids in got.values())
