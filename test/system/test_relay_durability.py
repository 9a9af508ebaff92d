"""What our gateway answered with 250 arrives, whole and unaltered, whatever happens to it: kill -9 at any moment, a full disk, a
disk whose sync fails. RELAY_KILLS=300 makes the long form; `make test-durability` does."""

import os
import random
import smtplib
import socket
import subprocess
import threading
import time

import pytest

from peers.enclosure import HERE, free_port, wait_until
from peers.smtp_sink import SmtpSink, digest, there_is_one
from test_disk import CAN_MOUNT
from vedette import Vedette

pytestmark = pytest.mark.skipif(not there_is_one(), reason="smtp-sink is not in .peers/: run script/bootstrap test")

KILLS = int(os.environ.get("RELAY_KILLS", "15"))
CLIENTS = 6
CONNECTIONS = 20  # of the route: what may be under way to the next hop when the gateway dies
SIZES = (200, 2000, 2000, 8000, 20000, 90000)  # the largest has a file of its own in the spool


class Relay(Vedette):
    """A gateway on its own that passes everything on to the sink."""

    def __init__(self, directory, sink_port, start=True, environment=None, **more):
        self.port = free_port()
        super().__init__(directory, [], start=False, **more)
        self.environment = environment or {}
        self.prefix += ["env", *(f"{key}={value}" for key, value in self.environment.items())]
        for key in ("gateways", "inputs", "rules", "sender", "recipients"):
            del self.settings[key]
        self.settings["relay"] = {
            "listen": [f"127.0.0.1:{self.port}"],
            "rules": [{"name": "all", "networks": ["127.0.0.0/8"], "accept": {}}],
            "routes": [{"name": "sink", "via": ["sink"], "connections": CONNECTIONS, "retry_first": "100ms", "retry_max": "1s",
                        "hold_down": "100ms"}],
            "smarthosts": [{"name": "sink", "address": "127.0.0.1", "port": sink_port, "security": "none"}],
        }
        self.write_config()
        if start:
            self.start()


def _filler():
    """Lines of any length, of which many begin with dots. Made once, since it is Vedette who is to be kept busy."""
    lines = [random.choice((".", "..", "")) + "".join(random.choices("abc .\t", k=random.randint(0, 70))) for _ in range(2000)]
    return "\r\n".join(lines * 3)


FILLER = _filler()


class Ledger:
    """What clients were told: accepted has the hash of each message that got 250."""

    def __init__(self):
        self.lock, self.accepted, self.sent, self.count = threading.Lock(), {}, {}, 0

    def make(self, size):
        with self.lock:
            self.count += 1
            name = f"m{self.count:06d}"
        start = FILLER.index("\r\n", random.randrange(len(FILLER) - size - 200)) + 2
        lines = FILLER[start:FILLER.index("\r\n", start + size)]
        text = f"X-Ledger: {name}\r\nSubject: a message\r\n\r\n{lines}\r\n-- whole --\r\n"
        content = text.split("\r\n-- whole --")[0].replace("\r\n", "\n").encode()
        self.sent[name] = digest(content)
        return name, text

    def accept(self, name):
        with self.lock:
            self.accepted[name] = self.sent[name]


class Client(threading.Thread):
    """Sends one message after the other, and writes down what got 250."""

    def __init__(self, port, ledger, ending, sizes):
        super().__init__(daemon=True)
        self.sizes = sizes
        self.port, self.ledger, self.ending = port, ledger, ending
        self.refused = []

    def run(self):
        while not self.ending.is_set():
            try:
                with smtplib.SMTP("127.0.0.1", self.port, timeout=60) as session:
                    for _ in range(random.randint(1, 30)):
                        if self.ending.is_set():
                            return
                        self.send(session)
            except (OSError, smtplib.SMTPException) as e:
                if isinstance(e, smtplib.SMTPResponseException):
                    self.refused.append((e.smtp_code, e.smtp_error))
                time.sleep(0.02)

    def send(self, session):
        name, text = self.ledger.make(random.choice(self.sizes))
        session.sendmail("a@example.org", ["b@example.net"], text)
        self.ledger.accept(name)


def load(port, count=CLIENTS, sizes=SIZES):
    ledger, ending = Ledger(), threading.Event()
    clients = [Client(port, ledger, ending, sizes) for _ in range(count)]
    for client in clients:
        client.start()
    return ledger, ending, clients


def all_arrive(ledger, sink, seconds=60):
    wait_until(lambda: ledger.accepted.keys() <= sink.messages().keys(), seconds, "every accepted message at the sink")
    got = sink.messages()
    altered = [name for name, copies in got.items() if any(copy != ledger.sent[name] for copy in copies)]
    assert not altered, altered
    return sum(len(copies) - 1 for copies in got.values())


def end(ending, clients):
    ending.set()
    for client in clients:
        client.join(90)
        assert not client.is_alive()


def test_kill_9_at_any_moment_loses_and_alters_nothing_that_got_250(tmp_path):
    sink = SmtpSink(tmp_path / "sink")
    one = Relay(tmp_path, sink.port)
    ledger, ending, clients = load(one.port)
    try:
        for _ in range(KILLS):
            before = len(ledger.accepted)
            wait_until(lambda: len(ledger.accepted) > before, 20, "another message to be accepted")
            time.sleep(random.uniform(0, 0.5))
            one.kill()
            one.start()
        end(ending, clients)
        again = all_arrive(ledger, sink)
        # RFC 1047: what was on its way when the gateway died may come twice, and nothing else.
        assert again <= KILLS * CONNECTIONS, (again, KILLS)
        assert len(ledger.accepted) >= KILLS
        one.stop()
    finally:
        ending.set()
        one.kill()
        sink.stop()


def refusal(port):
    """The answer to a small message: its code and enhanced code, or None if it was accepted."""
    with smtplib.SMTP("127.0.0.1", port, timeout=60) as session:
        session.ehlo()
        for step in (lambda: session.mail("a@example.org"), lambda: session.rcpt("b@example.net"),
                     lambda: session.data("Subject: probe\r\n\r\nprobe\r\n")):
            try:
                code, words = step()
            except smtplib.SMTPDataError as e:
                code, words = e.smtp_code, e.smtp_error
            if code >= 400:
                return code, words.split()[0].decode()
    return None


@pytest.mark.skipif(not CAN_MOUNT, reason="mounting a small disk needs root")
def test_a_full_disk_refuses_at_once_and_takes_again_when_there_is_room(tmp_path):
    sink = SmtpSink(tmp_path / "sink")
    sink.stop()  # so that the queue grows
    one = Relay(tmp_path, sink.port, small_disk=("state", "80m"))
    ledger, ending, clients = load(one.port, 8, (200, 30000, 30000, 90000))
    ballast = f"/proc/{one.process.pid}/root{one.dir}/state/ballast"
    try:
        wait_until(lambda: ledger.accepted, 20, "the first message")
        folder = os.statvfs(os.path.dirname(ballast))
        with open(ballast, "wb") as file:
            try:
                file.write(b"x" * (folder.f_bavail * folder.f_frsize))
            except OSError:
                pass
        wait_until(lambda: any(client.refused for client in clients), 60, "a refusal")
        wait_until(lambda: refusal(one.port) == (452, "4.3.1"), 60, "452 4.3.1 at once")
        assert {code for client in clients for code, _ in client.refused} <= {452}
        os.unlink(ballast)
        sink.start()
        wait_until(lambda: refusal(one.port) is None, 60, "messages to be taken again")
        before = len(ledger.accepted)
        wait_until(lambda: len(ledger.accepted) > before, 20, "another message to be accepted")
        end(ending, clients)
        all_arrive(ledger, sink)
        assert one.stop() == 0
    finally:
        ending.set()
        one.kill()
        sink.stop()


def test_a_sync_that_fails_is_never_followed_by_250(tmp_path):
    shim, failing = tmp_path / "failing_sync.so", tmp_path / "failing"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", shim, HERE / "failing_sync.c"], check=True)
    sink = SmtpSink(tmp_path / "sink")
    one = Relay(tmp_path, sink.port, environment={"LD_PRELOAD": shim, "FAILING_SYNC": failing, "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0"})
    ledger, ending, clients = load(one.port, 3)
    try:
        wait_until(lambda: len(ledger.accepted) > 10, 20, "messages to be accepted")
        failing.touch()
        wait_until(lambda: "the gateway ends because its disk does not keep what it is given" in one.log.read_text(), 30,
                   "the gateway to end")
        time.sleep(0.5)  # answers that were on their way
        before = dict(ledger.accepted)
        wait_until(lambda: one.log.read_text().count("name=gateway how=") >= 2, 60, "the gateway to be tried again")
        assert ledger.accepted == before
        failing.unlink()
        wait_until(lambda: len(ledger.accepted) > len(before), 90, "messages to be taken again")
        end(ending, clients)
        all_arrive(ledger, sink)
    finally:
        ending.set()
        one.kill()
        sink.stop()


def test_a_message_that_is_cut_off_is_not_passed_on(tmp_path):
    sink = SmtpSink(tmp_path / "sink")
    one = Relay(tmp_path, sink.port)
    try:
        with socket.create_connection(("127.0.0.1", one.port)) as raw:
            raw.sendall(b"EHLO me\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n"[:9])
            raw.recv(1000)
        ledger = Ledger()
        half, text = ledger.make(50000)
        session = smtplib.SMTP("127.0.0.1", one.port, timeout=60)
        session.ehlo()
        session.mail("a@example.org")
        session.rcpt("b@example.net")
        session.putcmd("data")
        session.getreply()
        session.send(text[:40000])
        session.sock.close()
        with smtplib.SMTP("127.0.0.1", one.port, timeout=60) as other:
            name, text = ledger.make(500)
            other.sendmail("a@example.org", ["b@example.net"], text)
            ledger.accept(name)
        all_arrive(ledger, sink)
        assert half not in sink.messages()
        assert one.stop() == 0
    finally:
        one.kill()
        sink.stop()
