"""Several watches: all take connections and datagrams, one that dies takes nothing of the others along, and what they
find is counted, correlated and acknowledged as if there were one."""

import contextlib
import os
import re
import signal
import socket
import struct

import pytest

from peers.enclosure import free_port, wait_until
from test_correlations import COUNT, QUIET, event as logon, titles
from test_crash import kill
from test_faults import event, names, wait_for_copies
from test_relp import reload
from vedette import gateway

METRICS = 56  # the control message


def counters(one, watch):
    """Of one of them; `vedette metrics` adds them up."""
    folder = os.open(one.dir / "state" / "run", os.O_PATH)  # a socket's own path must be short
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20)
        s.connect(f"/proc/self/fd/{folder}/metrics-{watch}")
        os.close(folder)
        s.sendall(struct.pack("<II", 0, METRICS))
        text = b""
        while len(text) < 8 or len(text) < 8 + struct.unpack("<I", text[:4])[0]:
            text += s.recv(65536)
    return dict(re.findall(r"^(\w+) (\S+)$", text[8:].decode(), re.MULTILINE))


def events(one, watch):
    return int(counters(one, watch)["vedette_watch_events_total"])


def in_all(one):
    return int(re.search(r"^vedette_watch_events_total (\d+)$", one.command("metrics").stdout, re.MULTILINE)[1])


class Connections:
    """Senders that stay."""

    def __init__(self, one, count):
        self.stack = contextlib.ExitStack()
        self.all = [self.stack.enter_context(socket.create_connection(("127.0.0.1", one.syslog_port), timeout=20))
                    for _ in range(count)]

    def send(self, lines):
        for number, line in enumerate(lines):
            self.all[number % len(self.all)].sendall(line.encode() + b"\n")


@pytest.fixture
def connections():
    made = []

    def make(*argv):
        made.append(Connections(*argv))
        return made[-1]

    yield make
    for one in made:
        one.stack.close()


def test_all_take_connections_and_datagrams_and_their_counts_add_up_over_reloads(vedette, connections):
    one = vedette(gateway(9), watch_processes=2, **QUIET)
    assert {"watch", "watch-2"} <= set(one.children())
    stay = connections(one, 8)
    stay.send(["hay"] * 80)
    wait_until(lambda: in_all(one) == 80, 20, "80 events")
    shares = [events(one, "watch"), events(one, "watch-2")]
    assert sum(shares) == 80 and min(shares) >= 20, shares  # eight connections, of which each took two at least
    for _ in range(40):
        one.send_udp("hay")  # from a port of its own each
    wait_until(lambda: in_all(one) == 120, 20, "120 events")
    assert all(a > b for a, b in zip([events(one, "watch"), events(one, "watch-2")], shares))
    assert 'vedette_up{process="watch-2"} 1' in one.command("metrics").stdout

    one.settings["watch_processes"] = 3  # another one; connections stay
    one.write_config()
    reload(one)
    wait_until(lambda: "watch-3" in one.children(), 20, "a third watch")
    stay.send(["hay"] * 80)
    wait_until(lambda: in_all(one) == 200, 20, "200 events")

    one.settings["watch_processes"] = 1  # the others end in order, and so do their connections
    one.write_config()
    reload(one)
    wait_until(lambda: not {"watch-2", "watch-3"} & set(one.children()), 20, "the others' end")
    before = events(one, "watch")
    connections(one, 4).send(["hay"] * 40)
    wait_until(lambda: events(one, "watch") == before + 40, 20, "40 events")
    assert "watch-2" not in one.command("metrics").stdout
    assert one.stop() == 0
    assert not re.search("level=error", one.log.read_text()), one.words()


def test_a_watch_that_is_killed_loses_nothing_reliable_and_the_others_go_on(vedette, misbehaving, relp_sender):
    peer = misbehaving()
    port = free_port()
    one = vedette(gateway(peer.port), start=False, watch_processes=2)
    path = one.dir / "events.log"
    path.touch()
    one.settings["inputs"] += [{"relp": f"tcp://127.0.0.1:{port}"}, {"file": str(path), "from_start": True}]
    one.write_config()
    one.start()
    log = relp_sender(port)
    wanted = names(240)
    for part, victim in enumerate(["watch", "watch-2", "watch", "watch-2"]):
        mine = wanted[part * 60:part * 60 + 60]
        log.send(map(event, mine[:30]))
        with open(path, "a", encoding="ascii") as file:
            file.writelines(event(name) + "\n" for name in mine[30:])
        survivor = "watch-2" if victim == "watch" else "watch"
        pid = one.children()[survivor]
        kill(one, victim)
        assert one.children()[survivor] == pid
    got = wait_for_copies(wanted, peer, seconds=60)
    assert set(got) == set(wanted), log.words()
    assert len(one.alerts()) == 240


def test_events_of_all_watches_are_correlated_together(vedette, connections):
    one = vedette(gateway(9), start=False, watch_processes=2, **QUIET)
    (one.dir / "rules" / "correlation.yml").write_text(COUNT)
    one.start()
    stay = connections(one, 6)
    stay.send([logon("alice")] * 6)
    wait_until(lambda: in_all(one) == 6, 20, "six events")
    assert min(events(one, "watch"), events(one, "watch-2")) > 0
    assert "Seven logons" not in titles(one)
    kill(one, "watch-2")
    stay = connections(one, 1)
    stay.send([logon("alice")])
    wait_until(lambda: "Seven logons" in titles(one), 30, "the correlation")


def test_one_process_is_enough_where_nothing_can_be_shared(vedette, tmp_path):
    path = tmp_path / "log"
    path.touch()
    one = vedette(gateway(9), inputs=[{"file": str(path)}], watch_processes=4)
    assert [name for name in one.children() if name.startswith("watch")] == ["watch"]
    os.kill(one.process.pid, signal.SIGHUP)
    wait_until(lambda: "msg=reloaded" in one.words(), 20, "the reload")
    assert one.stop() == 0
