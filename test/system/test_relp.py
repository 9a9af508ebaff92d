"""RELP: who is answered has its event's alert on disk, and what was not answered comes again and is not lost."""

import os
import re
import signal
import socket

import pytest

from peers.enclosure import free_port, wait_until
from test_crash import kill
from test_disk import CAN_MOUNT, SMALL, Ballast, is_full
from test_faults import event, names, wait_for_copies
from vedette import gateway

OPEN = b"1 open 30 relp_version=1\ncommands=syslog\n"


def listening(vedette, peer, **settings):
    port = free_port()
    return port, vedette(gateway(peer.port), inputs=[{"relp": f"tcp://127.0.0.1:{port}"}], **settings)


def reload(one):
    before = one.log.read_text().count("msg=reloaded")
    os.kill(one.process.pid, signal.SIGHUP)
    wait_until(lambda: one.log.read_text().count("msg=reloaded") > before, 20, "the reload")


def restart(one):
    one.stop()
    one.start()


def lies_unread(port):
    """Whether the kernel holds bytes that came to this port over a connection (state 01)."""
    with open("/proc/net/tcp", encoding="ascii") as table:
        rows = [row.split() for row in table][1:]
    return any(row[1].endswith(f":{port:04X}") and row[3] == "01" and int(row[4].split(":")[1], 16) for row in rows)


def test_no_event_of_rsyslog_is_lost_over_kills_reloads_and_restarts(vedette, misbehaving, relp_sender):
    peer = misbehaving()
    port, one = listening(vedette, peer)
    log = relp_sender(port)
    *wanted, last = names(401)
    troubles = [lambda: kill(one, "watch"), lambda: reload(one), lambda: kill(one, "courier"), lambda: restart(one)]
    for part, trouble in enumerate(troubles):
        log.send(map(event, wanted[part::len(troubles)]))
        wait_until(lambda: len(peer.accepted) > part * 60, 30, "mail to flow")
        trouble()
    log.send([event(last)])  # rsyslog sees that a connection is gone, and sends again, when it has something to send
    wanted.append(last)
    got = wait_for_copies(wanted, peer, seconds=60)
    assert set(got) == set(wanted), log.words()
    assert not re.search("a sender was cut off", one.log.read_text()), one.words()


def test_what_was_not_answered_comes_again_with_rsyslogs_next_event(vedette, misbehaving, relp_sender):
    peer = misbehaving()
    port, one = listening(vedette, peer, watch_processes=1)
    log = relp_sender(port)
    first, *unread, last = names(22)
    log.send([event(first)])
    wait_for_copies([first], peer)
    os.kill(one.children()["watch"], signal.SIGSTOP)
    log.send(map(event, unread))
    wait_until(lambda: lies_unread(port), 20, "the events to lie unread")
    kill(one, "watch")
    log.send([event(last)])
    wait_for_copies([first, *unread, last], peer)


def test_rsyslog_is_heard_over_tls(vedette, misbehaving, relp_sender, certificates):
    peer = misbehaving()
    port = free_port()
    one = vedette(gateway(peer.port), inputs=[{"relp": f"tls://127.0.0.1:{port}", "certificate": str(certificates.good),
                                               "key": str(certificates.key(certificates.good))}])
    log = relp_sender(port, certificates=certificates)
    wanted = names(3)
    log.send(map(event, wanted))
    assert set(wait_for_copies(wanted, peer)) == set(wanted), one.words() + log.words()


@pytest.mark.skipif(not CAN_MOUNT, reason="mounting a small disk needs root")
def test_nobody_is_answered_while_the_disk_is_full(vedette, misbehaving):
    peer = misbehaving()
    port, one = listening(vedette, peer, **SMALL)
    wanted = names(1)
    with socket.create_connection(("127.0.0.1", port), timeout=60) as s:
        s.sendall(OPEN)
        assert s.recv(200).startswith(b"1 rsp 59 200 OK\n")
        ballast = Ballast(one)
        data = event(wanted[0]).encode()
        s.sendall(b"2 syslog %d %s\n" % (len(data), data))
        wait_until(lambda: is_full(one), 20, "word of the full disk")
        s.settimeout(0.5)
        with pytest.raises(TimeoutError):
            s.recv(200)
        s.settimeout(60)
        ballast.take_off()
        assert s.recv(200) == b"2 rsp 6 200 OK\n"
    wait_for_copies(wanted, peer)
